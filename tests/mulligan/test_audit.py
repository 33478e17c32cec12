"""The audit shows what was done and what was refused; nobody else hears of the latter."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from mulligan import audit, events
from mulligan.audit import Refusal, Wanted
from mulligan.database import Database
from mulligan.events import NO_OBJECT, Event, EventRow, Origin
from mulligan.meta import names

ANN, THING, PROJECT, REGION = (str(uuid4()) for _ in range(4))
NOW = datetime(2020, 3, 1, tzinfo=UTC)


def refuse(database: Database, *refusals: Refusal, count: int = 1) -> None:
    counted = [(one, count) for one in refusals]
    database.write(lambda session: audit.record_refusals(session, counted))


def refusal(method: str = "S/M", result: str = "NOT_FOUND", at: datetime = NOW) -> Refusal:
    origin = Origin(method, "192.0.2.1/32", "request-1")
    return Refusal(origin, result, "no", ANN, "thing", THING, PROJECT, REGION, at=at)


def change(database: Database, kind: str = "created", **of: str) -> None:
    def do(session: Session) -> None:
        events.come_from(session, Origin("S/Change", "", "request-2", ANN))
        events.append(session, Event("thing", THING, kind, author=ANN, **of))  # type: ignore[arg-type]

    database.write(do)


def found(database: Database, before: int = 0, limit: int = 9, **wanted: object) -> Sequence[int]:
    asked = Wanted(**wanted)  # type: ignore[arg-type]
    rows = database.read(lambda session: audit.list_events(session, asked, before, limit))
    return [row.revision for row in rows]


def rows(database: Database) -> list[EventRow]:
    return database.read(lambda session: audit.list_events(session, Wanted(), 0, 100))


def test_an_event_says_from_which_call_it_comes(database: Database) -> None:
    change(database)
    refuse(database, refusal(), count=7)
    refused, changed = rows(database)
    assert (changed.method, changed.address, changed.request_id) == ("S/Change", "", "request-2")
    assert (changed.session, changed.result, changed.count) == (ANN, None, None)
    assert (refused.method, refused.address, refused.request_id) == (
        "S/M", "192.0.2.1/32", "request-1"
    )  # fmt: skip
    assert (refused.session, refused.result, refused.count) == (None, "NOT_FOUND", 7)


def test_no_watcher_gets_what_was_refused_and_no_revision_is_missing(database: Database) -> None:
    change(database)
    refuse(database, refusal(), refusal())
    change(database)
    told, cursor = database.read(lambda session: events.read_on(session, 0))
    assert ([row.revision for row in told], cursor) == ([1, 4], 4)
    assert database.read(lambda session: events.changed_after(session, 0, limit=9)) == [
        (1, "thing", THING), (2, "", THING), (3, "", THING), (4, "thing", THING)
    ]  # fmt: skip


def test_what_names_no_place_is_of_that_of_its_object(database: Database) -> None:
    about = replace(refusal(), project="", region="")
    refuse(database, about)
    change(database, project=PROJECT, region=REGION)
    image, of_iam = str(uuid4()), replace(about, object_id=ANN)
    database.write(lambda session: names.give_name(session, "image", image, "tiny", region=REGION))
    role = Event("account", ANN, "role", project=PROJECT)
    database.write(lambda session: events.append(session, role))
    refuse(database, about, replace(about, object_id=image), of_iam, replace(about, region=ANN))
    told = [(row.project, row.region) for row in rows(database) if row.kind == "refused"]
    assert told == [(None, ANN), (None, None), (None, REGION), (PROJECT, REGION), (None, None)]


def test_who_waits_for_what_watchers_get_waits_for_nothing_refused(database: Database) -> None:
    assert database.read(events.told_revision) == 0
    change(database)
    refuse(database, refusal())
    assert database.read(events.told_revision) == 1
    refuse(database, refusal())
    change(database)
    assert database.read(events.told_revision) == 4
    refuse(database, refusal())
    late = datetime.now(UTC) + timedelta(days=1)
    for forget in (events.forget, events.forget_refusals):
        database.write(partial(forget, before=late))
        assert rows(database) == []
        assert database.read(events.told_revision) == 4


def test_pages_go_on_where_they_ended_whatever_is_written_meanwhile(database: Database) -> None:
    for _ in range(5):
        change(database)
    assert found(database, limit=2) == [5, 4]
    refuse(database, refusal())
    assert found(database, before=4, limit=2) == [3, 2]
    assert found(database, before=2, limit=2) == [1]


def test_it_is_narrowed_by_all_that_is_asked(database: Database) -> None:
    change(database, project=PROJECT)
    change(database, region=REGION)
    refuse(database, refusal("S/DeleteThing"), refusal("S/Delete%hing", "STALE_GENERATION"))
    assert found(database, kind="refused") == [4, 3]
    assert found(database, result="OK") == [2, 1]
    assert found(database, result="STALE_GENERATION", account=ANN) == [4]
    assert found(database, method="Delete%hing") == [4]
    assert found(database, method="S/DeleteThing") == [3]
    assert found(database, method="DeleteThing", object_id=str(uuid4())) == []
    assert found(database, project=PROJECT, region=REGION) == [4, 3]
    assert found(database, account=THING) == []
    assert found(database, revision=3) == [3]


def test_times_are_found_also_where_they_do_not_rise_with_revisions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "TOGETHER", 2)
    days = [0, 1, 1, 2, 3, 5, 4, 5, 6, 6, 6, 6, 5, 6, 7, 6, 8, 9, 8, 9, 10]
    times = [NOW + timedelta(days=day) for day in days]
    refuse(database, *(refusal(at=at) for at in times))
    for since in range(12):
        at = NOW + timedelta(days=since)
        later = [revision for revision, day in enumerate(days, 1) if day >= since]
        assert found(database, since=at, limit=99) == later[::-1]
        assert found(database, since=at, until=at + timedelta(days=2), limit=99) == [
            one for one in later[::-1] if days[one - 1] < since + 2
        ]


def test_times_at_the_ends_of_all_years_leave_nothing_out(database: Database) -> None:
    refuse(database, refusal(at=NOW))
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert found(database, since=first, until=last) == [1]
    assert found(database, since=last) == found(database, until=first) == []


def test_who_sees_a_place_sees_its_events_only(database: Database) -> None:
    change(database, project=PROJECT, region=REGION)
    change(database, region=REGION)
    change(database)
    assert found(database, places=[PROJECT]) == [1]
    assert found(database, places=[REGION]) == [2]
    assert found(database, places=[PROJECT, REGION]) == [2, 1]
    many = [PROJECT, REGION, *(str(uuid4()) for _ in range(audit.FEW))]
    assert found(database, places=many) == [2, 1]
    assert found(database, places=[]) == []
    assert found(database, within=[REGION]) == [2, 1]


def test_what_was_typed_as_an_account_is_written_only_if_it_is_one(database: Database) -> None:
    typed = Refusal(Origin("S/Login"), "LOGIN_REFUSED", "no", signing_in="hunter22")
    refuse(database, typed)
    [row] = rows(database)
    assert (row.object_type, row.object_id) == ("", NO_OBJECT)
    assert "hunter22" not in str(vars(row)) + repr(typed)
