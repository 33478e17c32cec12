"""The audit: who did what and who was refused, as a view of the events.

What was changed is an event of its transaction. What was refused has no transaction: it is written
here, afterwards, and told to no watcher.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, union_all
from sqlalchemy.orm import Session, aliased

from mulligan import events
from mulligan.database import one_of
from mulligan.events import IS_REFUSED, NO_OBJECT, REFUSED, EventRow, Origin
from mulligan.meta import names
from mulligan.values.errors import InvalidArgumentError

DONE = "OK"
"""The result of what was not refused."""

LATE = timedelta(days=1)
"""An event that was written later than this after it happened may be missed where it is asked for
by a time before which it happened: control's worker was away for so long.
"""

FEW = 32
"""Places that are asked for one by one."""

TOGETHER = 200
"""Events of which most are in the order of their times."""


@dataclass(frozen=True)
class Refusal:
    """A call that was refused.

    Attributes:
        origin: the call.
        result: the error's code.
        message: its sentence, without secrets.
        author: UUID of the account, if the token said it.
        object_type: with `object_id` what it was about, as far as the request names it.
        object_id: UUID.
        project: UUID of a project that there is; where neither is named, it is the object's.
        region: UUID of a region that there is.
        signing_in: the account as it was typed, which may be a password: never written as it is.
        at: when.
    """

    origin: Origin
    result: str
    message: str
    author: str | None = None
    object_type: str = ""
    object_id: str = ""
    project: str = ""
    region: str = ""
    signing_in: str = field(default="", repr=False)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


def record_refusals(session: Session, refusals: Iterable[tuple[Refusal, int]]) -> None:
    """Write refusals, each with how many there were like it."""
    for refusal, count in refusals:
        object_type, object_id = refusal.object_type, refusal.object_id
        if refusal.signing_in:
            object_id = _account(session, refusal.signing_in)
            object_type = "account" if object_id else ""
        project, region = refusal.project or None, refusal.region or None
        if object_id and not project and not region:
            project, region = _place_of(session, object_id)
        event = events.Event(
            object_type,
            object_id or NO_OBJECT,
            REFUSED,
            project=project,
            region=region,
            author=refusal.author,
            message=refusal.message,
            at=refusal.at,
            origin=refusal.origin,
            result=refusal.result,
            count=count,
        )
        events.append(session, event)


def _account(session: Session, typed: str) -> str:
    """Find whom somebody wanted to sign in as; empty if that is nobody."""
    try:
        found = names.resolve(session, "account", [typed])
    except InvalidArgumentError:
        return ""
    return found[typed].id if typed in found else ""


def _place_of(session: Session, object_id: str) -> tuple[str | None, str | None]:
    """Find the project and the region of an object, by what was last said of it, else by its name.

    Accounts are of no place: what is said of them names where they have a role.
    Index: events (object_id, revision).
    """
    said = (
        select(EventRow.object_type, EventRow.project, EventRow.region)
        .where(EventRow.object_id == object_id, EventRow.kind != REFUSED)
        .order_by(EventRow.revision.desc())
        .limit(1)
    )
    found = session.execute(said).first() or names.describe(session, [object_id]).get(object_id)
    if found is None or found.object_type == "account":
        return None, None
    return found.project, found.region


@dataclass(frozen=True)
class Wanted:
    """Which events of the audit are asked for; what is empty or None narrows nothing.

    Attributes:
        places: only those of these projects, or of no project in these regions.
        within: only those in these regions.
        revision: only this one.
        account: only those of this author.
        object_id: only those about this object.
        project: only those of this project.
        region: only those in this region.
        method: only this one, as Service/Method or Method.
        result: OK, or the code of an error.
        kind: only this kind.
        since: only from this time on.
        until: only before this time.
    """

    places: Collection[str] | None = None
    within: Collection[str] | None = None
    revision: int = 0
    account: str = ""
    object_id: str = ""
    project: str = ""
    region: str = ""
    method: str = ""
    result: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


def list_events(session: Session, wanted: Wanted, before: int, limit: int) -> list[EventRow]:
    """List events, newest first, older than a revision (0: from the newest on).

    Index: the primary key, or events (author | object_id | project, revision), or (region,
    revision) of what is of no project, or that of refusals.
    """
    narrowed = [*_equal(wanted), *_matching(wanted), *_between(session, wanted, before)]
    if wanted.within is not None:
        narrowed.append(one_of(_EVENTS.region, "within"))
    params = {"places": wanted.places, "within": wanted.within}
    if wanted.places is None:
        return list(session.scalars(_newest(EventRow, limit).where(*narrowed), params))
    if not wanted.places:
        return []
    parts = [
        select(_newest(EventRow, limit).where(seen, *narrowed).subquery())
        for seen in _of_places(wanted.places)
    ]
    found = aliased(EventRow, union_all(*parts).subquery())
    return list(session.scalars(_newest(found, limit), params))


def _of_places(places: Collection[str]) -> Iterator[ColumnElement[bool]]:
    """What is of some projects, or of the hardware of some regions.

    Of a few each is asked for by itself: of several at once PostgreSQL reads the newest of all
    events until it has found enough, which is the whole table where there are few.
    """
    in_project = [_EVENTS.project == one for one in places]
    in_region = [_EVENTS.region == one for one in places]
    if len(places) > FEW:
        in_project = [one_of(_EVENTS.project, "places")]
        in_region = [one_of(_EVENTS.region, "places")]
    yield from in_project
    yield from (and_(_EVENTS.project.is_(None), one) for one in in_region)


def _newest(events_of: Any, limit: int) -> Select[tuple[EventRow]]:
    return select(events_of).order_by(events_of.revision.desc()).limit(limit)


def _between(session: Session, wanted: Wanted, before: int) -> Iterator[ColumnElement[bool]]:
    """Narrow by revision what is narrowed by time, so that the rest of the table is not read."""
    if before:
        yield EventRow.revision < before
    if wanted.since:
        yield EventRow.at >= wanted.since
        yield EventRow.revision >= _first_of(session, func.max, _moved(wanted.since, -LATE))
    if wanted.until:
        yield EventRow.at < wanted.until
        yield EventRow.revision < _first_of(session, func.min, _moved(wanted.until, LATE))


def _moved(at: datetime, by: timedelta) -> datetime:
    """Move a time, but not out of the years that there are: no event is from near their ends."""
    try:
        return at + by
    except OverflowError:
        return at


def _first_of(session: Session, of_some: Callable[..., Any], at: datetime) -> int:
    """Find the revision from which on events are not from before a time, by halves.

    Times rise with revisions, but for a few: so some events are looked at together, and the latest
    or the earliest of these (`of_some`) counts. Index: the primary key.
    """
    low, high = 1, events.current_revision(session) + 1
    while low < high:
        middle = (low + high) // 2
        some = select(EventRow.at).where(EventRow.revision >= middle)
        some = some.order_by(EventRow.revision).limit(TOGETHER)
        found = session.scalar(select(of_some(some.subquery().c.at)))
        if found is None or found >= at:
            high = middle
        else:
            low = middle + 1
    return low


def _equal(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (EventRow.revision, wanted.revision),
        (EventRow.author, wanted.account),
        (EventRow.object_id, wanted.object_id),
        (EventRow.project, wanted.project),
        (EventRow.region, wanted.region),
        (EventRow.kind, wanted.kind),
    ):
        if value:
            yield column == value


def _matching(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if "/" in wanted.method:
        yield EventRow.method == wanted.method
    elif wanted.method:
        yield EventRow.method.endswith(f"/{wanted.method}", autoescape=True)
    if wanted.result == DONE:
        yield EventRow.kind != REFUSED
    elif wanted.result:
        yield and_(IS_REFUSED, EventRow.result == wanted.result)


_EVENTS: Any = EventRow.__table__.c
