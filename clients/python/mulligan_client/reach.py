"""Who answered last: what did not is asked later than others, and not for long."""

import time
from collections.abc import Callable, Iterable, Sequence

from mulligan_client.catalogue import Site

AWAY_FOR_S = 30.0
"""So long a site that did not answer is asked once only, where others are asked too."""

HURRIED_S = 3.0
"""The deadline of that."""


class Reach:
    """Remembers which addresses and sites did not answer; of all services."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: set[str] = set()
        self._away_until: dict[str, float] = {}

    def ordered(self, addresses: Iterable[str]) -> Sequence[str]:
        """Put those first that did not fail when they were last asked."""
        return sorted(addresses, key=lambda one: one in self._failing)

    def failed(self, address: str) -> None:
        """Note that nobody answered there."""
        self._failing.add(address)

    def answered(self, site: Site, address: str) -> None:
        """Note that somebody did."""
        self._failing.discard(address)
        self._away_until.pop(site.id, None)

    def lost(self, site: Site) -> None:
        """Note that a site answered at no address, or not in time."""
        self._away_until[site.id] = self._clock() + AWAY_FOR_S

    def is_away(self, site: Site) -> bool:
        """Whether a site is known not to answer: by the catalogue, or by a call of late."""
        return not site.alive or self._away_until.get(site.id, 0.0) > self._clock()
