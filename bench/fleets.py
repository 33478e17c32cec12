"""The fleets that claims are measured on, the same for Mulligan and its peers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

_FLEETS = UUID("0b8f0a5e-5d8b-4f0e-9a55-62656e636821")

ZONES = 20
AVX, SSD, GPU = "CUSTOM_AVX512", "CUSTOM_SSD", "CUSTOM_GPU_A100"
CAPABILITIES = (AVX, SSD, GPU)
HOST = {"VCPU": 64, "MEMORY": 262_144, "DISK": 4_000}
SMALL = {"VCPU": 1, "MEMORY": 1_024, "DISK": 10}
"""What a claim asks for; a host holds 256 of them."""

RATIO = 4.0
"""How many VCPU are handed out for one that is there."""


@dataclass(frozen=True)
class Member:
    """A provider: what it has, what it can do, in which zone and under which other it is."""

    name: str
    amounts: Mapping[str, int]
    capabilities: tuple[str, ...] = ()
    zone: int | None = None
    parent: str = ""

    @property
    def id(self) -> str:
        """UUID."""
        return provider_id(self.name)

    def ratio(self, resource_type: str) -> float:
        """Its allocation ratio of a resource type."""
        return RATIO if resource_type == "VCPU" and self.zone is not None else 1.0


@dataclass(frozen=True)
class Wish:
    """What is asked of one provider: amounts, capabilities, in which zone it is, or its name."""

    amounts: Mapping[str, int]
    require: tuple[str, ...] = ()
    zone: int | None = None
    forbid: tuple[str, ...] = ()
    provider: str = ""


Wishes = Mapping[str, Wish]
"""By name, all of one tree; where there are several one provider is above the others."""


def provider_id(name: str) -> str:
    """The UUID of a provider by its name."""
    return str(uuid5(_FLEETS, name))


def zone_name(zone: int) -> str:
    """The name of a group of providers."""
    return f"zone-{zone}"


def hosts(first: int, last: int) -> Iterator[Member]:
    """Hosts with numbers from first to before last: a zone each, half with AVX, a fifth with SSD.

    A larger fleet has the same mixture, so there is more of everything that a request may find.
    """
    for number in range(first, last):
        round_ = number // ZONES
        capabilities = [AVX] * (round_ % 2 == 0) + [SSD] * (round_ % 5 < 3)
        yield Member(f"host-{number}", HOST, tuple(capabilities), number % ZONES)


def hot_host(name: str, capacity: int) -> Member:
    """One provider that everybody wants: so many may have one unit each."""
    return Member(name, {"VCPU": capacity})


def hot_claim(name: str) -> Wishes:
    """One unit of that provider."""
    return {"": Wish({"VCPU": 1}, provider=name)}


def trees(count: int) -> Iterator[Member]:
    """Trees of seven: a host, two cells with CPUs below it, and two GPUs below each cell.

    In every second tree the GPUs are those that are asked for.
    """
    for number in range(count):
        top = f"tree-{number}"
        yield Member(top, {"MEMORY": 262_144})
        can = (GPU,) if number % 2 else ()
        for cell in range(2):
            name = f"{top}-cell-{cell}"
            yield Member(name, {"VCPU": 32}, (AVX,), None, top)
            for gpu in range(2):
                yield Member(f"{name}-gpu-{gpu}", {"VGPU": 16}, can, None, name)


CLAIM: Wishes = {"": Wish(SMALL)}
TREE_CLAIM: Wishes = {"cell": Wish({"VCPU": 1}, (AVX,)), "gpu": Wish({"VGPU": 1}, (GPU,))}
SEARCHES: tuple[Wishes, ...] = tuple(
    {"": Wish(SMALL, require, zone, forbid)}
    for zone in range(ZONES)
    for require, forbid in (((AVX,), ()), ((AVX, SSD), ()), ((SSD,), (AVX,)))
)
"""Requests with capabilities in a zone; of a thousand hosts each fits ten or more."""
