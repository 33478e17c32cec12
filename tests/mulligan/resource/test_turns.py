"""Turns at a provider: until when a claim has one, and who goes without."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import choice, claims, turns
from mulligan.resource.fleet_view import view_of
from mulligan.resource.requests import ClaimRequest
from mulligan.values.amount import Amount
from mulligan.values.errors import ConflictError
from tests.mulligan.resource.fleet import Fleet, new_id, window


class Turn:
    """The only one there is; nobody waits for it. Keeps who got it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.asked: list[bool] = []
        self.release, self.is_taken = self._lock.release, self._lock.locked

    def acquire(self, *, timeout: float) -> bool:
        assert timeout > 0
        self.asked.append(self._lock.acquire(blocking=False))
        return self.asked[-1]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    only = Turn()
    monkeypatch.setattr(turns, "_TURNS", (only,))
    return only


@pytest.fixture
def fleet(database: Database) -> Fleet:
    fleet = Fleet(database)
    fleet.add(SERVER=1)
    fleet.add(SERVER=1)
    return fleet


def claim(fleet: Fleet, session: Session) -> None:
    request = ClaimRequest.for_one_provider((Amount("SERVER", 1),), window(0), fleet.region)
    claims.commit_claim(
        session, claim_id=new_id(), project=fleet.project, request=request, now=fleet.now
    )


def after_claim(fleet: Fleet, then: Callable[[Session], Any]) -> Any:
    def change(session: Session) -> Any:
        claim(fleet, session)
        return then(session)

    return fleet.database.write(change)


def test_a_turn_lasts_until_the_claim_is_committed(fleet: Fleet, turn: Turn) -> None:
    assert after_claim(fleet, lambda _: turn.is_taken())
    assert not turn.is_taken()


def test_a_turn_ends_with_a_transaction_that_fails(fleet: Fleet, turn: Turn) -> None:
    def fail(_: Session) -> None:
        assert turn.is_taken()
        raise LookupError

    with pytest.raises(LookupError):
        after_claim(fleet, fail)
    assert not turn.is_taken()


def test_who_lost_a_provider_gives_its_turn_to_the_next(
    fleet: Fleet, turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_lock", lambda *_: ([], None))
    monkeypatch.setattr(choice, "ROUNDS", 2)

    def lose(session: Session) -> bool:
        with pytest.raises(ConflictError):
            claim(fleet, session)
        return turn.is_taken()

    assert not fleet.database.write(lose)
    assert turn.asked == [True] * 4


def test_who_gets_no_turn_claims_without(fleet: Fleet, turn: Turn) -> None:
    with turn._lock:
        after_claim(fleet, lambda _: None)
    assert turn.asked == [False]


def test_who_has_locked_something_does_not_wait_for_a_turn(fleet: Fleet, turn: Turn) -> None:
    after_claim(fleet, lambda session: claim(fleet, session))
    assert turn.asked == [True]


def test_who_gives_up_use_in_the_same_transaction_does_not_wait(fleet: Fleet, turn: Turn) -> None:
    def change(session: Session) -> None:
        view_of(session).look_once(session, fleet.now)
        claim(fleet, session)

    fleet.database.write(change)
    assert not turn.asked
