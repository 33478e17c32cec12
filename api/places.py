"""The trees of projects and regions in this process, so that checking a role asks no database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from mulligan.iam.objects import Place
from mulligan.meta import names
from mulligan.values.places import PlaceTree

Learn = Callable[[], Awaitable[Iterable[Place]]]
"""Gives the projects and regions that there are and were by now; raises UnavailableError."""


class Places:
    """What living projects and regions there are, learnt anew when an unknown one is asked for."""

    def __init__(self, learn: Learn) -> None:
        self.projects = PlaceTree()
        self.regions = PlaceTree()
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
        """Take in that a place is deleted."""
        self._ended.add(place)
        self.projects.remove(place)
        self.regions.remove(place)

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
        """Take in projects and regions that are there or were."""
        for place in places:
            if place.ended:
                self.end(place.id)
            elif place.id not in self._ended:  # since it was read, perhaps
                tree = self.projects if place.type == "project" else self.regions
                tree.add(place.id, place.parent)
