"""Old events and answers are forgotten, so that no database grows for ever."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from mulligan import events, requests
from mulligan.database import Database
from mulligan.failures import log_failure

EVERY = timedelta(days=1)
_log = logging.getLogger(__name__)
_ALL = object()


@asynccontextmanager
async def forgetting(
    database: Database, kept: timedelta, refusals_kept: timedelta
) -> AsyncIterator[None]:
    """Forget what is older, now and once a day, as long as the context lasts."""
    each_day = _forget_each_day(database, kept, refusals_kept)
    task = asyncio.create_task(each_day, name="forgetting")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _forget_each_day(database: Database, kept: timedelta, refusals_kept: timedelta) -> None:
    while True:
        try:
            pages = _pages(database, kept, refusals_kept)
            # A page at a time, so that the process can stop in between.
            while await asyncio.to_thread(next, pages, _ALL) is not _ALL:
                pass
        except Exception as error:
            log_failure(_log, "what is old stays for another day", error)
        await asyncio.sleep(EVERY.total_seconds())


def forget_older(database: Database, kept: timedelta, refusals_kept: timedelta) -> None:
    """Forget all that is older, a page in each transaction so that nobody waits long.

    An answer that is kept for retries goes with the events that its request made.
    """
    for _ in _pages(database, kept, refusals_kept):
        pass


def _pages(database: Database, kept: timedelta, refusals_kept: timedelta) -> Iterator[None]:
    now = datetime.now(UTC)
    for forget, before in ((events.forget, kept), (events.forget_refusals, refusals_kept)):
        while database.write(partial(forget, before=now - before)) == events.PAGE:
            yield
    after: requests.Key | None = requests.FIRST
    while after is not None:
        read = partial(requests.old_answers, before=now - kept, after=after)
        old, after = database.read(read)
        if old:
            database.write(partial(requests.forget, answers=old))
        yield
