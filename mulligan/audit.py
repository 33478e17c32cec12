"""The audit: who did what and who was refused, as a view of the events.

What was changed is an event of its transaction. What was refused has no transaction: it is written
here, afterwards, and told to no watcher.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_, select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import one_of
from mulligan.events import NO_OBJECT, REFUSED, EventRow, Origin
from mulligan.meta import names
from mulligan.values.errors import InvalidArgumentError

DONE = "OK"
"""The result of what was not refused."""

_IS_REFUSED = EventRow.kind == literal_column(f"'{REFUSED}'")
"""In words that the index of refusals is made with."""


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
        project: UUID of a project that there is.
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
        event = events.Event(
            object_type,
            object_id or NO_OBJECT,
            REFUSED,
            project=refusal.project or None,
            region=refusal.region or None,
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

    Index: the primary key, or events (author | object_id | project, revision), or that of refusals.
    """
    query = select(EventRow).where(*_equal(wanted), *_matching(wanted))
    params: dict[str, Any] = {}
    if wanted.places is not None:
        params["places"] = wanted.places
        of_hardware = and_(EventRow.project.is_(None), one_of(_EVENTS.region, "places"))
        query = query.where(or_(one_of(_EVENTS.project, "places"), of_hardware))
    if wanted.within is not None:
        params["within"] = wanted.within
        query = query.where(one_of(_EVENTS.region, "within"))
    if before:
        query = query.where(EventRow.revision < before)
    newest = query.order_by(EventRow.revision.desc()).limit(limit)
    return list(session.scalars(newest, params))


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
        yield and_(_IS_REFUSED, EventRow.result == wanted.result)
    if wanted.since:
        yield EventRow.at >= wanted.since
    if wanted.until:
        yield EventRow.at < wanted.until


_EVENTS: Any = EventRow.__table__.c
