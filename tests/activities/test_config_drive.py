"""A config drive says the same in both of cloud-init's formats, and always in the same bytes."""

import json
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from nacl.encoding import Base64Encoder
from nacl.public import PublicKey, SealedBox
from pycdlib import PyCdlib

from activities.config_drive import (
    ConfigDrive,
    config_drive_files,
    config_drive_iso,
    prepare_config_drive,
)
from activities.contracts.hardware import ConfigDrivePlan, ImageSource, NicPlan
from activities.keys import RegionKeys
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareError

STATIC = NicPlan(
    mac="52:54:00:00:00:01",
    network="n1",
    mode="static",
    address="10.0.0.5",
    prefix_length=24,
    gateway="10.0.0.1",
    dns=("10.0.0.2", "10.0.0.3"),
)
STATIC_6 = STATIC.model_copy(
    update={"address": "fd00::5", "prefix_length": 64, "gateway": "fd00::1", "dns": ()}
)
DHCP = NicPlan(mac="52:54:00:00:00:02", network="n2", mode="dhcp")
TAGGED = DHCP.model_copy(update={"vlan": 42})
DRIVE = ConfigDrive(
    instance="8e7f1c2c-1111-4a4a-9999-123456789abc",
    hostname="web1.example.org",
    nics=(STATIC, DHCP),
    ssh_keys=("ssh-ed25519 AAAA me",),
    user_data="#!/bin/sh\necho ä\n",
    report_url="http://10.0.2.2:8080/report/abc",
)
EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)


def read(iso: bytes) -> tuple[str, dict[str, bytes]]:
    """Read label and files of an ISO by their Rock Ridge names."""
    reader = PyCdlib()
    reader.open_fp(BytesIO(iso))
    files = {}
    for folder, _, names in reader.walk(rr_path="/"):
        for name in names:
            path, content = f"{folder.rstrip('/')}/{name}", BytesIO()
            reader.get_file_from_iso_fp(content, rr_path=path)
            files[path.lstrip("/")] = content.getvalue()
    return reader.pvd.volume_identifier.decode().strip(), files


def content(drive: ConfigDrive, name: str) -> Any:
    return json.loads(config_drive_files(drive)[name])


@pytest.mark.parametrize("label", ["config-2", "cidata"])
def test_the_label_is_the_one_the_image_looks_for(label: Any, tmp_path: Path) -> None:
    path = tmp_path / "drive.iso"
    path.write_bytes(config_drive_iso(ConfigDrive("i", "h", (DHCP,), label=label)))
    asked = ["/usr/sbin/blkid", "-p", "-o", "value", "-s", "LABEL", str(path)]
    said = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == label


def test_the_iso_carries_both_formats_under_their_names() -> None:
    label, files = read(config_drive_iso(DRIVE))
    assert label == "config-2"
    assert files == config_drive_files(DRIVE)
    assert "openstack/latest/meta_data.json" in files
    assert "network-config" in files


def test_the_same_plan_gives_the_same_bytes_at_any_time_and_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = config_drive_iso(DRIVE)
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    assert config_drive_iso(DRIVE) == first


def test_meta_data_names_instance_host_and_keys() -> None:
    openstack = content(DRIVE, "openstack/latest/meta_data.json")
    assert openstack["uuid"] == DRIVE.instance
    assert openstack["hostname"] == "web1.example.org"
    assert openstack["public_keys"] == {"key-0": "ssh-ed25519 AAAA me"}
    assert content(DRIVE, "meta-data") == {
        "instance-id": DRIVE.instance,
        "local-hostname": "web1.example.org",
        "public-keys": ["ssh-ed25519 AAAA me"],
    }


def test_user_data_is_carried_as_it_is() -> None:
    files = config_drive_files(DRIVE)
    assert files["user-data"] == files["openstack/latest/user_data"] == DRIVE.user_data.encode()


def test_vendor_data_asks_cloud_init_to_phone_home() -> None:
    vendor = config_drive_files(DRIVE)["vendor-data"].decode()
    header, body = vendor.split("\n", 1)
    assert header == "#cloud-config"
    phone_home = json.loads(body)["phone_home"]
    assert phone_home["url"] == DRIVE.report_url
    assert phone_home["tries"] == 10
    assert {"hostname", "instance_id", "pub_key_ed25519"} <= set(phone_home["post"])
    assert content(DRIVE, "openstack/latest/vendor_data.json") == {"cloud-init": vendor}


def test_static_addresses_in_network_data() -> None:
    said = content(DRIVE, "openstack/latest/network_data.json")
    assert said["links"][0] == {
        "id": "nic0",
        "type": "phy",
        "ethernet_mac_address": "52:54:00:00:00:01",
    }
    network = said["networks"][0]
    assert (network["type"], network["link"]) == ("ipv4", "nic0")
    assert (network["ip_address"], network["netmask"]) == ("10.0.0.5", "255.255.255.0")
    default = {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"}
    assert network["routes"] == [default]
    assert said["networks"][1]["type"] == "ipv4_dhcp"
    assert [service["address"] for service in said["services"]] == ["10.0.0.2", "10.0.0.3"]


def test_static_addresses_in_network_config() -> None:
    said = content(DRIVE, "network-config")
    assert said["version"] == 2
    assert said["ethernets"]["eth0"] == {
        "match": {"macaddress": "52:54:00:00:00:01"},
        "set-name": "eth0",
        "addresses": ["10.0.0.5/24"],
        "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}],
        "nameservers": {"addresses": ["10.0.0.2", "10.0.0.3"]},
    }
    assert said["ethernets"]["eth1"]["dhcp4"] is True


def test_addresses_of_ip_version_6() -> None:
    drive = ConfigDrive("i", "h", (STATIC_6,))
    network = content(drive, "openstack/latest/network_data.json")["networks"][0]
    assert (network["type"], network["netmask"]) == ("ipv6", "ffff:ffff:ffff:ffff::")
    assert network["routes"] == [{"network": "::", "netmask": "::", "gateway": "fd00::1"}]
    nic = content(drive, "network-config")["ethernets"]["eth0"]
    assert nic["addresses"] == ["fd00::5/64"]
    assert nic["routes"] == [{"to": "::/0", "via": "fd00::1"}]


def test_a_tagged_network_gets_an_interface_of_its_own() -> None:
    drive = ConfigDrive("i", "h", (TAGGED,))
    said = content(drive, "openstack/latest/network_data.json")
    assert said["links"][1]["vlan_id"] == 42
    assert said["networks"][0]["link"] == said["links"][1]["id"]
    vlans = content(drive, "network-config")["vlans"]
    assert vlans == {"eth0.42": {"id": 42, "link": "eth0", "dhcp4": True}}


@pytest.fixture
def settings(tmp_path: Path) -> ExecutorSettings:
    return ExecutorSettings(
        region="r1",
        state_folder=tmp_path,
        ramdisk_folder=tmp_path,
        media_url="http://127.0.0.1:8080",
        ramdisk_url="https://127.0.0.1:8443",
        report_url="http://10.0.2.2:8080",
    )


@pytest.fixture
def keys(tmp_path: Path) -> RegionKeys:
    return RegionKeys.load(tmp_path / "keys", "r1")


def sealed(keys: RegionKeys, **secret: str) -> str:
    key_id, public = keys.public_keys()[0]
    box = SealedBox(PublicKey(public.encode(), Base64Encoder))
    return f"{key_id}.{box.encrypt(json.dumps(secret).encode(), Base64Encoder).decode()}"


def prepared(
    settings: ExecutorSettings, keys: RegionKeys, user_data: str = "", activation: Any = "none"
) -> ConfigDrive:
    image = ImageSource(
        image="i1",
        name="debian",
        url="http://images/a",
        sha256="0" * 64,
        disk_format="raw",
        activation=activation,
        config_format="cidata",
    )
    plan = ConfigDrivePlan(hostname="h", sealed_user_data=user_data, token_expires_at=EXPIRES)
    return prepare_config_drive(
        settings, keys, operation="o1", machine="m1", image=image, nics=[DHCP], plan=plan
    )


def test_a_plan_is_opened_and_given_a_token(settings: ExecutorSettings, keys: RegionKeys) -> None:
    secret = sealed(keys, region="r1", purpose="user-data", user_data="#cloud-config\n")
    drive = prepared(settings, keys, secret, "phone-home")
    assert (drive.instance, drive.label) == ("m1", "cidata")
    assert drive.user_data == "#cloud-config\n"
    address, _, token = drive.report_url.rpartition("/")
    assert address == "http://10.0.2.2:8080/report"
    assert keys.check_report_token(token, "guest").operation == "o1"
    assert prepared(settings, keys, secret, "phone-home") == drive


@pytest.mark.parametrize("activation", ["power-on", "none"])
def test_an_image_that_does_not_phone_home_is_not_asked_to(
    settings: ExecutorSettings, keys: RegionKeys, activation: str
) -> None:
    files = config_drive_files(prepared(settings, keys, activation=activation))
    assert files["vendor-data"] == b""
    assert json.loads(files["openstack/latest/vendor_data.json"]) == {}


def test_user_data_sealed_for_another_purpose_is_refused(
    settings: ExecutorSettings, keys: RegionKeys
) -> None:
    secret = sealed(keys, region="r1", purpose="bmc", user_data="x")
    with pytest.raises(HardwareError) as caught:
        prepared(settings, keys, secret)
    assert caught.value.reason == "SECRET_MISMATCH"
