"""Virtual machines come and go without a trace, on a real session daemon and libvirt's test driver.

The daemon's folders are the test's own. What is claimed is read from outside: libvirt's events on
another connection, the pool's folder, the folder of NVRAM files.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import libvirt
import pytest

from activities import hypervisor as subject
from activities.contracts.hardware import ConfigDrivePlan, ImageSource, NicPlan, OperationLog
from activities.contracts.hypervisor import (
    HostAccess,
    InspectHost,
    ReadConsole,
    RemoveMachine,
    StagedMachine,
    StageMachine,
    StartMachine,
)
from activities.hypervisor import Hypervisor, session_uri, start_event_loop
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareBusyError, HardwareError

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
    """A session daemon in a folder of its own; as root it runs in a user namespace."""

    folder: Path

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
        as_user = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        command = ["libvirtd", "--daemon"]
        subprocess.run(
            command if os.geteuid() else as_user + command,
            env={**os.environ, **folders, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
            check=True,
        )

    def stop(self) -> None:
        """End it and wait until it has ended."""
        pid = int((self.folder / "r/libvirt/libvirtd.pid").read_text())
        handle = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        assert select.select([handle], [], [], 30)[0], "libvirtd did not end"
        os.close(handle)


@pytest.fixture(scope="module")
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

    def remove(self, machine: str, **other: Any) -> bool:
        request = RemoveMachine(operation="o2", fence=2, access=self.access, machine=machine)
        return self.hypervisor.remove(request.model_copy(update=other)).changed

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
    hypervisor = Hypervisor(
        settings,
        RegionKeys.load(folder / "keys", "r1"),
        ImageCache(settings),
        on_stopped=lambda operation, domain: stops.put((operation, domain)),
    )
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


def test_a_machine_made_twice_is_made_once_and_leaves_nothing(lab: Lab, daemon: Daemon) -> None:
    machine = str(uuid.uuid4())
    witness = Witness(lab.observer, machine)
    nvram_before = daemon.nvram
    for _ in range(2):
        volumes = lab.stage(machine)
        started = lab.start(machine, volumes)
    assert (started.domain_uuid, started.domain_name) == (machine, f"mulligan-{machine}")
    assert lab.volumes == sorted([f"base-{lab.image.sha256}", *volumes.model_dump().values()])
    assert len(daemon.nvram) == len(nvram_before) + 1
    assert lab.remove(machine) is True
    assert witness.until_undefined() == [DEFINED, STARTED, STOPPED, UNDEFINED]
    assert lab.volumes == []
    assert daemon.nvram == nvram_before
    assert list((lab.settings.state_folder / "console").iterdir()) == []
    assert lab.observer.listAllDomains() == []
    assert lab.remove(machine) is False


def test_the_domain_is_a_uefi_machine_that_says_whose_it_is(lab: Lab) -> None:
    machine = lab.run()
    xml = lab.observer.lookupByUUIDString(machine).XMLDesc()
    assert "OVMF_CODE" in xml
    assert ".secboot" not in xml
    assert "web &amp; &lt;1&gt;" in xml
    for part in ("q35", "bus='virtio'", "<readonly/>", "<rng", "<interface type='user'>"):
        assert part in xml
    for stated in (f'id="{machine}"', 'operation="o1"', 'fence="1"'):
        assert stated in xml
    lab.remove(machine)


def test_a_thin_copy_has_the_size_asked_for_and_stands_on_the_base(lab: Lab) -> None:
    machine = str(uuid.uuid4())
    volumes = lab.stage(machine)
    pool = lab.observer.storagePoolLookupByName(lab.access.pool)
    root = pool.storageVolLookupByName(volumes.root_volume)
    assert root.info()[1] == 1 << 30
    assert f"<path>{lab.pool_folder}/base-{lab.image.sha256}</path>" in root.XMLDesc()
    assert (lab.pool_folder / f"base-{lab.image.sha256}").read_bytes() == RAW
    lab.remove(machine)


def as_qcow2(image: ImageSource, folder: Path) -> ImageSource:
    made = folder / "image.qcow2"
    convert = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(folder / "image"), str(made)]
    subprocess.run(convert, check=True)
    checksum = hashlib.sha256(made.read_bytes()).hexdigest()
    stated = {"url": made.as_uri(), "sha256": checksum, "disk_format": "qcow2"}
    return image.model_copy(update=stated)


@pytest.mark.parametrize("disk_format", ["raw", "qcow2"])
@pytest.mark.parametrize("place", ["linked", "uploaded"])
def test_a_machines_disk_reads_as_its_image(
    lab: Lab, tmp_path: Path, request: pytest.FixtureRequest, place: str, disk_format: str
) -> None:
    if disk_format == "qcow2":
        lab.image = as_qcow2(lab.image, tmp_path)
    if place == "uploaded":
        request.getfixturevalue("foreign_pool")
    machine = str(uuid.uuid4())
    root = lab.stage(machine).root_volume
    path = lab.observer.storagePoolLookupByName(lab.access.pool).storageVolLookupByName(root).path()
    disk = tmp_path / "disk"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, str(disk)], check=True)
    with disk.open("rb") as file:
        assert file.read(len(RAW)) == RAW
        assert not any(file.read(MIB))
    lab.remove(machine)


@pytest.fixture
def foreign_pool(lab: Lab, tmp_path: Path) -> Path:
    """A pool that was there before, elsewhere: images are uploaded to it as to another machine."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    name, target = lab.access.pool, f"<target><path>{folder}</path></target>"
    lab.observer.storagePoolDefineXML(f"<pool type='dir'><name>{name}</name>{target}</pool>")
    return folder


def test_parallel_stages_upload_a_base_once(
    lab: Lab, foreign_pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded: list[str] = []
    upload = subject._upload

    def counted(connection: Any, volume: libvirt.virStorageVol, *content: Any) -> None:
        uploaded.append(volume.name())
        upload(connection, volume, *content)

    monkeypatch.setattr(subject, "_upload", counted)
    machines = [str(uuid.uuid4()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lab.stage, machines))
    base = f"base-{lab.image.sha256}"
    assert sorted(uploaded) == sorted([base, *[f"config-{m}" for m in machines]])
    assert (foreign_pool / base).read_bytes() == RAW
    assert (foreign_pool / base).stat().st_blocks * 512 < 4 * MIB, "holes were filled"
    for machine in machines:
        assert (foreign_pool / base).exists()
        lab.remove(machine)
    assert list(foreign_pool.iterdir()) == []


def test_what_others_keep_in_the_pool_stays(lab: Lab, foreign_pool: Path) -> None:
    (foreign_pool / "base-debian").write_bytes(b"theirs")
    machine = str(uuid.uuid4())
    lab.stage(machine)
    lab.remove(machine)
    assert [path.name for path in foreign_pool.iterdir()] == ["base-debian"]


def test_a_base_that_was_half_uploaded_is_uploaded_again(lab: Lab, foreign_pool: Path) -> None:
    base = foreign_pool / f"base-{lab.image.sha256}"
    base.write_bytes(RAW[:MIB])
    machine = str(uuid.uuid4())
    lab.stage(machine)
    assert base.read_bytes() == RAW
    lab.remove(machine)
    assert list(foreign_pool.iterdir()) == []


def test_an_image_larger_than_the_disk_is_refused(lab: Lab) -> None:
    with pytest.raises(HardwareError) as caught:
        lab.stage(str(uuid.uuid4()), disk_gib=0)
    assert caught.value.reason == "IMAGE_LARGER_THAN_DISK"
    assert not lab.pool_folder.exists()


def test_an_operation_that_was_overtaken_is_refused(lab: Lab) -> None:
    machine = str(uuid.uuid4())
    volumes = lab.stage(machine)
    lab.start(machine, volumes, fence=5)
    for late in (lambda: lab.start(machine, volumes), lambda: lab.remove(machine, fence=4)):
        with pytest.raises(HardwareError) as caught:
            late()
        assert caught.value.reason == "STALE_FENCE"
    assert lab.observer.lookupByUUIDString(machine).isActive()
    lab.remove(machine, fence=6)


def test_a_machine_is_not_started_for_a_second_operation(lab: Lab) -> None:
    machine = str(uuid.uuid4())
    volumes = lab.stage(machine)
    lab.start(machine, volumes)
    with pytest.raises(HardwareError) as caught:
        lab.start(machine, volumes, operation="o9", fence=9)
    assert caught.value.reason == "DOMAIN_NOT_OURS"
    lab.remove(machine)


def test_somebody_elses_domain_is_told_and_not_touched(lab: Lab) -> None:
    machine = str(uuid.uuid4())
    theirs = lab.observer.createXML(
        f"<domain type='qemu'><name>theirs</name><uuid>{machine}</uuid><memory unit='MiB'>64"
        "</memory><os><type machine='q35'>hvm</type></os></domain>"
    )
    request = InspectHost(operation="o1", fence=1, access=lab.access)
    assert lab.hypervisor.inspect(request).foreign_domains == ("theirs",)
    with pytest.raises(HardwareError) as caught:
        lab.remove(machine)
    assert caught.value.reason == "DOMAIN_NOT_OURS"
    assert theirs.isActive()
    theirs.destroy()


def test_a_host_says_what_it_has(lab: Lab) -> None:
    request = InspectHost(operation="o1", fence=1, access=lab.access)
    found = lab.hypervisor.inspect(request)
    assert (found.hypervisor, found.architecture) == ("qemu", os.uname().machine)
    assert found.cpus == os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert found.memory_mib == pytest.approx(pages / MIB, rel=0.01)
    disk = shutil.disk_usage(lab.settings.state_folder).total
    assert found.disk_gib == pytest.approx(disk / (1 << 30), abs=1)
    assert f"arch:{os.uname().machine}" in found.capabilities
    assert "firmware:uefi" in found.capabilities


def test_a_machine_that_stops_by_itself_is_told_once(lab: Lab) -> None:
    machine = lab.run()
    lab.observer.lookupByUUIDString(machine).destroy()
    assert lab.stops.get(timeout=10) == ("o1", f"mulligan-{machine}")
    other = lab.run()
    lab.remove(other)
    lab.remove(machine)
    lab.hypervisor.close()
    assert lab.stops.empty()


def test_a_listener_that_fails_hears_of_the_next(lab: Lab, tmp_path: Path) -> None:
    told: queue.Queue[str] = queue.Queue()

    def fail(operation: str, _domain: str) -> None:
        told.put(operation)
        raise RuntimeError("the workflow is gone")

    keys = RegionKeys.load(tmp_path / "keys", "r1")
    listening = Hypervisor(lab.settings, keys, ImageCache(lab.settings), on_stopped=fail)
    listening.watch(lab.access)
    for machine in (lab.run(), lab.run()):
        lab.observer.lookupByUUIDString(machine).destroy()
        assert told.get(timeout=10) == "o1"
        lab.remove(machine)
    listening.close()


def test_removing_what_never_was_makes_nothing(lab: Lab) -> None:
    assert lab.remove(str(uuid.uuid4())) is False
    assert not lab.pool_folder.exists()


def test_a_machine_that_does_not_power_off_is_stopped_after_its_grace(lab: Lab) -> None:
    machine = lab.run()
    assert lab.remove(machine, grace_s=1) is True
    assert lab.observer.listAllDomains() == []


def test_a_connection_is_opened_again_when_the_daemon_was_restarted(
    lab: Lab, daemon: Daemon
) -> None:
    machine = lab.run()
    daemon.stop()
    daemon.start()
    assert lab.remove(machine) is True
    lab.observer = libvirt.open(daemon.uri)
    assert lab.observer.listAllDomains() == []


def test_the_consoles_tail_is_read_without_tokens(lab: Lab) -> None:
    console = lab.settings.state_folder / "console"
    console.mkdir(parents=True)
    text = "x" * 70_000 + " POST /report/eyJhbGciOiJI.eyJzdWIiOi.c2ln done\n"
    (console / "m1.log").write_text(text)
    said = lab.read_console(lab.access, "m1")
    assert said.endswith("x POST /report/[redacted] done\n")
    assert len(said) < 64 << 10
    assert lab.read_console(lab.access, "m2") == ""
    remote = lab.access.model_copy(update={"uri": "qemu+tls://h1/system"})
    assert "virsh -c qemu+tls://h1/system console mulligan-m1" in lab.read_console(remote, "m1")


def test_a_host_that_does_not_answer_is_tried_again_later(lab: Lab) -> None:
    access = lab.access.model_copy(update={"uri": "qemu+unix:///session?socket=/nowhere"})
    with pytest.raises(HardwareBusyError) as caught:
        lab.hypervisor.inspect(InspectHost(operation="o1", fence=1, access=access))
    assert caught.value.reason == "HOST_UNREACHABLE"
    assert "/nowhere" in caught.value.message


def test_a_full_or_refusing_host_is_told_in_libvirts_words(lab: Lab) -> None:
    machine = str(uuid.uuid4())
    volumes = lab.stage(machine)
    nic = NIC.model_copy(update={"host_bridge": "nobridge0"})
    with pytest.raises(HardwareError) as caught:
        lab.start(machine, volumes, nics=(nic,))
    assert caught.value.reason == "LIBVIRT_REFUSED"
    assert caught.value.details["libvirt_code"].isdigit()
    assert lab.remove(machine) is True


def test_roots_session_is_found_at_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/x")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    socket = "qemu+unix:///session?socket=/x/libvirt/libvirt-sock"
    assert session_uri("qemu:///session") == socket
    assert session_uri(socket) == socket
    assert session_uri("qemu:///system") == "qemu:///system"
    assert session_uri("qemu+ssh://h1/session") == "qemu+ssh://h1/session"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert session_uri("qemu:///session") == "qemu:///session"


def test_the_test_driver_stands_for_define_start_and_events(imitated: Lab) -> None:
    lab, machine = imitated, str(uuid.uuid4())
    before = [domain.name() for domain in lab.observer.listAllDomains()]
    witness = Witness(lab.observer, machine)
    for _ in range(2):
        lab.start(machine, lab.stage(machine))
    request = InspectHost(operation="o1", fence=1, access=lab.access)
    found = lab.hypervisor.inspect(request)
    assert (found.hypervisor, found.capabilities) == ("test", ("arch:i686", "virt:test"))
    assert found.foreign_domains == ("test",)
    assert lab.remove(machine, grace_s=5) is True
    assert witness.until_undefined() == [DEFINED, STARTED, STOPPED, UNDEFINED]
    assert [domain.name() for domain in lab.observer.listAllDomains()] == before
    pool = lab.observer.storagePoolLookupByName(lab.access.pool)
    assert pool.listVolumes() == []
