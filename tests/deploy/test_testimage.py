"""The test image in real guests: it does what cloud-init's documentation says of NoCloud."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from tests.deploy.lab import MAC, Executor, Guest, Lab, write_iso


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
            assert home.phoned_home.wait(240), guest.console()
            guest.press_power_button()
            guest.wait_until_off()
        return home, guest.console()


@pytest.fixture(scope="session", autouse=True)
def nocloud(lab: Lab, start: Callable[..., "Future[Any]"]) -> "Future[Any]":
    return start(boot_with_nocloud_drive, lab)


def test_it_reads_a_nocloud_drive_and_phones_home_with_what_was_asked_for(
    nocloud: "Future[Any]",
) -> None:
    home, _ = nocloud.result()
    assert home.home_calls() == [{"hostname": "db-1", "address": "10.0.2.15"}]
    assert home.received[0][0] == "/home/i-42"
    assert home.received[0][1]["Content-Type"] == "application/x-www-form-urlencoded"


def test_it_says_what_it_does_and_goes_down_at_the_power_button(nocloud: "Future[Any]") -> None:
    _, console = nocloud.result()
    for words in ("config drive: nocloud on sr0", "SSH keys: 1", "phoned home", "power button"):
        assert f"mulligan-testimage: {words}" in console


def test_it_is_small(lab: Lab) -> None:
    assert lab.test_image.stat().st_size < 64 << 20
