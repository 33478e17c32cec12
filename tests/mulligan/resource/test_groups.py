"""Groups: who is in them, who shares with them, and what changed since they were read."""

from typing import Any

import pytest

from mulligan import events
from mulligan.database import Database
from mulligan.resource import groups, provider_changes, providers
from mulligan.resource.groups import Group, GroupChange, MembersChange
from mulligan.values.errors import InvalidArgumentError, NotFoundError, StaleError
from mulligan.values.listing import Listing
from tests.mulligan.resource.fleet import Fleet, new_id

ACCOUNT = new_id()


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def create(fleet: Fleet, *members: str, sharing: tuple[str, ...] = ()) -> str:
    wanted = GroupChange(MembersChange(add=members), MembersChange(add=sharing))
    made = fleet.database.write(
        lambda s: groups.create_group(
            s, id=new_id(), region=fleet.region, change=wanted, now=fleet.now
        )
    )
    return made.id


def change(fleet: Fleet, group: str, generation: int = 0, **wanted: MembersChange) -> Group:
    return fleet.database.write(
        lambda s: groups.change_group(
            s,
            group,
            GroupChange(**wanted, name=None),
            generation=generation,
            author=ACCOUNT,
            now=fleet.now,
        )
    )


def delete(fleet: Fleet, group: str) -> None:
    fleet.database.write(lambda s: groups.delete_group(s, group, now=fleet.now))


def members(fleet: Fleet, group: str) -> set[str]:
    found = fleet.database.read(lambda s: providers.list_providers(s, group=group))
    return {one.id for one in found.items}


def test_providers_come_into_groups_and_leave_them(fleet: Fleet) -> None:
    one, two, host = fleet.rack(), fleet.rack(), fleet.add(VCPU=1)
    group = create(fleet, one, two)
    assert members(fleet, group) == {one, two}
    left = change(fleet, group, members=MembersChange(add=[host, one], remove=[two, new_id()]))
    assert (left.members, left.generation) == (2, 2)
    assert members(fleet, group) == {one, host}
    assert change(fleet, group, members=MembersChange(add=[one], remove=[two])).generation == 2
    change(fleet, group, members=MembersChange(replace=[two]))
    assert members(fleet, group) == {two}
    change(fleet, group, members=MembersChange(replace=[]))
    assert members(fleet, group) == set()


def test_a_provider_is_in_many_groups_and_shares_with_others(fleet: Fleet) -> None:
    pool, host = fleet.rack(), fleet.add(VCPU=1)
    first, second = create(fleet, host), create(fleet, host, sharing=(pool,))
    shown = {
        one.id: one for one in fleet.database.read(lambda s: providers.list_providers(s)).items
    }
    assert set(shown[host].groups) == {first, second}
    assert (shown[pool].groups, shown[pool].shares_with) == ((), (second,))
    found = fleet.database.read(lambda s: groups.get_group(s, second))
    assert (found.members, found.sharing) == (1, (pool,))
    assert change(fleet, second, sharing=MembersChange(replace=[])).sharing == ()
    of_host = fleet.database.read(
        lambda s: groups.list_groups(s, provider=host, listing=Listing(limit=1))
    )
    rest = fleet.database.read(
        lambda s: groups.list_groups(s, provider=host, listing=Listing(after=of_host.end))
    )
    assert {one.id for one in (*of_host.items, *rest.items)} == {first, second}


def test_a_stale_change_is_refused_with_what_changed_since(fleet: Fleet) -> None:
    one, two = fleet.rack(), fleet.rack()
    group = create(fleet, one)
    change(fleet, group, 1, members=MembersChange(add=[two]))
    with pytest.raises(StaleError) as caught:
        change(fleet, group, 1, members=MembersChange(replace=[]))
    assert f"group {group} is at generation 2, not 1" in caught.value.message
    assert "members: 1 added, 0 removed, 2 now" in caught.value.message
    assert ACCOUNT in caught.value.message
    assert members(fleet, group) == {one, two}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda other: MembersChange(add=[new_id()]),
        lambda other: MembersChange(replace=[other]),
        lambda other: MembersChange(add=["rack-1"]),
        lambda other: MembersChange(add=[other], replace=[]),
        lambda other: MembersChange(add=[other], remove=[other.upper()]),
        lambda other: MembersChange(add=[new_id()] * (provider_changes.MOST_PROVIDERS + 1)),
    ],
)
def test_who_can_not_be_in_it_is_refused(fleet: Fleet, wrong: Any) -> None:
    group, other = create(fleet), Fleet(fleet.database).rack()
    for part in ("members", "sharing"):
        with pytest.raises(InvalidArgumentError) as caught:
            change(fleet, group, **{part: wrong(other)})
        assert caught.value.details["field"].startswith("members")


def test_a_group_goes_without_its_providers_and_they_without_it(fleet: Fleet) -> None:
    one, two = fleet.rack(), fleet.rack()
    group = create(fleet, one, two, sharing=(two,))
    fleet.database.write(lambda s: provider_changes.delete_providers(s, [two], now=fleet.now))
    found = fleet.database.read(lambda s: groups.get_group(s, group))
    assert (found.members, found.sharing) == (1, ())
    delete(fleet, group)
    assert fleet.database.read(lambda s: providers.get_provider(s, one)).groups == ()
    with pytest.raises(NotFoundError, match=group):
        delete(fleet, group)
    with pytest.raises(NotFoundError, match=group):
        change(fleet, group)
    with pytest.raises(NotFoundError, match=group):
        fleet.database.read(lambda s: groups.get_group(s, group))
    told = fleet.database.read(lambda s: events.read_after(s, 0, object_id=group))
    assert [(e.kind, e.generation) for e in told] == [("created", 1), ("deleted", None)]
