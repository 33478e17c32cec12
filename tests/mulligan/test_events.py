"""Revisions rise in the order of commits, and a reader's cursor misses nothing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from threading import Event as Flag
from uuid import uuid4

import pytest
from sqlalchemy import event as statements
from sqlalchemy import select, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from deploy.roles import forgetting
from deploy.roles.forgetting import forget_older
from mulligan import events
from mulligan.database import Database
from mulligan.events import Event, EventRow
from mulligan.values.errors import RevisionGoneError
from tests.fakes.held import HeldCommits, wait_for_waiting_lock

THING = str(uuid4())
AT_ONCE = (-timedelta(days=1), -timedelta(days=1))
"""So long events and refusals are kept where nothing is."""


def tell(database: Database, *messages: str, **of: str) -> None:
    def change(session: Session) -> None:
        for message in messages:
            event = Event("thing", of.get("object_id", THING), "state", message=message)
            events.append(session, event)

    database.write(change)


def told(database: Database, after: int = 0, **narrowed: str) -> list[tuple[int, str]]:
    return database.read(
        lambda s: [(e.revision, e.message) for e in events.read_after(s, after, **narrowed)]  # type: ignore[arg-type]
    )


def test_revisions_rise_by_one(database: Database) -> None:
    tell(database, "a", "b")
    tell(database, "c")
    assert told(database) == [(1, "a"), (2, "b"), (3, "c")]
    assert told(database, after=2) == [(3, "c")]
    assert database.read(events.current_revision) == 3


def test_a_transaction_without_events_takes_no_revision(database: Database) -> None:
    tell(database)
    assert database.read(events.current_revision) == 0


def test_a_failed_transaction_tells_nothing(database: Database) -> None:
    def fail(session: Session) -> None:
        events.append(session, Event("thing", THING, "state"))
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail)
    tell(database, "a")
    assert told(database) == [(1, "a")]


def test_reading_is_narrowed_and_limited(database: Database) -> None:
    other, project, operation = (str(uuid4()) for _ in range(3))
    tell(database, "a", "b")
    tell(database, "c", object_id=other)
    event = Event("thing", other, "state", project=project, operation=operation, message="d")
    database.write(lambda session: events.append(session, event))
    assert told(database, object_id=other) == [(3, "c"), (4, "d")]
    assert told(database, project=project) == [(4, "d")]
    assert told(database, operation=operation) == [(4, "d")]
    visible = database.read(
        lambda s: [e.revision for e in events.read_after(s, 0, projects=[project])]
    )
    assert visible == [4]
    assert len(database.read(lambda s: events.read_after(s, 0, limit=2))) == 2


def test_a_writer_that_commits_late_is_not_skipped(postgresql_database: Database) -> None:
    database = postgresql_database
    held = HeldCommits(database)
    with (
        ThreadPoolExecutor(1, thread_name_prefix="held") as late_pool,
        ThreadPoolExecutor(1) as other_pool,
    ):
        late: Future[None] = late_pool.submit(tell, database, "late")
        assert held.reached.wait(timeout=20)
        # It has its revision and is not committed: who comes after it has to wait.
        other = other_pool.submit(tell, database, "other")
        wait_for_waiting_lock(database)
        assert told(database) == []
        held.go_on.set()
        late.result(timeout=20)
        other.result(timeout=20)
    assert told(database) == [(1, "late"), (2, "other")]


def test_a_long_transaction_gets_its_revision_when_it_commits(
    postgresql_database: Database,
) -> None:
    database = postgresql_database
    started, go_on = Flag(), Flag()

    def long(session: Session) -> None:
        events.append(session, Event("thing", THING, "state", message="long"))
        started.set()
        assert go_on.wait(timeout=20)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(database.write, long)
        assert started.wait(timeout=20)
        tell(database, "short")
        cursor = told(database)[-1][0]
        go_on.set()
        running.result(timeout=20)
    assert told(database, after=cursor) == [(2, "long")]


def test_a_reader_that_follows_many_writers_misses_nothing(database: Database) -> None:
    writers, each = 8, 10
    seen: list[int] = []
    with ThreadPoolExecutor(writers) as pool:
        for number in range(writers * each):
            pool.submit(tell, database, str(number))
        while len(seen) < writers * each:
            seen += [revision for revision, _ in told(database, after=seen[-1] if seen else 0)]
    assert seen == list(range(1, writers * each + 1))


def test_old_events_are_forgotten_and_the_rest_is_whole(database: Database) -> None:
    tell(database, *"abc")
    kept = timedelta(days=30)
    old = (
        update(events.EventRow)
        .where(events.EventRow.revision <= 2)
        .values(at=datetime.now(UTC) - timedelta(days=31))
    )
    database.write(lambda session: session.execute(old))
    forget_older(database, kept, kept)
    tell(database, "d")
    assert told(database) == [(3, "c"), (4, "d")]
    rows, cursor = database.read(lambda session: events.read_on(session, 2))
    assert ([row.message for row in rows], cursor) == (["c", "d"], 4)
    with pytest.raises(RevisionGoneError, match="after revision 1 are not here any more"):
        database.read(lambda session: events.read_on(session, 1))
    forget_older(database, kept, kept)
    assert len(told(database)) == 2


def test_refusals_are_forgotten_sooner_and_no_watcher_misses_them(database: Database) -> None:
    refused, day = Event("thing", THING, events.REFUSED), timedelta(days=1)
    tell(database, "a")
    for one in (replace(refused, at=refused.at - 2 * day), refused):
        database.write(partial(events.append, event=one))
    tell(database, "b")
    forget_older(database, 9 * day, day)
    kept = database.read(lambda session: session.scalars(select(EventRow.revision)).all())
    assert sorted(kept) == [1, 3, 4]
    rows, cursor = database.read(lambda session: events.read_on(session, 0))
    assert ([row.message for row in rows], cursor) == (["a", "b"], 4)


def after_statement(session: Session, number: int, act: Callable[[], None]) -> None:
    """Have something happen, once, when a session has run so many statements."""
    run = count(1)

    def look(*_: object) -> None:
        if next(run) == number:
            act()

    statements.listen(session.connection(), "after_cursor_execute", look)


@pytest.mark.parametrize("statement", [1, 2])
def test_what_is_forgotten_while_it_is_read_is_not_skipped(
    postgresql_database: Database, statement: int
) -> None:
    database = postgresql_database
    tell(database, *"abc")

    def read(session: Session) -> list[EventRow]:
        forget = partial(forget_older, database, *AT_ONCE)
        after_statement(session, statement, forget)
        return events.read_on(session, 1)[0]

    with pytest.raises(RevisionGoneError, match="those after 3, up to 3"):
        database.read(read)


def test_what_two_processes_forget_at_once_stays_forgotten(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAGE", 2)
    database = postgresql_database
    tell(database, *"abcde")

    def forget_late(session: Session) -> int:
        forget = partial(forget_older, database, *AT_ONCE)
        after_statement(session, 1, forget)
        return events.forget(session, datetime.now(UTC) + timedelta(days=1))

    assert database.write(forget_late) == 2
    with pytest.raises(RevisionGoneError):
        database.read(lambda session: events.read_on(session, 4))
    assert database.read(lambda session: events.read_on(session, 5)) == ([], 5)


@pytest.mark.parametrize(
    "failure",
    [ProgrammingError("", {}, Exception("no such table")), KeyError("a column")],
    ids=type,
)
async def test_forgetting_goes_on_after_a_day_that_failed(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    loop, again = asyncio.get_running_loop(), asyncio.Event()
    failures = iter([failure])

    def forget(_session: Session, before: datetime) -> int:
        for met in failures:
            raise met
        loop.call_soon_threadsafe(again.set)
        return 0

    monkeypatch.setattr(events, "forget", forget)
    monkeypatch.setattr(forgetting, "EVERY", timedelta())
    async with forgetting.forgetting(sqlite_database, *AT_ONCE), asyncio.timeout(30):
        await again.wait()
