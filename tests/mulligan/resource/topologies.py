"""Real machines as trees, from the files of shared/topologies, into providers and back.

A thing is a kind, values, and parts in their order. In a provider whole numbers are properties,
words are capabilities of the form name:word, and a part's place among the others is a property.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import providers, registry
from mulligan.resource.provider_changes import NewProvider, create_providers
from mulligan.resource.providers import Provider
from mulligan.resource.tables import CapabilityNameRow, ProviderTypeRow, ResourceTypeRow
from mulligan.resource.values import Inventory
from mulligan.values.listing import Listing
from tests.mulligan.resource.fleet import START, new_id
from tests.mulligan.resource.traces import SHARED

TOPOLOGIES = SHARED / "topologies"
MIB, GIB = 2**20, 2**30
PLACE = "place"

HWLOC = """<topology version="3.0">
<object type="Machine" os_index="0" cpuset="0x00000001,,0x0000000f" allowed_cpuset="0x00000007">
 <info name="Backend" value="example"/>
 <object type="Package" os_index="0" cpuset="0x0000000f">
  <object type="NUMANode" os_index="0" cpuset="0x0000000f" local_memory="68556816384"/>
  <object type="L2Cache" cpuset="0x00000003" cache_size="1048576" depth="2">
   <object type="Core" os_index="8" cpuset="0x00000003">
    <object type="PU" os_index="0" cpuset="0x00000001"/>
    <object type="PU" os_index="1" cpuset="0x00000002"/>
   </object>
  </object>
  <object type="Core" os_index="9" cpuset="0x0000000c">
   <object type="PU" os_index="2" cpuset="0x00000004"/>
   <object type="PU" os_index="3" cpuset="0x00000008"/>
  </object>
  <object type="Bridge" bridge_type="0-1" bridge_pci="0000:[00-0a]">
   <object type="PCIDev" pci_busid="0000:04:00.0" pci_type="0302 [10de:15f9] [10de:11a5] a1">
    <object type="OSDev" name="card1" subtype="" osdev_type="1"/>
   </object>
  </object>
 </object>
</object>
</topology>
"""
GRID5000: dict[str, Any] = {
    "site": "here",
    "cluster": "few",
    "nodes": [
        {
            "uid": f"few-{number}",
            "architecture": {
                "nb_procs": 2, "nb_cores": 16, "nb_threads": 32, "platform_type": "x86_64",
            },
            "main_memory": {"ram_size": 64 * GIB, "pmem_size": 128 * GIB},
            "gpu_devices": {
                "nvidia0": {"model": "Tesla P100 (16GB)", "memory": 16_280_000_000,
                            "cpu_affinity": 1},
            },
            "storage_devices": [
                {"device": "sda", "size": 240_057_409_536, "storage": "SSD", "interface": "SATA"},
            ],
            "network_adapters": [
                {"device": "eth0", "rate": 10**10, "interface": "Ethernet", "management": False,
                 "mountable": True, "switch": f"sw-{number % 2}", "switch_port": "Port 1/1:2"},
                {"device": "bmc", "interface": "Ethernet", "management": True, "mountable": False},
            ],
            "chassis": {"manufacturer": "Dell Inc.", "name": "PowerEdge C6420"},
            "bios": {"vendor": "Dell Inc.", "version": "2.5.4"},
            "processor": {"model": "Intel Xeon", "cache_l1": None, "cache_l3": 23_068_672},
            "supported_job_types": {"queues": ["default", "admin"], "max_walltime": 0},
        }
        for number in range(4)
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """A part of a machine, or a whole one."""

    kind: str
    values: Mapping[str, int | str]
    parts: tuple["Thing", ...] = ()

    def walk(self) -> Iterator["Thing"]:
        yield self
        for part in self.parts:
            yield from part.walk()


# --- hwloc: nested objects, whatever their types are


def hwloc_machine(text: str) -> Thing:
    [machine] = ET.fromstring(text).findall("object")
    return _hwloc_object(machine)


def _hwloc_object(element: ET.Element) -> Thing:
    values: dict[str, int | str] = {}
    for name, value in element.attrib.items():
        if name.endswith(("cpuset", "nodeset")):
            values |= _mask(name, value)
        elif name != "type":
            values[name] = int(value) if value.isdecimal() else value
    parts = tuple(map(_hwloc_object, element.findall("object")))
    return Thing(element.attrib["type"].lower(), values, parts)


def _mask(name: str, value: str) -> dict[str, int]:
    """A bit mask, as hwloc writes it: words of 32 bits, the highest first, empty for none."""
    words = value.split(",")[::-1]
    return {f"{name}.{at}": int(word or "0", 16) for at, word in enumerate(words)}


def bits(thing: Thing, name: str) -> int:
    """A bit mask as one number."""
    words = (key for key in thing.values if key.startswith(f"{name}."))
    return sum(int(thing.values[key]) << 32 * int(key.rpartition(".")[2]) for key in words)


def hwloc_stock(machine: Thing) -> dict[int, list[Inventory]]:
    """What parts have, by identity: a CPU that is not allowed is there and never handed out."""
    allowed, found = bits(machine, "allowed_cpuset"), {}
    for part in machine.walk():
        if part.kind == "pu":
            banned = 0 if bits(part, "cpuset") & allowed else 1
            found[id(part)] = [Inventory("VCPU", 1, reserved=banned)]
        elif part.kind == "numanode":
            memory = int(part.values.get("local_memory", 0))
            found[id(part)] = [Inventory("MEMORY_MIB", memory // MIB)]
        elif part.kind == "pcidev":
            found[id(part)] = [Inventory("PCI_DEVICE", 1)]
    return found


# --- Grid'5000: a machine with sockets, cards at them, disks and NICs


def grid5000_machine(node: Mapping[str, Any]) -> Thing:
    """What the README names of a machine."""
    sockets = [
        Thing("socket", {"number": number}, tuple(_gpus(node, number)))
        for number in range(node["architecture"]["nb_procs"])
    ]
    disks = [
        Thing("disk", _values(disk, "device", "size", "storage", "interface"))
        for disk in node["storage_devices"]
    ]
    nics = [
        Thing(
            "nic" if nic["mountable"] else "nic-unused",
            _values(nic, "device", "rate", "interface", "management", "switch", "switch_port"),
        )
        for nic in node["network_adapters"]
    ]
    processor = {
        name: value
        for name, value in node["processor"].items()
        if name == "model" or name.startswith("cache_")
    }
    node = {**node, "processor": processor}
    values = _values(
        node, "uid", "architecture", "main_memory", "chassis", "bios", "processor",
        "supported_job_types",
    )  # fmt: skip
    return Thing("box", values, (*sockets, *disks, *nics))


def _gpus(node: Mapping[str, Any], socket: int) -> Iterator[Thing]:
    for name, gpu in node.get("gpu_devices", {}).items():
        if gpu["cpu_affinity"] == socket:
            yield Thing("gpu", {"name": name, **_values(gpu, "model", "memory", "cpu_affinity")})


def _values(record: Mapping[str, Any], *names: str) -> dict[str, int | str]:
    """Fields of a record, those of records in it by dotted names; lists of words numbered."""
    found: dict[str, int | str] = {}
    for name in names:
        value = record.get(name)
        if isinstance(value, list):
            value = {str(number): one for number, one in enumerate(value)}
        if isinstance(value, dict):
            found |= {f"{name}.{key}": v for key, v in _values(value, *value).items()}
        elif value is not None:
            found[name] = int(value) if isinstance(value, int) else str(value)
    return found


def grid5000_stock(machine: Thing) -> dict[int, list[Inventory]]:
    values = machine.values
    sockets = int(values["architecture.nb_procs"])
    found = {id(machine): [Inventory("MEMORY_MIB", int(values["main_memory.ram_size"]) // MIB)]}
    for part in machine.walk():
        if part.kind == "socket":
            cores = int(values["architecture.nb_cores"]) // sockets
            threads = int(values["architecture.nb_threads"]) // sockets
            found[id(part)] = [Inventory("PCPU", cores), Inventory("VCPU", threads)]
        elif part.kind == "gpu":
            found[id(part)] = [Inventory("GPU", 1)]
        elif part.kind == "disk":
            found[id(part)] = [Inventory("DISK_GIB", int(part.values["size"]) // GIB)]
        elif part.kind == "nic":
            rate = int(part.values.get("rate", 0)) // 1000
            found[id(part)] = [Inventory("BANDWIDTH_KBPS", rate)]
    return found


# --- into providers and back


def into_providers(
    database: Database, region: str, machines: Sequence[tuple[Thing, dict[int, list[Inventory]]]]
) -> list[str]:
    """Make trees of providers in one call; gives the ids of their tops."""
    new: list[NewProvider] = []
    tops = [_add(new, machine, stock, None, 0) for machine, stock in machines]

    def create(session: Session) -> None:
        for table, names in (
            (ProviderTypeRow, {one.type for one in new}),
            (CapabilityNameRow, {word for one in new for word in one.capabilities}),
            (ResourceTypeRow, {i.resource_type for one in new for i in one.inventories}),
        ):
            registry.adopt_names(session, table, names, START)
        create_providers(session, region, new, now=START)

    database.write(create)
    return tops


def _add(
    new: list[NewProvider], thing: Thing, stock: Mapping[int, list[Inventory]],
    parent: str | None, place: int,
) -> str:  # fmt: skip
    numbers = {name: value for name, value in thing.values.items() if isinstance(value, int)}
    words = [
        f"{name}:{_escaped(value)}"
        for name, value in thing.values.items()
        if isinstance(value, str)
    ]
    one = NewProvider(
        new_id(), thing.kind, parent=parent, inventories=stock.get(id(thing), ()),
        capabilities=words, properties={**numbers, PLACE: place},
    )  # fmt: skip
    new.append(one)
    for number, part in enumerate(thing.parts):
        _add(new, part, stock, one.id, number)
    return one.id


def _escaped(word: str) -> str:
    """A word in the letters that names may have."""
    return re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):02x}", word)


def _unescaped(word: str) -> str:
    return re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), word)


def read_tree(database: Database, top: str) -> tuple[Thing, dict[int, list[Inventory]]]:
    """A tree of providers as a thing again, and what its parts have."""
    rows: list[Provider] = []
    asked = Listing(limit=1000)
    while asked.after or not rows:
        page = database.read(partial(providers.list_providers, tree=top, listing=asked))
        rows, asked = [*rows, *page.items], replace(asked, after=page.end)
    below: dict[str | None, list[Provider]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: one.properties[PLACE]):
        below[row.parent].append(row)
    stock: dict[int, list[Inventory]] = {}

    def thing_of(row: Provider) -> Thing:
        values: dict[str, int | str] = {k: n for k, n in row.properties.items() if k != PLACE}
        for held in row.capabilities:
            name, _, word = held.partition(":")
            values[name] = _unescaped(word)
        thing = Thing(row.type, values, tuple(map(thing_of, below[row.id])))
        stock[id(thing)] = [one.inventory for one in row.inventories]
        return thing

    [machine] = map(thing_of, below[None])
    return machine, stock


def files(folder: str, ending: str, most_bytes: float = inf) -> list[Path]:
    found = sorted((TOPOLOGIES / folder).glob(f"*.{ending}"))
    return [path for path in found if path.stat().st_size <= most_bytes]


def cluster_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found
