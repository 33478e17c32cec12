"""Real parts for tests: virtual servers behind Redfish, and an executor's media server.

`virtual_servers` and `ramdisk_folder` are made once a test run, `executor` for each test.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from nacl.public import PublicKey, SealedBox
from temporalio.testing import ActivityEnvironment

from activities.bmc import Patience
from activities.contracts.hardware import GuestReport
from activities.contracts.redfish import (
    BmcAccess,
    RamdiskFacts,
    RamdiskProgress,
    RamdiskResult,
    RamdiskTask,
)
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.media import MediaStore
from activities.redfish import Redfish
from activities.settings import ExecutorSettings
from deploy.lab import VirtualServer, VirtualServers, some_servers
from deploy.ports import free_port
from deploy.session_libvirt import SessionLibvirt
from mulligan.values.errors import ConflictError, NotFoundError
from worker.media_server import MediaServer

REGION = "region-1"
REPOSITORY = Path(__file__).parents[1]
QUICK = Patience(pause_s=0.05, power_s=4, media_s=2, boot_s=1)

Result = TypeVar("Result")


def seal(keys: RegionKeys, **content: str) -> str:
    """Seal a secret to a region as clients do."""
    key_id, public_key = keys.public_keys()[0]
    sealed = SealedBox(PublicKey(b64decode(public_key))).encrypt(json.dumps(content).encode())
    return f"{key_id}.{b64encode(sealed).decode()}"


def bmc_access(
    keys: RegionKeys,
    address: str,
    *,
    server: str = "server-1",
    system: str = "",
    username: str = "admin",
    password: str = "password",
) -> BmcAccess:
    """Give the access to a BMC, with sealed credentials."""
    sealed = seal(
        keys,
        endpoint=server,
        address=address,
        region=keys.region,
        username=username,
        password=password,
    )
    return BmcAccess(
        server=server,
        region=keys.region,
        address=address,
        sealed_credentials=sealed,
        system=system,
    )


@dataclass
class HeardReports:
    """Stands for the workflows: keeps what is reported, gives `tasks`, knows `live` operations."""

    live: set[str] = field(default_factory=set)
    tasks: dict[str, RamdiskTask] = field(default_factory=dict)
    heard: list[tuple[str, str, Any]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    async def guest(self, operation: str, report: GuestReport) -> None:
        self._hear("guest", operation, report)

    async def facts(self, operation: str, facts: RamdiskFacts) -> None:
        self._hear("facts", operation, facts)

    async def progress(self, operation: str, progress: RamdiskProgress) -> None:
        self._hear("progress", operation, progress)

    async def result(self, operation: str, result: RamdiskResult) -> None:
        self._hear("result", operation, result)

    async def task(self, operation: str) -> RamdiskTask:
        self._hear("task", operation, None)
        if operation not in self.tasks:
            raise ConflictError(f"operation {operation} has no task")
        return self.tasks[operation]

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.heard]

    def wait_for(self, kind: str, timeout_s: float) -> Any:
        """Wait until something of a kind was heard; gives the last of it."""
        with self.changed:
            assert self.changed.wait_for(lambda: kind in self.kinds(), timeout_s), (
                f"no {kind} within {timeout_s} s, only {self.kinds()}"
            )
            return [content for was, _, content in self.heard if was == kind][-1]

    def _hear(self, kind: str, operation: str, content: Any) -> None:
        if operation not in self.live:
            raise NotFoundError(f"operation {operation} ended or never was")
        with self.changed:
            self.heard.append((kind, operation, content))
            self.changed.notify_all()


class LoopThread:
    """An event loop in a thread, for servers that synchronous tests talk to."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "LoopThread":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


@contextmanager
def serving(app: web.Application) -> Iterator[str]:
    """Serve an application on a free port; gives its address."""
    with LoopThread() as loop:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        port = free_port()
        loop.run(runner.setup())
        loop.run(web.TCPSite(runner, "127.0.0.1", port).start())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            loop.run(runner.cleanup())


@dataclass
class Executor:
    """The baremetal side of an executor, with its media server running."""

    settings: ExecutorSettings
    keys: RegionKeys
    media: MediaStore
    reports: HeardReports
    redfish: Redfish

    def run(
        self,
        activity: Callable[..., Result],
        request: object,
        heartbeat_details: Sequence[object] = (),
    ) -> Result:
        """Run an activity as a worker does; with what an earlier try said in its heartbeat."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, heartbeat_details=tuple(heartbeat_details))
        return environment.run(activity, request)

    def access(self, servers: VirtualServers, server: VirtualServer, **changes: str) -> BmcAccess:
        """Give the access to one of the lab's servers."""
        known = {"username": servers.username, "password": servers.password, **changes}
        return bmc_access(
            self.keys, servers.address, server=server.name, system=server.system, **known
        )


@contextmanager
def running_executor(
    state_folder: Path, ramdisk_folder: Path, patience: Patience = QUICK
) -> Iterator[Executor]:
    """Start the media server of an executor whose machines are in user-mode networks."""
    http_port, https_port = free_port(), free_port()
    settings = ExecutorSettings(
        region=REGION,
        state_folder=state_folder,
        ramdisk_folder=ramdisk_folder,
        media_url=f"http://127.0.0.1:{http_port}",
        ramdisk_url=f"https://10.0.2.2:{https_port}",
        report_url=f"http://10.0.2.2:{http_port}",
        image_folder=state_folder / "offered",
    )
    keys = RegionKeys.load(state_folder / "keys", REGION)
    media = MediaStore(settings, keys)
    reports = HeardReports()
    redfish = Redfish(settings, keys, ImageCache(settings), media, patience=patience)
    server = MediaServer(settings, keys, media, reports)
    with LoopThread() as loop:
        loop.run(server.start())
        try:
            yield Executor(settings, keys, media, reports, redfish)
        finally:
            loop.run(server.stop())


@pytest.fixture(scope="session")
def session_libvirt() -> Iterator[SessionLibvirt]:
    folder = Path(tempfile.mkdtemp(prefix="mulligan-lab-"))
    with SessionLibvirt(folder) as session:
        yield session
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def virtual_servers(
    session_libvirt: SessionLibvirt, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VirtualServers]:
    folder = tmp_path_factory.mktemp("lab") / "servers"
    with VirtualServers(folder, session_libvirt.uri, some_servers(2, disk_mib=128)) as servers:
        yield servers


@pytest.fixture(scope="session")
def ramdisk_folder() -> Path:
    """The deploy ramdisk for the lab, built when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mulligan" / "built" / "ramdisk-lab"
    subprocess.run([REPOSITORY / "deploy/ramdisk/build.sh", folder, "--profile", "lab"], check=True)
    return folder


@pytest.fixture
def stand_in_ramdisk(tmp_path: Path) -> Path:
    """Files of a ramdisk's names, for tests that boot nothing."""
    folder = tmp_path / "ramdisk"
    folder.mkdir()
    for name in ("efi.img", "vmlinuz", "initrd.img", "grub.cfg"):
        (folder / name).write_bytes(name.encode() * 512)
    return folder


@pytest.fixture
def executor(tmp_path: Path, stand_in_ramdisk: Path) -> Iterator[Executor]:
    with running_executor(tmp_path / "state", stand_in_ramdisk) as running:
        yield running
