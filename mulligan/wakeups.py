"""Waking readers of events when somebody committed, in this process or another.

PostgreSQL announces commits itself (LISTEN, while there are readers: each announcement costs it as
much as a small query); for SQLite, `Database.write` touches the file, and inotify(7) tells of that.
A wake-up carries nothing: readers read from their cursor. A slow safety read covers a lost one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from asyncinotify import Inotify, Mask

from mulligan.database import STAYS, Database
from mulligan.events import CHANNEL
from mulligan.failures import Failures

SAFETY_READ_S = 60.0

_log = logging.getLogger(__name__)


class Wakeups:
    """Tells any number of waiting readers of one process that there may be new events."""

    def __init__(self, database: Database, channel: str = CHANNEL) -> None:
        """Listen to a database; PostgreSQL announces on the channel, SQLite knows none."""
        self._database, self._channel = database, channel
        self._readers: set[asyncio.Event] = set()
        self._wanted = asyncio.Event()
        self._failures = Failures(_log, "commits can't be listened for, tries again")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen as long as the context lasts."""
        task = asyncio.create_task(self._listen(), name="wakeups")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @asynccontextmanager
    async def reader(self, woken: asyncio.Event | None = None) -> AsyncIterator["Reader"]:
        """Register a reader; commits from now on wake it, by setting `woken` if it has one."""
        woken = woken or asyncio.Event()
        self._readers.add(woken)
        self._wanted.set()
        try:
            yield Reader(woken)
        finally:
            self._readers.discard(woken)
            if not self._readers:
                self._wanted.clear()

    async def _listen(self) -> None:
        listen = self._listen_sqlite if self._database.is_sqlite else self._listen_postgresql
        while True:
            try:
                await listen()
            except Exception as error:
                self._failures.note(error)
                await asyncio.sleep(1)
            self._wake()

    async def _listen_sqlite(self) -> None:
        with Inotify() as watched:
            watched.add_watch(str(self._database.url.database), Mask.ATTRIB)
            self._failures.are_over()
            self._wake()  # to what was committed before
            async for _ in watched:
                self._wake()

    async def _listen_postgresql(self) -> None:
        """Listen until a commit is announced that nobody waits for any more."""
        await self._wanted.wait()
        url = self._database.url.set(drivername="postgresql")
        target = url.render_as_string(hide_password=False)
        # It says nothing by itself: without them it is not seen that it is gone.
        stays: dict[str, Any] = {k: v for k, v in STAYS.items() if k not in url.query}
        connecting = psycopg.AsyncConnection.connect(target, autocommit=True, **stays)
        async with await connecting as connection:
            await connection.execute(f"LISTEN {self._channel}")
            self._failures.are_over()
            self._wake()
            async for _ in connection.notifies():
                if not self._readers:
                    return
                self._wake()

    def _wake(self) -> None:
        for woken in self._readers:
            woken.set()


class Reader:
    """One reader's wake-ups; several that come while it reads are one."""

    def __init__(self, woken: asyncio.Event) -> None:
        self._woken = woken

    def expect(self) -> None:
        """Call before reading: a commit after this is not missed."""
        self._woken.clear()

    async def wait(self, within_s: float = SAFETY_READ_S) -> None:
        """Wait for a commit, or for the safety read."""
        try:
            async with asyncio.timeout(within_s):
                await self._woken.wait()
        except TimeoutError:
            return
