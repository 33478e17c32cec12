"""Which project is below which, and which region: in memory, so that a check asks no database."""

from collections import defaultdict
from collections.abc import Iterable, Iterator


class PlaceTree:
    """Projects, or regions, each below another one or at the top; nothing in it ever moves.

    One that was deleted stays, so that who may read above it reads what becomes of the rest.

    What changes it runs in one thread; others may read meanwhile.
    """

    def __init__(self) -> None:
        self._parents: dict[str, str | None] = {}
        self._children: defaultdict[str, set[str]] = defaultdict(set)
        self.version = 0
        """Rises with each change."""

    def __contains__(self, place: str) -> bool:
        return place in self._parents

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._parents))

    def add(self, place: str, parent: str | None) -> None:
        """Take in a place; `parent` is the one above it, None at the top."""
        if place in self._parents:
            return
        self._parents[place] = parent
        if parent:
            self._children[parent].add(place)
        self.version += 1

    def chain(self, place: str) -> list[str]:
        """A place and those above it, from itself upwards; one that isn't there is alone."""
        chain = [place]
        while parent := self._parents.get(chain[-1]):
            chain.append(parent)
        return chain

    def below(self, places: Iterable[str]) -> list[str]:
        """These places and all that are below them, each once."""
        found = dict.fromkeys(places)
        waiting = list(found)
        while waiting:
            # A copy, made at once: another thread may add one meanwhile.
            for child in tuple(self._children.get(waiting.pop(), ())):
                if child not in found:
                    found[child] = None
                    waiting.append(child)
        return list(found)


class RegionTree(PlaceTree):
    """Regions, of which some are shown to some projects only."""

    def __init__(self) -> None:
        super().__init__()
        self._shown_to: dict[str, frozenset[str]] = {}

    @property
    def restricted(self) -> list[str]:
        """Those that are not shown to everybody."""
        return list(self._shown_to)

    def shown_to(self, region: str) -> frozenset[str] | None:
        """The projects to which a region is shown; None: to everybody."""
        return self._shown_to.get(region)

    def show(self, region: str, projects: frozenset[str] | None) -> None:
        """Show a region to some projects, or (None) to everybody."""
        if self._shown_to.get(region) == projects:
            return
        shown_to = dict(self._shown_to)
        if projects is None:
            del shown_to[region]
        else:
            shown_to[region] = projects
        self._shown_to = shown_to  # at once, as others read meanwhile
        self.version += 1


NO_PLACES = PlaceTree()
NO_REGIONS = RegionTree()
"""For a caller of whom only the roles count that are held on a place itself."""
