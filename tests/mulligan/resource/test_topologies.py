"""Real machines become provider trees, and back without loss."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import choice, distances, groups, providers
from mulligan.resource.demands import Near
from mulligan.resource.distances import Pair
from mulligan.resource.groups import GroupChange, MembersChange
from mulligan.resource.requests import RequestGroup
from mulligan.resource.values import Placement
from mulligan.values.amount import Amount
from mulligan.values.listing import Listing
from tests.mulligan.resource import topologies
from tests.mulligan.resource.fleet import Fleet, new_id, window
from tests.mulligan.resource.topologies import GIB, Thing

COUNTS = {
    "16em64t-4s2c2t-offlines": (4, 1, 6, 7),
    "16intel64-manyVFs": (2, 2, 16, 16),
    "192em64t-12gr2n8c2t": (24, 24, 192, 384),
    "32em64t-2n8c+dax+nvme+mic+dimms": (2, 2, 16, 16),
    "40intel64-2g2n4c+pcilocality": (4, 4, 40, 40),
    "64intel64-heteromem": (1, 8, 16, 64),
    "96em64t-4n4d3ca2co-pci": (16, 4, 96, 96),
    "AMD-19h-Zen4-2xEpyc-9654": (2, 1, 192, 384),
    "Intel-IvyBridge-12xXeon-E5-4620v2": (12, 1, 96, 192),
    "Intel-RaptorLake-Corei7-1370P": (1, 1, 14, 20),
    "irregulargroups-disallowed": (8, 8, 64, 64),
    "nvidia-dgx-gb10": (1, 1, 20, 20),
    "nvidiaDGX2": (2, 2, 4, 4),
    "power8gpudistances": (2, 2, 8, 16),
    "cxlmem+dax.v3": (1, 1, 4, 4),
    "example": (1, 1, 2, 4),
}
"""Sockets, NUMA nodes, cores and CPUs; of others the README gives ranges only."""

ALLOWED = {"irregulargroups-disallowed": 16, "example": 3}
"""How many CPUs may be used where not all may."""

SHAPES = {
    "nancy-gros": (20, 1, 18, 36, 96), "grenoble-dahu": (20, 2, 32, 64, 192),
    "nantes-ecotype": (20, 2, 20, 40, 128), "lille-chifflot": (8, 2, 24, 48, 192),
    "lille-chiclet": (8, 2, 32, 64, 128), "nancy-graffiti": (13, 2, 16, 32, 128),
    "nancy-grue": (5, 2, 32, 64, 128), "nancy-grimani": (6, 2, 12, 12, 64),
    "grenoble-yeti": (4, 4, 64, 128, 768), "grenoble-troll": (4, 2, 32, 64, 384),
    "lyon-pyxis": (4, 2, 64, 256, 256), "sophia-uvb": (12, 2, 12, 24, 96),
    "lyon-sagittaire": (12, 2, 2, 2, 2), "here-few": (4, 2, 16, 32, 64),
}  # fmt: skip
"""Machines, and of most of them sockets, cores, threads and GiB of RAM."""

GPUS = {"lille-chifflot": 16, "nancy-graffiti": 52, "nancy-grue": 20, "nancy-grimani": 12} | {
    "here-few": 4
}


def assert_same(database: Database, top: str, machine: Thing, stock: Mapping[int, Any]) -> Thing:
    """What was read back is what was read, with what each part has."""
    back, has = topologies.read_tree(database, top)
    assert back == machine
    for one, other in zip(machine.walk(), back.walk(), strict=True):
        assert has[id(other)] == sorted(stock.get(id(one), []), key=lambda i: i.resource_type)
    return back


ALL = bool(os.environ.get("MULLIGAN_ALL_TOPOLOGIES"))
"""The few large machines and clusters too, which `make replay` reads."""

HWLOC_FILES = [
    pytest.param(None, id="example"),
    *(
        pytest.param(path, id=path.stem)
        for path in topologies.files("hwloc", "xml", inf if ALL else 60_000)
    ),
]


@pytest.mark.parametrize("path", HWLOC_FILES)
def test_what_hwloc_sees_becomes_a_tree_and_back(
    sqlite_database: Database, path: Path | None
) -> None:
    machine = topologies.hwloc_machine(path.read_text() if path else topologies.HWLOC)
    stock = topologies.hwloc_stock(machine)
    [top] = topologies.into_providers(sqlite_database, new_id(), [(machine, stock)])
    back = assert_same(sqlite_database, top, machine, stock)
    kinds = Counter(part.kind for part in back.walk())
    name = path.stem if path else "example"
    counts = tuple(kinds[kind] for kind in ("package", "numanode", "core", "pu"))
    assert counts == COUNTS.get(name, counts)
    cpus = [one for some in stock.values() for one in some if one.resource_type == "VCPU"]
    assert sum(one.capacity for one in cpus) == ALLOWED.get(name, kinds["pu"])


def test_what_is_read_of_hwloc_is_what_it_wrote() -> None:
    machine = topologies.hwloc_machine(topologies.HWLOC)
    [package] = machine.parts
    numa, cache, core, bridge = package.parts
    assert topologies.bits(machine, "cpuset") == 0x1_0000_0000_0000_000F
    assert topologies.bits(cache, "cpuset") == 0b11
    assert (numa.kind, numa.values["local_memory"]) == ("numanode", 68556816384)
    assert cache.values["cache_size"] == 1048576
    assert [part.values["os_index"] for part in core.parts] == [2, 3]
    [device] = bridge.parts
    assert device.values["pci_type"] == "0302 [10de:15f9] [10de:11a5] a1"
    assert device.parts[0].values["name"] == "card1"


def test_an_allowed_cpu_and_memory_of_a_machine_are_claimed(sqlite_database: Database) -> None:
    fleet = Fleet(sqlite_database)
    machine = topologies.hwloc_machine(topologies.HWLOC)
    stock = topologies.hwloc_stock(machine)
    topologies.into_providers(sqlite_database, fleet.region, [(machine, stock)])
    amounts = (Amount("VCPU", 1), Amount("MEMORY_MIB", 1024))
    wanted = fleet.ask(RequestGroup(amounts, across_tree=True), when=window(0, 10))
    assert len(fleet.propose(wanted)) == 3


SOME = [
    cluster
    for cluster in map(topologies.cluster_of, topologies.files("grid5000", "json"))
    if ALL or len(cluster["nodes"]) <= 8
]
CLUSTERS = [
    pytest.param([topologies.GRID5000], id="example"),
    *([pytest.param(SOME, id="grid5000")] if SOME else []),
]


@pytest.mark.parametrize("clusters", CLUSTERS)
def test_clusters_become_trees_groups_and_distances_and_back(
    sqlite_database: Database, clusters: list[dict[str, Any]]
) -> None:
    site = Site(sqlite_database)
    for cluster in clusters:
        machines = [topologies.grid5000_machine(node) for node in cluster["nodes"]]
        both = [(one, topologies.grid5000_stock(one)) for one in machines]
        tops = topologies.into_providers(sqlite_database, site.fleet.region, both)
        site.add(cluster, dict(zip(tops, machines, strict=True)))
        backs = [
            assert_same(sqlite_database, top, *one) for top, one in zip(tops, both, strict=True)
        ]
        assert_shapes(f"{cluster['site']}-{cluster['cluster']}", backs)
    site.say()
    site.check()


def assert_shapes(name: str, machines: list[Thing]) -> None:
    """What the README says of a cluster holds of the providers that were read back."""
    shapes = Counter(
        (
            sum(part.kind == "socket" for part in one.parts),
            one.values["architecture.nb_cores"],
            one.values["architecture.nb_threads"],
            int(one.values["main_memory.ram_size"]) // GIB,
        )
        for one in machines
    )
    [(most, _)] = shapes.most_common(1)
    assert (len(machines), *most) == SHAPES[name]
    cards = [part for one in machines for part in one.walk() if part.kind == "gpu"]
    assert len(cards) == GPUS.get(name, 0)


class Site:
    """Clusters with their groups: of each site, cluster and switch; how far machines are apart."""

    CODES = ("switch", "cluster", "site")

    def __init__(self, database: Database) -> None:
        self.fleet = Fleet(database)
        self.members: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.groups: dict[tuple[str, str], str] = {}

    def add(self, cluster: dict[str, Any], machines: Mapping[str, Thing]) -> None:
        where = cluster["site"]
        for top, machine in machines.items():
            self.members["site", where].add(top)
            self.members["cluster", f"{where}-{cluster['cluster']}"].add(top)
            for part in machine.parts:
                if part.kind == "nic" and "switch" in part.values:
                    self.members["switch", f"{where}-{part.values['switch']}"].add(top)

    def say(self) -> None:
        """Make the groups, and say of each how far its members are apart."""
        self.groups = {what: new_id() for what in self.members}

        def write(session: Session) -> None:
            now = self.fleet.now
            distances.create_distance_type(session, "wiring", self.CODES, now=now)
            for what, group in self.groups.items():
                change = GroupChange(MembersChange(add=sorted(self.members[what])))
                groups.create_group(
                    session, id=group, region=self.fleet.region, change=change, now=now
                )
            said = {Pair(group, group): kind for (kind, _), group in self.groups.items()}
            distances.set_distances(session, "wiring", said, now=now)

        self.fleet.database.write(write)

    def check(self) -> None:
        """Read groups and distances back; have claims find the nearest first."""
        database = self.fleet.database
        for what, group in self.groups.items():
            found = database.read(
                partial(providers.list_providers, group=group, listing=Listing(limit=1000))
            )
            assert {one.id for one in found.items} == self.members[what]
        said = database.read(lambda s: distances.list_distances(s, type="wiring", limit=1000))
        assert {(one.pair.a, one.code) for one in said.items} == {
            (group, kind) for (kind, _), group in self.groups.items()
        }
        origin = min(self.members["switch", min(n for k, n in self.members if k == "switch")])
        memory = RequestGroup((Amount("MEMORY_MIB", 1024),))
        wanted = self.fleet.ask(
            memory, when=window(0, 10), placement=Placement.NEAREST, near=Near("wiring", origin)
        )
        nearest = database.read(
            lambda s: choice.propose(
                s, wanted, project=self.fleet.project, now=self.fleet.now, limit=1000
            )
        )
        steps = [self.steps(origin, one.allocations[0].provider) for one in nearest]
        machines = {top for what, tops in self.members.items() if what[0] == "site" for top in tops}
        assert len(steps) == len(machines)
        assert steps == sorted(steps)

    def steps(self, one: str, other: str) -> int:
        """How far two machines are apart: the first kind of group that has both."""
        shared = {kind for (kind, _), tops in self.members.items() if {one, other} <= tops}
        return min((self.CODES.index(kind) for kind in shared), default=len(self.CODES))


def test_a_gpu_and_cores_of_its_socket_are_claimed_together(sqlite_database: Database) -> None:
    fleet = Fleet(sqlite_database)
    machine = topologies.grid5000_machine(topologies.GRID5000["nodes"][0])
    stock = topologies.grid5000_stock(machine)
    topologies.into_providers(sqlite_database, fleet.region, [(machine, stock)])
    socket = RequestGroup((Amount("PCPU", 4),), "cores")
    card = RequestGroup((Amount("GPU", 1),), "card")
    near = fleet.ask(socket, card, when=window(0, 10), same_subtree=(("cores", "card"),))
    [found] = fleet.propose(near)
    _, second = (part for part in machine.parts if part.kind == "socket")
    assert second.parts[0].values["model"] == "Tesla P100 (16GB)"
    at = found.allocations[0].provider
    there = sqlite_database.read(lambda s: providers.get_provider(s, at))
    assert there.properties["number"] == 1
