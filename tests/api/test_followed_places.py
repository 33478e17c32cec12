"""A process of iam learns what another one makes and deletes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from api.feed import Feed
from api.places import Places
from mulligan.database import Database
from mulligan.iam import objects, projects
from mulligan.iam.objects import Place

LIMIT_S = 30


class Told(Places):
    """Places, and a way to wait until something is so."""

    def __init__(self, learn: Callable[[], Awaitable[Iterable[Place]]]) -> None:
        super().__init__(learn)
        self._changed = asyncio.Condition()

    def take(self, places: Iterable[Place]) -> None:
        super().take(places)
        self._waking = asyncio.ensure_future(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(so)


async def create(database: Database, name: str, parent: str = "") -> str:
    make = partial(projects.create_project, name=name, parent=parent)
    return await asyncio.to_thread(database.write, lambda session: make(session).id)


async def test_what_another_process_makes_and_deletes_is_taken_in(database: Database) -> None:
    top = await create(database, "top")
    with ThreadPoolExecutor(4) as threads:
        places = Told(partial(asyncio.to_thread, database.read, objects.places))
        async with Feed(database, threads).running() as feed, places.following(feed):
            await places.until(lambda: top in places.projects)
            made = await create(database, "below", top)
            await places.until(lambda: made in places.projects.below([top]))
            delete = partial(projects.delete_project, project=made)
            await asyncio.to_thread(database.write, delete)
            await places.until(lambda: places.is_ended(made))
            assert places.projects.chain(made) == [made, top]
