"""The providers in memory: what is used of them is known roughly, and never decides."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import Database
from mulligan.resource import fleet_view
from mulligan.resource.candidates import COMPARED_AT_FIRST
from mulligan.resource.fleet_view import FleetView, Loaded, prepare, view_of
from mulligan.resource.requests import RequestGroup
from mulligan.resource.values import Inventory
from mulligan.values.amount import Amount
from mulligan.values.errors import NoCapacityError, OverdueError
from mulligan.waiting import Waiting
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def known_use(fleet: Fleet, host: str, resource_type: str = "VCPU") -> int:
    """How much of a provider's stock is used from now on, as far as is known."""

    def look(session: Session) -> int:
        with view_of(session).look(session, fleet.now) as known:
            bounds = known.stock(resource_type, "peak_bound")
            assert bounds is not None
            return int(bounds[known.place_of[host]])

    return fleet.database.read(look)


def test_use_that_ended_by_itself_is_forgotten_after_a_while(fleet: Fleet) -> None:
    host = fleet.add(VCPU=4)
    fleet.claim(window(0, 1), VCPU=3, provider=host)
    fleet.claim(window(0, 20), VCPU=1, provider=host)
    assert known_use(fleet, host) == 4
    fleet.now = at(5)
    assert known_use(fleet, host) == 1
    fleet.now = at(0.5)
    assert known_use(fleet, host) == 4


def test_what_ended_a_moment_ago_is_claimed_from_now_on(fleet: Fleet) -> None:
    host = fleet.add(VCPU=4)
    fleet.claim(window(0, 1), VCPU=4, provider=host)
    fleet.now = at(1)
    claim = fleet.claim(window(1), VCPU=4)
    assert known_use(fleet, host) >= 4
    assert fleet.read(claim).provider == host


def test_who_is_full_from_now_on_is_passed_over(fleet: Fleet) -> None:
    hosts = [fleet.add(VCPU=4) for _ in range(40)]
    taken = [fleet.read(fleet.claim(window(0), VCPU=3)).provider for _ in hosts]
    assert sorted(taken) == sorted(hosts)


def host_with_card(fleet: Fleet, vcpu: int) -> tuple[str, str]:
    host = fleet.rack(kind="cabinet", inventories=(Inventory("VCPU", vcpu),))
    return host, fleet.rack(host, kind="card", inventories=(Inventory("VGPU", 8),))


@pytest.mark.parametrize("there_is_room", [True, False])
def test_who_only_seems_to_have_room_keeps_nobody_from_who_has(
    fleet: Fleet, there_is_room: bool
) -> None:
    _, misleading = host_with_card(fleet, 16)
    fleet.claim(window(0, 10), VGPU=4, provider=misleading, consumer=new_id())
    fleet.claim(window(10), VGPU=4, provider=misleading)
    for _ in range(COMPARED_AT_FIRST - 1):
        fleet.claim(window(0), VGPU=8, provider=host_with_card(fleet, 16)[1])
    room = host_with_card(fleet, 8)[0] if there_is_room else ""
    fleet.now = at(5)
    assert known_use(fleet, misleading, "VGPU") == 4
    fleet.now = at(10.5)
    assert fleet.usage(misleading, window(10.5)) == {"VGPU": 8}, "the first one overruns"
    asked = fleet.ask(
        RequestGroup((Amount("VCPU", 4),), name="host"),
        RequestGroup((Amount("VGPU", 4),), name="card"),
    )
    if there_is_room:
        assert fleet.commit(asked).provider == room
    else:
        with pytest.raises(NoCapacityError):
            fleet.commit(asked)


def test_what_a_claim_of_several_providers_uses_is_known(fleet: Fleet) -> None:
    host, card = host_with_card(fleet, 4)
    assert (known_use(fleet, host), known_use(fleet, card, "VGPU")) == (0, 0)
    claim = fleet.commit(
        fleet.ask(
            RequestGroup((Amount("VCPU", 3),), name="host"),
            RequestGroup((Amount("VGPU", 2),), name="card"),
        )
    )
    assert (known_use(fleet, host), known_use(fleet, card, "VGPU")) == (3, 2)
    fleet.release(claim)
    assert (known_use(fleet, host), known_use(fleet, card, "VGPU")) == (0, 0)


def test_what_many_claims_use_is_known(fleet: Fleet) -> None:
    hosts = [fleet.add(VCPU=4) for _ in range(6)]
    assert known_use(fleet, hosts[0]) == 0
    for host in hosts:
        fleet.database.kept["fleet"], kept = FleetView(), fleet.database.kept["fleet"]
        fleet.claim(window(0), VCPU=3, provider=host)  # of which the other one doesn't hear yet
        fleet.database.kept["fleet"] = kept
    assert [known_use(fleet, host) for host in hosts] == [3] * 6


def test_what_changed_and_was_forgotten_is_known(fleet: Fleet) -> None:
    host = fleet.add(VCPU=4)
    assert known_use(fleet, host) == 0
    fleet.database.kept["fleet"], kept = FleetView(), fleet.database.kept["fleet"]
    fleet.claim(window(0), VCPU=3, provider=host)
    fleet.database.kept["fleet"] = kept
    after_all = datetime.now(UTC) + timedelta(days=1000)
    fleet.database.write(lambda session: events.forget(session, after_all))
    assert known_use(fleet, host) == 3


class CountedLock:
    """A lock that says when somebody comes to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_who_waits_for_a_look_that_began_later_has_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = fleet.add(VCPU=4)
    assert known_use(fleet, host) == 0
    view = fleet.database.kept["fleet"]
    lock, refreshed = CountedLock(), view._refreshed
    began, go_on, times = threading.Event(), threading.Event(), list[datetime]()

    def counted(session: Session, now: datetime) -> object:
        times.append(now)
        began.set()
        assert go_on.wait(30)
        return refreshed(session, now)

    monkeypatch.setattr(view, "_lock", lock)
    monkeypatch.setattr(view, "_refreshed", counted)
    seen: list[int] = []
    looks = [threading.Thread(target=lambda: seen.append(known_use(fleet, host))) for _ in range(4)]
    looks[0].start()
    assert began.wait(30)
    for later in looks[1:]:
        later.start()
    for _ in looks:
        assert lock.came.acquire(timeout=30)
    go_on.set()
    for look in looks:
        look.join(30)
    assert seen == [0, 0, 0, 0]
    assert len(times) == 2, "not the first one's, which had begun before the others asked"


def test_providers_that_take_longer_to_read_than_a_try_may_last_are_there_for_the_next(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.database.kept.clear()
    host = fleet.add(VCPU=4)
    read_all, go_on, times = fleet_view._read_all, threading.Event(), list[datetime]()

    def slow(session: Session, now: datetime) -> Loaded:
        times.append(now)
        assert go_on.wait(30)
        return read_all(session, now)

    monkeypatch.setattr(fleet_view, "_read_all", slow)
    for _ in range(2):
        with pytest.raises(OverdueError):
            fleet.database.write(prepare, Waiting(0.1), in_time=True)
    go_on.set()
    fleet.database.write(prepare, Waiting(30), in_time=True)
    assert len(times) == 1
    fleet.claim(window(0), VCPU=3)
    assert known_use(fleet, host) == 3
    assert len(times) == 1
