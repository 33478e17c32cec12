"""A process of iam learns what another one makes and deletes."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from uuid import uuid4

from api.feed import Feed
from api.places import Places, Read
from mulligan.database import Database
from mulligan.events import Narrowed
from mulligan.iam import objects, projects, regions
from mulligan.iam.objects import Place
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.regions import RegionSpec, Visibility

LIMIT_S = 30


class Told(Places):
    """Places, and a way to wait until something is so."""

    def __init__(self, read: Read) -> None:
        super().__init__(read)
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


def reading(database: Database) -> Read:
    return lambda ids: asyncio.to_thread(database.read, partial(objects.chains, ids=ids))


async def create(database: Database, name: str, parent: str = "") -> str:
    make = partial(projects.create_project, name=name, parent=parent)
    return await asyncio.to_thread(database.write, lambda session: make(session).id)


async def test_what_another_process_makes_and_deletes_is_taken_in(database: Database) -> None:
    top = await create(database, "top")
    with ThreadPoolExecutor(4) as threads:
        places = Told(reading(database))
        feed = Feed(database, threads, places.know_stored)
        async with feed.running(), places.following(feed):
            await places.until(lambda: top in places.projects)
            made = await create(database, "below", top)
            await places.until(lambda: made in places.projects.below([top]))
            delete = partial(projects.delete_project, project=made)
            await asyncio.to_thread(database.write, delete)
            await places.until(lambda: places.is_ended(made))
            assert places.projects.chain(made) == [made, top]


async def test_to_whom_another_process_shows_a_region_is_taken_in(database: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        places = Told(reading(database))
        feed = Feed(database, threads, places.know_stored)
        async with feed.running(), places.following(feed):
            internal = RegionSpec(visibility=Visibility.INTERNAL)
            make = partial(regions.create_region, name="vault", spec=internal)
            region = await asyncio.to_thread(database.write, lambda session: make(session).id)
            await places.until(lambda: region in places.regions)
            assert places.regions.shown_to(region) == frozenset()
            show = partial(
                regions.update_region,
                region=region,
                change=lambda _: RegionSpec(),
                caller=Caller(str(uuid4()), {SYSTEM: "admin"}),
            )
            await asyncio.to_thread(database.write, show)
            await places.until(lambda: places.regions.shown_to(region) is None)


async def read_nothing(_: object) -> list[Place]:
    return []


def test_what_was_read_of_a_region_before_it_was_hidden_shows_it_to_nobody() -> None:
    places = Places(read_nothing)
    before = Place("region", str(uuid4()), None, False)
    hidden = replace(before, shown_to=frozenset(), generation=2)
    places.take([hidden])
    places.take([before])
    assert places.regions.shown_to(before.id) == frozenset()
    places.take_as_is([before])  # iam is back from an older backup
    assert places.regions.shown_to(before.id) is None
    places.take([hidden])
    assert places.regions.shown_to(before.id) == frozenset()


async def test_who_may_read_above_a_project_is_told_that_another_process_made_it(
    database: Database,
) -> None:
    top = await create(database, "top")
    with ThreadPoolExecutor(4) as threads:
        places = Told(reading(database))
        await places.know([top])
        before = await create(database, "made before it is watched", top)

        def narrow(_: int) -> Narrowed:
            return Narrowed(projects=frozenset(places.projects.below([top])))

        async with Feed(database, threads, places.know_stored).running() as feed:
            watcher = feed.after(0, narrow)
            async with asyncio.timeout(LIMIT_S), aclosing(watcher):  # type: ignore[type-var]
                assert (await anext(watcher)).object_id == top
                assert (await anext(watcher)).object_id == before
                made = await create(database, "below", top)
                assert (await anext(watcher)).object_id == made
