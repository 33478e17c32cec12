"""The latest events of one database, read once for all the watchers of this process."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice, takewhile
from typing import TypeVar

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import Database
from mulligan.events import EventRow, Narrowed
from mulligan.failures import Failures, log_failure
from mulligan.wakeups import SAFETY_READ_S, Reader, Wakeups

MOST_IN_MEMORY = 4_096
"""Events; who is further behind reads from the database."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Feed:
    """Follows a database while somebody watches it; each watcher has a cursor of its own.

    A watcher that reads slowly holds nothing up and costs a page of memory: between pages it is
    looked what it may see now, and further behind it goes on from the database.
    """

    def __init__(
        self,
        database: Database,
        threads: ThreadPoolExecutor,
        know: Callable[[Iterable[str]], Awaitable[object]],
    ) -> None:
        """Follow a database; `know` learns of projects and regions (UUIDs) before their events.

        All watchers wait for it, so it asks nobody but a database.
        """
        self._database, self._threads, self._know = database, threads, know
        self._wakeups = Wakeups(database)
        self._watchers = 0
        self._watched = asyncio.Event()
        self._latest: deque[EventRow] = deque(maxlen=MOST_IN_MEMORY)
        # All events after the first and up to the second revision are in `_latest`.
        self._known: tuple[int, int] | None = None
        self._grown = asyncio.Event()
        self._failures = Failures(_log, "the events can't be read, tries again")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Feed"]:
        """Follow as long as the context lasts."""
        async with self._wakeups.listening():
            task = asyncio.create_task(self._follow(), name="feed")
            try:
                yield self
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def after(
        self, revision: int | None, narrow: Callable[[int], Narrowed]
    ) -> AsyncIterator[EventRow]:
        """Give what changed after a revision (None: from now on) and what changes from then on.

        Args:
            revision: the cursor.
            narrow: says, before each reading after a cursor, what the watcher may see; raises when
                nothing.

        Raises:
            RevisionGoneError: the revision is not known, or the watcher came too late for it.
        """
        cursor = await self.read(events.current_revision) if revision is None else revision
        self._watchers += 1
        self._watched.set()
        try:
            rows, cursor = await self._stored(cursor, narrow)
            while True:
                for row in rows:
                    yield row
                grown = self._grown
                if self._known is None or not self._known[0] <= cursor <= self._known[1]:
                    # It came late, or read on by itself; or the revisions went back.
                    rows, cursor = await self._stored(cursor, narrow)
                else:
                    rows, cursor = self._remembered(cursor, self._known[1], narrow(cursor))
                if not rows:
                    await _wait(grown)
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()

    async def _stored(
        self, cursor: int, narrow: Callable[[int], Narrowed]
    ) -> tuple[list[EventRow], int]:
        narrowed, before = narrow(cursor), None
        while narrowed != before:
            # What the watcher may see now may have become more while it was read.
            before = narrowed
            read = partial(events.read_on, revision=cursor, narrowed=narrowed)
            rows, last = await self.read(read)
            if narrowed.projects is not None:
                # Older ones than would be in memory this process knows long since.
                newest = partial(events.places_in, after=max(cursor, last - MOST_IN_MEMORY))
                await self._know_places(await self.read(partial(newest, until=last)))
            narrowed = narrow(cursor)
        return rows, last

    def _remembered(self, cursor: int, end: int, narrowed: Narrowed) -> tuple[list[EventRow], int]:
        newer = list(takewhile(lambda row: row.revision > cursor, reversed(self._latest)))
        taken = (row for row in reversed(newer) if narrowed.takes(row))
        rows = list(islice(taken, events.PAGE))
        return rows, rows[-1].revision if len(rows) == events.PAGE else max(cursor, end)

    async def _follow(self) -> None:
        while True:
            await self._watched.wait()
            try:
                await self._follow_while_watched()
            except Exception as error:
                self._failures.note(error)
                await asyncio.sleep(1)
            self._known = None
            self._latest.clear()

    async def _follow_while_watched(self) -> None:
        async with self._wakeups.reader() as reader:
            begin = end = await self.read(events.current_revision)
            self._failures.are_over()
            while self._watchers:
                self._known = (begin, end)
                self._grown.set()
                self._grown = asyncio.Event()
                rows, end = await self._next(reader, end)
                await self._know_places(events.places_of(rows))
                self._latest.extend(rows)
                if len(self._latest) == MOST_IN_MEMORY:
                    begin = self._latest[0].revision - 1

    async def _next(self, reader: Reader, end: int) -> tuple[list[EventRow], int]:
        rows: list[EventRow] = []
        while self._watchers and not rows:
            reader.expect()
            rows, end = await self.read(partial(events.read_on, revision=end))
            if not rows:
                await reader.wait()
        return rows, end

    async def _know_places(self, places: Iterable[str]) -> None:
        """Learn of places that another process has made, else who may read above them misses it."""
        try:
            await self._know(places)
        except Exception as error:
            log_failure(_log, "places of events can't be learnt of", error)

    async def read(self, query: Callable[[Session], T]) -> T:
        """Read from its database in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._database.read, query)


async def _wait(grown: asyncio.Event) -> None:
    """Wait until there is more, or so long that the watcher's token may have ended."""
    try:
        async with asyncio.timeout(SAFETY_READ_S):
            await grown.wait()
    except TimeoutError:
        return
