"""What a hypervisor host has, read through libvirt."""

import xml.etree.ElementTree as ET

import libvirt

from activities.contracts.hypervisor import HostInventory
from activities.domains import NOT_OFFERED_CODES, is_foreign
from activities.libvirt_xml import Machinery, chipset, parsed


def read_inventory(connection: libvirt.virConnect, pool: libvirt.virStoragePool) -> HostInventory:
    """Read what a host has; its disk is what the pool has."""
    machinery = read_machinery(connection)
    capabilities = [f"arch:{machinery.architecture}", f"virt:{machinery.virt}"]
    if machinery.uefi:
        capabilities.append("firmware:uefi")
    return HostInventory(
        hostname=connection.getHostname(),
        hypervisor=connection.getType().lower(),
        hypervisor_version=_version(connection.getVersion()),
        architecture=machinery.architecture,
        cpus=connection.getInfo()[2],
        memory_mib=_memory_mib(connection),
        disk_gib=pool.info()[1] >> 30,
        capabilities=tuple(capabilities),
        foreign_domains=_foreign_domains(connection),
    )


def read_machinery(connection: libvirt.virConnect) -> Machinery:
    """Read what the host runs guests with, for its own architecture."""
    capabilities = parsed(connection.getCapabilities())
    architecture = capabilities.findtext("host/cpu/arch", "")
    types = {
        domain.get("type", "")
        for guest in capabilities.findall("guest/arch")
        if guest.get("name") == architecture
        for domain in guest.findall("domain")
    }
    if "kvm" in types and _virtualizes(connection, capabilities, architecture):
        virt = "kvm"
    else:
        virt = next(iter(sorted(types - {"kvm"})), "qemu")
    return Machinery(architecture, virt, _offers_uefi(connection, architecture, virt))


def _memory_mib(connection: libvirt.virConnect) -> int:
    """Read the memory that the host's kernel has; where drivers don't tell, that of its nodes.

    The nodes' sum falls short where memory was plugged in later (seen: 12 of 24 GiB).
    """
    try:
        kib = connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"]
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
            raise
        return int(connection.getInfo()[1])
    return int(kib) >> 10


def _virtualizes(
    connection: libvirt.virConnect, capabilities: ET.Element, architecture: str
) -> bool:
    """Tell whether the CPU has what KVM needs.

    On x86 a kvm device may be there without it (kvm-pvm inside a microVM): libvirt then offers
    kvm, and guests end in "KVM internal error" at their first instructions.
    """
    cpu = capabilities.find("host/cpu")
    if architecture != "x86_64" or cpu is None:
        return True
    expanded = connection.baselineCPU(
        [ET.tostring(cpu, encoding="unicode")], libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES
    )
    names = {feature.get("name") for feature in parsed(expanded)}
    return bool(names & {"vmx", "svm"})


def _offers_uefi(connection: libvirt.virConnect, architecture: str, virt: str) -> bool:
    try:
        offered = connection.getDomainCapabilities(None, architecture, chipset(architecture), virt)
    except libvirt.libvirtError as error:
        if error.get_error_code() in NOT_OFFERED_CODES:
            return False
        raise
    values = parsed(offered).findall("os/enum[@name='firmware']/value")
    return "efi" in [value.text for value in values]


def _foreign_domains(connection: libvirt.virConnect) -> tuple[str, ...]:
    running = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    return tuple(sorted(domain.name() for domain in running if is_foreign(domain)))


def _version(number: int) -> str:
    """Read libvirt's version number: major * 1,000,000 + minor * 1,000 + release."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"
