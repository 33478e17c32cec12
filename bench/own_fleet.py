"""A fleet in Mulligan, and clients who ask for what it has through gRPC."""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from bench.asking import Ask
from bench.fleets import CAPABILITIES, Member, Wishes, provider_id, zone_name
from bench.site import Site
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

TYPE = "bench"
TYPES = {"MEMORY": "MEMORY_MIB", "DISK": "DISK_GIB"}
"""Our names of what the fleets have; of the others the name is the same."""

PER_CALL = 10_000
PROPOSED = 10
LOAD_LIMIT_S = 300


@dataclass(frozen=True)
class Region:
    """A region with a fleet, and how it is reached."""

    address: str
    password: str
    project: str
    region: str
    zones: dict[int, str] = field(default_factory=dict)

    def client(self) -> Client:
        """Sign in as the administrator, with a connection of its own."""
        client = Client(self.address)
        client.log_in("admin", self.password)
        return client

    def load(self, members: Iterable[Member]) -> float:
        """Make providers, up to 10,000 a call, and put them into their zones.

        A zone must be new, or is filled up. Gives how long it took (s).
        """
        given = list(members)
        started = time.monotonic()
        with self.client() as client:
            for start in range(0, len(given), PER_CALL):
                some = given[start : start + PER_CALL]
                client.resource.CreateProviders(
                    pb.CreateProvidersRequest(region=self.region, providers=map(_provider, some)),
                    timeout=LOAD_LIMIT_S,
                )
            in_zone = defaultdict[int, list[str]](list)
            for one in given:
                if one.zone is not None:
                    in_zone[one.zone].append(one.id)
            for zone, ids in in_zone.items():
                self._fill(client, zone, ids)
        return time.monotonic() - started

    def _fill(self, client: Client, zone: int, ids: list[str]) -> None:
        if zone in self.zones:
            more = pb.MembersChange(add=ids)
            request = pb.UpdateGroupRequest(id=self.zones[zone], members=more)
            request.update_mask.paths.append("members")
            client.resource.UpdateGroup(request)
            return
        made = client.resource.CreateGroup(
            pb.CreateGroupRequest(name=zone_name(zone), region=self.region, members=ids)
        )
        self.zones[zone] = made.metadata.id

    def spec(self, wishes: Wishes) -> pb.ClaimSpec:
        """Say in our words what is asked for."""
        groups = [
            pb.RequestGroup(
                name=name,
                amounts=[
                    common_pb2.Amount(resource_type=TYPES.get(kind, kind), amount=amount)
                    for kind, amount in wish.amounts.items()
                ],
                capabilities=pb.NameDemand(require=wish.require, forbid=wish.forbid),
                groups=pb.NameDemand(require=[] if wish.zone is None else [self.zones[wish.zone]]),
                provider=provider_id(wish.provider) if wish.provider else "",
            )
            for name, wish in wishes.items()
        ]
        subtrees = [pb.Subtree(group_names=list(wishes))] if len(wishes) > 1 else []
        return pb.ClaimSpec(
            region=self.region,
            groups=groups,
            same_subtree=subtrees,
            placement=common_pb2.PLACEMENT_SPREAD,
        )


def region_of(site: Site, name: str) -> Region:
    """Make a region of a site, and what is needed to fill it."""
    made = site.client.iam.CreateRegion(iam_pb2.CreateRegionRequest(name=name))
    return Region(site.up.argument("--listen"), site.password, site.project, made.metadata.id)


def register_names(client: Client) -> None:
    """Register the kind of provider and the capabilities of the fleets."""
    client.resource.CreateProviderType(pb.CreateProviderTypeRequest(name=TYPE))
    for name in CAPABILITIES:
        client.resource.CreateCapability(pb.CreateCapabilityRequest(name=name))


def _provider(one: Member) -> pb.NewProvider:
    inventories = [
        pb.Inventory(
            resource_type=TYPES.get(kind, kind), total=total, allocation_ratio=one.ratio(kind)
        )
        for kind, total in one.amounts.items()
    ]
    return pb.NewProvider(
        id=one.id,
        name=one.name,
        type=TYPE,
        parent=provider_id(one.parent) if one.parent else "",
        inventories=inventories,
        capabilities=one.capabilities,
    )


@dataclass(frozen=True)
class Claims:
    """Clients who claim."""

    region: Region
    wishes: Wishes

    def __call__(self, _: int) -> Ask:
        """Connect one."""
        client = self.region.client()
        request = pb.CreateClaimRequest(
            project=self.region.project, spec=self.region.spec(self.wishes)
        )

        def ask(_: int) -> str:
            return claimed(client, request)

        return ask


@dataclass(frozen=True)
class Searches:
    """Clients who have ten candidates proposed."""

    region: Region
    wishes: tuple[Wishes, ...]

    def __call__(self, _: int) -> Ask:
        """Connect one."""
        client, project = self.region.client(), self.region.project
        requests = [
            pb.ProposeCandidatesRequest(project=project, spec=self.region.spec(one), limit=PROPOSED)
            for one in self.wishes
        ]

        def ask(number: int) -> str:
            found = list(client.resource.ProposeCandidates(requests[number % len(requests)]))
            return "" if len(found) == PROPOSED else f"{len(found)} candidates"

        return ask


@dataclass(frozen=True)
class Bookings:
    """Clients who reserve a server for some hours of the weeks after `first`."""

    region: Region
    first: datetime
    hours: int
    days: int

    def __call__(self, client_number: int) -> Ask:
        """Connect one."""
        client, random = self.region.client(), Random(client_number)
        spec = pb.ClaimSpec(
            region=self.region.region,
            amounts=[common_pb2.Amount(resource_type="SERVER", amount=1)],
            placement=common_pb2.PLACEMENT_SPREAD,
        )

        def ask(_: int) -> str:
            begins = self.first + timedelta(minutes=random.randrange(self.days * 24 * 60))
            spec.window.acquire_at.FromDatetime(begins)
            spec.window.release_at.FromDatetime(begins + timedelta(hours=self.hours))
            return claimed(client, pb.CreateClaimRequest(project=self.region.project, spec=spec))

        return ask


@dataclass(frozen=True)
class Openings:
    """Clients who ask when a server is free for some hours, from now on or from a later day."""

    region: Region
    hours: int
    days: int

    def __call__(self, _: int) -> Ask:
        """Connect one."""
        client = self.region.client()
        request = pb.FindOpeningsRequest(
            project=self.region.project,
            spec=pb.ClaimSpec(
                region=self.region.region,
                amounts=[common_pb2.Amount(resource_type="SERVER", amount=1)],
            ),
            limit=1,
        )
        request.length.FromTimedelta(timedelta(hours=self.hours))

        def ask(number: int) -> str:
            begins = datetime.now(UTC) + timedelta(days=number % self.days)
            request.spec.window.acquire_at.FromDatetime(begins)
            request.spec.window.release_at.FromDatetime(begins + timedelta(days=365))
            found = client.resource.FindOpenings(request).openings
            return "" if found else "no opening"

        return ask


def claimed(client: Client, request: pb.CreateClaimRequest) -> str:
    """Claim something; gives "", or the code of what it was refused with."""
    try:
        client.resource.CreateClaim(request)
    except MulliganCallError as error:
        return error.code
    return ""
