"""What is marked is never offered; an expired mark is gone without anybody acting."""

from datetime import datetime
from typing import Any

import pytest

from mulligan import events, marks
from mulligan.database import Database
from mulligan.resource import offers, provider_changes, providers
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
    NotFoundError,
)
from tests.mulligan.resource.fleet import Fleet, at, new_id, window

ACCOUNT = new_id()
LASTING = [kind for kind in offers.KINDS if kind != offers.UNHEALTHY]


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def blade(fleet: Fleet) -> str:
    return fleet.rack(kind="blade", inventories=[Inventory("SERVER", 1)])


def mark(fleet: Fleet, *ids: str, kind: str, until: datetime | None = None, why: str = "x") -> None:
    fleet.database.write(
        lambda s: offers.mark_providers(
            s, ids, kind, why, expires_at=until, author=ACCOUNT, now=fleet.now
        )
    )


def unmark(fleet: Fleet, *ids: str, kind: str) -> None:
    fleet.database.write(
        lambda s: offers.unmark_providers(s, ids, kind, author=ACCOUNT, now=fleet.now)
    )


def offer(fleet: Fleet, provider: str) -> offers.Offer:
    return fleet.database.read(lambda s: providers.get_provider(s, provider, now=fleet.now)).offer


@pytest.mark.parametrize("kind", LASTING)
def test_what_is_marked_is_not_offered_until_the_mark_is_taken_back(
    fleet: Fleet, kind: str
) -> None:
    one, other = blade(fleet), blade(fleet)
    mark(fleet, one, other, kind=kind, why="new fans")
    assert offer(fleet, one) == offers.Offer(kind, "new fans", fleet.now)
    with pytest.raises(NoCapacityError, match=f"2 because provider is marked {kind}") as caught:
        fleet.claim(SERVER=1)
    assert "new fans" not in caught.value.message
    unmark(fleet, other, kind=kind)
    assert offer(fleet, other).state == "available"
    assert fleet.claim(SERVER=1).provider == other
    with pytest.raises(NoCapacityError):
        fleet.claim(SERVER=1, provider=one)


def test_one_of_two_marks_is_enough(fleet: Fleet) -> None:
    one = blade(fleet)
    mark(fleet, one, kind="maintenance")
    mark(fleet, one, kind="retired")
    assert offer(fleet, one).state == "retired"
    unmark(fleet, one, kind="retired")
    with pytest.raises(NoCapacityError, match="marked maintenance"):
        fleet.claim(SERVER=1)


def test_the_unhealthy_are_not_offered_until_the_mark_expires(fleet: Fleet) -> None:
    host = fleet.add(VCPU=4)
    mark(fleet, host, kind="unhealthy", until=at(10), why="pings get lost")
    assert offer(fleet, host) == offers.Offer("unhealthy", "pings get lost", at(0), at(10))
    for when in (window(0, 5), window(20, 30)):
        with pytest.raises(NoCapacityError, match="1 because provider is marked unhealthy") as no:
            fleet.claim(when, VCPU=1)
        assert no.value.details["next_healthy"] == at(10).isoformat()
        with pytest.raises(NoCapacityError) as never:
            fleet.claim(when, VCPU=5)
        assert "next_healthy" not in never.value.details
    fleet.now = at(9.99)
    mark(fleet, host, kind="unhealthy", until=at(20), why="still")
    fleet.now = at(19.99)
    with pytest.raises(NoCapacityError):
        fleet.claim(VCPU=1)
    fleet.now = at(20)
    assert offer(fleet, host).state == "available"
    assert fleet.claim(VCPU=1).provider == host


def test_the_unhealthy_recover_when_somebody_says_so(fleet: Fleet) -> None:
    host = fleet.add(VCPU=4)
    held = fleet.claim(VCPU=1, hold_until=at(5))
    mark(fleet, host, kind="unhealthy", until=at(10))
    assert fleet.confirm(held).status.state == "confirmed"
    unmark(fleet, host, kind="unhealthy")
    assert fleet.claim(VCPU=1).provider == host
    generation = fleet.database.read(lambda s: providers.get_provider(s, host)).generation
    unmark(fleet, host, kind="unhealthy")
    assert fleet.database.read(lambda s: providers.get_provider(s, host)).generation == generation


def test_the_unhealthy_stay_so_when_control_offers_them(fleet: Fleet) -> None:
    host = fleet.add(VCPU=4)
    mark(fleet, host, kind="unhealthy", until=at(10))
    fleet.database.write(lambda s: providers.set_availability(s, host, False, "checked"))
    fleet.database.write(lambda s: providers.set_availability(s, host, True))
    with pytest.raises(NoCapacityError, match="unhealthy"):
        fleet.claim(VCPU=1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "tired"}, "kind"),
        ({"kind": "protected"}, "kind"),
        ({"kind": "maintenance", "why": " "}, "reason"),
        ({"kind": "maintenance", "until": at(5)}, "expires_at"),
        ({"kind": "unhealthy"}, "expires_at"),
        ({"kind": "unhealthy", "until": at(0)}, "expires_at"),
    ],
)
def test_a_mark_that_can_not_be_is_refused(fleet: Fleet, wrong: Any, field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        mark(fleet, blade(fleet), **wrong)
    assert caught.value.details["field"] == field


def test_servers_and_hosts_are_marked_through_control(fleet: Fleet) -> None:
    host, one = fleet.add(VCPU=4), blade(fleet)
    for kind in LASTING:
        with pytest.raises(FailedPreconditionError, match="mulligan host"):
            mark(fleet, one, host, kind=kind)
    assert offer(fleet, one).state == "available"
    with pytest.raises(NotFoundError):
        mark(fleet, new_id(), kind="maintenance")
    with pytest.raises(InvalidArgumentError, match="too few"):
        mark(fleet, kind="maintenance")


def test_only_operators_are_told_who_marked_it_and_why(fleet: Fleet) -> None:
    one = fleet.rack(project=fleet.project)
    mark(fleet, one, kind="maintenance", why="new fans")
    unmark(fleet, one, kind="maintenance")

    def told(**narrowed: Any) -> list[str]:
        found = fleet.database.read(lambda s: events.read_after(s, 0, object_id=one, **narrowed))
        return [row.kind for row in found]

    assert told(projects=[fleet.project]) == told(project=fleet.project) == []
    of_region = told(projects=[], regions=[fleet.region])
    assert of_region == told() == ["created", "mark", "mark"]


def test_marks_are_told_and_go_with_their_provider(fleet: Fleet) -> None:
    one = blade(fleet)
    mark(fleet, one, kind="unhealthy", until=at(1), why="hot")
    mark(fleet, one, kind="maintenance", why="fans")
    fleet.database.write(lambda s: provider_changes.delete_providers(s, [one], now=fleet.now))
    told = fleet.database.read(lambda s: events.read_after(s, 0, object_id=one))
    assert [(e.kind, e.message, e.generation) for e in told[1:3]] == [
        ("mark", f"unhealthy set until {at(1).isoformat()}: hot", 2),
        ("mark", "maintenance set: fans", 3),
    ]
    assert told[1].author == ACCOUNT
    assert fleet.database.read(lambda s: marks.marks_of(s, [one], now=fleet.now)) == {one: []}
