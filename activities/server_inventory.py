"""What a server has, as far as its BMC tells: never an error, at worst an empty inventory.

Schemas are DMTF DSP2046's: ComputerSystem, Processor, Memory, Storage, Volume, Drive,
SimpleStorage, EthernetInterface, NetworkAdapter, Bios. What a BMC lacks or writes wrongly goes to
its notes.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal

from activities.bmc import Bmc, Body, link, links, number, part, text
from activities.contracts.redfish import DiskFacts, NicFacts, ServerInventory
from activities.quirks import quirk_of

BootMode = Literal["uefi", "bios", "unknown"]

ARCHITECTURES = {
    "x86-64": "x86_64",
    "x86": "x86_64",
    "ARM-A64": "aarch64",
    "ARM": "aarch64",
}
"""Redfish's InstructionSet and ProcessorArchitecture, as libvirt and Debian's kernel name them."""

NOT_A_DISK = re.compile(r"(?i)virtual[ _-]?(cd|dvd|h?disk|floppy|media)|usb")
"""Models and protocols of what BMCs list as drives, though it is their own or a stick."""

HOST_INTERFACE = "ToManager"
"""The id of the network interface between a server and its BMC (DSP0270), of use to nobody else."""

ETHERNET_FUNCTIONS = ("Ethernet", "Disabled")
"""Kinds of network functions whose MAC is one of Ethernet; a disabled one is still in its slot."""

BIOS_BOOT_MODE_KEYS = ("BootMode", "BootModeSelect", "SystemBootMode", "BootModeSelection")
"""BIOS attributes in which vendors keep the boot mode."""


def read_inventory(bmc: Bmc, system: Body) -> ServerInventory:
    """Read everything that a system links to."""
    processors = list(_processors(bmc, system))
    summary = part(system, "ProcessorSummary")
    found = ServerInventory(
        manufacturer=text(system, "Manufacturer"),
        model=text(system, "Model"),
        serial=text(system, "SerialNumber"),
        architecture=_architecture(processors),
        sockets=len(processors) or number(summary, "Count"),
        cpus=_threads(processors) or number(summary, "LogicalProcessorCount", "CoreCount"),
        memory_mib=_memory_mib(bmc, system),
        disks=tuple(_disks(bmc, system)),
        nics=tuple(_nics(bmc, system)),
        boot_mode=_boot_mode(bmc, system),
    )
    missing = [f"{what}: not offered by this BMC" for what in _missing(found)]
    return found.model_copy(update={"not_offered": tuple(dict.fromkeys([*bmc.notes, *missing]))})


def _missing(found: ServerInventory) -> Iterator[str]:
    """Name what an operator looks for in an inventory and this one has not."""
    wanted = {
        "manufacturer": found.manufacturer,
        "model": found.model,
        "serial number": found.serial,
        "architecture": found.architecture,
        "processors": found.cpus,
        "memory": found.memory_mib,
        "disks": found.disks,
        "serial numbers of disks": not found.disks or any(d.serial or d.wwn for d in found.disks),
        "network interfaces": found.nics,
        "boot mode": found.boot_mode != "unknown",
    }
    yield from (what for what, value in wanted.items() if not value)


def _processors(bmc: Bmc, system: Body) -> Iterator[Body]:
    """Read the CPUs; GPUs and empty sockets stand in the same collection."""
    for _, body in bmc.members(link(system, "Processors"), "Processors"):
        state = text(part(body, "Status"), "State")
        if text(body, "ProcessorType") in ("CPU", "") and state not in ("Absent", "Disabled"):
            yield body


def _threads(processors: Iterable[Body]) -> int:
    return sum(number(body, "TotalThreads", "TotalCores") for body in processors)


def _architecture(processors: Iterable[Body]) -> str:
    for body in processors:
        for key in ("InstructionSet", "ProcessorArchitecture"):
            if found := ARCHITECTURES.get(text(body, key)):
                return found
    return ""


def _memory_mib(bmc: Bmc, system: Body) -> int:
    """Read the memory's size: the summary, maybe with fractions, else the sum of the modules."""
    summary = part(system, "MemorySummary")
    try:
        mib = int(float(summary.get("TotalSystemMemoryGiB") or 0) * 1024)
    except (TypeError, ValueError, OverflowError):
        mib = 0
    mixed = quirk_of(system).mixes_units
    if mib > 0 and not mixed:
        return mib
    modules = bmc.members(link(system, "Memory"), "Memory")
    sizes = [number(body, "CapacityMiB") for _, body in modules]
    if mixed and any(size % 1024 for size in sizes):
        bmc.notes.append("memory: corrected, this BMC's firmware takes MB for MiB")
        return sum(round(size * 2**20 / 10**6) for size in sizes)
    return sum(sizes) or mib


def _disks(bmc: Bmc, system: Body) -> Iterator[DiskFacts]:
    """Read the disks: Storage, and SimpleStorage only where Storage shows none."""
    found = list(_stored(bmc, system)) or list(_simple_disks(bmc, system))
    mixed = quirk_of(system).mixes_units
    for disk in found:
        if mixed and disk.size_bytes % 2**20 == 0:
            bmc.notes.append("disks: corrected, this BMC's firmware takes MB for MiB")
            yield disk.model_copy(update={"size_bytes": disk.size_bytes // 2**20 * 10**6})
        else:
            yield disk


def _stored(bmc: Bmc, system: Body) -> Iterator[DiskFacts]:
    """Read the disks as an operating system sees them: volumes of a RAID in place of its drives."""
    seen: set[str] = set()
    for _, controller in bmc.members(link(system, "Storage"), "Storage"):
        drives: dict[str, DiskFacts] = {}
        for path in links(controller, "Drives"):
            drive = {} if _plain(path) in seen else bmc.get_if_offered(path, "Drive")
            if _is_disk(bmc, drive):
                drives[_plain(path)] = DiskFacts(
                    name=text(drive, "Id", "Name"),
                    size_bytes=number(drive, "CapacityBytes"),
                    serial=text(drive, "SerialNumber"),
                    wwn=_wwn(drive),
                    model=text(drive, "Model"),
                    media=text(drive, "MediaType").lower(),
                )
            seen.add(_plain(path))
        if drives:
            yield from _volumes(bmc, controller, drives)
        yield from drives.values()


def _volumes(bmc: Bmc, controller: Body, drives: dict[str, DiskFacts]) -> Iterator[DiskFacts]:
    """Read the volumes of a RAID, and take their drives out of `drives`."""
    if not (collection := link(controller, "Volumes")):
        return
    for path, volume in bmc.members(collection, "Volumes"):
        level = text(volume, "RAIDType") or text(volume, "VolumeType")
        if level in ("", "RawDevice"):
            continue
        name, size = text(volume, "Name", "Id"), number(volume, "CapacityBytes")
        members = {_plain(drive) for drive in links(volume, "Links", "Drives")}
        if not members or not size:
            bmc.notes.append(f"Volume: its size or drives are not offered at {path}")
            continue
        media = {facts.media for drive, facts in drives.items() if drive in members}
        for drive in members:
            drives.pop(drive, None)
        yield DiskFacts(
            name=name,
            size_bytes=size,
            wwn=_wwn(volume),
            model=f"{level} of {len(members)} drives",
            media=media.pop() if len(media) == 1 else "",
        )


def _plain(path: str) -> str:
    """Give a path for comparing; BMCs write the same one in several ways."""
    return path.rstrip("/").lower()


def _is_disk(bmc: Bmc, drive: Body) -> bool:
    """Say whether a drive is there and is a disk, not an empty bay or a BMC's virtual one."""
    name = text(drive, "Name", "Id")
    if (
        not name
        or text(part(drive, "Status"), "State") == "Absent"
        or NOT_A_DISK.search(f"{text(drive, 'Model')} {text(drive, 'Protocol')}")
    ):
        return False
    if not (size := number(drive, "CapacityBytes")):
        bmc.notes.append(f"Drive: the size of {name} is not offered")
    return size > 0


def _wwn(drive: Body) -> str:
    """Give the NAA or EUI name of a drive as Linux writes it: lower-case hexadecimal."""
    identifiers = drive.get("Identifiers")
    for identifier in identifiers if isinstance(identifiers, list) else []:
        if isinstance(identifier, dict) and text(identifier, "DurableNameFormat") in ("NAA", "EUI"):
            digits = re.sub(r"^0x|[^0-9a-f]", "", text(identifier, "DurableName").lower())
            if digits:
                return digits
    return ""


def _simple_disks(bmc: Bmc, system: Body) -> Iterator[DiskFacts]:
    for _, controller in bmc.members(link(system, "SimpleStorage"), "SimpleStorage"):
        devices = controller.get("Devices")
        for device in devices if isinstance(devices, list) else []:
            if isinstance(device, dict) and _is_disk(bmc, device):
                yield DiskFacts(
                    name=text(device, "Name"),
                    size_bytes=number(device, "CapacityBytes"),
                    model=text(device, "Model"),
                )


def _nics(bmc: Bmc, system: Body) -> Iterator[NicFacts]:
    """Read the network interfaces, each MAC once: VLANs and twins show their parent's.

    The system's EthernetInterfaces hold those of every adapter, where a BMC offers them at all.
    """
    found = list(_ethernet_interfaces(bmc, system)) or list(_adapter_nics(bmc, system))
    seen = set(_own_macs(bmc, system)) if found else set()
    for nic in found:
        if nic.mac and nic.mac not in seen:
            seen.add(nic.mac)
            yield nic


def _ethernet_interfaces(bmc: Bmc, system: Body) -> Iterator[NicFacts]:
    for _, body in bmc.members(link(system, "EthernetInterfaces"), "EthernetInterfaces"):
        if text(body, "Id") != HOST_INTERFACE and not link(body, "Links", "HostInterface"):
            yield NicFacts(
                name=text(body, "Id", "Name"),
                mac=_mac(text(body, "PermanentMACAddress", "MACAddress")),
                speed_mbps=number(body, "SpeedMbps"),
                link_up=_link_up(body),
            )


def _own_macs(bmc: Bmc, system: Body) -> Iterator[str]:
    """Read the MACs of the BMC itself; with a shared port it may list them as the server's."""
    for manager in links(system, "Links", "ManagedBy"):
        if path := link(bmc.get_if_offered(manager, "Manager"), "EthernetInterfaces"):
            for _, body in bmc.members(path, "Manager's EthernetInterfaces"):
                yield _mac(text(body, "PermanentMACAddress", "MACAddress"))


def _adapter_nics(bmc: Bmc, system: Body) -> Iterator[NicFacts]:
    """Read the network adapters: the system's interfaces link to them, or its chassis has them."""
    interfaces = link(system, "NetworkInterfaces")
    paths = [
        path
        for _, body in (bmc.members(interfaces, "NetworkInterfaces") if interfaces else ())
        for path in links(body, "Links", "NetworkAdapter")
    ]
    adapters: Iterable[Body] = (bmc.get_if_offered(path, "NetworkAdapter") for path in paths)
    if not paths:
        chassis = (
            bmc.get_if_offered(path, "Chassis") for path in links(system, "Links", "Chassis")
        )
        adapters = (
            adapter
            for body in chassis
            for _, adapter in bmc.members(link(body, "NetworkAdapters"), "NetworkAdapters")
        )
    for adapter in adapters:
        yield from list(_functions(bmc, adapter)) or _ports(bmc, adapter)


def _functions(bmc: Bmc, adapter: Body) -> Iterator[NicFacts]:
    if not (path := link(adapter, "NetworkDeviceFunctions")):
        return
    for _, body in bmc.members(path, "NetworkDeviceFunctions"):
        mac = _mac(text(part(body, "Ethernet"), "PermanentMACAddress", "MACAddress"))
        if mac and text(body, "NetDevFuncType") in ETHERNET_FUNCTIONS:
            yield NicFacts(name=text(body, "Id", "Name"), mac=mac)


def _ports(bmc: Bmc, adapter: Body) -> Iterator[NicFacts]:
    """Read an adapter's ports (NetworkPorts are the older ones); the first address is its own."""
    if not (path := link(adapter, "Ports") or link(adapter, "NetworkPorts")):
        return
    for _, body in bmc.members(path, "Ports"):
        addresses = chain(
            _list(part(body, "Ethernet"), "AssociatedMACAddresses"),
            _list(body, "AssociatedNetworkAddresses"),
        )
        mac = _mac(str(next(addresses, "")))
        technology = text(body, "LinkNetworkTechnology", "ActiveLinkTechnology", "PortProtocol")
        if mac and technology in ("Ethernet", ""):
            yield NicFacts(
                name=text(body, "Id", "Name"),
                mac=mac,
                speed_mbps=number(body, "CurrentLinkSpeedMbps")
                or 1000 * number(body, "CurrentSpeedGbps"),
                link_up=_link_up(body),
            )


def _list(body: Body, key: str) -> list[object]:
    found = body.get(key)
    return found if isinstance(found, list) else []


def _link_up(body: Body) -> bool | None:
    """Read LinkStatus; EthernetInterface, Port and NetworkPort have different words for it."""
    states = {"LinkUp": True, "Up": True, "LinkDown": False, "Down": False, "NoLink": False}
    return states.get(text(body, "LinkStatus"))


def _mac(written: str) -> str:
    """Give a MAC address in lower case with colons, or nothing when it is none."""
    digits = re.sub(r"[^0-9a-f]", "", written.lower())
    if len(digits) != 12 or digits == "0" * 12:
        return ""
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def _boot_mode(bmc: Bmc, system: Body) -> BootMode:
    """Read how the server boots: the override's mode, else what its BIOS is set to."""
    said = text(part(system, "Boot"), "BootSourceOverrideMode")
    if not said and (path := link(system, "Bios")):
        attributes = part(bmc.get_if_offered(path, "Bios"), "Attributes")
        said = text(attributes, *BIOS_BOOT_MODE_KEYS)
    if "uefi" in said.lower():
        return "uefi"
    if said.lower().startswith(("legacy", "bios")):
        return "bios"
    return "unknown"
