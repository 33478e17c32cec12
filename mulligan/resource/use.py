"""What is used of providers in a request's window, read for a few at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.resource.allocations import taken_by
from mulligan.resource.earliest import Interval, Span, peak_within
from mulligan.resource.fleet import Fleet
from mulligan.resource.occupation import (
    ASKED,
    NOW,
    end_of,
    occupies,
    parameters,
    peaks,
    with_margin,
)
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.tables import AllocationRow, ProviderRow
from mulligan.values.window import WITHOUT_END, Window

_IS_ALONE: ColumnElement[bool] = literal_column("allocations.alone")
"""As the index has it: with `IS TRUE` or `= 1` neither database uses that."""


@cache
def _peaks_of_some(*, single: bool) -> Select[str, str, int]:
    """`peaks` of some providers and resource types; it is run more often than anything else.

    For a single provider it is a statement of its own, so that PostgreSQL plans neither anew.
    """
    rows = AllocationRow.__table__.c
    which = one_of(rows.provider, "providers")
    if single:
        which = rows.provider == bindparam("provider")
    return peaks(and_(which, one_of(rows.resource_type, "types")), ASKED, NOW)


@cache
def _company(alone: bool, one_region: bool) -> Select[str, str, int]:
    """In which trees other projects are; or, unless somebody asks to be alone, who wants to be.

    As `peaks`, so that both are read at once: a tree, no resource type, 1 if it is to be alone.
    """
    rows: Any = AllocationRow.__table__.c
    providers = ProviderRow.__table__
    top = func.coalesce(providers.c.root, providers.c.id)
    query = select(top, literal(""), cast(rows.alone, Integer)).distinct()
    query = query.join(providers, providers.c.id == rows.provider).where(
        rows.project != bindparam("project"), occupies(rows, ASKED, NOW)
    )
    if not alone:
        in_one = rows.region == bindparam("region")
        return query.where(_IS_ALONE, in_one if one_region else one_of(rows.region, "regions"))
    return query.where(or_(one_of(providers.c.id, "tops"), one_of(providers.c.root, "tops")))


@cache
def _used(*, peaks: bool, company_of: tuple[bool, bool] | None, single: bool) -> Any:
    some = _peaks_of_some(single=single)
    if company_of is None:
        return some
    return union_all(some, _company(*company_of)) if peaks else _company(*company_of)


@dataclass(frozen=True)
class Occupied:
    """A span of somebody's use of a provider, in whose tree it is, and who wants to be alone."""

    span: Span
    others: bool
    alone: bool


class Use:
    """The peaks of what others use in the window, and who must be or wants to be alone.

    `roughly`: taken from the fleet's bounds, which may be too high and a moment old; and who wants
    to be alone is not asked. `regions` are those in which it may be used, else the request's.
    """

    def __init__(
        self,
        session: Session,
        fleet: Fleet,
        request: ClaimRequest,
        project: str,
        now: datetime,
        regions: Sequence[str] = (),
        *,
        roughly: bool = False,
    ) -> None:
        self._roughly = roughly
        self._regions = list(regions) or [request.region]
        self._session, self._fleet, self._now = session, fleet, now
        self._request, self._project = request, project
        self._types = sorted({amount.resource_type for amount in request.amounts})
        self._alone = any(group.alone for group in request.groups)
        self._peaks: dict[tuple[int, str], int] = {}
        self._free: dict[tuple[int, str], int] = {}
        self._known: set[int] = set()
        self._company_known: set[int] = set()
        self._taken: set[tuple[int, int]] = set()
        self._others: set[tuple[int, int]] = set()

    def know(self, places: Iterable[int]) -> None:
        """Read what is used of these providers, unless it is known."""
        new = set(places) - self._known
        self._known |= new
        by_margin: dict[int, list[int]] = defaultdict(list)
        for place in new:
            by_margin[self.margin(place)].append(place)
        for margin, some in by_margin.items():
            self._read(some, margin)

    def margin(self, place: int) -> int:
        """For how many seconds a provider is kept free after a claim."""
        if not self._fleet.margins:
            return 0
        type_ = self._fleet["type"][place]
        words = (word for word in self._fleet.margins if self._fleet.codes.get(word) == type_)
        return self._fleet.margins.get(next(words, ""), 0)

    def _is_to_be_read(self, place: int) -> bool:
        """Say whether a provider may be used by others; what is taken roughly is noted."""
        if self._fleet.ids[place] in taken_by(self._session):
            return True
        is_used = False
        for resource_type in self._types:
            bound = self._fleet.stock(resource_type, "peak_bound")
            if bound is not None and bound[place]:
                is_used = True
                if self._roughly:
                    self._peaks[place, resource_type] = int(bound[place])
        return is_used and not self._roughly

    def _read(self, places: Collection[int], margin: int) -> None:
        """Read peaks, in which trees other projects are, and where one wants to be alone.

        Providers with other margins are asked about other windows. Unless somebody asks to be alone
        the latter is read once, for the whole region or regions.

        Index: allocations (provider, resource_type, occupied_until); of those that want to be
        alone there are few, and they have an index of their own.
        """
        fleet, roots = self._fleet, self._fleet["root"]
        used = [fleet.ids[place] for place in places if self._is_to_be_read(place)]
        company = self._alone or not (self._roughly or margin in self._company_known)
        self._company_known.add(margin)
        if not (used or company):
            return
        asked: dict[str, Any] = parameters(with_margin(self._request.window, margin), self._now)
        if used:
            asked |= {"providers": used, "provider": used[0], "types": self._types}
        if company:
            tops = {fleet.ids[int(roots[place])] for place in places} if self._alone else ()
            whom: dict[str, Any] = {"regions": self._regions, "region": self._regions[0]}
            asked |= {"project": self._project, **({"tops": list(tops)} if self._alone else whom)}
        company_of = (self._alone, len(self._regions) == 1) if company else None
        query = _used(peaks=bool(used), company_of=company_of, single=len(used) == 1)
        for which, resource_type, count in self._session.execute(query, asked):
            if resource_type:
                self._peaks[fleet.place_of[which], resource_type] = count
            elif which in fleet.place_of:
                found = (fleet.place_of[which], margin)
                self._others.add(found)
                if count:
                    self._taken.add(found)

    def peak(self, place: int, resource_type: str) -> int:
        """What others use at the peak; known before."""
        return self._peaks.get((place, resource_type), 0)

    def free(self, place: int, resource_type: str) -> int:
        """What is left of the capacity at the peak; known before."""
        key = place, resource_type
        if key not in self._free:
            self._free[key] = self._fleet.capacity(place, resource_type) - self._peaks.get(key, 0)
        return self._free[key]

    def keeps_company(self, place: int, *, alone: bool) -> bool:
        """Say whether somebody may be in a provider's tree, alone or not; known before."""
        if not self._others:
            return True
        tree = (int(self._fleet["root"][place]), self.margin(place))
        return tree not in self._taken and not (alone and tree in self._others)


class FutureUse(Use):
    """All that is used from a window's start on, in memory, to be asked about later windows.

    Args:
        holds: the deadlines of the holds among it.
        overruns: the claims that are past their planned end.
        until: what begins later is left out.
    """

    def __init__(
        self,
        session: Session,
        fleet: Fleet,
        request: ClaimRequest,
        project: str,
        now: datetime,
        *,
        until: datetime = WITHOUT_END,
    ) -> None:
        super().__init__(session, fleet, request, project, now)
        self._until = until
        self.holds: list[datetime] = []
        self.overruns: list[str] = []
        self._spans: dict[tuple[int, str], list[Span]] = defaultdict(list)
        self._company: dict[int, list[Occupied]] = defaultdict(list)

    def know(self, places: Iterable[int]) -> None:
        """Read what is used from the window's start on, unless it is known.

        Index: allocations (provider, resource_type, occupied_until).
        """
        fleet, roots = self._fleet, self._fleet["root"]
        new = set(places) - self._known
        self._known |= new
        if not new:
            return
        rows, start = AllocationRow, self._request.window.acquire_at
        tops = {int(roots[place]) for place in new}
        asked = new.union(*(fleet.tree(top) for top in tops))
        query = select(
            rows.provider, rows.resource_type, rows.acquire_at, rows.amount, rows.held_until,
            rows.claim, rows.release_at, rows.project, rows.alone,
            end_of(rows, self._now, overruns=True),
        ).where(
            rows.provider.in_([fleet.ids[place] for place in asked]),
            occupies(rows, Window(start, self._until), self._now),
        )  # fmt: skip
        for row in self._session.execute(query):
            provider, name, begins, amount, held, claim, planned, project, alone, ends = row
            span = Span(max(begins, start), ends, amount)
            place = fleet.place_of[provider]
            others = project != self._project
            self._company[int(roots[place])].append(Occupied(span, others, alone))
            if place not in new or name not in self._types:
                continue
            self._spans[place, name].append(span)
            if held:
                self.holds.append(held)
            if planned <= self._now:
                self.overruns.append(claim)

    def at(self, window: Window) -> "FutureUse":
        """The same use, asked about another window."""
        later = copy(self)
        later._request = self._request.within(window)
        return later

    def spans(self, place: int, resource_type: str) -> list[Span]:
        """Who uses how much of a provider, and when."""
        return self._spans.get((place, resource_type), [])

    def kept_apart(self, place: int, *, alone: bool) -> Iterator[Interval]:
        """When others keep somebody out of a provider's tree."""
        for one in self._company.get(int(self._fleet["root"][place]), ()):
            if one.others and (alone or one.alone):
                yield one.span.starts_at, one.span.ends_at

    def ends(self) -> list[datetime]:
        """The moments at which something ends, in order."""
        return sorted(
            {span.ends_at for spans in self._spans.values() for span in spans}
            | {one.span.ends_at for company in self._company.values() for one in company}
        )

    def _wanted(self, place: int) -> Window:
        return with_margin(self._request.window, self.margin(place))

    def peak(self, place: int, resource_type: str) -> int:
        """What others use at the peak."""
        return peak_within(self.spans(place, resource_type), self._wanted(place))

    def free(self, place: int, resource_type: str) -> int:
        """What is left of the capacity at the peak."""
        return self._fleet.capacity(place, resource_type) - self.peak(place, resource_type)

    def keeps_company(self, place: int, *, alone: bool) -> bool:
        """Say whether somebody may be in a provider's tree, alone or not."""
        window = self._wanted(place)
        return not any(
            begins < window.release_at and window.acquire_at < ends
            for begins, ends in self.kept_apart(place, alone=alone)
        )
