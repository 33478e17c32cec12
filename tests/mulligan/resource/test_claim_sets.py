"""Several claims changed at once: all or none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import choice
from mulligan.resource.claim_sets import ClaimChange, Move, change_claims
from mulligan.resource.claims import Claim
from mulligan.resource.requests import RequestGroup
from mulligan.values.amount import Amount
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    MulliganError,
    NoCapacityError,
    NotFoundError,
    StaleError,
)
from tests.mulligan.resource.fleet import Fleet, at, new_id, window


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def change(fleet: Fleet, *changes: ClaimChange, project: str = "") -> list[Claim]:
    return fleet.database.write(
        lambda session: change_claims(
            session, changes, project=project or fleet.project, now=fleet.now, seed=0
        )
    )


def to(claim: Claim, start: float, end: float | None = None, **more: object) -> ClaimChange:
    return ClaimChange(claim.id, window=window(start, end), **more)  # type: ignore[arg-type]


def on(fleet: Fleet, provider: str) -> Move:
    return Move(fleet.ask(RequestGroup((Amount("SERVER", 1),), provider=provider)))


def test_a_claim_is_extended_and_shortened(fleet: Fleet) -> None:
    server = fleet.add(SERVER=1)
    claim = fleet.claim(window(0, 10), SERVER=1)
    [longer] = change(fleet, to(claim, 0, 20))
    assert (longer.window, longer.generation) == (window(0, 20), claim.generation + 1)
    assert fleet.usage(server, window(15, 18)) == {"SERVER": 1}
    [shorter] = change(fleet, to(claim, 0, 5))
    assert shorter.release_at == at(5)
    fleet.claim(window(5, 9), SERVER=1)
    with pytest.raises(NoCapacityError) as caught:
        change(fleet, to(claim, 0, 6))
    assert (caught.value.details["field"], caught.value.details["object_id"]) == (
        "changes.window",
        claim.id,
    )
    assert fleet.read(claim) == shorter


def test_what_has_begun_keeps_its_start(fleet: Fleet) -> None:
    fleet.add(SERVER=1)
    claim = fleet.claim(window(2, 10), SERVER=1)
    fleet.now = at(1)
    [earlier] = change(fleet, to(claim, 1, 10))
    assert earlier.window == window(1, 10)
    fleet.now = at(3)
    with pytest.raises(InvalidArgumentError) as caught:
        change(fleet, to(claim, 5, 10))
    assert caught.value.details["field"] == "changes.window.acquire_at"
    [later] = change(fleet, to(claim, 3, 12))
    assert later.window == window(1, 12)
    with pytest.raises(InvalidArgumentError, match="release it instead"):
        change(fleet, to(claim, 1, 2))


def test_a_hold_stays_one(fleet: Fleet) -> None:
    fleet.add(SERVER=1)
    claim = fleet.claim(window(0, 10), SERVER=1, hold_until=fleet.now + timedelta(minutes=5))
    [longer] = change(fleet, to(claim, 0, 20))
    assert (longer.status.state, longer.release_at) == ("held", at(5))
    fleet.confirm(claim)
    assert fleet.read(claim).release_at == at(20)


def test_a_hold_is_confirmed_for_the_window_that_it_has_now(fleet: Fleet) -> None:
    host = fleet.add(VCPU=4)
    claim = fleet.claim(window(10, 20), VCPU=4, hold_until=at(5))
    change(fleet, to(claim, 30, 40))
    fleet.confirm(claim)
    assert fleet.usage(host, window(30, 40)) == {"VCPU": 4}


def test_a_move_that_fails_leaves_nothing_in_the_view_of_the_fleet(fleet: Fleet) -> None:
    fleet.add(VCPU=4)
    claim = fleet.claim(window(0), VCPU=2)
    larger = Move(fleet.ask(RequestGroup((Amount("VCPU", 5),))))
    with pytest.raises(NoCapacityError):
        change(fleet, ClaimChange(claim.id, move=larger))
    with pytest.raises(NoCapacityError):
        fleet.claim(window(0), VCPU=3)


def test_what_others_did_during_a_move_that_fails_is_read_again(
    postgresql_database: Database,
) -> None:
    fleet = Fleet(postgresql_database)
    fleet.add(VCPU=4)
    claim = fleet.claim(window(0), VCPU=2)
    other = fleet.claim(window(0), VCPU=1)

    def move_meanwhile(session: Session) -> None:
        larger = Move(fleet.ask(RequestGroup((Amount("VCPU", 5),))))
        with pytest.MonkeyPatch.context() as patch:
            take_candidate = choice.take_candidate

            def late(*arguments: Any, **options: Any) -> Any:
                fleet.release(other)
                return take_candidate(*arguments, **options)

            patch.setattr(choice, "take_candidate", late)
            change_claims(session, [ClaimChange(claim.id, move=larger)], now=fleet.now, seed=0)

    with pytest.raises(NoCapacityError):
        postgresql_database.write(move_meanwhile)
    with pytest.raises(NoCapacityError):
        fleet.claim(window(0), VCPU=3)


def test_two_swap_their_providers(fleet: Fleet) -> None:
    a, b = sorted(fleet.add(SERVER=1) for _ in range(2))
    first, second = (fleet.claim(window(0, 10), SERVER=1) for _ in range(2))
    assert (first.provider, second.provider) == (a, b)
    with pytest.raises(NoCapacityError):
        change(fleet, ClaimChange(first.id, move=on(fleet, b)))
    changed = change(
        fleet,
        ClaimChange(first.id, move=on(fleet, b)),
        ClaimChange(second.id, move=on(fleet, a)),
    )
    assert [one.provider for one in changed] == [b, a]
    assert fleet.read(first).request.groups[0].provider == b
    assert fleet.usage(a, window(0, 10)) == fleet.usage(b, window(0, 10)) == {"SERVER": 1}


def test_one_takes_what_another_gives_up(fleet: Fleet) -> None:
    fleet.add(SERVER=1)
    first = fleet.claim(window(0, 10), SERVER=1)
    second = fleet.claim(window(10, 20), SERVER=1)
    changed = change(fleet, to(second, 0, 20), ClaimChange(first.id, release=True))
    assert [one.status.state for one in changed] == ["confirmed", "released"]
    assert changed[0].window == window(0, 20)


def test_back_to_back_claims_move_together(fleet: Fleet) -> None:
    fleet.add(SERVER=1)
    first = fleet.claim(window(10, 20), SERVER=1)
    second = fleet.claim(window(20, 30), SERVER=1)
    with pytest.raises(NoCapacityError):
        change(fleet, to(first, 15, 25))
    change(fleet, to(first, 15, 25), to(second, 25, 35))
    assert fleet.read(second).window == window(25, 35)


def test_all_or_none(fleet: Fleet) -> None:
    server = fleet.add(SERVER=1)
    first = fleet.claim(window(0, 10), SERVER=1)
    fleet.claim(window(12, 20), SERVER=1)
    second = fleet.claim(window(20, 30), SERVER=1)
    before = fleet.read(first), fleet.read(second)
    with pytest.raises(NoCapacityError):
        change(fleet, ClaimChange(second.id, release=True), to(first, 0, 15))
    assert (fleet.read(first), fleet.read(second)) == before
    assert fleet.usage(server, window(20, 30)) == {"SERVER": 1}


def refusals(fleet: Fleet) -> list[tuple[type[MulliganError], Callable[[], object]]]:
    used = fleet.claim(window(0, 10), SERVER=1, consumer=new_id())
    ended = fleet.claim(window(0, 10), SERVER=1)
    fleet.release(ended)
    other = fleet.claim(window(0, 10), SERVER=1)
    return [
        (FailedPreconditionError, lambda: change(fleet, ClaimChange(used.id, move=Move()))),
        (FailedPreconditionError, lambda: change(fleet, ClaimChange(used.id, release=True))),
        (FailedPreconditionError, lambda: change(fleet, to(ended, 0, 20))),
        (NotFoundError, lambda: change(fleet, to(used, 0, 20), project=new_id())),
        (StaleError, lambda: change(fleet, to(other, 0, 20, generation=7))),
        (InvalidArgumentError, lambda: change(fleet)),
        (InvalidArgumentError, lambda: change(fleet, to(other, 0, 9), to(other, 0, 8))),
        (InvalidArgumentError, lambda: ClaimChange(other.id)),
        (InvalidArgumentError, lambda: to(other, 0, 9, release=True)),
    ]


def test_what_can_not_be_is_refused(fleet: Fleet) -> None:
    for _ in range(3):
        fleet.add(SERVER=1)
    for error, call in refusals(fleet):
        with pytest.raises(error):
            call()


def test_a_used_claim_is_extended_where_it_is(fleet: Fleet) -> None:
    server = fleet.add(SERVER=1)
    used = fleet.claim(window(0, 10), SERVER=1, consumer=new_id())
    fleet.now = at(12)
    [longer] = change(fleet, to(used, 0, 20))
    assert longer.status.reason == "committed for its whole window"
    assert fleet.usage(server, window(13, 20)) == {"SERVER": 1}
