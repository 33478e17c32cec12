"""`mulligan up`: everything on one machine, with what production uses, and no configuration.

Temporal's dev server, libvirt's daemon, the services, a control worker and an executor are
processes of their own; one that dies is started again. Everything is kept in the state folder, and
goes on from there after a stop or a kill.
"""

import asyncio
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from activities.processes import dies_with_parent
from deploy.again import Pauses, Say, end_of, kept_running
from deploy.dev_server import DevServer
from deploy.ports import free_ports
from deploy.session_libvirt import SessionLibvirt
from deploy.settings import Settings
from deploy.temporal import cache_folder, existing_cluster, find_temporal
from mulligan.values.errors import FailedPreconditionError

ROLES: Mapping[str, Sequence[str]] = {
    "services": ("iam", "meta", "resource", "control"),
    "worker": ("worker",),
    "executor": ("executor",),
}
GUEST_SEES_HOST_AT = "10.0.2.2"
"""The host's loopback in QEMU's user-mode networking."""

STOP_LIMIT_S = 30.0

_log = logging.getLogger(__name__)


class Child:
    """One process of Mulligan, started again whenever it dies."""

    def __init__(
        self, name: str, roles: Sequence[str], environment: Mapping[str, str], log: Path, say: Say
    ) -> None:
        self._name = name
        self._roles = roles
        self._environment = environment
        self._log = log
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Keep the process running until `stop`.

        Raises:
            FailedPreconditionError: it ended before it was ever ready; says what it said.
        """
        pauses = Pauses()
        while not self._stopping.is_set():
            code = await self._run_once()
            if self._stopping.is_set():
                return
            if not self.ready.is_set():
                raise FailedPreconditionError(
                    f"{self._name} did not start (exit code {code}): {self._last_words()}"
                )
            self._say(f"{self._name} ended with {code}; starting it again")
            with suppress(TimeoutError):
                async with asyncio.timeout(pauses.next_s()):
                    await self._stopping.wait()

    async def _run_once(self) -> int:
        with self._log.open("ab") as log:
            process = self._process = await asyncio.create_subprocess_exec(
                *dies_with_parent(),
                *(sys.executable, "-P", "-m", "deploy.commands", "serve", *self._roles),
                env={**os.environ, **self._environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        said = process.stdout or asyncio.StreamReader()
        async for line in said:
            text = line.decode(errors="replace").rstrip()
            if text.startswith("ready"):
                self.ready.set()
            else:
                self._say(text)
        return await process.wait()

    async def stop(self) -> None:
        """Ask the process to drain, and end it when it doesn't."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid if self._process else None

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


async def up(
    settings: Settings,
    *,
    temporal_port: int,
    ui_port: int,
    media_port: int,
    service_processes: int = 1,
    say: Say,
) -> None:
    """Bring everything up, say where it is, and stop it all at SIGTERM or SIGINT.

    Several processes of the services share an address; the first makes what is new ready for them.

    Raises:
        FailedPreconditionError: the state folder is in use, or a port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    state = settings.state
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as stack:
        stack.enter_context(_lock(state))
        settings.listen = _free_address(settings.listen)
        temporal_address, ui_url = await _temporal(stack, settings, temporal_port, ui_port, say)
        environment = {
            **_environment(settings, temporal_address, ui_url, media_port),
            **await _libvirt(stack, state / "libvirt", say),
        }
        if service_processes > 1:
            environment["MULLIGAN_SHARE_PORT"] = "true"
        children = _children(environment, service_processes, state, say)
        runs = []
        try:
            for some in (children[: len(ROLES)], children[len(ROLES) :]):
                runs += [asyncio.create_task(child.run()) for child in some]
                await _wait_ready(some, runs, stop)
            _tell(settings, ui_url, say)
            await _first(stop.wait(), runs)
        finally:
            await asyncio.gather(*(child.stop() for child in children))
            for run in runs:
                run.cancel()
            await asyncio.gather(*runs, return_exceptions=True)


async def _temporal(
    stack: AsyncExitStack, settings: Settings, port: int, ui_port: int, say: Say
) -> tuple[str, str]:
    existing = existing_cluster(os.environ)
    if existing is not None:
        return existing, settings.temporal_ui_url
    command = await asyncio.to_thread(find_temporal, cache_folder(os.environ))
    server = DevServer(
        command,
        _temporal_file(settings.state),
        log=settings.state / "temporal.log",
        port=port,
        ui_port=ui_port,
        namespace=settings.temporal_namespace,
    )
    await stack.enter_async_context(server)
    await stack.enter_async_context(keep_temporal(server, say))
    return server.address, server.ui_url


async def _libvirt(stack: AsyncExitStack, folder: Path, say: Say) -> Mapping[str, str]:
    """Run libvirt's session daemon; gives what a process needs to reach it."""
    libvirt = stack.enter_context(SessionLibvirt(folder))
    await stack.enter_async_context(keep_libvirt(libvirt, say))
    return libvirt.environment


def keep_temporal(server: DevServer, say: Say) -> AbstractAsyncContextManager[None]:
    """Start Temporal again, on the ports that it had, whenever it ends."""

    async def ended() -> str:
        return f"with {await server.wait()}"

    async def start() -> None:
        await server.stop()
        await server.start()

    return kept_running("temporal", ended, start, say)


def keep_libvirt(libvirt: SessionLibvirt, say: Say) -> AbstractAsyncContextManager[None]:
    """Start libvirt's daemon again whenever it ends; machines run on meanwhile."""

    async def ended() -> str:
        if libvirt.pid is not None:
            await end_of(libvirt.pid)
        return ""

    async def start() -> None:
        await asyncio.to_thread(libvirt.start)

    return kept_running("libvirtd", ended, start, say)


def _environment(
    settings: Settings, temporal_address: str, ui_url: str, media_port: int
) -> dict[str, str]:
    media_port = media_port or free_ports(2)
    values = {
        "STATE": settings.state,
        "LISTEN": settings.listen,
        "DATABASE_URL": settings.database_url,
        "IAM_DATABASE_URL": settings.iam_database_url,
        "TEMPORAL_ADDRESS": temporal_address,
        "TEMPORAL_NAMESPACE": settings.temporal_namespace,
        "TEMPORAL_UI_URL": ui_url,
        "REGION": settings.region or _own_region(settings.state),
        "MEDIA_URL": f"http://127.0.0.1:{media_port}",
        "RAMDISK_URL": f"https://{GUEST_SEES_HOST_AT}:{media_port + 1}",
        "REPORT_URL": f"http://{GUEST_SEES_HOST_AT}:{media_port}",
        "ALLOWED_IMAGE_HOSTS": _json(settings.allowed_image_hosts),
    }
    if settings.image_folder:
        values["IMAGE_FOLDER"] = settings.image_folder
    if settings.ramdisk:
        values["RAMDISK"] = settings.ramdisk
    return {f"MULLIGAN_{name}": str(value) for name, value in values.items()}


def _json(values: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def _own_region(state: Path) -> str:
    """Read the id that the first region gets, so that its executor can wait for it."""
    file = state / "region"
    if not file.exists():
        file.write_text(f"{uuid4()}\n")
    return file.read_text().strip()


def _lock(state: Path) -> BinaryIO:
    file = (state / "up.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise FailedPreconditionError(
            f"another `mulligan up` uses the state folder {state}; stop it first, or give another "
            "folder with --state",
            code="STATE_IN_USE",
            field="state",
        ) from None
    return file


def _free_address(listen: str) -> str:
    """Refuse an address that is taken; port 0 becomes one that is free."""
    host, _, port = listen.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
            return f"{host}:{probe.getsockname()[1]}"
        except (OSError, ValueError) as error:
            raise FailedPreconditionError(
                f"{listen} can't be listened on ({error}); stop what uses the port, or choose "
                "another with --listen",
                code="PORT_TAKEN",
                field="listen",
            ) from None


def _children(
    environment: Mapping[str, str], service_processes: int, state: Path, say: Say
) -> list[Child]:
    """One process of each kind, then what there are more of the services."""
    more = {f"services-{n}": ROLES["services"] for n in range(2, service_processes + 1)}
    return [
        Child(name, roles, environment, state / f"{name}.log", say)
        for name, roles in {**ROLES, **more}.items()
    ]


async def _wait_ready(
    children: Sequence[Child], runs: Sequence[asyncio.Task[Any]], stop: asyncio.Event
) -> None:
    async def all_ready() -> None:
        for child in children:
            await child.ready.wait()

    stopped = asyncio.ensure_future(stop.wait())
    await _first(all_ready(), [*runs, stopped])
    stopped.cancel()


async def _first(wait: Coroutine[Any, Any, object], tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for the wait or the first task to end, and raise what that raised."""
    waiting = asyncio.ensure_future(wait)
    done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done:
        task.result()


def _temporal_file(state: Path) -> Path:
    """Keep Temporal's file in a folder of its own: whoever watches ours is not woken by it."""
    folder = state / "temporal"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / "temporal.sqlite"


def _tell(settings: Settings, ui_url: str, say: Say) -> None:
    say("Mulligan is up.")
    say(f"  services     {settings.listen}")
    if ui_url:
        say(f"  Temporal UI  {ui_url}/namespaces/{settings.temporal_namespace}/workflows")
    say(f"  state        {settings.state}")
    say("ready")
