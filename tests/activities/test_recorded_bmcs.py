"""What is read out of whole service trees: recorded ones of real BMCs, where they are, and our own.

`../shared/redfish` holds the recorded trees; what is expected of each was read out of it by hand.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from activities.contracts.redfish import (
    InspectServer,
    ServerInventory,
    VerifiedServer,
    VerifyServer,
)
from activities.quirks import QUIRKS
from tests.activities.recorded_bmc import RecordedBmc, recorded_tree, recorded_trees, written_tree
from tests.lab import Executor, bmc_access, running_executor, serving

GIB = 1024


@dataclass(frozen=True)
class Expected:
    """What a server has: memory in MiB, disks as (bytes, serial number or WWN)."""

    vendor: str = ""
    model: str = ""
    place: str = "none"
    power: str = "on"
    sockets: int = 0
    cpus: int = 0
    memory_mib: int = 0
    disks: tuple[tuple[int, str], ...] = ()
    macs: str = ""
    boot_mode: str = "uefi"
    not_offered: tuple[str, ...] = ()


NOTHING_FOUND = (
    "manufacturer",
    "model",
    "serial number",
    "architecture",
    "processors",
    "memory",
    "disks",
    "network interfaces",
)

RECORDED = {
    "dell-r750-idrac9": Expected(
        vendor="Dell Inc.",
        model="PowerEdge R750",
        place="system",
        sockets=2,
        cpus=72,  # the H100 in slot 2 stands among the processors
        memory_mib=512 * GIB,
        disks=tuple(
            (1_920_383_410_176, serial)
            for serial in ("61P0A06CTCD8", "61M0A08ZTCD8", "61X0A002TCD8")
        ),
        macs="70:b5:e8:f0:52:dc 70:b5:e8:f0:52:dd e4:3d:1a:13:27:f0 e4:3d:1a:13:27:f1"
        " b8:3f:d2:90:97:c4",
    ),
    "dmtf-public-rackmount1": Expected(
        vendor="Contoso",
        model="3500",
        place="system",
        sockets=1,  # CPU2 is absent, and there is an FPGA
        cpus=16,
        memory_mib=96 * GIB,
        disks=((8_000_000_000_000, ""), (4_000_000_000_000, "")),  # bays 3 and 4 are empty
        macs="12:44:6a:3b:04:11 12:44:6a:3b:88:90",  # VLAN1 has its parent's
        not_offered=("Storage", "serial numbers of disks"),
    ),
    "gigabyte-h262-megarac": Expected(
        vendor="GIGABYTE",
        model="H262-Z63-00",
        place="manager",
        sockets=2,
        cpus=256,
        memory_mib=256 * GIB,  # 16 modules M393A2K43DB2-CWE of 16 GiB
        disks=((1_920_383_000_000, "S455NY0M831393"),),  # MZ7LH1T9HMLT has 1,920,383,410,176
        macs="b4:2e:99:ba:de:15 b4:2e:99:ba:de:16",
        boot_mode="bios",
        not_offered=("memory", "disks"),  # that they are corrected
    ),
    "hpe-dl365gen10plus-ilo5": Expected(
        vendor="HPE",
        model="ProLiant DL365 Gen10 Plus -- SIMULATED",
        place="manager",
        sockets=2,
        cpus=64,
        memory_mib=192 * GIB,
        # Logical Drive 1, a RAID1 of two drives of 1,600,321,314,816 bytes
        disks=((1_600_287_760_384, "600508b1001c2e955e0d6ec1b6b9a0c7"),),
        macs="84:16:0c:39:a1:e2 84:16:0c:39:a1:e3",
    ),
    "lenovo-sr670v2-xcc": Expected(
        vendor="Lenovo",
        model="ThinkSystem SR670 V2",
        place="system",
        sockets=2,  # and eight GPUs
        cpus=128,
        memory_mib=1024 * GIB,
        disks=(
            (960_000_000_000, "233442ABA3AB"),
            (960_000_000_000, "233442ABA28A"),
            (7_680_000_000_000, "233242BE0C46"),
            (7_680_000_000_000, "233242BE0C5A"),
        ),
        macs="00:62:0b:4c:28:4e 00:62:0b:4c:28:4f 00:62:0b:4c:28:50 00:62:0b:4c:28:51",
    ),
    "nvidia-dgxh100-megarac": Expected(
        vendor="NVIDIA",
        model="DGXH100",  # not HGX_Baseboard_0, which can't be reset
        sockets=2,
        cpus=224,
        memory_mib=2048 * GIB,
        disks=((1_920_383_410_176, ""),) * 2 + ((3_840_755_982_336, ""),) * 8,
        macs="5c:ff:35:fe:04:b1 6c:fe:54:41:15:78 6c:fe:54:41:15:79 94:6d:ae:aa:2a:19"
        " a0:88:c2:82:6e:52",
        boot_mode="unknown",
        not_offered=("serial numbers of disks", "boot mode"),
    ),
    "openbmc-stock": Expected(
        power="off",
        not_offered=("SimpleStorage", "EthernetInterfaces", "NetworkAdapters", *NOTHING_FOUND),
    ),
    "supermicro-sys821ge": Expected(
        vendor="Supermicro",
        model="SYS-821GE-TNHR",
        place="manager",
        sockets=2,
        cpus=128,
        memory_mib=2048 * GIB,
        disks=tuple(
            (7_681_501_126_656, f"S6CKNN0W50{number}")
            for number in ("2286", "2114", "2287", "2288", "2111", "2373", "1980", "2279")
        ),
        macs="94:6d:ae:91:fb:22 94:6d:ae:91:09:c2 94:6d:ae:91:6a:9a 94:6d:ae:91:67:6a"
        " 94:6d:ae:91:dd:1a 94:6d:ae:91:75:9a 94:6d:ae:91:75:ba 94:6d:ae:91:73:8a"
        " 7c:c2:55:79:3f:8e 7c:c2:55:79:3f:8f 94:6d:ae:b2:b1:4e",
    ),
}


def _link(path: str) -> dict[str, str]:
    return {"@odata.id": f"/redfish/v1/{path}"}


def _members(*paths: str) -> dict[str, Any]:
    return {"Members": [_link(path) for path in paths]}


BARE = {
    "": {"Systems": _link("Systems")},
    "Systems": _members("Systems/1"),
    "Systems/1": {"PowerState": "Off", "Actions": {"#ComputerSystem.Reset": {}}},
}
"""A system that says nothing of itself, on a BMC without sessions."""

BLADE = {
    "": {"Systems": _link("Systems"), "Links": {"Sessions": _link("SessionService/Sessions")}},
    "SessionService/Sessions": _members(),
    "Systems": _members("Systems/1"),
    "Systems/1": {
        "Manufacturer": "Acme",
        "Model": "Blade 9",
        "SerialNumber": "B9-1",
        "PowerState": "On",
        "Boot": {"BootSourceOverrideMode": "UEFI"},
        "ProcessorSummary": {"Count": 2, "LogicalProcessorCount": 48},
        "Memory": _link("Systems/1/Memory"),
        "Storage": _link("Systems/1/Storage"),
        "Actions": {"#ComputerSystem.Reset": {}},
        "Links": {"Chassis": [_link("Chassis/1")], "ManagedBy": [_link("Managers/1")]},
    },
    "Systems/1/Memory": _members(*(f"Systems/1/Memory/{slot}" for slot in range(3))),
    "Systems/1/Memory/0": {"CapacityMiB": 32768},
    "Systems/1/Memory/1": {"CapacityMiB": 32768},
    "Systems/1/Memory/2": {"CapacityMiB": None, "Status": {"State": "Absent"}},
    "Systems/1/Storage": _members("Systems/1/Storage/raid"),
    "Systems/1/Storage/raid": {
        "Drives": [_link(f"Chassis/1/Drives/{bay}") for bay in range(4)],
        "Volumes": _link("Systems/1/Storage/raid/Volumes"),
    },
    "Chassis/1/Drives/0": {"Id": "0", "CapacityBytes": 4 * 10**12, "MediaType": "HDD"},
    "Chassis/1/Drives/1": {"Id": "1", "CapacityBytes": 4 * 10**12, "MediaType": "HDD"},
    "Chassis/1/Drives/2": {"Id": "2", "CapacityBytes": 10**12, "SerialNumber": "raw"},
    "Chassis/1/Drives/3": {"Id": "3", "CapacityBytes": None},
    "Systems/1/Storage/raid/Volumes": _members(
        *(f"Systems/1/Storage/raid/Volumes/{volume}" for volume in ("stripe", "raw", "odd"))
    ),
    "Systems/1/Storage/raid/Volumes/stripe": {
        "Id": "stripe",
        "RAIDType": "RAID0",
        "CapacityBytes": 8 * 10**12,
        "Identifiers": [{"DurableNameFormat": "NAA", "DurableName": "6000C29DEADBEEF0"}],
        "Links": {"Drives": [_link("chassis/1/drives/0/"), _link("chassis/1/drives/1/")]},
    },
    "Systems/1/Storage/raid/Volumes/raw": {
        "VolumeType": "RawDevice",
        "CapacityBytes": 10**12,
        "Links": {"Drives": [_link("Chassis/1/Drives/2")]},
    },
    "Systems/1/Storage/raid/Volumes/odd": {"RAIDType": "RAID1", "CapacityBytes": 10**12},
    "Chassis/1": {"NetworkAdapters": _link("Chassis/1/NetworkAdapters")},
    "Chassis/1/NetworkAdapters": _members("Chassis/1/NetworkAdapters/mezzanine"),
    "Chassis/1/NetworkAdapters/mezzanine": {"Ports": _link("Chassis/1/Ports")},
    "Chassis/1/Ports": _members(*(f"Chassis/1/Ports/{port}" for port in ("a", "b", "ib", "fc"))),
    "Chassis/1/Ports/a": {
        "Id": "a",
        "LinkNetworkTechnology": "Ethernet",
        "Ethernet": {"AssociatedMACAddresses": ["02-00-00-00-00-0A", "02-00-00-00-00-AA"]},
        "CurrentSpeedGbps": 25,
        "LinkStatus": "LinkUp",
    },
    "Chassis/1/Ports/b": {
        "Id": "b",
        "ActiveLinkTechnology": "Ethernet",
        "AssociatedNetworkAddresses": ["02000000000B"],
        "CurrentLinkSpeedMbps": 10000,
        "LinkStatus": "Down",
    },
    "Chassis/1/Ports/ib": {
        "LinkNetworkTechnology": "InfiniBand",
        "AssociatedNetworkAddresses": ["02:00:00:00:00:0C"],
    },
    "Chassis/1/Ports/fc": {"AssociatedNetworkAddresses": ["51:40:2E:C0:17:37:DE:04"]},
    "Managers/1": {"EthernetInterfaces": _link("Managers/1/EthernetInterfaces")},
    "Managers/1/EthernetInterfaces": _members("Managers/1/EthernetInterfaces/eth0"),
    "Managers/1/EthernetInterfaces/eth0": {"MACAddress": "02:00:00:00:00:FF"},
}
"""A blade: ports under the chassis only, memory without a sum, a RAID beside a raw drive."""


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    folder = tmp_path_factory.mktemp("recorded")
    with running_executor(folder / "state", folder) as running:
        yield running


def look_at(executor: Executor, bmc: RecordedBmc) -> tuple[VerifiedServer, ServerInventory]:
    with serving(bmc.app) as address:
        access = bmc_access(executor.keys, address)
        verify = VerifyServer(operation="operation-1", fence=1, access=access)
        inspect = InspectServer(operation="operation-1", fence=1, access=access)
        return (
            executor.run(executor.redfish.verify, verify),
            executor.run(executor.redfish.inspect, inspect),
        )


def as_expected(verified: VerifiedServer, found: ServerInventory) -> Expected:
    """Write what was found as the tables above do."""
    return Expected(
        vendor=found.manufacturer,
        model=found.model,
        place=verified.virtual_media,
        power=verified.power,
        sockets=found.sockets,
        cpus=found.cpus,
        memory_mib=found.memory_mib,
        disks=tuple((disk.size_bytes, disk.serial or disk.wwn) for disk in found.disks),
        macs=" ".join(sorted(nic.mac for nic in found.nics)),
        boot_mode=found.boot_mode,
        not_offered=tuple(note.partition(":")[0] for note in found.not_offered),
    )


def sorted_macs(expected: Expected) -> Expected:
    return Expected(**vars(expected) | {"macs": " ".join(sorted(expected.macs.split()))})


def test_every_recorded_bmc_is_verified_and_inspected(executor: Executor) -> None:
    for tree in recorded_trees():
        bmc = RecordedBmc.of(tree)
        found = as_expected(*look_at(executor, bmc))
        assert found == sorted_macs(RECORDED.get(tree, found)), tree
        assert {method for method, _ in bmc.requests} <= {"GET", "POST", "DELETE"}, tree
        assert bmc.sessions == {}, tree


def test_the_bmcs_own_interfaces_are_never_the_servers(executor: Executor) -> None:
    """Also when a BMC with a shared port lists them as the server's."""
    for tree in recorded_trees():
        answers = recorded_tree(tree)
        own = [body for path, body in answers.items() if _is_interface(path, "Managers")]
        theirs = [path for path in answers if _is_interface(path, "Systems")]
        macs = {json.loads(body)["MACAddress"].lower() for body in own}
        lying = dict.fromkeys(theirs, own[0])
        _, found = look_at(executor, RecordedBmc.of(tree, **lying))
        assert not macs & {nic.mac for nic in found.nics}, tree


def _is_interface(path: str, of: str) -> bool:
    parts = path.strip("/").split("/")
    return len(parts) == 6 and parts[2] == of and parts[4] == "EthernetInterfaces"


def test_interfaces_are_found_on_the_adapters_where_the_system_has_none(
    executor: Executor,
) -> None:
    """As on the recorded BMC itself, but for its list of the system's interfaces."""
    for tree in {"dell-r750-idrac9", "hpe-dl365gen10plus-ilo5", "supermicro-sys821ge"} & {
        *recorded_trees()
    }:
        answers = recorded_tree(tree)
        for path in [path for path in answers if "/EthernetInterfaces" in path]:
            del answers[path]
        _, found = look_at(executor, RecordedBmc(answers, any_case=tree.startswith("hpe-")))
        assert sorted(nic.mac for nic in found.nics) == sorted(RECORDED[tree].macs.split()), tree


def test_a_bmc_with_broken_parts_is_inspected_all_the_same(executor: Executor) -> None:
    """What a system links to is answered with nonsense of all kinds, one kind a resource."""
    nonsense = ["", "[]", "null", '{"Members": 7}', '{"Members": [{}, null, {"@odata.id": 3}]}']
    trees = {tree: recorded_tree(tree) for tree in recorded_trees()}
    for tree, answers in {**trees, "blade": written_tree(BLADE)}.items():
        below = sorted(path for path in answers if path.count("/") > 4 and "/Systems/" in path)
        broken = {path: nonsense[i % len(nonsense)] for i, path in enumerate(below)}
        bmc = RecordedBmc(answers | broken, any_case=tree.startswith("hpe-"))
        _, found = look_at(executor, bmc)
        assert found.not_offered, tree


def test_a_system_that_says_nothing_of_itself(executor: Executor) -> None:
    verified, found = look_at(executor, RecordedBmc(written_tree(BARE)))
    assert (verified.power, verified.virtual_media) == ("off", "none")
    assert found == ServerInventory(not_offered=found.not_offered)
    for what in (*NOTHING_FOUND, "boot mode"):
        assert f"{what}: not offered by this BMC" in found.not_offered


def test_a_blade_with_its_ports_in_the_chassis_and_a_raid(executor: Executor) -> None:
    bmc = RecordedBmc(written_tree(BLADE))
    _, found = look_at(executor, bmc)
    assert (found.sockets, found.cpus, found.memory_mib) == (2, 48, 65536)
    assert [(disk.name, disk.size_bytes, disk.media) for disk in found.disks] == [
        ("stripe", 8 * 10**12, "hdd"),
        ("2", 10**12, ""),
    ]
    assert found.disks[0].wwn == "6000c29deadbeef0"
    assert [(nic.name, nic.mac, nic.speed_mbps, nic.link_up) for nic in found.nics] == [
        ("a", "02:00:00:00:00:0a", 25000, True),
        ("b", "02:00:00:00:00:0b", 10000, False),
    ]
    assert "Drive: the size of 3 is not offered" in found.not_offered
    assert any(note.startswith("Volume: its size or drives") for note in found.not_offered)


def test_an_interface_of_the_bmc_listed_among_the_blades_ports_is_left_out(
    executor: Executor,
) -> None:
    shared = {"Id": "b", "AssociatedNetworkAddresses": ["0200000000FF"]}
    _, found = look_at(executor, RecordedBmc(written_tree({**BLADE, "Chassis/1/Ports/b": shared})))
    assert [nic.name for nic in found.nics] == ["a"]


def test_sizes_are_corrected_only_where_the_firmware_mixes_units(executor: Executor) -> None:
    """A later firmware that does it right is believed."""
    [quirk] = [one for one in QUIRKS if one.mixes_units]
    named = {
        **BLADE["Systems/1"],
        "Manufacturer": quirk.manufacturer,
        "Model": f"{quirk.model}X",
    }
    right = {**BLADE, "Systems/1": named}
    _, found = look_at(executor, RecordedBmc(written_tree(right)))
    assert (found.memory_mib, found.disks[1].size_bytes) == (65536, 10**12)
    wrong = {
        **right,
        "Systems/1/Memory/0": {"CapacityMiB": 31250},
        "Chassis/1/Drives/2": {"Id": "2", "CapacityBytes": 10**6 * 2**20},
    }
    _, found = look_at(executor, RecordedBmc(written_tree(wrong)))
    assert found.disks[1].size_bytes == 10**12


def test_every_quirk_names_the_tree_that_proves_it() -> None:
    assert {one.tree for one in QUIRKS} <= {*RECORDED}
