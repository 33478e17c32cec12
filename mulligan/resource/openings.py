"""When something is free: the stretches in which a request would fit, provider by provider."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from mulligan.resource.candidates import COMPARED, Search
from mulligan.resource.earliest import gaps, overfull, window_from
from mulligan.resource.explain import explain_claim
from mulligan.resource.fleet_view import view_of
from mulligan.resource.occupation import with_margin
from mulligan.resource.requests import ClaimRequest, from_now
from mulligan.resource.use import FutureUse, Use
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.window import Window

LENGTHS_AHEAD = (4, 32)
"""So many lengths ahead it is looked before it is looked at all of the time."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A stretch in which a provider can give what is asked for, at any time of it."""

    provider: str
    window: Window


def find_openings(
    session: Session,
    request: ClaimRequest,
    length: timedelta | None,
    *,
    project: str,
    now: datetime,
    limit: int,
) -> list[Opening]:
    """Find where and when a request would fit for so long, the earliest first.

    Holds count as if they were confirmed.

    Args:
        session: a session.
        request: what is asked for, of one provider; the search is within its window.
        length: for how long; None: without end.
        project: UUID of the project that asks.
        now: the present.
        limit: at most this many.

    Raises:
        InvalidArgumentError: the request has several groups, or the length is none.
        NoCapacityError: no provider ever fits, explained.
    """
    request = from_now(request, now)
    if length is not None and length <= timedelta(0):
        raise InvalidArgumentError("a length of nothing is always free; give one", field="length")
    with view_of(session).look(session, now) as fleet:
        search = Search(session, fleet, request, project=project, now=now)
        if len(search.places) > 1:
            raise InvalidArgumentError(
                "openings are found for one provider at a time; ask for one group, or claim with "
                "a time to wait",
                field="spec.groups",
            )
        if not search.places[0].fits.any():
            raise explain_claim(session, search)
        return _Openings(session, search, length).earliest(limit)


class _Openings:
    """Where and when the one place of a search can be filled for so long."""

    def __init__(self, session: Session, search: Search, length: timedelta | None) -> None:
        self._session, self._search, self._length = session, search, length
        self._window, self._place = search.request.window, search.places[0]
        self._ids = search.fleet.ids

    def earliest(self, limit: int) -> list[Opening]:
        """Find the earliest ones: at once, then in the time soon after, then in all of it.

        What is found within a time begins before whatever is not found in it.
        """
        fits = sorted(map(int, np.flatnonzero(self._place.fits)), key=self._ids.__getitem__)
        first = [(one, self._window.acquire_at) for one in self._free_at_once(fits, limit)]
        if len(first) < limit:
            for until in self._horizons():
                found = self._until(until, fits)
                if len(found) >= limit:
                    break
            first = [(self._search.fleet.place_of[one.provider], one.window.acquire_at)
                     for one in found[:limit]]  # fmt: skip
        wanted = {(self._ids[one], begins) for one, begins in first}
        whole = self._until(self._window.release_at, {one for one, _ in first})
        return [one for one in whole if (one.provider, one.window.acquire_at) in wanted]

    def _free_at_once(self, fits: Sequence[int], limit: int) -> list[int]:
        """Those that are free from the window's start on, the first ones by id."""
        window = window_from(self._window.acquire_at, self._length)
        if window is None or window.release_at > self._window.release_at:
            return []
        search, found, start = self._search, list[int](), 0
        use = Use(
            self._session, search.fleet, search.request.within(window), search.project, search.now,
            search.regions,
        )  # fmt: skip
        search = search.at(window, use)
        while start < len(fits) and len(found) < limit:
            some = fits[start : start + max(COMPARED, start)]
            use.know(some)
            found += [one for one in some if search.has_room(self._place, one)]
            start += len(some)
        return found[:limit]

    def _horizons(self) -> Iterator[datetime]:
        """Until when to look: some lengths ahead, then ever further."""
        begins, ends = self._window.acquire_at, self._window.release_at
        for lengths in LENGTHS_AHEAD:
            if self._length is not None and self._length < (ends - begins) / lengths:
                yield begins + self._length * lengths
        yield ends

    def _until(self, until: datetime, fits: Iterable[int]) -> list[Opening]:
        """All openings of some providers that are long enough before a moment, in order."""
        search, found = self._search, list[Opening]()
        fleet, window = search.fleet, Window(self._window.acquire_at, until)
        longest = max(fleet.margins.values(), default=0)
        future = FutureUse(
            self._session, fleet, search.request, search.project, search.now,
            until=with_margin(window, longest).release_at,
        )  # fmt: skip
        fits = list(fits)
        future.know(fits)
        for one in fits:
            blocked = list(future.kept_apart(one, alone=self._place.group.alone))
            for amount in self._place.amounts:
                capacity = fleet.capacity(one, amount.resource_type)
                spans = future.spans(one, amount.resource_type)
                blocked += overfull(spans, capacity - amount.amount)
            margin = timedelta(seconds=future.margin(one))
            # Whoever comes before something leaves its margin free.
            blocked = [(max(begins - margin, window.acquire_at), ends) for begins, ends in blocked]
            found += [
                Opening(fleet.ids[one], Window(*stretch))
                for stretch in gaps(blocked, window, self._length)
            ]
        return sorted(found, key=lambda one: (one.window.acquire_at, one.provider))
