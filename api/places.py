"""The trees of projects and regions in this process, so that checking a role asks no database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from api.feed import Feed
from mulligan.events import Narrowed, current_revision
from mulligan.iam import objects
from mulligan.iam.objects import Place
from mulligan.meta import names
from mulligan.values.errors import MulliganError
from mulligan.values.places import PlaceTree, RegionTree

Learn = Callable[[], Awaitable[Iterable[Place]]]
"""Gives the projects and regions that there are and were by now; raises UnavailableError."""

_OF_PLACES = Narrowed(projects=None, object_types=("project", "region"))
_log = logging.getLogger(__name__)


class Places:
    """What projects and regions there are and were, learnt when an unknown one is asked for."""

    def __init__(self, learn: Learn) -> None:
        self.projects = PlaceTree()
        self.regions = RegionTree()
        self._ended: set[str] = set()
        self._learn = learn
        self._learning = asyncio.Lock()

    def is_known(self, place: str) -> bool:
        """Say whether a place is a project or region that is there or was."""
        return place in self.projects or place in self.regions or place in self._ended

    def is_ended(self, place: str) -> bool:
        """Say whether a place was deleted."""
        return place in self._ended

    def end(self, place: str) -> None:
        """Take in that a place is deleted: nothing new begins in it, what it has is still there."""
        self._ended.add(place)

    async def know(self, places: Iterable[str]) -> None:
        """Have the trees hold these places, as far as there are such."""
        if self._knows(asked := list(places)):
            return
        async with self._learning:
            if not self._knows(asked):
                self.take(await self._learn())

    def _knows(self, places: Iterable[str]) -> bool:
        return all(self.is_known(place) or not names.is_uuid(place) for place in places)

    def take(self, places: Iterable[Place]) -> None:
        """Take in projects and regions that are there or were; who was deleted stays so."""
        for place in places:
            if place.ended:
                self.end(place.id)
            if place.type == "project":
                self.projects.add(place.id, place.parent)
            elif place.type == "region":
                # Shown first: no one sees it before it is known who may.
                self.regions.show(place.id, place.shown_to)
                self.regions.add(place.id, place.parent)

    @asynccontextmanager
    async def following(self, feed: Feed) -> AsyncIterator[None]:
        """Take in what other processes of iam make and delete, as long as the context lasts."""
        task = asyncio.create_task(self._follow(feed), name="places")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self, feed: Feed) -> None:
        while True:
            try:
                revision = await feed.read(current_revision)
                self.take(await feed.read(objects.places))
                async for event in feed.after(revision, lambda _: _OF_PLACES):
                    changed = partial(objects.chains, ids=[event.object_id])
                    self.take(await feed.read(changed))
            except (MulliganError, SQLAlchemyError) as error:
                _log.warning("projects and regions can't be followed, tries again: %s", error)
                await asyncio.sleep(1)
