"""Clocks that step, or differ between the processes of a site: nothing is used twice or kept."""

import time

import pytest

from activities.lease import Lease
from mulligan.database import Database
from mulligan.resource.networks import NicWanted
from mulligan.values.errors import HardwareBusyError, NoCapacityError
from tests.mulligan.resource.fleet import Fleet, at, window

HOUR_S = 3600.0


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def test_a_claim_that_ends_before_it_began_gives_everything_back(fleet: Fleet) -> None:
    host, network = fleet.add(VCPU=1), fleet.network()
    nics = [NicWanted(network)]
    fleet.now = at(60)
    claim = fleet.claim(VCPU=1, nics=nics)
    fleet.now = at(0)  # the clock was an hour fast, and somebody put it right
    released = fleet.release(claim)
    assert (released.status.state, released.released_at) == ("released", at(0))
    assert released.release_at == released.window.acquire_at, "it must not end before it began"
    for minute in (0, 30, 60, 90):
        fleet.now = at(minute)
        assert not fleet.usage(host, window(minute, minute + 1))
    fleet.now = at(1)
    again = fleet.claim(VCPU=1, nics=nics)
    assert [one.address for one in again.addresses] == [one.address for one in claim.addresses]


def test_what_was_released_by_a_fast_clock_is_free_by_the_right_one(fleet: Fleet) -> None:
    host, network = fleet.add(VCPU=1), fleet.network()
    nics = [NicWanted(network)]
    claim = fleet.claim(VCPU=1, nics=nics)
    fleet.now = at(60)
    assert fleet.release(claim).released_at == at(60)
    fleet.now = at(5)
    assert not fleet.usage(host, window(5))
    again = fleet.claim(VCPU=1, nics=nics)
    assert [one.address for one in again.addresses] == [one.address for one in claim.addresses]


@pytest.mark.parametrize("first", [0, 60])
@pytest.mark.parametrize("minutes", [None, 30])
def test_two_processes_whose_clocks_differ_never_claim_the_same(
    fleet: Fleet, first: int, minutes: int | None
) -> None:
    fleet.add(VCPU=1)
    fleet.now = at(first)
    fleet.claim(VCPU=1)
    for minute in (0, 60):
        fleet.now = at(minute)
        with pytest.raises(NoCapacityError):
            fleet.claim(window(minute, minutes and minute + minutes), VCPU=1)


def test_a_step_of_the_wall_clock_neither_ends_nor_prolongs_the_right_to_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lease = Lease(lambda asking: asking.renew(asking.now()))
    lease.require("write")
    step(monkeypatch, time.CLOCK_REALTIME, HOUR_S)
    lease.require("write an hour later by the wall")
    step(monkeypatch, time.CLOCK_REALTIME, -HOUR_S)
    step(monkeypatch, time.CLOCK_BOOTTIME, 9)
    with pytest.raises(HardwareBusyError, match="9 s ago") as caught:
        lease.require("write after a silence, with the wall clock put back")
    assert caught.value.reason == "FENCED_OFF"


def test_a_machine_that_slept_may_not_write(monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(lambda asking: asking.renew(asking.now()))
    lease.require("write")
    step(monkeypatch, time.CLOCK_BOOTTIME, HOUR_S)  # the only clock that went on meanwhile
    with pytest.raises(HardwareBusyError):
        lease.require("write on waking up")


def step(monkeypatch: pytest.MonkeyPatch, stepped: int, by_s: float) -> None:
    """Have one of the kernel's clocks step for this process."""
    read, wall = time.clock_gettime, time.time

    def stepped_clock(clock: int) -> float:
        return read(clock) + (by_s if clock == stepped else 0)

    monkeypatch.setattr(time, "clock_gettime", stepped_clock)
    if stepped == time.CLOCK_REALTIME:
        monkeypatch.setattr(time, "time", lambda: wall() + by_s)
