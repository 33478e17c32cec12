"""The records of series: what one look makes, and what its second try answers."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from activities.contracts.claims import AmountWish, ClaimWish
from activities.contracts.reservations import (
    AdvanceReservation,
    DueMade,
    MakeDue,
    NextAct,
    ReservationWish,
)
from activities.records import reservations as records
from mulligan import events
from mulligan.database import Database
from mulligan.resource import claims, reservations, series
from mulligan.resource.series import DAYS, Recurrence
from mulligan.values.errors import FailedPreconditionError
from tests.databases import create_tables
from tests.mulligan.control.reservation_stage import Stage
from tests.mulligan.resource.fleet import START, at, new_id, window


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    database = Database(f"sqlite:///{tmp_path}/site.sqlite")
    create_tables(database)
    events.record(database)
    yield Stage(database)
    database.close()


def every_day(stage: Stage, ahead: timedelta) -> str:
    """Begin a series for all of a host, from two hours after START on."""
    made, hour = new_id(), START + timedelta(hours=2)
    daily = Recurrence(DAYS, f"{hour:%H:%M}", f"{hour + timedelta(hours=1):%H:%M}", "UTC")
    amounts = (AmountWish(resource_type="VCPU", amount=8),)
    wish = ReservationWish(claim=ClaimWish(amounts=amounts))
    stage.write(
        lambda session: series.create(
            session, series=made, author=new_id(), project=stage.project, region=stage.region,
            recurrence=daily, wish=wish.model_dump(mode="json"), ahead=ahead, now=START,
        )
    )  # fmt: skip
    return made


def look(stage: Stage, of: str, minutes: float) -> DueMade:
    made: DueMade = stage.write(
        lambda session: records.make_due(session, MakeDue(series=of, at=at(minutes)))
    )
    return made


def test_a_look_whose_answer_was_lost_answers_the_same_again(stage: Stage) -> None:
    stage.host()
    made = every_day(stage, timedelta(days=3))
    first = look(stage, made, 1)
    assert len(first.kept) == 3
    revision = stage.database.read(events.current_revision)
    assert look(stage, made, 1) == first
    assert stage.database.read(events.current_revision) == revision
    listed = stage.database.read(
        lambda session: reservations.list_page(session, stage.project, series=made)
    )
    assert {one.id for one in listed.items} == {one.reservation for one in first.kept}
    assert look(stage, made, 2).kept == ()


def test_a_second_try_makes_nothing_that_the_first_could_not(stage: Stage) -> None:
    made = every_day(stage, timedelta(days=1))
    first = look(stage, made, 1)
    assert first.words.startswith("0 made")
    stage.host()
    assert look(stage, made, 1) == first
    assert len(look(stage, made, 2).kept) == 1


def test_what_can_not_be_released_at_the_end_is_told_and_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.host()
    reservation = stage.reserve(window(0, 60), machine=False)
    stage.look(reservation, 0)

    def refuse(*_: object, **__: object) -> None:
        raise FailedPreconditionError("somebody holds on to it")

    def advance(minutes: float) -> NextAct:
        ask = AdvanceReservation(reservation=reservation, at=at(minutes))
        act: NextAct = stage.write(lambda session: records.advance(session, ask))
        return act

    with monkeypatch.context() as patched:
        patched.setattr(claims, "release_claim", refuse)
        held_up = advance(60)
    assert (held_up.act, held_up.until) == ("wait", at(61))
    row = stage.row(reservation)
    assert (row.state, row.reason) == ("active", "it can't go on: somebody holds on to it")
    assert stage.operation(reservation).state == "running"
    assert advance(61).act == "end"
    assert stage.row(reservation).reason == "its window is over"
