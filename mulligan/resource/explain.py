"""Why nothing fits, constraint by constraint, and when it would."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.resource.candidates import AVAILABLE, Search
from mulligan.resource.earliest import first_gap, length_of, overfull, window_from
from mulligan.resource.fleet import Mask
from mulligan.resource.occupation import with_margin
from mulligan.resource.places import Place, words_of
from mulligan.resource.refusals import Earliest, Step, describe, no_capacity
from mulligan.resource.tables import ProviderRow
from mulligan.resource.use import FutureUse
from mulligan.values.errors import NoCapacityError

MOST_STARTS = 500
"""So many starts are tried for a request of several groups, one after the other."""


def explain_claim(session: Session, search: Search) -> NoCapacityError:
    """Explain why no provider fits a request."""
    steps = []
    for place in search.places:
        steps += _steps_of(session, search, place)
        if steps[-1].left == 0:
            break
    else:
        steps += _steps_of_trees(search)
    total = int(np.count_nonzero(search.visible))
    details = {}
    if healthy_at := _next_healthy(search):
        details["next_healthy"] = healthy_at.isoformat()
    return no_capacity(
        f"no capacity among {total} provider{'s' * (total != 1)}",
        steps,
        _earliest(session, search),
        **details,
    )


def _next_healthy(search: Search) -> datetime | None:
    """When the first mark ends that calls a provider unhealthy which would do otherwise."""
    until = search.fleet["unhealthy_until"]
    marked = search.fleet["available"] & (until > search.now.timestamp())
    ends = [
        float(until[one])
        for place in search.places
        for one in np.flatnonzero(
            np.logical_and.reduce(
                [marked, *(c.holds for c in place.constraints if c.words != AVAILABLE)]
            )
        )
    ]
    return datetime.fromtimestamp(min(ends), UTC) if ends else None


def _steps_of(session: Session, search: Search, place: Place) -> list[Step]:
    """What each constraint of one place removed."""
    mask, steps = search.visible.copy(), []
    name = place.group.name
    called = f"group {name!r}: " if name else ""
    for words, holds in _all_constraints(search, place):
        after = mask & holds
        gone = mask & ~holds
        reasons = _reasons(session, search, gone) if words == AVAILABLE else {}
        steps.append(Step(called + words, int(gone.sum()), int(after.sum()), reasons))
        mask = after
    return steps


def _all_constraints(search: Search, place: Place) -> list[tuple[str, Mask]]:
    """The lasting ones, then those of time, for which all that the others leave is looked at."""
    found = [(constraint.words, constraint.holds) for constraint in place.constraints]
    fits = [int(one) for one in np.flatnonzero(place.fits)]
    search.use.know(fits)
    for amount in place.amounts:
        free = np.zeros(len(place.fits), np.bool_)
        free[[p for p in fits if search.use.free(p, amount.resource_type) >= amount.amount]] = True
        found.append((f"with {words_of(amount)} free in the window", free))
    alone = np.zeros(len(place.fits), np.bool_)
    alone[[p for p in fits if search.keeps_company(place, p)]] = True
    if place.group.alone or not alone[fits].all():
        words = "with nobody else" if place.group.alone else "with nobody who wants to be alone"
        found.append((f"{words} in its tree in the window", alone))
    return found


def _reasons(session: Session, search: Search, gone: Mask) -> dict[str, int]:
    """Why providers are not available, and how many for each reason."""
    places = [int(place) for place in np.flatnonzero(gone)]
    withdrawn = {search.fleet.ids[p] for p in places if not search.fleet["available"][p]}
    rows = ProviderRow.__table__.c
    query = select(rows.id, rows.unavailable_reason).where(
        rows.region.in_(search.regions), rows.available.is_(False)
    )
    told = Counter(
        reason or "no reason given" for one, reason in session.execute(query) if one in withdrawn
    )
    unhealthy = len(places) - len(withdrawn)
    if unhealthy:
        told["provider is marked unhealthy"] = unhealthy
    return dict(sorted(told.items()))


def _steps_of_trees(search: Search) -> list[Step]:
    """What became of trees of which each place by itself could be filled."""
    counts = search.count_trees()
    return [
        Step(words, before - left, left)
        for (words, left), before in zip(counts[1:], [n for _, n in counts], strict=False)
    ]


def _earliest(session: Session, search: Search) -> Earliest:
    """Find the first later start; what lasts as it is must fit already."""
    if not all(place.fits.any() for place in search.places):
        return Earliest(None, "It never fits as things are: time removed no provider.")
    fits = {int(one) for place in search.places for one in np.flatnonzero(place.fits)}
    future = FutureUse(session, search.fleet, search.request, search.project, search.now)
    future.know(fits)
    if len(search.places) == 1:
        start = _first_start(search, search.places[0], future)
    else:
        start = _first_start_together(search, future)
    return describe(start, future.holds, future.overruns, search.now)


def _first_start(search: Search, place: Place, future: FutureUse) -> datetime | None:
    """Search the release boundaries of the providers that only time keeps from fitting."""
    window = search.request.window
    starts = []
    for one in np.flatnonzero(place.fits):
        blocked = list(future.kept_apart(int(one), alone=place.group.alone))
        for amount in place.amounts:
            capacity = search.fleet.capacity(int(one), amount.resource_type)
            spans = future.spans(int(one), amount.resource_type)
            blocked += overfull(spans, capacity - amount.amount)
        length = length_of(with_margin(window, future.margin(int(one))))
        start = first_gap(blocked, window.acquire_at, length)
        if start and window_from(start, length_of(window)):
            starts.append(start)
    return min(starts, default=None)


def _first_start_together(search: Search, future: FutureUse) -> datetime | None:
    """Try the request at each moment at which something ends."""
    length = length_of(search.request.window)
    for start in future.ends()[:MOST_STARTS]:
        window = window_from(start, length)
        if window is None:
            return None
        later = search.at(window, future.at(window))
        if next(later.candidates(), None):
            return start
    return None
