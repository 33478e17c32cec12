"""The stories: what happens in each guest, from start to end. Others judge what it has left."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.deploy.lab import MAC, Executor, Guest, Lab, blank_disk, sha256, write_iso

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


def deploy_and_boot(lab: Lab) -> tuple[Executor, Executor, bytes, Guest]:
    folder = lab.story("deploy")
    disk = blank_disk(folder, DISK_MIB)
    with Executor(lab.authority) as executor, Executor(None) as home:
        executor.files["/ca.pem"] = lab.authority.pem
        drive = config_drive(folder, home.port)
        executor.task = deploy_task(executor, lab.test_image.read_bytes(), drive)
        executor.cut_once.add("/image")
        with Guest(folder, disk=disk, cdrom=lab.boot_iso(folder, executor)) as guest:
            assert home.phoned_home.wait(150), guest.console()
        return executor, home, disk.read_bytes(), guest


def run_ramdisk(
    lab: Lab,
    name: str,
    task: Callable[[Executor, Path], Any],
    *,
    disk_device: str = "virtio-blk-pci",
    ca_sha256: str | None = None,
    by_firmware: bool = False,
) -> tuple[Executor, bytes, bytes, Guest]:
    """Run the ramdisk until it switches the power off; gives the disk before and after.

    Unless it is booted `by_firmware`, QEMU itself starts it: the same files, a third quicker.
    """
    folder = lab.story(name)
    disk = blank_disk(folder, DISK_MIB)
    plant(disk)
    before = disk.read_bytes()
    with Executor(lab.authority) as executor:
        executor.files["/ca.pem"] = lab.authority.pem
        executor.task = task(executor, folder)
        iso = lab.boot_iso(folder, executor, ca_sha256=ca_sha256)
        # The pattern is no boot loader, so the firmware goes on to the CD-ROM.
        kernel = None if by_firmware else lab.ramdisk
        with Guest(folder, disk=disk, cdrom=iso, disk_device=disk_device, kernel=kernel) as guest:
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


def boot_with_nocloud_drive(lab: Lab) -> tuple[Executor, str]:
    folder = lab.story("nocloud")
    disk = folder / "disk.img"
    shutil.copy(lab.test_image, disk)
    with Executor(None) as home:
        phone_home = {
            "phone_home": {
                "url": f"http://10.0.2.2:{home.port}/home/$INSTANCE_ID",
                "post": ["hostname"],
            }
        }
        network = {
            "version": 2,
            "ethernets": {"id0": {"match": {"macaddress": MAC}, "dhcp4": True}},
        }
        drive = folder / "cidata.iso"
        files = {
            "meta-data": b"instance-id: i-42\nlocal-hostname: db-1\n",
            "network-config": json.dumps(network).encode(),
            "vendor-data": b"#cloud-config\n" + json.dumps(phone_home).encode(),
            "user-data": b"#cloud-config\n"
            + json.dumps({"ssh_authorized_keys": ["ssh-ed25519 AAAA x"]}).encode(),
        }
        write_iso(drive, "cidata", files)
        with Guest(folder, disk=disk, cdrom=drive, disk_device="ide-hd,bus=ide.0") as guest:
            assert home.phoned_home.wait(150), guest.console()
            guest.press_power_button()
            guest.wait_until_off()
        return home, guest.console()
