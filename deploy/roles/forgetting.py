"""Old events are forgotten, so that no database grows for ever."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from mulligan import events
from mulligan.database import Database
from mulligan.values.errors import MulliganError

EVERY = timedelta(days=1)
_log = logging.getLogger(__name__)


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
            await asyncio.to_thread(forget_older, database, kept, refusals_kept)
        except (MulliganError, SQLAlchemyError) as error:
            _log.warning("old events stay for another day: %s", error)
        await asyncio.sleep(EVERY.total_seconds())


def forget_older(database: Database, kept: timedelta, refusals_kept: timedelta) -> None:
    """Forget all events that are older, a page in each transaction so that nobody waits long."""
    now = datetime.now(UTC)
    for forget, before in ((events.forget, kept), (events.forget_refusals, refusals_kept)):
        while database.write(partial(forget, before=now - before)) == events.PAGE:
            pass
