"""Whose providers are: only an owner and what is below it uses them, and nobody is shut out."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.iam.tables import Project
from mulligan.resource import claims, providers, registry
from mulligan.resource.openings import find_openings
from mulligan.resource.provider_changes import NewProvider, ProviderChange, change_providers
from mulligan.resource.requests import ClaimRequest, RequestGroup
from mulligan.resource.reshape import AllocationMove, reshape_providers
from mulligan.resource.tables import ProviderTypeRow
from mulligan.resource.values import Inventory
from mulligan.values.amount import Amount
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    MulliganError,
    NoCapacityError,
)
from tests.mulligan.resource.fleet import START, Fleet, at, new_id, window
from tests.mulligan.resource.test_concurrency import meanwhile
from tests.mulligan.resource.test_groups import create as create_group

VCPU = [Inventory("VCPU", 4)]


class Family:
    """The owner, a project above it, one below it, and another one, with a fleet."""

    def __init__(self, database: Database) -> None:
        self.fleet = Fleet(database)
        self.above, self.owner, self.below, self.other = (new_id() for _ in range(4))

        def know(session: Session) -> None:
            parent = None
            for one in (self.above, self.owner, self.below):
                session.add(Project(id=one, parent=parent, created_at=START))
                parent = one
            session.add(Project(id=self.other, created_at=START))

        database.write(know)

    def users(self) -> set[str]:
        """Who of them gets four CPUs."""
        found = set()
        for one in (self.above, self.owner, self.below, self.other):
            try:
                self.fleet.propose(self.fleet.request(VCPU=4), project=one)
            except NoCapacityError:
                continue
            found.add(one)
        return found


@pytest.fixture
def family(database: Database) -> Family:
    return Family(database)


def changed(fleet: Fleet, provider: str, **change: Any) -> None:
    fleet.database.write(
        lambda s: change_providers(s, [ProviderChange(provider, **change)], now=fleet.now)
    )


def refusal(call: Any) -> Any:
    with pytest.raises(MulliganError) as refused:
        call()
    return refused.value


def test_only_the_owner_and_what_is_below_it_use_what_it_has(family: Family) -> None:
    top = family.fleet.rack(project=family.owner)
    family.fleet.rack(top, inventories=VCPU)
    assert family.users() == {family.owner, family.below}
    changed(family.fleet, top, project="")
    assert family.users() == {family.above, family.owner, family.below, family.other}
    changed(family.fleet, top, project=family.below)
    assert family.users() == {family.below}


def test_to_others_it_is_as_if_it_were_not_there(family: Family) -> None:
    fleet, request = family.fleet, family.fleet.request(VCPU=4)
    before = refusal(lambda: fleet.propose(request, project=family.other))
    top = fleet.rack(project=family.owner, inventories=VCPU)
    found = fleet.propose(request, project=family.owner)[0]
    for call in (
        lambda: fleet.propose(request, project=family.other),
        lambda: fleet.commit(request, project=family.other),
        lambda: fleet.database.read(
            lambda s: find_openings(s, request, None, project=family.other, now=fleet.now, limit=3)
        ),
    ):
        assert str(refusal(call)) == str(before)
    named = fleet.request(VCPU=4, provider=top)
    nobody = fleet.request(VCPU=4, provider=new_id())
    told = [refusal(lambda: fleet.commit(r, project=family.other)) for r in (named, nobody)]  # noqa: B023
    assert str(told[0]).replace(top, "it") == str(told[1]).replace(nobody.groups[0].provider, "it")
    chosen = refusal(lambda: fleet.commit(request, project=family.other, proposed=found))
    assert isinstance(chosen, NoCapacityError)


def test_what_is_in_use_does_not_show_through_when_it_would_be_free(family: Family) -> None:
    fleet = family.fleet
    fleet.rack(inventories=VCPU)
    fleet.rack(project=family.owner, inventories=[Inventory("VCPU", 8)])
    fleet.commit(fleet.request(window(0, 60), VCPU=8), project=family.owner)
    fleet.commit(fleet.request(window(0, 90), VCPU=4), project=family.other)
    told = refusal(lambda: fleet.propose(fleet.request(VCPU=4), project=family.other))
    assert "no capacity among 1 provider:" in told.message
    assert at(90).isoformat() in str(told.details)
    assert at(60).isoformat() not in str(told.details)


def disk_and_cpus(fleet: Fleet) -> ClaimRequest:
    """A request of two groups, which one tree fills with what is shared with it."""
    disk, cpus = Amount("DISK_GIB", 1), Amount("VCPU", 1)
    return fleet.ask(RequestGroup((disk,), name="disk"), RequestGroup((cpus,), name="cpu"))


def test_to_others_what_is_shared_does_not_meet_in_it(family: Family) -> None:
    fleet = family.fleet
    disk, cpus = fleet.rack(inventories=[Inventory("DISK_GIB", 9)]), fleet.rack(inventories=VCPU)
    request = disk_and_cpus(fleet)
    before = refusal(lambda: fleet.propose(request, project=family.other))
    mine = fleet.rack(project=family.owner)
    create_group(fleet, mine, sharing=(disk, cpus))
    [found] = fleet.propose(request, project=family.owner)
    assert found.tree == mine
    for stranger in (family.other, family.above):
        for call in (
            lambda: fleet.propose(request, project=stranger),  # noqa: B023
            lambda: fleet.commit(request, project=stranger),  # noqa: B023
            lambda: fleet.commit(request, project=stranger, proposed=found),  # noqa: B023
        ):
            assert isinstance(refusal(call), NoCapacityError)
    told = refusal(lambda: fleet.propose(request, project=family.other))
    assert (str(told), told.details) == (str(before), before.details)
    fleet.commit(request, project=family.below, proposed=found)


def test_others_are_not_told_how_many_trees_share_something(family: Family) -> None:
    fleet = family.fleet
    disk = fleet.rack(inventories=[Inventory("DISK_GIB", 9)])
    fleet.rack(inventories=VCPU)
    request = disk_and_cpus(fleet)
    before = refusal(lambda: fleet.propose(request, project=family.other))
    theirs = [fleet.rack(project=family.owner, inventories=VCPU) for _ in range(3)]
    create_group(fleet, *theirs, sharing=(disk,))
    assert fleet.propose(request, project=family.owner)
    told = refusal(lambda: fleet.propose(request, project=family.other))
    assert (str(told), told.details) == (str(before), before.details)


def test_an_owner_shuts_out_nobody_who_has_something(family: Family) -> None:
    fleet = family.fleet
    top = fleet.rack()
    leaf = fleet.rack(top, inventories=VCPU)
    mine = fleet.commit(fleet.request(VCPU=1), project=family.below)
    now = fleet.commit(fleet.request(VCPU=1), project=family.other)
    later = fleet.commit(fleet.request(window(60, 90), VCPU=1), project=family.above)
    told = refusal(lambda: changed(fleet, top, project=family.owner))
    assert (told.reason, told.details["claims"]) == ("USED_BY_OTHERS", "2")
    assert "2 claims of other projects" in told.message
    fleet.release(now)
    assert (
        "1 claim of other projects"
        in refusal(lambda: changed(fleet, top, project=family.owner)).message
    )
    fleet.release(later)
    changed(fleet, top, project=family.owner)
    assert fleet.read(mine).status.state == "confirmed"
    assert fleet.database.read(lambda s: providers.get_provider(s, leaf)).project == family.owner


def test_a_hold_counts_until_it_lapses(family: Family) -> None:
    fleet = family.fleet
    top = fleet.rack(inventories=VCPU)
    fleet.project = family.other
    hold = fleet.claim(hold_until=at(10), VCPU=1)
    assert refusal(lambda: changed(fleet, top, project=family.owner)).reason == "USED_BY_OTHERS"
    fleet.now = at(10)
    changed(fleet, top, project=family.owner)
    fleet.now = START  # a clock that is behind the one that took it for lapsed
    assert "took its place" in refusal(lambda: fleet.confirm(hold)).message


def test_a_claim_that_is_over_counts_no_more_and_a_machine_past_its_end_does(
    family: Family,
) -> None:
    fleet, kind = family.fleet, f"clean-{new_id()[:8]}"
    fleet.database.write(
        lambda s: registry.register(s, ProviderTypeRow, kind, now=START, cleaning_margin_s=300)
    )
    fleet.project = family.other
    for machine in (None, new_id()):
        fleet.now = START
        top = fleet.rack(kind=kind, inventories=VCPU)
        claim = fleet.claim(window(0, 10), consumer=machine, provider=top, VCPU=4)
        for now in (at(9), at(12)) if machine else (at(9),):
            fleet.now = now
            told = refusal(lambda: changed(fleet, top, project=family.owner))  # noqa: B023
            assert told.reason == "USED_BY_OTHERS"
        fleet.now = at(10)
        if machine:
            fleet.release(claim)
        changed(fleet, top, project=family.owner)


def test_the_top_of_a_tree_says_whose_it_is(family: Family) -> None:
    fleet = family.fleet
    top = fleet.rack()
    leaf = fleet.rack(top, inventories=VCPU)
    told = refusal(lambda: changed(fleet, leaf, project=family.owner))
    assert isinstance(told, InvalidArgumentError)
    assert (told.details["field"], "the top of its tree" in told.message) == ("project", True)
    generation = fleet.database.read(lambda s: providers.get_provider(s, leaf)).generation
    changed(fleet, leaf, project="")
    changed(fleet, top, project=family.owner)
    for another in ("", family.below):
        assert isinstance(
            refusal(lambda: changed(fleet, leaf, project=another)),  # noqa: B023
            InvalidArgumentError,
        )
    changed(fleet, leaf, project=family.owner)
    assert not fleet.database.write(lambda s: providers.set_owner(s, leaf, family.owner))
    after = fleet.database.read(lambda s: providers.get_provider(s, leaf))
    assert (after.project, after.generation) == (family.owner, generation)
    both = [ProviderChange(one, project=family.below) for one in (leaf, top)]
    fleet.database.write(lambda s: change_providers(s, both, now=fleet.now))
    assert owner_of(fleet, leaf) == family.below
    with pytest.raises(InvalidArgumentError, match="the top of its tree says whose it is"):
        NewProvider(new_id(), "rack", parent=top, project=family.owner)


def owner_of(fleet: Fleet, provider: str) -> str | None:
    return fleet.database.read(lambda s: providers.get_provider(s, provider)).project


def test_who_moves_is_of_the_tree_in_which_it_is(family: Family) -> None:
    fleet = family.fleet
    mine, open_to_all = fleet.rack(project=family.owner), fleet.rack()
    leaf = fleet.rack(mine, inventories=VCPU)
    changed(fleet, leaf, under="")
    assert owner_of(fleet, leaf) == family.owner
    told = refusal(lambda: changed(fleet, leaf, under=open_to_all))
    assert isinstance(told, FailedPreconditionError)
    assert told.details["field"] == "under"
    changed(fleet, leaf, under=mine)
    changed(fleet, leaf, under=open_to_all)
    assert owner_of(fleet, leaf) is None
    used = fleet.commit(fleet.request(VCPU=1), project=family.other)
    told = refusal(lambda: changed(fleet, leaf, under=mine))
    assert told.reason == "USED_BY_OTHERS"
    fleet.release(used)
    changed(fleet, leaf, under=mine)
    assert family.users() == {family.owner, family.below}


@pytest.mark.parametrize("top_first", [False, True])
def test_who_moves_under_what_becomes_a_top_is_judged_by_that(
    family: Family, top_first: bool
) -> None:
    fleet = family.fleet

    def move(card: str, new_top: str) -> None:
        moves = [ProviderChange(card, under=new_top), ProviderChange(new_top, under="")]
        both = moves[::-1] if top_first else moves
        fleet.database.write(lambda s: change_providers(s, both, now=fleet.now))

    top = fleet.rack(project=family.owner)
    shelf, card = fleet.rack(top), fleet.rack(inventories=VCPU)
    used = fleet.commit(fleet.request(VCPU=1), project=family.other)
    told = refusal(lambda: move(card, shelf))
    assert told.reason == "USED_BY_OTHERS"
    assert (owner_of(fleet, shelf), owner_of(fleet, card)) == (family.owner, None)
    fleet.release(used)
    move(card, shelf)
    assert owner_of(fleet, shelf) == owner_of(fleet, card) == family.owner
    changed(fleet, shelf, under=top)
    mine = fleet.rack(project=family.owner)
    move(mine, shelf)
    assert owner_of(fleet, shelf) == owner_of(fleet, mine) == family.owner
    changed(fleet, shelf, project="")
    assert owner_of(fleet, mine) is None


def test_a_server_is_given_by_its_own_command(family: Family) -> None:
    server = family.fleet.add_with([Inventory("SERVER", 1)], kind="server")
    told = refusal(lambda: changed(family.fleet, server, project=family.owner))
    assert "mulligan server" in told.message


def test_what_moves_within_a_tree_may_be_of_who_is_below_its_owner(family: Family) -> None:
    fleet = family.fleet
    top = fleet.rack(project=family.owner, inventories=VCPU)
    card = fleet.rack(top, inventories=VCPU)
    claim = fleet.commit(fleet.request(VCPU=1, provider=card), project=family.below)
    moves = [AllocationMove("VCPU", card, top, [claim.id])]
    fleet.database.write(lambda s: reshape_providers(s, [], moves, now=fleet.now))
    assert fleet.usage(top, window(0, 1)) == {"VCPU": 1}


@pytest.mark.parametrize("is_below", [False, True])
def test_of_a_claim_and_a_new_owner_the_second_gives_way(
    postgresql_database: Database, is_below: bool
) -> None:
    family = Family(postgresql_database)
    fleet = family.fleet

    def give(session: Session, top: str) -> None:
        new = [ProviderChange(top, project=family.owner)]
        change_providers(session, new, now=fleet.now)

    def take(session: Session, provider: str) -> None:
        request = fleet.request(VCPU=1, provider=provider)
        claims.commit_claim(
            session, claim_id=new_id(), project=family.other, request=request, now=fleet.now
        )

    tops = [fleet.rack(inventories=VCPU) for _ in range(2)]
    leaves = [fleet.rack(top, inventories=VCPU) if is_below else top for top in tops]
    gives = [partial(give, top=top) for top in tops]
    takes = [partial(take, provider=leaf) for leaf in leaves]
    told = meanwhile(postgresql_database, takes[0], gives[0])
    assert told.reason == "USED_BY_OTHERS"
    assert owner_of(fleet, leaves[0]) is None
    assert isinstance(meanwhile(postgresql_database, gives[1], takes[1]), NoCapacityError)
    assert owner_of(fleet, leaves[1]) == family.owner
