"""The databases of a process: migrated, and with events that are written."""

import asyncio
from contextlib import AsyncExitStack

from mulligan import events
from mulligan.database import Database
from mulligan.migrations import migrate


async def open_database(stack: AsyncExitStack, url: str, *, owned: bool = True) -> Database:
    """Open a database for as long as the stack lasts.

    Who owns it brings it to the newest revision first; who only reads it leaves that to the owner.
    """
    database = Database(url)
    stack.callback(database.close)
    events.record(database)
    if owned:
        await asyncio.to_thread(migrate, database)
    return database
