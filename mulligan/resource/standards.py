"""The names that come with Mulligan."""

from datetime import UTC, datetime
from typing import Any

from mulligan.resource.tables import (
    CapabilityNameRow,
    DistanceTypeRow,
    ProviderTypeRow,
    ResourceTypeRow,
)

SINCE = datetime(2026, 1, 1, tzinfo=UTC)

MANAGED_TYPES = ("server", "host")
"""Types of providers that are kept by control: made, filled, offered and deleted by it."""

PROVIDER_TYPES = {
    "server": "hardware with a BMC",
    "host": "a hypervisor",
}
RESOURCE_TYPES = {
    "SERVER": "whole servers",
    "VCPU": "virtual CPUs",
    "PCPU": "CPUs of one's own",
    "MEMORY_MIB": "memory",
    "DISK_GIB": "disk space",
    "IPV4_ADDRESS": "IPv4 addresses",
    "IPV6_ADDRESS": "IPv6 addresses",
    "PCI_DEVICE": "PCI devices passed through",
    "GPU": "graphics processors",
    "VGPU": "virtual graphics processors",
    "SRIOV_FUNCTION": "virtual functions of NICs",
    "BANDWIDTH_KBPS": "network bandwidth",
}
CAPABILITIES = {
    "arch:x86_64": "runs x86-64 code",
    "arch:aarch64": "runs 64-bit ARM code",
    "firmware:uefi": "boots by UEFI",
    "firmware:bios": "boots by BIOS",
    "virt:kvm": "runs virtual machines with KVM",
    "virt:qemu": "runs virtual machines by emulation",
    "storage:nvme": "has NVMe disks",
    "storage:ssd": "has solid-state disks",
    "network:sriov": "offers virtual functions of NICs",
}

DISTANCE_TYPES = {"location": ["machine", "rack", "row", "site"]}


def standard_rows() -> dict[Any, list[dict[str, Any]]]:
    """Give the rows of each table of names."""
    return {
        ProviderTypeRow: [
            {**row, "cleaning_margin_s": 0, "generation": 1} for row in _rows(PROVIDER_TYPES)
        ],
        ResourceTypeRow: _rows(RESOURCE_TYPES),
        CapabilityNameRow: _rows(CAPABILITIES),
        DistanceTypeRow: [
            {**row, "codes": DISTANCE_TYPES[row["name"]]}
            for row in _rows(dict.fromkeys(DISTANCE_TYPES, "where things stand"))
        ],
    }


def _rows(names: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "description": words, "standard": True, "created_at": SINCE}
        for name, words in names.items()
    ]
