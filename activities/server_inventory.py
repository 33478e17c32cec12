"""What a server has, as far as its BMC tells: never an error, at worst an empty inventory.

Schemas are DMTF DSP2046's: ComputerSystem, Processor, Memory, Storage, Drive, SimpleStorage,
EthernetInterface, Bios. What a BMC lacks or writes wrongly goes to its notes.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from activities.bmc import Bmc, Body, link, links, number, part, text
from activities.contracts.redfish import DiskFacts, NicFacts, ServerInventory

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

BIOS_BOOT_MODE_KEYS = ("BootMode", "BootModeSelect", "SystemBootMode", "BootModeSelection")
"""BIOS attributes in which vendors keep the boot mode."""


def read_inventory(bmc: Bmc, system: Body) -> ServerInventory:
    """Read everything that a system links to."""
    processors = list(_processors(bmc, system))
    summary = part(system, "ProcessorSummary")
    sockets = len(processors) or number(summary, "Count")
    return ServerInventory(
        manufacturer=text(system, "Manufacturer"),
        model=text(system, "Model"),
        serial=text(system, "SerialNumber"),
        architecture=_architecture(processors),
        sockets=sockets,
        cpus=_threads(processors) or number(summary, "LogicalProcessorCount", "CoreCount", "Count"),
        memory_mib=_memory_mib(bmc, system),
        disks=tuple(_disks(bmc, system)),
        nics=tuple(_nics(bmc, system)),
        boot_mode=_boot_mode(bmc, system),
        not_offered=tuple(dict.fromkeys(bmc.notes)),
    )


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
    if mib > 0:
        return mib
    modules = bmc.members(link(system, "Memory"), "Memory")
    return sum(number(body, "CapacityMiB") for _, body in modules)


def _disks(bmc: Bmc, system: Body) -> Iterator[DiskFacts]:
    """Read the disks: Storage, and SimpleStorage only where Storage shows none."""
    found = list(_drives(bmc, system))
    yield from found or _simple_disks(bmc, system)


def _drives(bmc: Bmc, system: Body) -> Iterator[DiskFacts]:
    for _, controller in bmc.members(link(system, "Storage"), "Storage"):
        for path in links(controller, "Drives"):
            drive = bmc.get_if_offered(path, "Drive")
            if _is_disk(drive):
                yield DiskFacts(
                    name=text(drive, "Id", "Name"),
                    size_bytes=number(drive, "CapacityBytes"),
                    serial=text(drive, "SerialNumber"),
                    wwn=_wwn(drive),
                    model=text(drive, "Model"),
                    media=text(drive, "MediaType").lower(),
                )


def _is_disk(drive: Body) -> bool:
    """Say whether a drive is there and is a disk, not an empty bay or a BMC's virtual one."""
    return (
        text(part(drive, "Status"), "State") != "Absent"
        and number(drive, "CapacityBytes") > 0
        and not NOT_A_DISK.search(f"{text(drive, 'Model')} {text(drive, 'Protocol')}")
    )


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
            if isinstance(device, dict) and _is_disk(device):
                yield DiskFacts(
                    name=text(device, "Name"),
                    size_bytes=number(device, "CapacityBytes"),
                    model=text(device, "Model"),
                )


def _nics(bmc: Bmc, system: Body) -> Iterator[NicFacts]:
    """Read the network interfaces, each MAC once: VLANs and twins show their parent's."""
    seen = set()
    for _, body in bmc.members(link(system, "EthernetInterfaces"), "EthernetInterfaces"):
        mac = _mac(text(body, "PermanentMACAddress", "MACAddress"))
        if mac and mac not in seen and text(body, "Id") != HOST_INTERFACE:
            seen.add(mac)
            yield NicFacts(
                name=text(body, "Id", "Name"),
                mac=mac,
                speed_mbps=number(body, "SpeedMbps"),
                link_up={"LinkUp": True, "LinkDown": False, "NoLink": False}.get(
                    text(body, "LinkStatus")
                ),
            )


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
    bmc.notes.append("boot mode: not offered")
    return "unknown"
