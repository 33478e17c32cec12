"""The trees of projects and regions in this process, so that checking a role asks no database."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

from api.feed import Feed
from mulligan.events import Narrowed, current_revision
from mulligan.failures import Failures
from mulligan.iam import objects
from mulligan.iam.catalogue import REST
from mulligan.iam.objects import Place
from mulligan.meta import names
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import UnavailableError
from mulligan.values.places import PlaceTree, RegionTree

Read = Callable[[Collection[str]], Awaitable[Iterable[Place]]]
"""Gives those of some ids that are stored as projects or regions, and what is above them."""

CatchUp = Callable[[], Awaitable[None]]
"""Has everything stored that there is by now; raises UnavailableError."""

MISSED_FOR_S = 5.0
"""So long nothing is caught up with for a UUID that led nowhere: iam makes them up itself."""

_OF_PLACES = Narrowed(projects=None, object_types=("project", "region"))
_log = logging.getLogger(__name__)


class Places:
    """What projects and regions there are and were, learnt when an unknown one is asked for."""

    def __init__(
        self,
        read: Read,
        catch_up: CatchUp | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Learn by reading what is stored, or after catching up, where that can be behind."""
        self.projects = PlaceTree()
        self.regions = RegionTree()
        self._ended: set[str] = set()
        self._read, self._catch_up, self._clock = read, catch_up, clock
        self._missed: dict[str, float] = {}
        self._generations: dict[str, int] = {}
        self._own_site, self._served = "", dict[str, str]()

    def is_known(self, place: str) -> bool:
        """Say whether a place is a project or region that is there or was."""
        return place in self.projects or place in self.regions or place in self._ended

    def is_ended(self, place: str) -> bool:
        """Say whether a place was deleted."""
        return place in self._ended

    def end(self, place: str) -> None:
        """Take in that a place is deleted: nothing new begins in it, what it has is still there."""
        self._ended.add(place)

    def take_served(self, own_site: str, served: Mapping[str, str]) -> None:
        """Take in which site serves each region that one names, under REST that of all others."""
        self._own_site, self._served = own_site, dict(served)

    def other_site(self, region: str) -> str:
        """Give the site that serves a region; empty for this one, and if that is not known."""
        named = (one for one in self.regions.chain(region) if one in self._served)
        site = self._served.get(next(named, REST), "")
        return site if site != self._own_site else ""

    async def know(self, places: Iterable[str]) -> None:
        """Have the trees hold these places, as far as there are such.

        Raises:
            UnavailableError: one is not known, and iam can't be asked.
        """
        unknown = await self.know_stored(places)
        now = self._clock()
        self._missed = {one: until for one, until in self._missed.items() if until > now}
        if self._catch_up is None or unknown <= self._missed.keys():
            return
        await self._catch_up()
        missed = await self.know_stored(unknown)
        self._missed |= dict.fromkeys(missed, self._clock() + MISSED_FOR_S)

    async def try_to_know(self, places: Iterable[str]) -> None:
        """Have the trees hold these places, but for what only iam knows while it is away.

        For who is refused by them: it learns no more from an UNAVAILABLE.
        """
        with suppress(UnavailableError):
            await self.know(places)

    async def know_stored(self, places: Iterable[str]) -> set[str]:
        """Have the trees hold those of these places that are stored; gives the others."""
        if unknown := self._unknown(places):
            self.take(await self._read(unknown))
        return self._unknown(unknown)

    def _unknown(self, places: Iterable[str]) -> set[str]:
        return {one for one in places if not self.is_known(one) and names.is_uuid(one)}

    def take(self, places: Iterable[Place]) -> None:
        """Take in projects and regions that are there or were.

        Who was deleted stays so, and what was read before what is known changes nothing.
        """
        for place in places:
            if place.ended:
                self.end(place.id)
            if place.type == "project":
                self.projects.add(place.id, place.parent)
            elif place.type == "region":
                self._take_region(place)

    def _take_region(self, region: Place) -> None:
        if region.generation >= self._generations.get(region.id, 0):
            self._generations[region.id] = region.generation
            # Shown first: no one sees it before it is known who may.
            self.regions.show(region.id, region.shown_to)
            self.regions.add(region.id, region.parent)

    def take_as_is(self, places: Iterable[Place]) -> None:
        """Take in places as they are now; who was deleted may be back, from iam's backup."""
        places = list(places)
        self._ended -= {place.id for place in places if not place.ended}
        self._generations.clear()
        self.take(places)

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
        failures = Failures(_log, "projects and regions can't be followed, tries again")
        while True:
            try:
                revision = await feed.read(current_revision)
                self.take(await feed.read(objects.places))
                failures.are_over()
                async for event in feed.after(revision, lambda _: _OF_PLACES):
                    changed = partial(objects.chains, ids=[event.object_id])
                    self.take(await feed.read(changed))
            except Exception as error:
                failures.note(error)
                await asyncio.sleep(1)


def own_places(caller: Caller) -> list[str]:
    """Where a caller has a role, but for the system."""
    return [place for place in caller.roles if place != SYSTEM]
