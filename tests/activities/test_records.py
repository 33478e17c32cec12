"""A record that is not written in its activity's time is never written: a next try may be at it."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from activities.contracts.operations import Recorded
from activities.contracts.payload import Payload, contract_only
from activities.records.transaction import ENDS_BEFORE_S, in_transactions
from mulligan import events
from mulligan.database import Database
from mulligan.events import EventRow
from mulligan.values.errors import UnavailableError

LIMIT_S = 30
TAKES = timedelta(seconds=ENDS_BEFORE_S + 0.5)
PID = text("SELECT pg_backend_pid()")
IS_THERE = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")


class Tell(Payload):
    """What the tests' record is asked."""


@activity.defn(name="test.tell")
def tell(request: Tell) -> Recorded:
    """Write one event."""
    contract_only()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


async def tried(
    database: Database, threads: ThreadPoolExecutor, record: Callable[[Session], None]
) -> None:
    """Have one try of an activity write an event and then do whatever `record` does."""

    def written(session: Session, request: Tell) -> Recorded:
        events.append(session, events.Event("thing", "0" * 32, "created"))
        record(session)
        return Recorded()

    records: Mapping[Any, Any] = {tell: written}
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, start_to_close_timeout=TAKES)
    await environment.run(in_transactions(database, records, threads)[0], Tell())


def told(database: Database) -> int:
    return database.read(lambda session: session.scalars(select(func.count(EventRow.at))).one())


async def told_after(threads: ThreadPoolExecutor, database: Database) -> int:
    """Count the events once the thread has done with its try."""
    counting = asyncio.get_running_loop().run_in_executor(threads, told, database)
    async with asyncio.timeout(LIMIT_S):
        return await counting


async def test_one_in_time_is_written(database: Database, threads: ThreadPoolExecutor) -> None:
    await tried(database, threads, lambda _: None)
    assert told(database) == 1


async def test_one_that_is_held_up_beyond_its_time_leaves_nothing(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    released = Event()

    def held_up(_session: Session) -> None:
        assert released.wait(LIMIT_S)

    with pytest.raises(UnavailableError, match="tried again"):
        await tried(database, threads, held_up)
    released.set()
    assert await told_after(threads, database) == 0
    await tried(database, threads, lambda _: None)
    assert told(database) == 1


async def test_one_that_temporal_gives_up_leaves_nothing(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    begun, released = asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def held_up(_session: Session) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert released.wait(LIMIT_S)

    trying = asyncio.create_task(tried(database, threads, held_up))
    await begun.wait()
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    released.set()
    assert await told_after(threads, database) == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_one_whose_process_stood_still_before_its_commit_leaves_nothing(
    database: Database, threads: ThreadPoolExecutor
) -> None:

    def stands_still(session: Session) -> None:
        pid = session.scalar(PID)
        event.listen(session, "before_commit", lambda _: wait_until_gone(pid))

    def wait_until_gone(pid: object) -> None:
        while database.read(lambda session: session.scalar(IS_THERE, {"pid": pid})):
            pass

    with pytest.raises(UnavailableError):
        await tried(database, threads, stands_still)
    assert await told_after(threads, database) == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_thread_whose_server_is_frozen_is_free_again(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    frozen: list[int] = []

    def freeze(session: Session) -> None:
        frozen.append(session.scalars(PID).one())
        os.kill(frozen[0], signal.SIGSTOP)
        session.execute(PID)

    try:
        with pytest.raises(UnavailableError):
            await tried(database, threads, freeze)
        assert await told_after(threads, database) == 0
    finally:
        os.kill(frozen[0], signal.SIGCONT)
    assert told(database) == 0
