"""Virtual machines come and go without a trace, on a real daemon and libvirt's test driver."""

import errno
import hashlib
import os
import queue
import shutil
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import libvirt
import pytest

from activities import pools
from activities.contracts.hardware import ImageSource
from activities.contracts.hypervisor import FoundMachine, InspectHost
from activities.hypervisor import Hypervisor
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.libvirt_connections import session_uri
from mulligan.values.errors import HardwareBusyError, HardwareError
from tests.activities.virtual_lab import (
    DEFINED,
    MIB,
    NIC,
    RAW,
    STARTED,
    STOPPED,
    UNDEFINED,
    Daemon,
    Lab,
    Witness,
)


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


def test_a_base_is_copied_across_file_systems_and_half_a_copy_does_not_stay(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(target))

    monkeypatch.setattr(os, "link", refuse)
    machine, base = str(uuid.uuid4()), f"base-{lab.image.sha256}"
    lab.stage(machine)
    assert (lab.pool_folder / base).read_bytes() == RAW
    assert not list(lab.settings.state_folder.glob("pool.*.part"))
    half = lab.settings.state_folder / "pool.0123abcd.part"
    half.write_bytes(b"left by a killed executor")
    lab.remove(machine)
    assert not half.exists()


def test_parallel_stages_upload_a_base_once(
    lab: Lab, foreign_pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded: list[str] = []
    upload = pools._upload

    def counted(connection: Any, volume: libvirt.virStorageVol, *content: Any) -> None:
        uploaded.append(volume.name())
        upload(connection, volume, *content)

    monkeypatch.setattr(pools, "_upload", counted)
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
    for late in (
        lambda: lab.stage(machine),
        lambda: lab.start(machine, volumes),
        lambda: lab.remove(machine, fence=4),
    ):
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


def test_a_survey_finds_what_is_ours_whole_or_in_part(lab: Lab) -> None:
    assert lab.survey().machines == ()
    assert not lab.pool_folder.exists()
    staged, whole, bare = str(uuid.uuid4()), lab.run(), lab.run()
    lab.stage(staged)
    pool = lab.observer.storagePoolLookupByName(lab.access.pool)
    (lab.pool_folder / "root-disk").write_bytes(b"theirs")
    lab.observer.lookupByUUIDString(bare).destroy()
    for name in (f"root-{bare}", f"config-{bare}"):
        pool.storageVolLookupByName(name).delete()
    pool.refresh()

    def volumes(machine: str) -> tuple[str, str]:
        return f"config-{machine}", f"root-{machine}"

    assert set(lab.survey().machines) == {
        FoundMachine(machine=staged, volumes=volumes(staged)),
        FoundMachine(machine=whole, has_domain=True, running=True, volumes=volumes(whole)),
        FoundMachine(machine=bare, has_domain=True),
    }
    for machine in (staged, whole, bare):
        lab.remove(machine)
    assert lab.survey().machines == ()


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


def test_words_that_are_no_text_are_told_as_far_as_they_can_be_read(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_domain: object) -> None:
        try:
            b"Unable to read \xe8\x01".decode()
        except UnicodeDecodeError as error:
            raise SystemError("returned a result with an exception set") from error

    machine = str(uuid.uuid4())
    volumes = lab.stage(machine)
    monkeypatch.setattr(libvirt.virDomain, "create", refuse)
    with pytest.raises(HardwareError) as caught:
        lab.start(machine, volumes)
    assert caught.value.reason == "LIBVIRT_REFUSED"
    assert "Unable to read" in caught.value.message
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
