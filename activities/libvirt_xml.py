"""What libvirt is told and tells, as XML (libvirt.org/format.html): domains, volumes, pools."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from activities.contracts.hypervisor import StartMachine

METADATA_NAMESPACE = "https://mulligan.dev/libvirt/machine/1"
ET.register_namespace("mulligan", METADATA_NAMESPACE)


@dataclass(frozen=True)
class Machinery:
    """What a host's libvirt offers to run: `virt` is kvm, qemu or test."""

    architecture: str
    virt: str
    uefi: bool


def element(tag: str, *content: ET.Element | str, **attributes: str) -> ET.Element:
    """Make an element of a text or other elements."""
    made = ET.Element(tag, attributes)
    for part in content:
        if isinstance(part, str):
            made.text = part
        else:
            made.append(part)
    return made


def written(root: ET.Element) -> str:
    """Write an element as libvirt takes it."""
    return ET.tostring(root, encoding="unicode")


def parsed(xml: str) -> ET.Element:
    """Read what libvirt wrote: it parsed and formatted all of it itself, entities included."""
    return ET.fromstring(xml)  # noqa: S314


def text_at(xml: str, path: str) -> str:
    """Read the text of one element in what libvirt wrote; empty when it isn't there."""
    return parsed(xml).findtext(path, "")


def chipset(architecture: str) -> str | None:
    """Name the machine type asked for; None leaves it to libvirt."""
    return "q35" if architecture == "x86_64" else None


def domain_name(machine: str) -> str:
    """Name a machine's domain."""
    return f"mulligan-{machine}"


def domain_xml(request: StartMachine, machinery: Machinery, console: Path | None) -> str:
    """Lay a machine out as a domain (libvirt.org/formatdomain.html)."""
    root = element(
        "domain",
        element("name", domain_name(request.machine)),
        element("uuid", request.machine),
        element("title", "".join(c if c.isprintable() else " " for c in request.title)),
        element("metadata", _metadata(request)),
        element("memory", str(request.memory_mib), unit="MiB"),
        element("vcpu", str(request.vcpus)),
        _operating_system(machinery),
        element("features", element("acpi")),
        element("clock", offset="utc"),
        element("on_poweroff", "destroy"),
        element("on_reboot", "restart"),
        element("on_crash", "destroy"),
        _devices(request, console),
        type=machinery.virt,
    )
    if machinery.virt != "test":
        mode = "host-passthrough" if machinery.virt == "kvm" else "maximum"
        root.append(element("cpu", mode=mode))
    return written(root)


def pool_xml(name: str, folder: str) -> str:
    """Lay out a pool of files in a folder."""
    target = element("target", element("path", folder))
    return written(element("pool", element("name", name), target, type="dir"))


def volume_xml(name: str, size: int, disk_format: str, backing: ET.Element | None = None) -> str:
    """Lay out a volume. Raw ones are sparse; libvirt never looks into them for their format."""
    root = element(
        "volume",
        element("name", name),
        element("capacity", str(size), unit="bytes"),
        element("allocation", "0", unit="bytes"),
        element("target", element("format", type=disk_format)),
    )
    if backing is not None:
        root.append(backing)
    return written(root)


def backing_store(path: str, disk_format: str) -> ET.Element:
    """Name the volume on which another one stands."""
    return element("backingStore", element("path", path), element("format", type=disk_format))


def _metadata(request: StartMachine) -> ET.Element:
    return element(
        f"{{{METADATA_NAMESPACE}}}machine",
        id=request.machine,
        operation=request.operation,
        fence=str(request.fence),
    )


def _operating_system(machinery: Machinery) -> ET.Element:
    """Ask for UEFI without Secure Boot, whose keys an image of one's own isn't signed with."""
    kind = element("type", "hvm", arch=machinery.architecture)
    machine_type = chipset(machinery.architecture)
    if machine_type:
        kind.set("machine", machine_type)
    if not machinery.uefi:
        return element("os", kind)
    secure_boot = element("feature", enabled="no", name="secure-boot")
    return element("os", kind, element("firmware", secure_boot), firmware="efi")


def _devices(request: StartMachine, console: Path | None) -> ET.Element:
    pool, volumes = request.access.pool, request.volumes
    devices = element(
        "devices",
        element(
            "disk",
            element("driver", name="qemu", type="qcow2", discard="unmap"),
            element("source", pool=pool, volume=volumes.root_volume),
            element("target", dev="vda", bus="virtio"),
            element("boot", order="1"),
            type="volume",
            device="disk",
        ),
        element(
            "disk",
            element("driver", name="qemu", type="raw"),
            element("source", pool=pool, volume=volumes.config_volume),
            # A disk: the cloud kernel of Debian has no driver for SATA, and virtio it needs anyway.
            element("target", dev="vdb", bus="virtio"),
            element("readonly"),
            type="volume",
            device="disk",
        ),
        element("rng", element("backend", "/dev/urandom", model="random"), model="virtio"),
        _serial(console),
    )
    devices.extend(_interface(nic.mac, nic.host_bridge) for nic in request.nics)
    return devices


def _serial(console: Path | None) -> ET.Element:
    if console is None:
        return element("serial", type="pty")
    return element("serial", element("source", path=str(console), append="on"), type="file")


def _interface(mac: str, bridge: str) -> ET.Element:
    """Lay out a NIC; no ROM: machines boot from their disk, and looking for PXE takes its time."""
    parts = [element("mac", address=mac), element("model", type="virtio")]
    if bridge:
        parts.append(element("source", bridge=bridge))
    parts.append(element("rom", enabled="no"))
    return element("interface", *parts, type="bridge" if bridge else "user")
