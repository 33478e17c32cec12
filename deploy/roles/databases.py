"""The databases of a process: migrated, and with events that are written."""

import asyncio
import logging
from contextlib import AsyncExitStack

from sqlalchemy.exc import OperationalError

from deploy.apart import LaterError, run_apart
from deploy.migrating import first_line
from mulligan import events
from mulligan.database import Database, is_conflict
from mulligan.migrations import is_migrated
from mulligan.values.errors import UnavailableError

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0

_log = logging.getLogger(__name__)


async def open_database(stack: AsyncExitStack, url: str) -> Database:
    """Open a database for as long as the stack lasts.

    It is brought to the newest revision first, which waits for a PostgreSQL that does not answer,
    or for another process that migrates SQLite, as long as it takes.

    Raises:
        UnavailableError: SQLite can't use its file, or a migration failed.
    """
    database = Database(url)
    stack.callback(database.close)
    events.record(database)
    await _migrate(database)
    return database


async def _migrate(database: Database) -> None:
    told, pause_s = "", FIRST_PAUSE_S
    while True:
        try:
            if not await asyncio.to_thread(is_migrated, database):
                url = database.url.render_as_string(hide_password=False)
                await run_apart("deploy.migrating", given=url)
            return
        except OperationalError as error:
            why = first_line(error)
            if database.is_sqlite and not is_conflict(error):
                raise UnavailableError(_unusable(database, why)) from error
        except UnavailableError as error:
            why = error.message
            if not isinstance(error, LaterError):
                raise UnavailableError(_unusable(database, why)) from error
        if why != told:
            _log.warning("%s; waits for it", _unusable(database, why))
        told = why
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _unusable(database: Database, why: str) -> str:
    return f"the database {_shown(database)} can't be used: {why}"


def _shown(database: Database) -> str:
    """Write a database's URL without what may be secret in it."""
    return database.url.set(query={}).render_as_string()
