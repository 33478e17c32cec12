"""The control worker logs as control is configured to."""

import asyncio
from uuid import uuid4

from mulligan import configuration
from mulligan.database import Database
from mulligan.log_level import LogLevel
from mulligan.values.configuration import Configuration
from worker.control_log import following

LIMIT_S = 30


class Told(LogLevel):
    """What was told, as it comes; the process' own level stays."""

    def __init__(self) -> None:
        self.levels: asyncio.Queue[tuple[str, str | None]] = asyncio.Queue()

    def tell(self, part: str, level: str | None) -> None:
        self.levels.put_nowait((part, level))

    async def comes_to(self, level: str | None) -> None:
        async with asyncio.timeout(LIMIT_S):
            while await self.levels.get() != ("control", level):
                pass


async def test_a_change_in_any_process_is_followed(database: Database) -> None:
    told = Told()

    def set_level(level: str | None) -> None:
        database.write(
            lambda session: configuration.configure(
                session,
                "control",
                "",
                Configuration(log_level=level),
                ["log_level"],
                generation=0,
                author=str(uuid4()),
            )
        )

    async with following(database, told):
        await told.comes_to(None)
        for level in ("DEBUG", "WARNING", None):
            await asyncio.to_thread(set_level, level)
            await told.comes_to(level)
