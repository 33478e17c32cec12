"""The control worker's log follows what control is configured to."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.orm import Session

from mulligan import configuration
from mulligan.database import Database
from mulligan.failures import log_failure
from mulligan.log_level import LogLevel
from mulligan.wakeups import Reader, Wakeups

CONTROL = "control"

SAFETY_READ_S = 300.0
"""A change that was not announced is found after this long."""

REST_S = 0.2
"""What is committed in quick succession is looked at once."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def following(database: Database, log_level: LogLevel) -> AsyncIterator[None]:
    """Follow as long as the context lasts."""
    log_level.tell(CONTROL, None)
    wakeups = Wakeups(database, configuration.CHANNEL)
    async with wakeups.listening(), wakeups.reader() as reader:
        task = asyncio.create_task(_follow(database, log_level, reader), name="log level")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _follow(database: Database, log_level: LogLevel, reader: Reader) -> None:
    while True:
        reader.expect()
        try:
            log_level.tell(CONTROL, await asyncio.to_thread(database.read, _level))
        except Exception as error:
            log_failure(_log, "how control is configured can't be taken in", error)
        await asyncio.sleep(REST_S)
        await reader.wait(SAFETY_READ_S)


def _level(session: Session) -> str | None:
    row = configuration.find(session, CONTROL)
    return row.configuration.log_level if row is not None else None
