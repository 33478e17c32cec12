"""The providers in memory: what is used of them is known roughly, and never decides."""

import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource.fleet_view import view_of
from tests.mulligan.resource.fleet import Fleet, at, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def known_use(fleet: Fleet, host: str) -> int:
    """How much of a host's VCPU is used from now on, as far as is known."""

    def look(session: Session) -> int:
        with view_of(session).look(session, fleet.now) as known:
            bounds = known.stock("VCPU", "peak_bound")
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
