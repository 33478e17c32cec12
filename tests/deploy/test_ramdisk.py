"""The deploy ramdisk in real guests: what it does to a disk, judged from the host."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.lab import MAC, TOKEN, Executor, Guest, Lab, blank_disk, sha256, write_iso

Stories = dict[str, "Future[Any]"]
DISK_MIB = 128
PATTERN = b"somebody's secret " * 4096


def config_drive(folder: Path, home_port: int) -> bytes:
    phone_home = {
        "phone_home": {"url": f"http://10.0.2.2:{home_port}/home", "post": "all", "tries": 5}
    }
    address = {
        "id": "n0",
        "link": "l0",
        "type": "ipv4",
        "ip_address": "10.0.2.77",
        "netmask": "255.255.255.0",
    }
    address["routes"] = [{"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.2.2"}]  # type: ignore[assignment]
    files = {
        "meta_data.json": {
            "uuid": "m-1",
            "hostname": "web-1.example.org",
            "public_keys": {"k": "ssh-ed25519 AAAA x"},
        },
        "network_data.json": {
            "links": [{"id": "l0", "type": "phy", "ethernet_mac_address": MAC}],
            "networks": [address],
        },
        "vendor_data.json": {"cloud-init": "#cloud-config\n" + json.dumps(phone_home)},
    }
    write_iso(
        folder / "drive.iso",
        "config-2",
        {
            f"openstack/latest/{name}": json.dumps(content).encode()
            for name, content in files.items()
        },
    )
    return (folder / "drive.iso").read_bytes()


def deploy_task(executor: Executor, image: bytes, drive: bytes, **changes: Any) -> dict[str, Any]:
    executor.files |= {"/image": image, "/drive": drive}
    url = f"https://10.0.2.2:{executor.port}"
    return {
        "action": "deploy",
        "disk": {"serial": "LAB-0001", "wwn": "", "name": "", "min_bytes": 0},
        "image": {"url": f"{url}/image", "sha256": sha256(image), "size_bytes": len(image)},
        "config_drive": {"url": f"{url}/drive", "sha256": sha256(drive)},
        "after": "reboot",
    } | changes


def plant(disk: Path) -> None:
    """Write the pattern at the start, in the middle and at the very end."""
    with disk.open("r+b") as file:
        for position in (0, disk.stat().st_size // 2 + 12345, disk.stat().st_size - len(PATTERN)):
            file.seek(position)
            file.write(PATTERN)


# ── The stories ───────────────────────────────────────────────────────────────────────────────


def deploy_and_boot(lab: Lab) -> tuple[Executor, Executor, bytes, Guest]:
    folder = lab.story("deploy")
    disk = blank_disk(folder, DISK_MIB)
    with Executor(lab.authority) as executor, Executor(None) as home:
        executor.files["/ca.pem"] = lab.authority.pem
        drive = config_drive(folder, home.port)
        executor.task = deploy_task(executor, lab.test_image.read_bytes(), drive)
        executor.cut_once.add("/image")
        with Guest(folder, disk=disk, cdrom=lab.boot_iso(folder, executor)) as guest:
            assert home.phoned_home.wait(240), guest.console()
        return executor, home, disk.read_bytes(), guest


def run_ramdisk(
    lab: Lab,
    name: str,
    disk_device: str,
    ca_sha256: str | None,
    task: Callable[[Executor, Path], Any],
) -> tuple[Executor, bytes, bytes, Guest]:
    folder = lab.story(name)
    disk = blank_disk(folder, DISK_MIB)
    plant(disk)
    before = disk.read_bytes()
    with Executor(lab.authority) as executor:
        executor.files["/ca.pem"] = lab.authority.pem
        executor.task = task(executor, folder)
        iso = lab.boot_iso(folder, executor, ca_sha256=ca_sha256)
        # The pattern is no boot loader, so the firmware goes on to the CD-ROM.
        with Guest(folder, disk=disk, cdrom=iso, disk_device=disk_device) as guest:
            guest.wait_until_off()
        return executor, before, disk.read_bytes(), guest


def wrong_image(executor: Executor, folder: Path) -> dict[str, Any]:
    image = b"EFI PART" * (1 << 19)
    task = deploy_task(executor, image, config_drive(folder, 1))
    task["image"]["sha256"] = sha256(b"another image")
    return task


def wipe(executor: Executor, folder: Path) -> dict[str, Any]:
    return {"action": "wipe", "disks": [], "after": "poweroff"}


def wrong_serial(executor: Executor, folder: Path) -> dict[str, Any]:
    return {
        "action": "wipe",
        "disks": [{"serial": "LAB-0002", "wwn": "", "name": "vda"}],
        "after": "poweroff",
    }


def no_task(executor: Executor, folder: Path) -> None:
    return None


@pytest.fixture(scope="session", autouse=True)
def stories(lab: Lab, start: Callable[..., "Future[Any]"]) -> Stories:
    return {
        "deploy": start(deploy_and_boot, lab),
        "wipe": start(run_ramdisk, lab, "wipe", "ide-hd,bus=ide.0", None, wipe),
        "wrong checksum": start(run_ramdisk, lab, "checksum", "virtio-blk-pci", None, wrong_image),
        "wrong CA": start(run_ramdisk, lab, "ca", "virtio-blk-pci", "00" * 32, wipe),
        "not live": start(run_ramdisk, lab, "not-live", "virtio-blk-pci", None, no_task),
        "no such disk": start(run_ramdisk, lab, "no-disk", "virtio-blk-pci", None, wrong_serial),
    }


# ── What is seen afterwards ───────────────────────────────────────────────────────────────────


def test_a_deployed_disk_boots_and_phones_home(lab: Lab, stories: Stories) -> None:
    executor, home, _, _ = stories["deploy"].result()
    [result] = executor.posted("result")
    assert result == {
        "ok": True,
        "step": "deploy",
        "detail": {
            "disk": {"name": "vda", "serial": "LAB-0001", "wwn": ""},
            "image_bytes": lab.test_image.stat().st_size,
        },
    }
    form = home.home_calls()[0]
    assert (form["hostname"], form["fqdn"]) == ("web-1", "web-1.example.org")
    assert (form["instance_id"], form["address"]) == ("m-1", "10.0.2.77")
    assert form["pub_key_ed25519"].startswith("ssh-ed25519 AAAA")


def test_the_disk_has_the_image_and_the_config_drive_at_its_end(lab: Lab, stories: Stories) -> None:
    executor, _, disk, _ = stories["deploy"].result()
    image, drive = lab.test_image.read_bytes(), executor.files["/drive"]
    # Past the partition table, which was extended, and short of its second copy, which moved.
    assert disk[1 << 20 : len(image) - (1 << 20)] == image[1 << 20 : -(1 << 20)]
    assert disk[-(2 << 20) :].startswith(drive)
    assert disk[-512:].startswith(b"EFI PART")


def test_a_stream_that_breaks_is_continued(stories: Stories) -> None:
    executor, *_ = stories["deploy"].result()
    ranges = [headers.get("Range") for path, headers, _ in executor.received if path == "/image"]
    assert ranges[0] is None
    assert len(ranges) == 2
    assert ranges[1].startswith("bytes=")


def test_facts_are_told(stories: Stories) -> None:
    executor, *_ = stories["deploy"].result()
    [facts] = executor.posted("facts")
    [disk] = facts["disks"]
    assert disk | {"rotational": True} == {
        "name": "vda",
        "size_bytes": DISK_MIB << 20,
        "serial": "LAB-0001",
        "wwn": "",
        "model": "",
        "rotational": True,
        "transport": "virtio",
    }
    assert facts["nics"] == [{"name": "eth0", "mac": MAC, "carrier": True}]
    assert (facts["cpus"], facts["boot_mode"]) == (1, "uefi")
    assert 400 < facts["memory_mib"] <= 512


def test_progress_is_told_and_every_call_has_the_token(stories: Stories) -> None:
    executor, *_ = stories["deploy"].result()
    assert {report["step"] for report in executor.posted("progress")} >= {"write"}
    assert all(0 <= report["percent"] <= 100 for report in executor.posted("progress"))
    for path, headers, _ in executor.received:
        assert headers.get("Authorization") == (None if path == "/ca.pem" else f"Bearer {TOKEN}")


def test_the_log_is_sent_without_the_token(stories: Stories) -> None:
    executor, _, _, guest = stories["deploy"].result()
    assert "mulligan: image written and verified" in executor.log()
    assert TOKEN not in executor.log()
    assert TOKEN not in guest.console()


def test_an_image_with_another_checksum_leaves_no_partition_table(
    stories: Stories,
) -> None:
    executor, _, disk, _ = stories["wrong checksum"].result()
    [result] = executor.posted("result")
    assert (result["ok"], result["code"]) == (False, "CHECKSUM_MISMATCH")
    assert not any(disk[: 1 << 20])
    assert not any(disk[-(1 << 20) :])


def test_a_wiped_disk_reads_as_zeros_from_the_host(stories: Stories) -> None:
    executor, before, disk, _ = stories["wipe"].result()
    assert before.count(b"somebody's secret") > 10000
    assert len(disk) == DISK_MIB << 20
    assert disk.count(0) == len(disk)
    [result] = executor.posted("result")
    [report] = result["detail"]["disks"]
    assert result["ok"]
    assert (report["name"], report["serial"], report["ok"]) == ("sda", "LAB-0001", True)


def test_another_ca_than_the_one_on_the_medium_gets_nothing(
    stories: Stories,
) -> None:
    executor, before, disk, guest = stories["wrong CA"].result()
    assert [path for path, _, _ in executor.received] == ["/ca.pem"]
    assert disk == before
    assert "is not the one that the medium names" in guest.console()


def test_an_operation_that_is_not_live_leaves_the_disk_alone(
    stories: Stories,
) -> None:
    executor, before, disk, _ = stories["not live"].result()
    assert disk == before
    assert [path for path, _, _ in executor.received if path != "/ca.pem"] == [
        "/ramdisk/v1/facts",
        "/ramdisk/v1/task",
    ]


def test_a_serial_number_that_is_not_there_is_never_replaced_by_a_name(
    stories: Stories,
) -> None:
    executor, before, disk, _ = stories["no such disk"].result()
    [result] = executor.posted("result")
    assert (result["ok"], result["code"]) == (False, "NO_DISK")
    assert "vda (serial LAB-0001" in result["message"]
    assert disk == before
