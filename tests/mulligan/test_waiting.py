"""A transaction for which nobody waits any more is stopped, and leaves nothing."""

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from mulligan import database as databases
from mulligan import events, statements
from mulligan.database import Database
from mulligan.events import EventRow
from mulligan.statements import Used
from mulligan.values.errors import OverdueError
from mulligan.waiting import Waiting, overdue, waited_for

LIMIT_S = 30
ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) "
    "FROM n",
    "postgresql": "SELECT pg_sleep(3600)",
}


def tell(session: Session) -> None:
    events.append(session, events.Event("thing", "0" * 32, "created"))


def told(database: Database) -> int:
    return database.read(lambda session: session.scalars(select(func.count(EventRow.at))).one())


@pytest.mark.parametrize("kind", ["read", "write"])
def test_who_leaves_has_the_statement_stopped_and_rolled_back(
    database: Database, kind: str
) -> None:
    waiting, begun = Waiting(), Event()

    def go_on_for_ever(session: Session) -> None:
        tell(session)
        begun.set()
        session.execute(text(ENDLESS[database.url.get_backend_name()]))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(getattr(database, kind), go_on_for_ever, waiting)
        assert begun.wait(LIMIT_S)
        waiting.leave()
        with pytest.raises(OverdueError):
            running.result(LIMIT_S)
        assert pool.submit(told, database).result(LIMIT_S) == 0
    database.write(tell, Waiting())
    assert told(database) == 1


def test_what_ends_when_nobody_waits_is_not_committed() -> None:
    waiting, stopped = Waiting(), Event()

    def work(pool: ThreadPoolExecutor) -> None:
        with waiting.stopping(stopped.set):
            pool.submit(waiting.leave)
            assert stopped.wait(LIMIT_S)

    with ThreadPoolExecutor(1) as pool, pytest.raises(OverdueError):
        work(pool)


def test_what_is_over_does_not_begin(database: Database) -> None:
    for over in (Waiting(0), Waiting()):
        over.leave()
        with pytest.raises(OverdueError):
            database.write(tell, over)
        with pytest.raises(OverdueError):
            database.read(told, over)  # type: ignore[arg-type]
    assert told(database) == 0


def test_what_is_at_its_commit_when_nobody_waits_is_committed(database: Database) -> None:
    waiting = Waiting()

    def change(session: Session) -> None:
        event.listen(session, "before_commit", lambda _: waiting.leave())
        tell(session)

    database.write(change, waiting)
    assert told(database) == 1
    assert "may have been done" in overdue().message


def test_a_writer_for_whom_nobody_waits_leaves_its_place_in_the_queue(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "TURN_S", 0.01)
    begun = Event()

    class Looked(Waiting):
        def refuse_if_over(self) -> None:
            begun.set()
            super().refuse_if_over()

    waiting = Looked()
    monkeypatch.setattr(database, "_may_write", Semaphore(0))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(database.write, tell, waiting)
        assert begun.wait(LIMIT_S), "it looks, and goes on waiting"
        waiting.leave()
        with pytest.raises(OverdueError):
            running.result(LIMIT_S)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_whose_statement_could_not_be_cancelled_for_sure_is_not_used_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, begun, pids = Waiting(), Event(), []

    def cancel(connection: Any, lost: list[Exception]) -> None:
        connection.cancel_safe()
        lost.append(TimeoutError("nobody said that it had arrived"))

    def pid(session: Session) -> None:
        pids.append(session.scalar(text("SELECT pg_backend_pid()")))

    def go_on_for_ever(session: Session) -> None:
        pid(session)
        begun.set()
        session.execute(text(ENDLESS["postgresql"]))

    monkeypatch.setattr(statements, "_cancel", cancel)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(database.read, go_on_for_ever, waiting)
        assert begun.wait(LIMIT_S)
        waiting.leave()
        with pytest.raises(OverdueError):
            running.result(LIMIT_S)
    for _ in range(8):  # as many as are kept open at most
        database.read(pid)
    assert pids[0] not in pids[1:]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_notices_that_its_server_is_gone_unless_its_url_says_otherwise(
    database: Database,
) -> None:
    other = Database(
        str(database.url.update_query_dict({"tcp_user_timeout": "7000"}).render_as_string(False))
    )
    told = [one.read(parameters) for one in (database, other)]
    other.close()
    assert [one["tcp_user_timeout"] for one in told] == ["20000", "7000"]
    assert told[0]["keepalives_idle"] == told[1]["keepalives_idle"] == "10"


def parameters(session: Session) -> dict[str, str]:
    raw: Any = session.connection().connection.dbapi_connection
    return dict(raw.info.get_parameters())


def test_a_writer_waits_for_others_as_long_as_it_is_waited_for(database: Database) -> None:
    """Another process has what the transaction needs; SQLite's file, PostgreSQL's counter."""
    other = Database(database.url.render_as_string(hide_password=False))
    events.record(other)
    held, ended = Event(), Event()

    def hold(session: Session) -> None:
        tell(session)
        events.write_pending(session)
        session.info["events"].clear()
        held.set()
        assert ended.wait(LIMIT_S)

    waiting = Waiting(0.2)
    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(other.write, hold)
        assert held.wait(LIMIT_S)
        running = pool.submit(database.write, tell, waiting)
        if not database.is_sqlite:
            waiting.leave()
        with pytest.raises(OverdueError):
            running.result(LIMIT_S)
        ended.set()
        holding.result(LIMIT_S)
    other.close()
    assert told(database) == 1


async def test_who_leaves_does_so_at_once_also_while_all_common_threads_are_at_work() -> None:
    begun, released, left_s = asyncio.Event(), Event(), list[float]()

    def work(waiting: Waiting) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert released.wait(LIMIT_S)
        left_s.append(waiting.left_s)

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as common, ThreadPoolExecutor(1) as threads:
        loop.set_default_executor(common)
        common.submit(released.wait, LIMIT_S)
        waited = asyncio.create_task(waited_for(threads, work, time.monotonic() + LIMIT_S))
        await begun.wait()
        waited.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waited
        released.set()
    assert left_s == [0.0]


class Closed:
    """A connection to PostgreSQL that was closed, and whose number another socket has now."""

    def __init__(self) -> None:
        self.number, self.other = socket.socketpair()

    def fileno(self) -> int:
        return self.number.fileno()

    def cancel_safe(self, *, timeout: float) -> None:
        raise OSError(f"not within {timeout} s")


def test_a_connection_that_was_closed_meanwhile_has_no_other_cut_off() -> None:
    closed, used = Closed(), Used(is_sqlite=False)
    used.take(closed)
    ours = closed.number.fileno()
    closed.number.close()
    closed.number, theirs = socket.socketpair()
    assert closed.number.fileno() == ours, "the lowest number that is free is given next"
    used.stop()
    used.close()
    closed.number.send(b"on")
    assert theirs.recv(2) == b"on"
    assert closed.other.recv(2) == b"", "its own was cut off"
    for one in (closed.number, closed.other, theirs):
        one.close()
