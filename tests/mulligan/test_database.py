"""Two kinds of transaction, conflicts tried again, and times in UTC."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import Session

from deploy.ports import free_port
from mulligan import events
from mulligan.database import WRITE_ATTEMPTS, WRITERS, Database, one_of, until_end
from mulligan.marks import Mark
from mulligan.resource.tables import AllocationRow, InventoryRow
from mulligan.values.errors import ConflictError, UnavailableError

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def mark(session: Session, object_id: str = "", since: datetime = NOW) -> str:
    object_id = object_id or str(uuid4())
    session.add(
        Mark(object_id=object_id, kind="locked", reason="", author=str(uuid4()), since=since)
    )
    session.flush()
    return object_id


def count(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(Mark)).one()


def locked() -> OperationalError:
    return OperationalError("", {}, Exception("database is locked"))


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mulligan.database.uniform", lambda _least, _most: 0.0)


def test_a_write_is_committed_and_a_read_changes_nothing(database: Database) -> None:
    database.write(mark)
    database.read(mark)
    assert database.read(count) == 1


def test_an_error_leaves_nothing_behind(database: Database) -> None:
    def fail(session: Session) -> None:
        mark(session)
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail)
    assert database.read(count) == 0


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("conflict", [locked(), ConflictError("it moved meanwhile")])
def test_a_conflict_is_tried_again_from_the_start(database: Database, conflict: Exception) -> None:
    tries: list[str] = []

    def change(session: Session) -> None:
        tries.append(mark(session))
        events.append(session, events.Event("thing", tries[-1], "created"))
        if len(tries) < 3:
            raise conflict

    database.write(change)
    assert len(tries) == 3
    assert database.read(count) == 1
    assert database.read(events.current_revision) == 1


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("conflict", [locked(), ConflictError("it moved meanwhile")])
def test_a_conflict_is_not_tried_for_ever(database: Database, conflict: Exception) -> None:
    tries: list[int] = []

    def change(_session: Session) -> None:
        tries.append(1)
        raise conflict

    with pytest.raises(ConflictError, match="8 times in a row"):
        database.write(change)
    assert len(tries) == WRITE_ATTEMPTS


def test_other_errors_are_not_tried_again(database: Database) -> None:
    object_id, tries = database.write(mark), []

    def change(session: Session) -> None:
        tries.append(1)
        mark(session, object_id)

    with pytest.raises(IntegrityError):
        database.write(change)
    assert len(tries) == 1


def test_a_database_that_is_away_is_told_once_and_for_all() -> None:
    away = Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing")
    tries: list[int] = []

    def change(session: Session) -> None:
        tries.append(1)
        count(session)

    for ask in (away.read, away.write):
        with pytest.raises(UnavailableError, match="the database can't be reached now"):
            ask(change)
    assert len(tries) == 2


def test_foreign_keys_are_kept(database: Database) -> None:
    row = InventoryRow(
        provider=str(uuid4()), resource_type="VCPU", total=1, reserved=0, min_unit=1, max_unit=1,
        step_size=1, allocation_ratio=1.0, capacity=1,
    )  # fmt: skip
    with pytest.raises(IntegrityError):
        database.write(lambda session: session.add(row))


def test_many_are_asked_for_in_one_parameter(database: Database) -> None:
    ids = [database.write(mark) for _ in range(3)]
    rows = Mark.__table__.c
    query = select(rows.object_id).where(one_of(rows.object_id, "which"), one_of(rows.kind, "of"))

    def found(which: Sequence[str], *of: str) -> set[str]:
        asked = {"which": which, "of": ["locked", *of]}
        return set(database.read(lambda session: session.scalars(query, asked).all()))

    assert found(ids[:2]) == set(ids[:2])
    assert found([]) == set()
    assert found([ids[2], str(uuid4())], 'it\'s \\ ["1"] %s é', "") == {ids[2]}


def test_many_are_found_by_an_index_on_sqlite(sqlite_database: Database) -> None:
    rows = AllocationRow.__table__.c
    query = select(rows.claim).where(one_of(rows.provider, "which"), one_of(rows.claim, "of"))
    compiled = query.compile(sqlite_database.engine)
    with sqlite_database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ("[]", "[]")).all()
    assert not any("SCAN allocations" in str(row) for row in plan), plan


def test_writers_of_sqlite_take_turns(sqlite_database: Database) -> None:
    object_id = sqlite_database.write(mark)

    def later(session: Session) -> None:
        since = session.scalars(select(Mark.since)).one()
        session.execute(update(Mark).values(since=since + timedelta(seconds=1)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sqlite_database.write(later), range(40)))
    found = sqlite_database.read(lambda s: s.get_one(Mark, (object_id, "locked")).since)
    assert found == NOW + timedelta(seconds=40)


def test_a_deadlock_of_postgresql_is_tried_again(postgresql_database: Database) -> None:
    first, second = (postgresql_database.write(mark) for _ in range(2))
    both_hold_one = Barrier(2)
    tries: list[str] = []

    def lock(order: tuple[str, str]) -> None:
        def change(session: Session) -> None:
            is_first_try = order[0] not in tries
            tries.append(order[0])
            for object_id in order:
                session.execute(select(Mark).where(Mark.object_id == object_id).with_for_update())
                if is_first_try and object_id == order[0]:
                    both_hold_one.wait(timeout=10)

        postgresql_database.write(change)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lock, [(first, second), (second, first)]))
    assert len(tries) == 3


def test_a_few_threads_write_at_a_time_and_the_others_after_them(
    postgresql_database: Database,
) -> None:
    together, inside = Barrier(WRITERS), 0
    most: list[int] = []

    def change(session: Session) -> None:
        nonlocal inside
        mark(session)
        inside += 1
        together.wait(timeout=10)
        most.append(inside)
        together.wait(timeout=10)
        inside -= 1
        together.wait(timeout=10)

    with ThreadPoolExecutor(4 * WRITERS) as pool:
        list(pool.map(lambda _: postgresql_database.write(change), range(4 * WRITERS)))
    assert set(most) == {WRITERS}
    assert postgresql_database.read(count) == 4 * WRITERS


@pytest.mark.parametrize("fails", [False, True])
def test_what_lasts_until_the_end_does_so_whatever_the_end_is(
    database: Database, fails: bool
) -> None:
    ended: list[int] = []

    def change(session: Session) -> None:
        until_end(session).callback(lambda: ended.append(database.read(count)))
        mark(session)
        if fails:
            raise LookupError

    with pytest.raises(LookupError) if fails else nullcontext():
        database.write(change)
    assert ended == [0 if fails else 1]


def test_times_come_back_in_utc(database: Database) -> None:
    berlin = timezone(timedelta(hours=1))
    moment = datetime(2030, 1, 1, 13, 0, 0, 123456, tzinfo=berlin)
    object_id = database.write(lambda session: mark(session, since=moment))
    found = database.read(lambda s: s.get_one(Mark, (object_id, "locked")).since)
    assert found == moment
    assert found.tzinfo == UTC


def test_a_time_without_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without zone"):
        database.write(lambda session: mark(session, since=NOW.replace(tzinfo=None)))


def test_hooks_run_before_and_after_the_commit(database: Database) -> None:
    seen: list[int] = []
    database.before_commit.append(lambda _: seen.append(database.read(count)))
    database.after_commit.append(lambda _: seen.append(database.read(count)))
    database.write(mark)
    assert seen == [0, 1]


def test_postgresql_runs_read_committed(postgresql_database: Database) -> None:
    level = postgresql_database.read(
        lambda session: session.scalar(text("SHOW transaction_isolation"))
    )
    assert level == "read committed"
