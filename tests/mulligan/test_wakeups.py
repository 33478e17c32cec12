"""Readers are woken by commits; nobody listens for them where nobody reads."""

import asyncio
import os
import time
from pathlib import Path
from uuid import uuid4

import pytest
from asyncinotify import Inotify
from sqlalchemy import text

from mulligan import events
from mulligan.database import Database
from mulligan.wakeups import Wakeups

LIMIT_S = 30


def commit(database: Database) -> None:
    database.write(lambda session: events.append(session, events.Event("thing", str(uuid4()), "x")))


def listening(database: Database) -> int:
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    )
    return int(database.read(lambda session: session.execute(query).scalar_one()))


def wait_until_listening(database: Database, count: int) -> None:
    give_up_at = time.monotonic() + LIMIT_S
    while listening(database) != count:
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


async def test_a_reader_is_woken_by_each_commit(database: Database) -> None:
    events.record(database)
    wakeups = Wakeups(database)
    async with wakeups.listening(), wakeups.reader() as reader, asyncio.timeout(LIMIT_S):
        if not database.is_sqlite:
            await reader.wait()  # it listens now
        for _ in range(3):
            reader.expect()
            await asyncio.to_thread(commit, database)
            await reader.wait()


async def test_listening_goes_on_after_what_nobody_foresaw(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    events.record(sqlite_database)
    failures = iter([ValueError("no such mask")])

    def fail_once() -> Inotify:
        for failure in failures:
            raise failure
        return Inotify()

    monkeypatch.setattr("mulligan.wakeups.Inotify", fail_once)
    woken = Wakeups(sqlite_database)
    async with woken.reader() as reader, woken.listening(), asyncio.timeout(LIMIT_S):
        await reader.wait()  # it listens now
        reader.expect()
        await asyncio.to_thread(commit, sqlite_database)
        await reader.wait()


async def test_postgresql_is_listened_to_while_there_are_readers(
    postgresql_database: Database,
) -> None:
    database = postgresql_database
    events.record(database)
    wakeups = Wakeups(database)
    async with wakeups.listening():
        for _ in range(2):
            async with wakeups.reader() as first, wakeups.reader() as second:
                async with asyncio.timeout(LIMIT_S):
                    await first.wait()
                    await second.wait()
                await asyncio.to_thread(wait_until_listening, database, 1)
            await asyncio.to_thread(commit, database)
            await asyncio.to_thread(wait_until_listening, database, 0)


async def test_what_was_committed_before_a_sqlite_file_was_watched_is_read(
    sqlite_database: Database,
) -> None:
    woken = asyncio.Event()
    waking = Wakeups(sqlite_database)
    async with asyncio.timeout(LIMIT_S), waking.reader(woken), waking.listening():
        await woken.wait()


async def test_a_commit_to_sqlite_of_another_process_wakes_readers(
    sqlite_database: Database,
) -> None:
    waking = Wakeups(sqlite_database)
    other = Database(str(sqlite_database.url))
    events.record(other)
    async with asyncio.timeout(LIMIT_S), waking.listening(), waking.reader() as reader:
        await reader.wait()  # it listens now
        reader.expect()
        await asyncio.to_thread(commit, other)
        await reader.wait()
    other.close()


def test_a_write_to_sqlite_that_changes_nothing_is_not_told(sqlite_database: Database) -> None:
    file = Path(str(sqlite_database.url.database))
    commit(sqlite_database)
    os.utime(file, (0, 0))
    sqlite_database.write(events.current_revision)
    assert file.stat().st_mtime == 0
    commit(sqlite_database)
    assert file.stat().st_mtime > 0
