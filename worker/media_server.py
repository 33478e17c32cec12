"""What an executor serves to its machines, and the reports that it takes from them.

Plain HTTP (`media_url`, `report_url`), because BMCs and cloud-init know no certificate of ours:

    GET  /media/<secret>/boot.iso    boot media, with ranges
    POST /report/<guest token>       cloud-init's phone_home
    GET  /healthz

HTTPS (`ramdisk_url`), with a certificate whose CA the ramdisk knows by its fingerprint:

    GET  /ca.pem, /healthz
    GET  /media/<secret>/<name>      images and config drives
    POST /ramdisk/v1/{facts,task,progress,result,log}   with a ramdisk token as bearer

An end-point answers 403 to a token that is not right, 410 when the operation is over, 409 when it
has no task, 503 when a later try may succeed. Addresses hold secrets: nothing here logs them.
"""

import asyncio
import logging
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Set
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from pydantic import ValidationError

from activities.contracts.hardware import GuestReport
from activities.contracts.payload import Payload
from activities.contracts.redfish import (
    RamdiskFacts,
    RamdiskProgress,
    RamdiskResult,
    RamdiskTask,
)
from activities.keys import Audience, RegionKeys
from activities.media import BOOT_MEDIUM, CONFIG_DRIVE, IMAGE, MediaStore
from activities.operation_logs import OperationLogs
from activities.redaction import redact
from activities.settings import ExecutorSettings
from mulligan.values.errors import (
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from worker.reports import Reports

_log = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 64 << 10

MOST_FIELDS = 64
REMEMBERED_GUESTS = 4096

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Sent = TypeVar("Sent", bound=Payload)


class MediaServer:
    """Both servers of one executor; ports of 0 are chosen by the kernel."""

    def __init__(
        self,
        settings: ExecutorSettings,
        keys: RegionKeys,
        media: MediaStore,
        reports: Reports,
        *,
        listen: str = "127.0.0.1",
        http_port: int | None = None,
        https_port: int | None = None,
    ) -> None:
        self._media = media
        logs = OperationLogs(settings.state_folder)
        self._plain = plain_app(keys, media, reports)
        self._ramdisk = ramdisk_app(keys, media, reports, logs)
        self._listen = listen
        self._http_port = _port(settings.media_url) if http_port is None else http_port
        self._https_port = _port(settings.ramdisk_url) if https_port is None else https_port
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Listen on both ports.

        Raises:
            OSError: a port is taken.
        """
        context = await asyncio.to_thread(self._media.certificates.server_context)
        try:
            await self._serve(self._plain, self._http_port, None)
            await self._serve(self._ramdisk, self._https_port, context)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening and let go of what is being served."""
        runners, self._runners = self._runners, []
        for runner in runners:
            await runner.cleanup()

    async def _serve(self, app: web.Application, port: int, context: ssl.SSLContext | None) -> None:
        # The access log would hold tokens and secret addresses.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, self._listen, port, ssl_context=context).start()


def plain_app(keys: RegionKeys, media: MediaStore, reports: Reports) -> web.Application:
    """Make the application for BMCs and machines."""
    app = _app()
    guests = _Guests(keys, reports)
    app.router.add_get("/healthz", _healthy)
    app.router.add_get("/media/{secret}/{name}", _media_handler(media, {BOOT_MEDIUM}))
    app.router.add_post("/report/{token}", guests.report)
    return app


def ramdisk_app(
    keys: RegionKeys, media: MediaStore, reports: Reports, logs: OperationLogs
) -> web.Application:
    """Make the application for ramdisks."""
    app = _app()
    ramdisks = _Ramdisks(keys, media, reports, logs)

    async def ca_pem(_: web.Request) -> web.Response:
        body = media.certificates.ca_pem
        return web.Response(body=body, content_type="application/x-pem-file")

    app.router.add_get("/healthz", _healthy)
    app.router.add_get("/ca.pem", ca_pem)
    app.router.add_get("/media/{secret}/{name}", _media_handler(media, {IMAGE, CONFIG_DRIVE}))
    app.router.add_post("/ramdisk/v1/facts", ramdisks.facts)
    app.router.add_post("/ramdisk/v1/task", ramdisks.task)
    app.router.add_post("/ramdisk/v1/progress", ramdisks.progress)
    app.router.add_post("/ramdisk/v1/result", ramdisks.result)
    app.router.add_post("/ramdisk/v1/log", ramdisks.log)
    return app


class _Guests:
    """Takes machines' reports."""

    def __init__(self, keys: RegionKeys, reports: Reports) -> None:
        self._keys = keys
        self._reports = reports
        self._heard: OrderedDict[str, None] = OrderedDict()

    async def report(self, request: web.Request) -> web.Response:
        """Take a POST of cloud-init's phone_home: a form of pub_key_*, instance_id, hostname, fqdn.

        A machine whose first answer was lost says it again, when its operation may be over.
        """
        token = request.match_info["token"]
        operation = _operation_of(self._keys, token, "guest")
        try:
            fields = dict(parse_qsl((await request.read()).decode(), max_num_fields=MOST_FIELDS))
        except ValueError:
            raise web.HTTPBadRequest(text="the report is not a form\n") from None
        try:
            await self._reports.guest(operation, guest_report(fields, request.remote or ""))
        except NotFoundError:
            if operation not in self._heard:
                raise
        self._remember(operation)
        return web.Response(text="thank you\n")

    def _remember(self, operation: str) -> None:
        self._heard[operation] = None
        if len(self._heard) > REMEMBERED_GUESTS:
            self._heard.popitem(last=False)


def guest_report(fields: dict[str, str], came_from: str) -> GuestReport:
    """Read a report's form; cloud-init writes N/A for what it doesn't know.

    Who comes from the loopback sits in user-mode networking: that address is nobody's.
    """
    known = {name: value.strip() for name, value in fields.items() if value not in ("", "N/A")}
    return GuestReport(
        hostname=known.get("hostname", ""),
        fqdn=known.get("fqdn", ""),
        instance_id=known.get("instance_id", ""),
        address=known.get("address", "" if _is_loopback(came_from) else came_from),
        ssh_host_keys=tuple(
            value for name, value in sorted(known.items()) if name.startswith("pub_key_")
        ),
    )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


class _Ramdisks:
    """Takes ramdisks' reports, each with its operation's token as bearer (RFC 6750)."""

    def __init__(
        self, keys: RegionKeys, media: MediaStore, reports: Reports, logs: OperationLogs
    ) -> None:
        self._keys = keys
        self._media = media
        self._reports = reports
        self._logs = logs

    async def facts(self, request: web.Request) -> web.Response:
        operation = self._operation(request)
        await self._reports.facts(operation, await _sent(request, RamdiskFacts))
        return web.json_response({})

    async def task(self, request: web.Request) -> web.Response:
        operation = self._operation(request)
        task = await self._reports.task(operation)
        return web.json_response(_task_of(task, operation, self._media))

    async def progress(self, request: web.Request) -> web.Response:
        operation = self._operation(request)
        await self._reports.progress(operation, await _sent(request, RamdiskProgress))
        return web.json_response({})

    async def result(self, request: web.Request) -> web.Response:
        operation = self._operation(request)
        result = await _sent(request, RamdiskResult)
        said = result.model_copy(update={"message": redact(result.message)})
        await self._reports.result(operation, said)
        return web.json_response({})

    async def log(self, request: web.Request) -> web.Response:
        operation = self._operation(request)
        said = (await request.read()).decode(errors="replace")
        await asyncio.to_thread(self._logs.append, operation, "ramdisk", said)
        return web.json_response({})

    def _operation(self, request: web.Request) -> str:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise web.HTTPForbidden(text="a ramdisk's token is needed\n")
        return _operation_of(self._keys, token.strip(), "ramdisk")


def _task_of(task: RamdiskTask, operation: str, media: MediaStore) -> dict[str, Any]:
    """Write a task for its ramdisk, with the addresses that no history may hold."""
    told: dict[str, Any] = task.model_dump(exclude={"server"})
    for part, name in (("image", IMAGE), ("config_drive", CONFIG_DRIVE)):
        if told[part] is not None:
            told[part]["url"] = media.ramdisk_url(operation, task.server, name)
    return told


def _operation_of(keys: RegionKeys, token: str, audience: Audience) -> str:
    try:
        return keys.check_report_token(token, audience).operation
    except PermissionDeniedError as error:
        raise web.HTTPForbidden(text=f"{error.message}\n") from None


async def _sent(request: web.Request, payload: type[Sent]) -> Sent:
    """Read a body as the payload that it should be."""
    try:
        return payload.model_validate_json(await request.read())
    except ValidationError as error:
        _log.warning(
            "a ramdisk sent no %s: %s", payload.__name__, error.errors(include_input=False)
        )
        raise web.HTTPBadRequest(text=f"the body is no {payload.__name__}\n") from None


def _media_handler(media: MediaStore, offered: Set[str]) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        """Send a file: by sendfile over HTTP, in pieces over HTTPS, ranges as asked (RFC 9110)."""
        secret, name = request.match_info["secret"], request.match_info["name"]
        found = await asyncio.to_thread(media.find, secret, name) if name in offered else None
        if found is None:
            raise web.HTTPNotFound(text="nothing is served here\n")
        return web.FileResponse(found, headers={"Content-Type": "application/octet-stream"})

    return serve


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _app() -> web.Application:
    return web.Application(middlewares=[_in_status_codes], client_max_size=LARGEST_BODY_BYTES)


@web.middleware
async def _in_status_codes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer our errors with the status codes that machines and ramdisks understand."""
    try:
        return await handler(request)
    except NotFoundError:
        return web.Response(status=410, text="the operation is over\n")
    except ConflictError:
        return web.Response(status=409, text="the operation has no task\n")
    except UnavailableError as error:
        _log.warning("a report could not be handed on: %s", error)
        return web.Response(status=503, text="try again later\n", headers={"Retry-After": "2"})


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
