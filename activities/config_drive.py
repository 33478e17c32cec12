"""Config drives: what a machine is told about itself, as cloud-init's formats put it.

One ISO 9660 image carries both formats, config-2 (OpenStack) and cidata (NoCloud); its label is
the one for which the image looks. The same plan gives the same bytes, so writing it twice is
writing it once. JSON stands where cloud-init reads YAML: it is YAML.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from ipaddress import ip_interface
from typing import Literal

from pycdlib import PyCdlib
from pycdlib.dates import DirectoryRecordDate
from pycdlib.dr import DirectoryRecord
from pycdlib.rockridge import RRTFRecord

from activities.contracts.hardware import ConfigDrivePlan, ImageSource, NicPlan
from activities.keys import RegionKeys
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareError

PHONE_HOME_POST = (
    "instance_id",
    "hostname",
    "fqdn",
    "pub_key_rsa",
    "pub_key_ecdsa",
    "pub_key_ed25519",
)
"""What cloud-init's phone_home module is asked to say; it arrives as a `GuestReport`."""

PHONE_HOME_TRIES = 10

MAX_USER_DATA_BYTES = 64 << 10

ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
"""A default route's destination, by IP version; cloud-init before 23 does not know "default"."""

SECTOR_BYTES = 2048


@dataclass(frozen=True)
class ConfigDrive:
    """What a config drive says; a machine without `report_url` does not phone home."""

    instance: str
    hostname: str
    nics: tuple[NicPlan, ...]
    ssh_keys: tuple[str, ...] = ()
    user_data: str = ""
    report_url: str = ""
    label: Literal["config-2", "cidata"] = "config-2"


def prepare_config_drive(
    settings: ExecutorSettings,
    keys: RegionKeys,
    *,
    operation: str,
    machine: str,
    image: ImageSource,
    nics: Sequence[NicPlan],
    plan: ConfigDrivePlan,
) -> ConfigDrive:
    """Open what is sealed in a plan and sign the token with which the machine reports.

    Raises:
        HardwareError: SECRET_UNREADABLE, SECRET_MISMATCH or USER_DATA_TOO_LARGE.
    """
    user_data, report_url = "", ""
    if plan.sealed_user_data:
        opened = keys.open(plan.sealed_user_data, region=settings.region, purpose="user-data")
        user_data = opened["user_data"]
        if (size := len(user_data.encode())) > MAX_USER_DATA_BYTES:
            raise HardwareError(
                f"the user data of machine {machine} has {size} bytes, and {MAX_USER_DATA_BYTES} "
                "are allowed; have it fetch what is large",
                code="USER_DATA_TOO_LARGE",
            )
    if image.activation == "phone-home":
        token = keys.report_token(operation, "guest", plan.token_expires_at)
        report_url = f"{settings.report_url}/report/{token}"
    return ConfigDrive(
        instance=machine,
        hostname=plan.hostname,
        nics=tuple(nics),
        ssh_keys=plan.ssh_keys,
        user_data=user_data,
        report_url=report_url,
        label=image.config_format,
    )


def config_drive_iso(drive: ConfigDrive) -> bytes:
    """Write the config drive as an ISO 9660 image with Joliet and Rock Ridge names."""
    iso = PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=drive.label)
    try:
        for folder in ("/openstack", "/openstack/latest"):
            iso.add_directory(folder.upper(), rr_name=folder.rpartition("/")[2], joliet_path=folder)
        for number, (path, content) in enumerate(sorted(config_drive_files(drive).items())):
            folder, _, name = f"/{path}".rpartition("/")
            iso.add_fp(
                BytesIO(content),
                len(content),
                f"{folder.upper()}/F{number}.;1",
                rr_name=name,
                joliet_path=f"/{path}",
            )
        return _without_dates(iso)
    finally:
        iso.close()


def config_drive_files(drive: ConfigDrive) -> dict[str, bytes]:
    """Give the files of both formats, by path."""
    vendor = _vendor_cloud_config(drive)
    return {
        "openstack/latest/meta_data.json": _json(_openstack_meta_data(drive)),
        "openstack/latest/network_data.json": _json(_openstack_network_data(drive.nics)),
        "openstack/latest/user_data": drive.user_data.encode(),
        "openstack/latest/vendor_data.json": _json({"cloud-init": vendor} if vendor else {}),
        "meta-data": _json(_nocloud_meta_data(drive)),
        "network-config": _json(_nocloud_network_config(drive.nics)),
        "user-data": drive.user_data.encode(),
        "vendor-data": vendor.encode(),
    }


def _vendor_cloud_config(drive: ConfigDrive) -> str:
    if not drive.report_url:
        return ""
    phone_home = {
        "url": drive.report_url,
        "post": list(PHONE_HOME_POST),
        "tries": PHONE_HOME_TRIES,
    }
    return "#cloud-config\n" + json.dumps({"phone_home": phone_home}, sort_keys=True) + "\n"


def _openstack_meta_data(drive: ConfigDrive) -> dict[str, object]:
    return {
        "uuid": drive.instance,
        "hostname": drive.hostname,
        "name": drive.hostname.partition(".")[0],
        "launch_index": 0,
        "public_keys": {f"key-{i}": key for i, key in enumerate(drive.ssh_keys)},
    }


def _nocloud_meta_data(drive: ConfigDrive) -> dict[str, object]:
    return {
        "instance-id": drive.instance,
        "local-hostname": drive.hostname,
        "public-keys": list(drive.ssh_keys),
    }


def _openstack_network_data(nics: Sequence[NicPlan]) -> dict[str, object]:
    """Lay NICs out as OpenStack's network_data.json (nova/doc network_data schema)."""
    links: list[dict[str, object]] = []
    for i, nic in enumerate(nics):
        links.append({"id": f"nic{i}", "type": "phy", "ethernet_mac_address": nic.mac})
        if nic.vlan:
            links.append(
                {
                    "id": f"nic{i}.{nic.vlan}",
                    "type": "vlan",
                    "vlan_link": f"nic{i}",
                    "vlan_id": nic.vlan,
                    "vlan_mac_address": nic.mac,
                }
            )
    servers = dict.fromkeys(server for nic in nics for server in nic.dns)
    return {
        "links": links,
        "networks": [_openstack_network(i, nic) for i, nic in enumerate(nics)],
        "services": [{"type": "dns", "address": server} for server in servers],
    }


def _openstack_network(number: int, nic: NicPlan) -> dict[str, object]:
    network: dict[str, object] = {
        "id": f"network{number}",
        "network_id": nic.network,
        "link": f"nic{number}.{nic.vlan}" if nic.vlan else f"nic{number}",
        "type": "ipv4_dhcp",
    }
    if nic.mode == "dhcp":
        return network
    interface = ip_interface(f"{nic.address}/{nic.prefix_length}")
    anywhere = ANYWHERE[interface.version].partition("/")[0]
    route = {"network": anywhere, "netmask": anywhere, "gateway": nic.gateway}
    return network | {
        "type": f"ipv{interface.version}",
        "ip_address": str(interface.ip),
        "netmask": str(interface.netmask),
        "routes": [route] if nic.gateway else [],
        "services": [{"type": "dns", "address": server} for server in nic.dns],
    }


def _nocloud_network_config(nics: Sequence[NicPlan]) -> dict[str, object]:
    """Lay NICs out as cloud-init's network configuration version 2."""
    ethernets: dict[str, object] = {}
    vlans: dict[str, object] = {}
    for i, nic in enumerate(nics):
        name = f"eth{i}"
        match = {"match": {"macaddress": nic.mac}, "set-name": name}
        if nic.vlan:
            ethernets[name] = match
            vlans[f"{name}.{nic.vlan}"] = {"id": nic.vlan, "link": name} | _nocloud_addresses(nic)
        else:
            ethernets[name] = match | _nocloud_addresses(nic)
    return {"version": 2, "ethernets": ethernets} | ({"vlans": vlans} if vlans else {})


def _nocloud_addresses(nic: NicPlan) -> dict[str, object]:
    if nic.mode == "dhcp":
        return {"dhcp4": True}
    interface = ip_interface(f"{nic.address}/{nic.prefix_length}")
    found: dict[str, object] = {"addresses": [interface.with_prefixlen]}
    if nic.gateway:
        found["routes"] = [{"to": ANYWHERE[interface.version], "via": nic.gateway}]
    if nic.dns:
        found["nameservers"] = {"addresses": list(nic.dns)}
    return found


def _json(content: dict[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True, indent=1).encode() + b"\n"


def _without_dates(iso: PyCdlib) -> bytes:
    """Write an ISO whose dates don't tell when: pycdlib stamps everything with the present.

    Directory records get one fixed date. Volume descriptors (ECMA-119 8.4.26 to 8.4.29: creation,
    modification, expiration, effective; 17 bytes each) get "not specified".
    """
    for descriptor in [*iso.pvds, *iso.svds]:
        for record in _records(descriptor.root_directory_record()):
            record.date = _fixed_date()
            for times in _rock_ridge_times(record):
                times.access_time = times.modification_time = _fixed_date()
                times.attribute_change_time = _fixed_date()
    written = BytesIO()
    iso.write_fp(written)
    content = bytearray(written.getvalue())
    for number in range(len(iso.pvds) + len(iso.svds)):
        start = (16 + number) * SECTOR_BYTES + 813
        content[start : start + 4 * 17] = (b"0" * 16 + b"\0") * 4
    return bytes(content)


def _records(folder: DirectoryRecord) -> Iterable[DirectoryRecord]:
    yield folder
    for record in folder.children:
        if record.is_dir() and not record.is_dot() and not record.is_dotdot():
            yield from _records(record)
        else:
            yield record


def _rock_ridge_times(record: DirectoryRecord) -> list[RRTFRecord]:
    if record.rock_ridge is None:
        return []
    entries = (record.rock_ridge.dr_entries, record.rock_ridge.ce_entries)
    return [entry.tf_record for entry in entries if entry and entry.tf_record]


def _fixed_date() -> DirectoryRecordDate:
    """Make 2020-01-01T00:00:00Z as ECMA-119 9.1.5 puts it."""
    date = DirectoryRecordDate()
    date.parse(bytes([120, 1, 1, 0, 0, 0, 0]))
    return date
