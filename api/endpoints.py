"""Servers and hosts, from their rows to their messages, and the checks that are asked of them."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from activities.contracts.endpoints import BeginCheck, EnrolHost, EnrolServer
from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.operations import Operations, Starter
from api.regions import Regions
from mulligan import events, marks
from mulligan.control import endpoints, enrolment, operations
from mulligan.control.tables import Host, Server
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.resource.owners import owners_of_providers
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.ids import object_id
from mulligan.values.urls import split_url
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from workflows.check import Inspect, Verify

_PRINTABLE = re.compile(r"[a-z0-9+]+://[!-~]*")
_PATHS = {"qemu": ("/system", "/session"), "test": ("/default",)}
"""Not a file's path, which the test driver would read on the executor."""

_TRANSPORTS = ("", "unix", "tls", "ssh", "libssh", "libssh2")
"""Not ext, which runs a program of the caller's choice on the executor."""

_URI_PARAMETERS = frozenset(
    ("keyfile", "known_hosts", "mode", "pkipath", "proxy", "socket", "sshauth")
)
"""Not command and netcat, which run programs, nor what turns verification off."""

_ANOTHER = "a server with another one is another server; delete this one and add that one"
_FIXED = {"spec.address": _ANOTHER, "spec.system": _ANOTHER}


class Endpoints:
    """The RPCs of servers and hosts."""

    def __init__(self, starter: Starter, shown: Operations, regions: Regions) -> None:
        self._starter = starter
        self._operations = shown
        self._regions = regions

    async def create_server(self, request: control_pb2.CreateServerRequest) -> control_pb2.Server:
        """Enrol a server: its row is written and its verification runs when this answers."""
        spec = request.spec
        _check_address(spec.address)
        asked = self._starter.asked(request, "", request.region)
        async with self._starter.unless_done(request, asked):
            await self._regions.require_here(request.region)
            await self._require_owner(request)
        begin = BeginCheck(
            asked=asked,
            type="server",
            id=request.id,
            check="verify",
            enrol_server=EnrolServer(
                name=request.name,
                address=spec.address,
                sealed_credentials=spec.sealed_credentials,
                insecure_tls=spec.insecure_tls,
                system=spec.system,
                project=request.project,
            ),
        )
        summary = f"enrol server {request.name}"
        await self._starter.start(
            Verify.run, Verify.accepted, begin, asked, summary=summary, provider=request.id
        )

        def enrolled(session: Session) -> control_pb2.Server:
            shown = _servers(session, [endpoints.get_server(session, request.id)])[0]
            shown.operation = asked.operation  # it may have ended, and left its slot, by now
            return shown

        # Kept, as the server may be gone when this is asked again.
        return await current_call().write(request, control_pb2.Server, enrolled)

    async def update_server(self, request: control_pb2.UpdateServerRequest) -> control_pb2.Server:
        """Change a server's name or owner, or how its BMC is reached, as far as the mask says."""
        call, spec = current_call(), request.spec
        known = ("name", "project", "spec.sealed_credentials", "spec.insecure_tls")
        paths = paths_of(request, known, _FIXED)
        async with self._starter.unless_done(request):
            await self._require_owner(request, paths)

        def update(session: Session) -> control_pb2.Server:
            row = enrolment.update_server(
                session,
                request.id,
                generation=request.generation,
                name=request.name if "name" in paths else None,
                sealed_credentials=(
                    spec.sealed_credentials if "spec.sealed_credentials" in paths else None
                ),
                insecure_tls=spec.insecure_tls if "spec.insecure_tls" in paths else None,
                project=request.project if "project" in paths else None,
                author=call.caller.account,
            )
            return _servers(session, [row])[0]

        answer = await call.write(request, control_pb2.Server, update)
        await self._wake_waiting(answer.metadata.region, paths)
        return answer

    async def _require_owner(
        self,
        request: control_pb2.CreateServerRequest
        | control_pb2.UpdateServerRequest
        | control_pb2.CreateHostRequest
        | control_pb2.UpdateHostRequest,
        paths: Collection[str] = ("project",),
    ) -> None:
        if request.project and "project" in paths:
            await self._regions.require_owners([request.project])

    async def _wake_waiting(self, region: str, paths: Collection[str]) -> None:
        """Have those look again who wait for what may be theirs now."""
        if "project" in paths:
            await self._starter.wake_waiting(region)

    async def update_host(self, request: control_pb2.UpdateHostRequest) -> control_pb2.Host:
        """Change a host's name or owner, as far as the mask says."""
        call = current_call()
        paths = paths_of(request, ("name", "project"))
        async with self._starter.unless_done(request):
            await self._require_owner(request, paths)

        def update(session: Session) -> control_pb2.Host:
            row = enrolment.update_host(
                session,
                request.id,
                generation=request.generation,
                name=request.name if "name" in paths else None,
                project=request.project if "project" in paths else None,
                author=call.caller.account,
            )
            return _hosts(session, [row])[0]

        answer = await call.write(request, control_pb2.Host, update)
        await self._wake_waiting(answer.metadata.region, paths)
        return answer

    async def create_host(self, request: control_pb2.CreateHostRequest) -> control_pb2.Host:
        """Add a host: its row is written and its verification runs when this answers."""
        _check_uri(request.spec.uri)
        asked = self._starter.asked(request, "", request.region)
        async with self._starter.unless_done(request, asked):
            await self._regions.require_here(request.region)
            await self._require_owner(request)
        host = object_id(asked.operation, "host")
        begin = BeginCheck(
            asked=asked,
            type="host",
            id=host,
            check="verify",
            enrol_host=EnrolHost(
                name=request.name,
                uri=request.spec.uri,
                pool=request.spec.pool or "mulligan",
                project=request.project,
            ),
        )
        summary = f"add host {request.name}"
        await self._starter.start(
            Verify.run, Verify.accepted, begin, asked, summary=summary, provider=host
        )

        def added(session: Session) -> control_pb2.Host:
            shown = _hosts(session, [endpoints.get_host(session, host)])[0]
            shown.operation = asked.operation  # it may have ended, and left its slot, by now
            return shown

        # Kept, as the host may be gone when this is asked again.
        return await current_call().write(request, control_pb2.Host, added)

    async def check(
        self, request: Any, object_type: str, workflow: type[Verify] | type[Inspect]
    ) -> control_pb2.Operation:
        """Start a verification or inspection."""
        row = await current_call().read(
            lambda session: endpoints.get_endpoint(session, object_type, request.id)
        )
        asked = self._starter.asked(request, "", row.region)
        kind = workflow.__name__.lower()
        begin = BeginCheck.model_validate(
            {"asked": asked, "type": object_type, "id": row.id, "check": kind}
        )
        await self._starter.start(
            workflow.run,
            workflow.accepted,
            begin,
            asked,
            summary=f"{kind} {object_type}",
            provider=row.id,
        )
        return await self._operations.get(asked.operation)

    async def get_server(self, server: str) -> control_pb2.Server:
        """Show one server."""
        return await current_call().read(
            lambda session: _servers(session, [endpoints.get_server(session, server)])[0]
        )

    async def get_host(self, host: str) -> control_pb2.Host:
        """Show one host."""
        return await current_call().read(
            lambda session: _hosts(session, [endpoints.get_host(session, host)])[0]
        )

    async def get_servers(
        self, request: control_pb2.BatchGetServersRequest
    ) -> control_pb2.BatchGetServersResponse:
        """Show several servers."""

        def read(session: Session) -> control_pb2.BatchGetServersResponse:
            rows = endpoints.get_servers(session, request.ids)
            return control_pb2.BatchGetServersResponse(
                servers=messages.at_once(_servers(session, rows))
            )

        return await current_call().read(read)

    async def get_hosts(
        self, request: control_pb2.BatchGetHostsRequest
    ) -> control_pb2.BatchGetHostsResponse:
        """Show several hosts."""

        def read(session: Session) -> control_pb2.BatchGetHostsResponse:
            rows = endpoints.get_hosts(session, request.ids)
            return control_pb2.BatchGetHostsResponse(hosts=messages.at_once(_hosts(session, rows)))

        return await current_call().read(read)

    async def list_servers(
        self, request: control_pb2.ListServersRequest
    ) -> control_pb2.ListServersResponse:
        """List servers."""
        listing = listing_of(request, "server")

        def read(session: Session) -> control_pb2.ListServersResponse:
            revision = events.current_revision(session)
            page = endpoints.list_servers(session, request.region, listing)
            shown = messages.fitting(_servers(session, page.items))
            return control_pb2.ListServersResponse(
                servers=shown,
                next_page_token=token_after(page, shown),
                revision=revision,
            )

        return await current_call().read(read)

    async def list_hosts(
        self, request: control_pb2.ListHostsRequest
    ) -> control_pb2.ListHostsResponse:
        """List hosts."""
        listing = listing_of(request, "host")

        def read(session: Session) -> control_pb2.ListHostsResponse:
            revision = events.current_revision(session)
            page = endpoints.list_hosts(session, request.region, listing)
            shown = messages.fitting(_hosts(session, page.items))
            return control_pb2.ListHostsResponse(
                hosts=shown,
                next_page_token=token_after(page, shown),
                revision=revision,
            )

        return await current_call().read(read)

    async def delete(self, request: Any, object_type: str, response: type[Message]) -> Message:
        """Forget a server or host."""
        call = current_call()

        def delete(session: Session) -> Message:
            endpoints.delete_endpoint(session, object_type, request.id, call.caller.account)
            return response()

        return await call.write(request, response, delete)


def _check_address(address: str) -> None:
    parts = split_url(address, "spec.address")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.username:
        # It is not repeated: it may hold a password.
        raise InvalidArgumentError(
            "address is not a BMC's; give http or https://host or https://host:port, with nothing "
            "before or behind it",
            field="spec.address",
        )


def _check_uri(uri: str) -> None:
    """Refuse what is no hypervisor's URI, and what would run or read something on the executor.

    libvirt's own rules: https://libvirt.org/uri.html
    """
    parts = split_url(uri, "spec.uri")
    driver, _, transport = parts.scheme.partition("+")
    host = unquote(parts.hostname or "")
    if (
        not _PRINTABLE.fullmatch(uri)
        or transport not in _TRANSPORTS
        or parts.path not in _PATHS.get(driver, ())
        or host.startswith("-")
        or parts.password is not None
        or parts.fragment
    ):
        # It is not repeated: it may hold a password.
        raise InvalidArgumentError(
            "uri is not one of a host; give one such as qemu:///system, qemu+tls://host/system or "
            "qemu+ssh://user@host/system, without a password",
            field="spec.uri",
        )
    # libvirt parts them at either sign, and knows them in any case.
    given = (one.partition("=")[0] for one in re.split("[&;]", parts.query) if one)
    asked = {unquote(name).lower() for name in given}
    if parts.scheme != "test" and (refused := sorted(asked - _URI_PARAMETERS)):
        raise InvalidArgumentError(
            f"uri has the parameter {refused[0]!r}, which a host's may not have; leave it out, "
            f"and use {', '.join(sorted(_URI_PARAMETERS))} only",
            field="spec.uri",
        )


def _servers(session: Session, rows: Sequence[Server]) -> list[control_pb2.Server]:
    ids = [row.id for row in rows]
    described, marked = names.describe(session, ids), marks.marks_of(session, ids)
    holders, owners = operations.holder_of(session, ids), owners_of_providers(session, ids)
    return [
        _server(row, described, marked[row.id], holders.get(row.id, ""), owners.get(row.id))
        for row in rows
    ]


def _server(
    row: Server,
    described: Mapping[str, Name],
    marked: Sequence[marks.Mark],
    operation: str,
    owner: str | None,
) -> control_pb2.Server:
    return control_pb2.Server(
        metadata=messages.metadata(row, described, project=owner, region=row.region),
        spec=control_pb2.ServerSpec(
            address=row.address, insecure_tls=row.insecure_tls, system=row.system
        ),
        status=messages.status(row.status, operators=True),
        marks=messages.marks(marked),
        inventory=_server_inventory(row.inventory),
        power=row.verified.get("power", "unknown"),
        machine=row.machine or "",
        operation=operation,
        notes=row.verified.get("notes", ()),
    )


def _server_inventory(found: Mapping[str, Any]) -> control_pb2.ServerInventory:
    plain = ("manufacturer", "model", "serial", "architecture", "sockets", "cpus", "memory_mib")
    return control_pb2.ServerInventory(
        **{name: found[name] for name in plain if name in found},
        boot_mode=found.get("boot_mode", ""),
        not_offered=found.get("not_offered", ()),
        disks=[
            control_pb2.Disk(
                name=disk["name"],
                size_bytes=disk["size_bytes"],
                serial=disk["serial"],
                wwn=disk["wwn"],
                model=disk["model"],
            )
            for disk in found.get("disks", ())
        ],
        nics=[
            control_pb2.Nic(name=nic["name"], mac=nic["mac"], speed_mbps=nic["speed_mbps"])
            for nic in found.get("nics", ())
        ],
    )


def _hosts(session: Session, rows: Sequence[Host]) -> list[control_pb2.Host]:
    ids = [row.id for row in rows]
    described, marked = names.describe(session, ids), marks.marks_of(session, ids)
    holders, owners = operations.holder_of(session, ids), owners_of_providers(session, ids)
    return [
        _host(row, described, marked[row.id], holders.get(row.id, ""), owners.get(row.id))
        for row in rows
    ]


def _host(
    row: Host,
    described: Mapping[str, Name],
    marked: Sequence[marks.Mark],
    operation: str,
    owner: str | None,
) -> control_pb2.Host:
    found = row.inventory
    plain = (
        "hostname",
        "hypervisor",
        "hypervisor_version",
        "architecture",
        "cpus",
        "memory_mib",
        "disk_gib",
    )
    return control_pb2.Host(
        metadata=messages.metadata(row, described, project=owner, region=row.region),
        spec=control_pb2.HostSpec(uri=row.uri, pool=row.pool),
        status=messages.status(row.status, operators=True),
        marks=messages.marks(marked),
        inventory=control_pb2.HostInventory(
            **{name: found[name] for name in plain if name in found}
        ),
        operation=operation,
    )
