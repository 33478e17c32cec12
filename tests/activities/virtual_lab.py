"""A hypervisor under test: a session daemon of the test's own, or libvirt's test driver.

What is claimed is read from outside: libvirt's events on another connection, the pool's folder,
the folder of NVRAM files.
"""

import base64
import hashlib
import os
import queue
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import libvirt
import pytest

from activities.contracts.hardware import ConfigDrivePlan, ImageSource, NicPlan, OperationLog
from activities.contracts.hypervisor import (
    HostAccess,
    HostSurvey,
    InspectHost,
    ReadConsole,
    RemoveMachine,
    StagedMachine,
    StageMachine,
    StartMachine,
    StartMachineAgain,
    StopMachine,
)
from activities.hypervisor import Hypervisor
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.libvirt_connections import start_event_loop
from activities.settings import ExecutorSettings

MIB = 1 << 20
RAW = os.urandom(MIB) + bytes(31 * MIB)
NIC = NicPlan(mac="52:54:00:00:00:01", network="n1", mode="dhcp")
DEFINED, STARTED, STOPPED, UNDEFINED = (
    libvirt.VIR_DOMAIN_EVENT_DEFINED,
    libvirt.VIR_DOMAIN_EVENT_STARTED,
    libvirt.VIR_DOMAIN_EVENT_STOPPED,
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED,
)


@dataclass
class Daemon:
    """A session daemon in a folder of its own; as root it runs in a user namespace.

    With `small_mib` it sees `folder`/small as a file system of its own, of that size.
    """

    folder: Path
    small_mib: int = 0

    @property
    def uri(self) -> str:
        return f"qemu+unix:///session?socket={self.folder}/r/libvirt/libvirt-sock"

    @property
    def nvram(self) -> list[str]:
        return [path.name for path in (self.folder / "c/libvirt/qemu/nvram").iterdir()]

    def start(self) -> None:
        """Start it; with --daemon the command ends when the daemon answers."""
        names = {"RUNTIME_DIR": "r", "CONFIG_HOME": "c", "CACHE_HOME": "k", "DATA_HOME": "d"}
        folders = {f"XDG_{name}": str(self.folder / part) for name, part in names.items()}
        for path in folders.values():
            Path(path).mkdir(mode=0o700, exist_ok=True)
        configuration = self.folder / "c/libvirt/qemu.conf"
        configuration.parent.mkdir(exist_ok=True)
        configuration.write_text('stdio_handler = "file"\n')  # else virtlogd starts and stays
        command = ["libvirtd", "--daemon"]
        if os.geteuid() == 0 or self.small_mib:
            command = ["unshare", "--user", "--map-user=1000", "--map-group=1000", *command]
        if self.small_mib:
            (self.folder / "small").mkdir()
            command = [*small_file_system(self.folder / "small", self.small_mib), *command]
        subprocess.run(
            command,
            env={**os.environ, **folders, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
            check=True,
        )

    @property
    def pid(self) -> int:
        return int((self.folder / "r/libvirt/libvirtd.pid").read_text())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait until it has ended."""
        end(self.pid, how)


def end(pid: int, how: signal.Signals) -> None:
    """End a process and wait until it has ended."""
    handle = os.pidfd_open(pid)
    os.kill(pid, how)
    assert select.select([handle], [], [], 30)[0], f"process {pid} did not end"
    os.close(handle)


def small_file_system(folder: Path, size_mib: int) -> list[str]:
    """Give the beginning of a command that sees a folder as a file system of its own."""
    mount = 'mount -t tmpfs -o "size=$2m" none "$1" && shift 2 && exec "$@"'
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    return [*namespace, "sh", "-c", mount, "sh", str(folder), str(size_mib)]


@pytest.fixture(scope="session")
def daemon() -> Iterator[Daemon]:
    start_event_loop()
    folder = Path(tempfile.mkdtemp(prefix="mg", dir="/tmp"))  # socket names are < 108 bytes
    running = Daemon(folder)
    running.start()
    yield running
    connection = libvirt.open(running.uri)
    for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
        domain.destroy()
    connection.close()
    running.stop()
    shutil.rmtree(folder)


@dataclass
class Lab:
    """A hypervisor under test with its host, an image, and an observer's connection."""

    hypervisor: Hypervisor
    settings: ExecutorSettings
    access: HostAccess
    image: ImageSource
    observer: libvirt.virConnect
    stops: "queue.Queue[tuple[str, str]]" = field(default_factory=queue.Queue)

    def stage(self, machine: str, **other: Any) -> StagedMachine:
        plan = ConfigDrivePlan(hostname="h", token_expires_at=datetime(2030, 1, 1, tzinfo=UTC))
        request = StageMachine(
            operation="o1",
            fence=1,
            access=self.access,
            machine=machine,
            image=self.image,
            disk_gib=1,
            nics=(NIC,),
            config_drive=plan,
        )
        return self.hypervisor.stage(request.model_copy(update=other))

    def start(self, machine: str, volumes: StagedMachine, **other: Any) -> Any:
        request = StartMachine(
            operation="o1",
            fence=1,
            access=self.access,
            machine=machine,
            title="web & <1>",
            vcpus=1,
            memory_mib=128,
            nics=(NIC,),
            volumes=volumes,
        )
        return self.hypervisor.start(request.model_copy(update=other))

    def stop(self, machine: str, **other: Any) -> bool:
        request = StopMachine(operation="o2", fence=2, access=self.access, machine=machine)
        return self.hypervisor.stop(request.model_copy(update=other)).changed

    def start_again(self, machine: str, **other: Any) -> Any:
        request = StartMachineAgain(operation="o3", fence=3, access=self.access, machine=machine)
        return self.hypervisor.start_again(request.model_copy(update=other))

    def remove(self, machine: str, **other: Any) -> bool:
        request = RemoveMachine(operation="o2", fence=2, access=self.access, machine=machine)
        return self.hypervisor.remove(request.model_copy(update=other)).changed

    def survey(self) -> HostSurvey:
        return self.hypervisor.survey(InspectHost(operation="o1", fence=1, access=self.access))

    def another(self) -> Hypervisor:
        """Give another executor's hypervisor, in the same region."""
        return make_hypervisor(self.settings, self.stops)

    def run(self) -> str:
        machine = str(uuid.uuid4())
        self.start(machine, self.stage(machine))
        return machine

    def read_console(self, access: HostAccess, machine: str) -> str:
        request = ReadConsole(operation="o1", fence=1, access=access, machine=machine)
        return unpacked(self.hypervisor.read_console(request))

    @property
    def pool_folder(self) -> Path:
        return self.settings.state_folder / "pool"

    @property
    def volumes(self) -> list[str]:
        return sorted(path.name for path in self.pool_folder.iterdir())


def unpacked(log: OperationLog) -> str:
    return zlib.decompress(base64.b64decode(log.compressed)).decode()


def make_hypervisor(
    settings: ExecutorSettings, stops: "queue.Queue[tuple[str, str]]"
) -> Hypervisor:
    return Hypervisor(
        settings,
        RegionKeys.load(settings.state_folder.parent / "keys", "r1"),
        ImageCache(settings),
        on_stopped=lambda operation, domain: stops.put((operation, domain)),
    )


def make_lab(folder: Path, uri: str) -> Iterator[Lab]:
    settings = ExecutorSettings(
        region="r1",
        state_folder=folder / "state",
        ramdisk_folder=folder,
        media_url="http://127.0.0.1:1",
        ramdisk_url="https://127.0.0.1:2",
        report_url="http://10.0.2.2:1",
        image_folder=folder,
    )
    (folder / "image").write_bytes(RAW)
    os.truncate(folder / "image", len(RAW))
    image = ImageSource(
        image="i1",
        name="debian",
        url=(folder / "image").as_uri(),
        sha256=hashlib.sha256(RAW).hexdigest(),
        disk_format="raw",
    )
    access = HostAccess(host="h1", region="r1", uri=uri, pool=f"p{uuid.uuid4().hex[:8]}")
    stops: queue.Queue[tuple[str, str]] = queue.Queue()
    hypervisor = make_hypervisor(settings, stops)
    start_event_loop()
    observer = libvirt.open(uri)
    yield Lab(hypervisor, settings, access, image, observer, stops)
    hypervisor.close()
    with suppress(libvirt.libvirtError):
        pool = observer.storagePoolLookupByName(access.pool)
        pool.destroy()
        pool.undefine()
    observer.close()


@pytest.fixture
def lab(tmp_path: Path, daemon: Daemon) -> Iterator[Lab]:
    yield from make_lab(tmp_path, daemon.uri)


@pytest.fixture
def imitated(tmp_path: Path) -> Iterator[Lab]:
    yield from make_lab(tmp_path, "test:///default")


class Witness:
    """Collects a domain's lifecycle events as libvirt tells them."""

    def __init__(self, connection: libvirt.virConnect, machine: str) -> None:
        self.seen: list[int] = []
        self._machine = machine
        self._undefined = threading.Event()
        kind = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        connection.domainEventRegisterAny(None, kind, self._see, None)

    def _see(self, _: object, domain: libvirt.virDomain, event: int, *__: object) -> None:
        if domain.UUIDString() == self._machine:
            self.seen.append(event)
            if event == UNDEFINED:
                self._undefined.set()

    def until_undefined(self) -> list[int]:
        assert self._undefined.wait(10)
        return [event for event in self.seen if event in (DEFINED, STARTED, STOPPED, UNDEFINED)]


@pytest.fixture
def foreign_pool(lab: Lab, tmp_path: Path) -> Path:
    """A pool that was there before, elsewhere: images are uploaded to it as to another machine."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    name, target = lab.access.pool, f"<target><path>{folder}</path></target>"
    lab.observer.storagePoolDefineXML(f"<pool type='dir'><name>{name}</name>{target}</pool>")
    return folder
