"""The site's providers kept in memory, fed by the events of their changes.

It serves to choose and to explain, never to decide: what it says may be a moment old.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.beside import Beside
from mulligan.resource.bounds import read_bounds, read_bounds_of
from mulligan.resource.fleet import Fleet, read_groups, read_margins, read_providers
from mulligan.resource.tables import AllocationRow

MOST_CHANGES = 10_000
"""Beyond so many events it is faster to read everything again."""

CLOCKS_DIFFER = timedelta(minutes=1)
"""Bounds on use are read as of so long ago: they hold for callers whose clock is so far behind."""


AGES = timedelta(minutes=1)
"""So often it is looked for use that ended by itself, of which no event tells."""

ONCE = "looks_once"
"""Stands in the info of a session whose own changes are not to be read into the view."""


def view_of(session: Session) -> "FleetView":
    """The one that is kept for the session's database."""
    view: FleetView = session.info["kept"].setdefault("fleet", FleetView())
    return view


def prepare(session: Session) -> None:
    """Read all providers before the first claim, whose time is short, needs them."""
    with view_of(session).look(session, datetime.now(UTC)):
        pass


@dataclass(frozen=True)
class Loaded:
    """All providers as they were at a revision; what is used of them as it was at an instant."""

    fleet: Fleet
    revision: int
    bounds_hold_from: datetime


class FleetView:
    """All providers of one database, as of the last look.

    They are read as a whole beside the transaction that looks: it may have too little time for
    that, as have those after it, which get what it asked for.
    """

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._loading = Beside[Loaded]()
        self._revision = 0
        self._bounds_hold_from = datetime.min.replace(tzinfo=UTC)
        self._aged_until = self._bounds_hold_from
        self._lock = Lock()
        self._refreshes = 0

    @contextmanager
    def look(self, session: Session, now: datetime) -> Iterator[Fleet]:
        """Bring it up to date and keep it so while it is looked at.

        Whoever had to wait while somebody else brought it up to date, from the start on, has that.
        """
        begun = self._refreshes
        with self._lock:
            once = ONCE in session.info
            waited = self._refreshes > begun and now >= self._bounds_hold_from
            if (once or waited) and self._fleet is not None:
                yield self._fleet
                return
            self._refreshes += 1
            try:
                fleet = self._loaded(session, now) if once else self._refreshed(session, now)
            except BaseException:
                # What was read halfway is not known to be whole.
                self._fleet = None
                raise
            yield fleet

    def look_once(self, session: Session, now: datetime) -> None:
        """Bring it up to date before a session gives up use, which comes back if it fails.

        From then on the session looks at it as it is: what is used it reads for itself.
        """
        with self.look(session, now):
            session.info[ONCE] = True

    def _refreshed(self, session: Session, now: datetime) -> Fleet:
        while True:
            fleet = self._fleet or self._loaded(session, now)
            changed = events.changed_after(session, self._revision, limit=MOST_CHANGES)
            if changed is not None and len(changed) < MOST_CHANGES:
                self._follow(session, fleet, changed, now)
                if now < self._bounds_hold_from:
                    # The clock was put back: what had lapsed or ended may count again.
                    self._bounds_hold_from = now - CLOCKS_DIFFER
                    self._aged_until = self._bounds_hold_from
                    read_bounds(session, fleet, None, self._bounds_hold_from)
                self._age(session, fleet, now)
                return fleet
            self._fleet = None

    def _loaded(self, session: Session, now: datetime) -> Fleet:
        found = self._loading.read(session, partial(_read_all, now=now))
        self._fleet, self._revision = found.fleet, found.revision
        self._bounds_hold_from = self._aged_until = found.bounds_hold_from
        return found.fleet

    def _follow(
        self, session: Session, fleet: Fleet, changed: list[tuple[int, str, str]], now: datetime
    ) -> None:
        objects: dict[str, set[str]] = defaultdict(set)
        for _, object_type, object_id in changed:
            objects[object_type].add(object_id)
        if providers := objects["provider"]:
            known = [fleet.place_of[one] for one in providers if one in fleet.place_of]
            # What is below a provider that moved is in another tree now, and no event says so.
            below = fleet.with_all_below(known).nonzero()[0]
            providers |= {fleet.ids[place] for place in below}
            read_providers(session, fleet, providers)
        if objects["provider_type"]:
            read_margins(session, fleet)
        if objects["group"]:
            read_groups(session, fleet, objects["group"])
        if providers:
            self._read_bounds(session, fleet, providers, now)
        if objects["claim"]:
            self._bounds_hold_from = max(self._bounds_hold_from, now - CLOCKS_DIFFER)
            read_bounds_of(session, fleet, objects["claim"], now - CLOCKS_DIFFER)
        if changed:
            self._revision = changed[-1][0]

    def _age(self, session: Session, fleet: Fleet, now: datetime) -> None:
        """Read anew how much is used where use ended by itself a while ago.

        Index: allocations (region, resource_type, occupied_until).
        """
        before, until = self._aged_until, now - CLOCKS_DIFFER
        if until < before + AGES:
            return
        rows, here = AllocationRow.__table__.c, set(fleet["region"].tolist())
        ended = select(rows.provider).where(
            rows.region.in_([word for word, code in fleet.codes.items() if code in here]),
            rows.resource_type.in_(fleet.resource_types),
            rows.occupied_until > before,
            rows.occupied_until <= until,
        )
        if providers := set(session.scalars(ended)):
            self._read_bounds(session, fleet, providers, now)
        self._aged_until = until

    def _read_bounds(
        self, session: Session, fleet: Fleet, which: set[str] | None, now: datetime
    ) -> None:
        since = now - CLOCKS_DIFFER
        which = which if which is None or len(which) <= MOST_CHANGES else None
        self._bounds_hold_from = max(self._bounds_hold_from, since)
        read_bounds(session, fleet, which, since)


def _read_all(session: Session, now: datetime) -> Loaded:
    found = Loaded(Fleet(), events.current_revision(session), now - CLOCKS_DIFFER)
    read_providers(session, found.fleet, None)
    read_margins(session, found.fleet)
    read_groups(session, found.fleet)
    read_bounds(session, found.fleet, None, found.bounds_hold_from)
    return found
