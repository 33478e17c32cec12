"""Slots keep operations apart, fences rise, and what is written twice is written once."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.control import operations
from mulligan.control.operations import Ask, StepChange
from mulligan.database import Database
from mulligan.values.caller import Caller
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    MulliganError,
    NotFoundError,
)

START = datetime(2030, 1, 1, tzinfo=UTC)


def ask(**more: str) -> Ask:
    fields: dict[str, Any] = {
        "operation": str(uuid4()),
        "type": "inspect",
        "region": str(uuid4()),
        "project": "",
        "author": str(uuid4()),
        "request_id": "r",
        "digest": "d",
        "object_type": "server",
        "object_id": str(uuid4()),
    }
    return Ask(**{**fields, **more})


def begin(database: Database, asked: Ask, endpoint: str | None = None) -> int:
    return database.write(lambda session: operations.begin(session, asked, endpoint))


def finish(database: Database, asked: Ask, state: str = "done") -> None:
    database.write(lambda session: operations.finish(session, asked.operation, state))


def steps(database: Database, asked: Ask) -> list[tuple[int, str, str]]:
    found = database.read(lambda session: operations.steps_of(session, [asked.operation]))
    return [(step.number, step.name, step.state) for step in found[asked.operation]]


def record(database: Database, asked: Ask, minute: int, *changes: StepChange) -> None:
    at = START + timedelta(minutes=minute)
    database.write(lambda s: operations.record_steps(s, asked.operation, at, changes))


def test_one_operation_has_the_slot_and_the_next_gets_a_higher_fence(database: Database) -> None:
    endpoint, first, second = str(uuid4()), ask(), ask()
    assert begin(database, first, endpoint) == 1
    assert begin(database, first, endpoint) == 1
    with pytest.raises(FailedPreconditionError, match=first.operation) as raised:
        begin(database, second, endpoint)
    assert raised.value.reason == "ENDPOINT_BUSY"
    finish(database, first)
    assert begin(database, second, endpoint) == 2
    # The end of an operation frees its own slot only.
    finish(database, first)
    holder = database.read(lambda session: operations.holder_of(session, [endpoint]))
    assert holder == {endpoint: second.operation}


def test_of_many_at_once_one_gets_the_slot(database: Database) -> None:
    endpoint = str(uuid4())
    with ThreadPoolExecutor(6) as pool:
        tried = [pool.submit(begin, database, ask(), endpoint) for _ in range(6)]
    # Who lost meets the slot, or (PostgreSQL) the other's new row; the activity is tried again.
    assert [one.result() for one in tried if not one.exception()] == [1]


def test_an_operation_id_stands_for_one_content(database: Database) -> None:
    first = ask()
    begin(database, first)
    other = ask(operation=first.operation, digest="other")
    with pytest.raises(AlreadyExistsError) as raised:
        begin(database, other)
    assert raised.value.reason == "REQUEST_ID_REUSED"


def test_steps_are_written_once_and_in_order(database: Database) -> None:
    asked = ask()
    begin(database, asked)
    for _ in range(2):
        record(database, asked, 1, StepChange("stage", "running"))
    for _ in range(2):
        record(database, asked, 2, StepChange("stage", "done"), StepChange("boot", "running"))
    assert steps(database, asked) == [(1, "stage", "done"), (2, "boot", "running")]
    record(database, asked, 3, StepChange("boot", "done"), StepChange("stage", "running"))
    assert steps(database, asked)[2:] == [(3, "stage", "running")]
    finish(database, asked)
    record(database, asked, 4, StepChange("late", "running"))
    assert len(steps(database, asked)) == 3


def test_an_operation_ends_once(database: Database) -> None:
    asked = ask()
    begin(database, asked)
    finish(database, asked, "failed")
    finish(database, asked, "done")
    row = database.read(lambda session: operations.get(session, asked.operation))
    assert row.state == "failed"
    told = database.read(lambda session: events.read_after(session, 0, operation=asked.operation))
    assert [event.state for event in told] == ["running", "failed"]


def test_what_is_recorded_while_an_operation_ends_does_not_change_its_end(
    database: Database,
) -> None:
    asked = ask()
    begin(database, asked)
    with ThreadPoolExecutor(1) as pool:

        def end(session: Session) -> Future[None]:
            operations.finish(session, asked.operation, "cancelled", "released by force")
            late = pool.submit(record, database, asked, 1, StepChange("boot", "running"))
            wait_for_waiting(database)
            return late

        database.write(end).result()
    row = database.read(lambda session: operations.get(session, asked.operation))
    assert (row.state, row.reason) == ("cancelled", "released by force")
    told = database.read(lambda session: events.read_after(session, 0, operation=asked.operation))
    assert [event.state for event in told] == ["running", "cancelled"]
    assert not steps(database, asked)


def wait_for_waiting(database: Database) -> None:
    """Wait until somebody waits for a lock; SQLite lets nobody begin to write, and tells nobody."""
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not database.is_sqlite and not database.read(lambda s: s.scalar(query)):
        pass


def test_what_was_changed_is_kept_when_it_is_asked_for_again(database: Database) -> None:
    asked = ask()
    begin(database, asked)

    def change(session: Session) -> None:
        operations.record_steps(session, asked.operation, START, [StepChange("boot", "running")])
        assert operations.is_at_work(session, asked.operation)
        operations.finish(session, asked.operation, "done", "it boots")
        assert not operations.is_at_work(session, asked.operation)

    database.write(change)
    row = database.read(lambda session: operations.get(session, asked.operation))
    assert (row.state, row.reason) == ("done", "it boots")


def test_an_operation_is_seen_by_readers_of_its_project(database: Database) -> None:
    project = str(uuid4())
    mine, operators = ask(project=project), ask()
    for one in (mine, operators):
        begin(database, one)

    def sees(caller: Caller, asked: Ask) -> bool:
        try:
            database.read(lambda s: operations.get_visible(s, caller, asked.operation))
        except NotFoundError:
            return False
        return True

    tenant, operator = Caller("a", {project: "reader"}), Caller("b", {"": "reader"})
    assert [sees(tenant, mine), sees(tenant, operators)] == [True, False]
    assert [sees(operator, mine), sees(operator, operators)] == [True, True]
    assert not sees(Caller("c", {str(uuid4()): "admin"}), mine)


def test_what_is_not_there_is_said_so(sqlite_database: Database) -> None:
    with pytest.raises(MulliganError, match="there is no operation"):
        sqlite_database.read(lambda session: operations.get(session, str(uuid4())))
