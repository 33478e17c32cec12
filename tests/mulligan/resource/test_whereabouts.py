"""In which regions a request is met: below others, shown to its project, apart from something."""

from dataclasses import replace
from typing import Any

import pytest

from mulligan.database import Database
from mulligan.iam.regions import AS_ABOVE
from mulligan.iam.tables import Project, Region
from mulligan.resource import claim_sets
from mulligan.resource.claim_sets import ClaimChange, Move
from mulligan.resource.claims import Claim
from mulligan.resource.demands import DomainLimit
from mulligan.resource.network_values import NicWanted
from mulligan.resource.requests import ClaimRequest
from mulligan.values.errors import InvalidArgumentError, NoCapacityError
from mulligan.values.regions import DomainKind, RegionSpec, Visibility
from tests.mulligan.resource.fleet import START, Fleet, new_id

POWER = DomainKind.POWER
SHOWN: dict[str, Any] = {"visibility": Visibility.PROJECTS}
INTERNAL = RegionSpec(visibility=Visibility.INTERNAL)


class Land:
    """A top region that has feed-a, and what is below it; one project, below another one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.project, self.above = new_id(), new_id()
        for project, parent in ((self.above, None), (self.project, self.above)):
            self._add(Project(id=project, parent=parent, created_at=START))
        self.top = self.region(spec=feeds("feed-a"))

    def _add(self, row: Project | Region) -> None:
        self.database.write(lambda session: session.add(row))

    def region(self, parent: str | None = None, spec: RegionSpec = AS_ABOVE) -> str:
        region = new_id()
        self._add(Region(id=region, parent=parent, created_at=START, spec=spec))
        return region

    def end(self, region: str) -> None:
        self._set(region, "deleted_at", START)

    def say(self, region: str, spec: RegionSpec) -> None:
        self._set(region, "spec", spec)

    def _set(self, region: str, name: str, value: Any) -> None:
        self.database.write(lambda session: setattr(session.get_one(Region, region), name, value))

    def fleet(self, region: str) -> Fleet:
        return Fleet(self.database, region=region, project=self.project)

    def host(self, region: str, vcpus: int = 1) -> str:
        return self.fleet(region).add(VCPU=vcpus)

    def ask(self, *domains: DomainLimit, region: str = "", **options: Any) -> ClaimRequest:
        request = self.fleet(region or self.top).request(VCPU=1)
        return replace(request, **{"or_below": True, "domains": domains, **options})

    def regions_of(self, *domains: DomainLimit, region: str = "", **options: Any) -> set[str]:
        """In which regions candidates are, by a host each."""
        request = self.ask(*domains, region=region, **options)
        try:
            found = self.fleet(self.top).propose(request, limit=100)
        except NoCapacityError:
            return set()
        hosts = {one.parts[0].provider for one in found}
        return {region for region, host in self.hosts.items() if host in hosts}

    def populate(self, *regions: str) -> None:
        self.hosts = {region: self.host(region) for region in regions}

    def commit(self, request: ClaimRequest) -> Claim:
        return self.fleet(self.top).commit(request)


def feeds(*codes: str, **more: Any) -> RegionSpec:
    return RegionSpec({POWER: codes}, **more)


@pytest.fixture
def land(database: Database) -> Land:
    return Land(database)


def test_below_a_region_are_those_that_the_project_sees_and_that_have_not_ended(
    land: Land,
) -> None:
    room = land.region(land.top)
    rack = land.region(room)
    theirs = land.region(land.top, RegionSpec(visible_to=(land.above,), **SHOWN))
    others = land.region(land.top, RegionSpec(visible_to=(new_id(),), **SHOWN))
    internal = land.region(land.top, INTERNAL)
    inside = land.region(internal)
    ended = land.region(land.top)
    land.end(ended)
    land.populate(land.top, room, rack, theirs, others, internal, inside, ended, land.region())
    assert land.regions_of() == {land.top, room, rack, theirs}
    assert land.regions_of(or_below=False) == {land.top}
    assert land.regions_of(region=room) == {room, rack}
    assert land.regions_of(region=internal) == {internal, inside}


def test_a_region_has_its_own_domains_or_those_above_it_and_shares_by_code(land: Land) -> None:
    same = land.region(land.top)
    other = land.region(land.top, feeds("feed-b"))
    both = land.region(land.top, feeds("feed-a", "feed-b"))
    far = land.region(spec=feeds("feed-a"))
    unknown = land.region()
    land.populate(land.top, same, other, both)
    apart, together = DomainLimit(POWER, same), DomainLimit(POWER, same, same=True)
    assert land.regions_of(apart) == {other}
    assert land.regions_of(together) == {land.top, same, both}
    assert land.regions_of(together, DomainLimit(POWER, other)) == {land.top, same}
    assert land.regions_of(DomainLimit(POWER, far)) == {other}
    for limit in (DomainLimit(POWER, unknown), DomainLimit(DomainKind.COOLING, same)):
        assert land.regions_of(limit) == set()
        assert land.regions_of(replace(limit, same=True)) == set()
    assert land.regions_of(DomainLimit(POWER, land.hosts[other])) == {land.top, same}


def test_what_is_kept_apart_is_counted_and_names_codes_that_the_project_may_know(
    land: Land,
) -> None:
    hidden = land.region(spec=feeds("feed-a", visibility=Visibility.INTERNAL))
    land.populate(land.top, land.region(land.top))
    for origin, code in ((land.top, " feed-a"), (hidden, "")):
        with pytest.raises(NoCapacityError) as refused:
            land.commit(land.ask(DomainLimit(POWER, origin)))
        words = f"not in power domain{code} of region {origin}: 2 removed, 0 left"
        assert words in refused.value.message
    with pytest.raises(InvalidArgumentError, match="leave it out of the domains"):
        land.commit(land.ask(DomainLimit(POWER, new_id())))


def test_nothing_is_taken_in_a_region_that_was_deleted_nor_below_it(land: Land) -> None:
    land.host(land.region(land.top))
    land.end(land.top)
    with pytest.raises(InvalidArgumentError, match=f"region {land.top} is deleted"):
        land.commit(land.ask())


def test_what_is_in_regions_that_the_project_does_not_see_is_not_counted(land: Land) -> None:
    room, other = land.region(land.top), land.region()
    land.populate(
        land.top, room, other, land.region(land.top, INTERNAL), land.region(spec=INTERNAL)
    )
    for region, shown, left in ((land.top, 3, 2), (room, 3, 1)):
        with pytest.raises(NoCapacityError) as refused:
            land.commit(land.ask(DomainLimit(POWER, land.top), region=region))
        words = refused.value.message
        assert f"no capacity among {shown} providers" in words
        assert (
            f"in the region{' or below' * (left > 1)}: {shown - left} removed, {left} left" in words
        )


def test_a_claim_is_where_its_providers_are_and_moves_within_that_region(land: Land) -> None:
    room, other = land.region(land.top), land.region(land.top)
    land.host(room)
    claim = land.commit(land.ask())
    assert (claim.region, claim.request.region) == (room, land.top)
    better = land.host(room, 4)
    land.host(other, 8)

    def move(request: ClaimRequest) -> None:
        change = ClaimChange(claim.id, move=Move(request))
        land.database.write(
            lambda session: claim_sets.change_claims(
                session, [change], project=land.project, now=START
            )
        )

    move(land.ask())
    [part] = land.fleet(room).read(claim).allocations
    assert part.provider == better
    with pytest.raises(InvalidArgumentError, match="stays there"):
        move(land.ask(region=other))


def test_a_claim_that_moves_as_it_is_is_not_asked_again_what_it_is_apart_from(land: Land) -> None:
    room, other = land.region(land.top, feeds("feed-b")), land.region(spec=feeds("feed-a"))
    land.host(room)
    apart = land.ask(DomainLimit(POWER, other))
    claim = land.commit(apart)
    better = land.host(room, 4)
    land.say(room, feeds("feed-a"))
    land.end(other)

    def move(request: ClaimRequest | None) -> Claim:
        change = ClaimChange(claim.id, move=Move(request))
        [moved] = land.database.write(
            lambda session: claim_sets.change_claims(session, [change], now=START)
        )
        return moved

    moved = move(None)
    assert (moved.provider, moved.request) == (better, apart)
    with pytest.raises(InvalidArgumentError, match="there is no machine"):
        move(apart)


def test_a_network_of_a_region_that_the_project_does_not_see_is_not_there(land: Land) -> None:
    hidden = land.region(land.top, INTERNAL)
    land.host(hidden, 4)
    land.host(land.region(land.top))
    said = set()
    for network in (land.fleet(hidden).network(), new_id()):
        with pytest.raises(InvalidArgumentError) as refused:
            land.fleet(land.top).claim(VCPU=1, or_below=True, nics=[NicWanted(network)])
        said.add(refused.value.message.replace(network, "X"))
    assert len(said) == 1


def test_a_network_keeps_a_claim_in_its_region_or_below(land: Land) -> None:
    room, other = land.region(land.top), land.region(land.top)
    rack = land.region(room)
    land.host(other, 4)
    land.host(rack, 1)

    nics = {one: [NicWanted(land.fleet(one).network())] for one in (land.top, room, land.region())}
    claims = [
        land.fleet(land.top).claim(VCPU=1, or_below=True, nics=nics[one])
        for one in (room, land.top)
    ]
    assert [one.region for one in claims] == [rack, other]
    with pytest.raises(NoCapacityError):
        land.fleet(land.top).claim(VCPU=1, or_below=True, nics=nics[room])
    with pytest.raises(InvalidArgumentError, match="in the claim's region"):
        land.fleet(land.top).claim(VCPU=1, or_below=True, nics=[*nics.values()][-1])
