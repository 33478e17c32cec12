"""When something is free, and who has what when."""

from datetime import timedelta
from typing import Any

import pytest

from mulligan.database import Database
from mulligan.resource import groups, registry
from mulligan.resource.calendars import Lane, list_lanes
from mulligan.resource.groups import GroupChange, MembersChange
from mulligan.resource.openings import Opening, find_openings
from mulligan.resource.requests import ClaimRequest, RequestGroup
from mulligan.resource.tables import ProviderTypeRow
from mulligan.resource.values import Inventory
from mulligan.values.amount import Amount
from mulligan.values.errors import InvalidArgumentError, NoCapacityError, NotFoundError
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def openings(
    fleet: Fleet, minutes: float | None, request: ClaimRequest, limit: int = 10
) -> list[Opening]:
    length = None if minutes is None else timedelta(minutes=minutes)
    return fleet.database.read(
        lambda session: find_openings(
            session, request, length, project=fleet.project, now=fleet.now, limit=limit
        )
    )


def lanes(fleet: Fleet, start: float, end: float, **narrowed: Any) -> list[Lane]:
    narrowed = {"region": fleet.region, **narrowed}
    return fleet.database.read(
        lambda session: list_lanes(session, window(start, end), now=fleet.now, **narrowed)
    ).items


def test_openings_are_the_gaps_that_are_long_enough(fleet: Fleet) -> None:
    a, b = sorted(fleet.add(SERVER=1) for _ in range(2))
    for start, end in ((0, 10), (13, 20), (30, 40)):
        fleet.claim(window(start, end), SERVER=1, provider=a)
    fleet.claim(window(0, 25), SERVER=1, provider=b)
    wanted = fleet.request(window(0, 60), SERVER=1)
    assert openings(fleet, 4, wanted) == [
        Opening(a, window(20, 30)),
        Opening(b, window(25, 60)),
        Opening(a, window(40, 60)),
    ]
    assert openings(fleet, 3, wanted, limit=1) == [Opening(a, window(10, 13))]
    assert openings(fleet, 50, wanted) == []
    assert openings(fleet, None, fleet.request(window(0), SERVER=1)) == [
        Opening(b, window(25)),
        Opening(a, window(40)),
    ]


def test_what_is_claimed_in_an_opening_fits(fleet: Fleet) -> None:
    kind = f"clean-{new_id()[:8]}"
    fleet.database.write(
        lambda session: registry.register(
            session, ProviderTypeRow, kind, now=fleet.now, cleaning_margin_s=120
        )
    )
    fleet.rack(kind=kind, inventories=[Inventory("SERVER", 1)])
    fleet.claim(window(20, 30), SERVER=1)
    found = openings(fleet, 5, fleet.request(window(0, 60), SERVER=1))
    assert [one.window for one in found] == [window(0, 18), window(32, 60)]
    for one in found:
        fleet.claim(one.window, SERVER=1)


def test_several_groups_have_no_openings_and_nothing_is_explained(fleet: Fleet) -> None:
    fleet.add(VCPU=4)
    two = [RequestGroup((Amount("VCPU", 1),), name=name) for name in "ab"]
    with pytest.raises(InvalidArgumentError) as caught:
        openings(fleet, 5, fleet.ask(*two, when=window(0, 9)))
    assert caught.value.details["field"] == "spec.groups"
    with pytest.raises(InvalidArgumentError):
        openings(fleet, 0, fleet.request(window(0, 9), VCPU=1))
    with pytest.raises(NoCapacityError, match="large enough for 5 VCPU when empty: 1 removed"):
        openings(fleet, 5, fleet.request(window(0, 9), VCPU=5))


def test_a_calendar_has_a_lane_for_each_inventory(fleet: Fleet) -> None:
    host = fleet.add(VCPU=8, MEMORY_MIB=64)
    fleet.add(VCPU=2)
    held = fleet.claim(window(5, 15), VCPU=4, provider=host, hold_until=at(3))
    used = fleet.claim(window(0, 4), VCPU=2, provider=host, consumer=new_id())
    fleet.release(fleet.claim(window(1, 2), VCPU=1, provider=host))
    later = fleet.claim(window(50, 60), VCPU=1, provider=host)
    found = {(one.provider, one.resource_type): one for one in lanes(fleet, 0, 40)}
    assert len(found) == 3
    vcpus = found[host, "VCPU"]
    assert vcpus.capacity == 8
    assert [(b.claim, b.state, b.amount, b.window) for b in vcpus.bookings] == [
        (used.id, "confirmed", 2, window(0, 4)),
        (held.id, "held", 4, window(5, 15)),
    ]
    fleet.now = at(6)
    [overrun] = [b for one in lanes(fleet, 6, 55, provider=host) for b in one.bookings if b.overrun]
    assert overrun.claim == used.id
    [lane] = lanes(fleet, 7, 55, provider=host, resource_type="VCPU")
    assert [b.claim for b in lane.bookings] == [later.id]


def test_a_groups_calendar_has_all_that_belongs_to_it(fleet: Fleet) -> None:
    rack = fleet.rack()
    box = fleet.rack(rack, kind="box", inventories=[Inventory("VCPU", 8)])
    store = fleet.rack(kind="store", inventories=[Inventory("DISK_GIB", 100)])
    fleet.add(VCPU=8)
    group = new_id()
    change = GroupChange(MembersChange(add=[rack]), MembersChange(add=[store]))
    fleet.database.write(
        lambda session: groups.create_group(
            session, id=group, region=fleet.region, change=change, now=fleet.now
        )
    )
    assert {one.provider for one in lanes(fleet, 0, 9, group=group)} == {box, store}
    with pytest.raises(NotFoundError):
        lanes(fleet, 0, 9, group=new_id())


def test_a_projects_calendar_has_its_own_bookings_and_nothing_else(fleet: Fleet) -> None:
    elsewhere = Fleet(fleet.database, project=fleet.project)
    shared, others = fleet.add(VCPU=8, MEMORY_MIB=64), fleet.add(VCPU=8)
    far = elsewhere.add(VCPU=8)
    mine, fleet.project = fleet.project, new_id()
    for host in (shared, others):
        fleet.claim(window(0, 10), VCPU=3, provider=host)
    fleet.project = mine
    near, away = fleet.claim(window(5, 15), VCPU=2, provider=shared), elsewhere.claim(VCPU=1)

    def booked(start: float, end: float, **narrowed: Any) -> list[Any]:
        found = lanes(fleet, start, end, project=mine, **narrowed)
        return sorted(
            (one.provider, one.resource_type, b.claim) for one in found for b in one.bookings
        )

    assert booked(0, 20) == [(shared, "VCPU", near.id)]
    both = sorted([(shared, "VCPU", near.id), (far, "VCPU", away.id)])
    assert booked(0, 20, region="") == both
    assert booked(15, 20) == []
    assert booked(0, 20, region="", provider=far) == [(far, "VCPU", away.id)]
    assert booked(0, 20, resource_type="MEMORY_MIB") == []
    assert booked(0, 20, group=new_id()) == []
