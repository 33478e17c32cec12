"""When something is free: the stretches in which a request would fit, provider by provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from mulligan.resource.candidates import Search
from mulligan.resource.earliest import gaps, overfull
from mulligan.resource.explain import explain_claim
from mulligan.resource.fleet_view import view_of
from mulligan.resource.requests import ClaimRequest, from_now
from mulligan.resource.use import FutureUse
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.window import Window


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
        place = search.places[0]
        fits = [int(one) for one in np.flatnonzero(place.fits)]
        if not fits:
            raise explain_claim(session, search)
        future = FutureUse(session, fleet, request, project, now)
        future.know(fits)
        found = []
        for one in fits:
            blocked = list(future.kept_apart(one, alone=place.group.alone))
            for amount in place.amounts:
                capacity = fleet.capacity(one, amount.resource_type)
                spans = future.spans(one, amount.resource_type)
                blocked += overfull(spans, capacity - amount.amount)
            margin = timedelta(seconds=future.margin(one))
            # Whoever comes before something leaves its margin free.
            blocked = [
                (max(begins - margin, request.window.acquire_at), ends) for begins, ends in blocked
            ]
            found += [
                Opening(fleet.ids[one], Window(*stretch))
                for stretch in gaps(blocked, request.window, length)
            ]
    found.sort(key=lambda one: (one.window.acquire_at, one.provider))
    return found[:limit]
