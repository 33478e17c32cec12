"""The append-only table of changes: audit, watch and an object's history are views of it.

An event is written in the transaction of its change. Revisions come from one counter row that is
updated last in the transaction, so that commit order is revision order and a reader's cursor never
skips a writer that commits late.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    String,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.dml import ReturningUpdate

from mulligan.database import Base, Database, Id, one_of
from mulligan.values.errors import RevisionGoneError
from mulligan.values.status import Status

CHANNEL = "mulligan_events"
"""The PostgreSQL channel on which a commit with events is announced."""


PAGE = 500
"""How many events a watcher reads at once."""

REFUSED = "refused"
"""The kind of event that tells of a refused call: no watcher gets it, the audit shows it."""

NO_OBJECT = "00000000-0000-0000-0000-000000000000"
"""The object of a refused call that named none."""


class Revision(Base):
    """The one counter row; `floor` is the last revision whose event was forgotten."""

    __tablename__ = "revisions"
    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    floor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class EventRow(Base):
    """One change of one object."""

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "object_id", "revision"),
        Index(None, "operation", "revision"),
        Index(None, "project", "revision"),
        Index(None, "author", "revision"),
        Index(
            None,
            *("region", "revision"),
            postgresql_where=text("project IS NULL"),
            sqlite_where=text("project IS NULL"),
        ),
        # What was refused is little beside what changed.
        Index(
            "ix_events_refused",
            "revision",
            postgresql_where=text("kind = 'refused'"),
            sqlite_where=text("kind = 'refused'"),
        ),
    )
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    object_type: Mapped[str] = mapped_column(String(32))
    object_id: Mapped[str] = mapped_column(Id)
    project: Mapped[str | None] = mapped_column(Id)
    region: Mapped[str | None] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(32))
    author: Mapped[str | None] = mapped_column(Id)
    operation: Mapped[str | None] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(32), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    next_action: Mapped[str] = mapped_column(Text, default="")
    message: Mapped[str] = mapped_column(Text, default="")
    generation: Mapped[int | None] = mapped_column(BigInteger)
    method: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64))
    session: Mapped[str | None] = mapped_column(Id)
    home: Mapped[str | None] = mapped_column(Id)
    result: Mapped[str | None] = mapped_column(String(64))
    count: Mapped[int | None] = mapped_column(Integer)


IS_REFUSED = EventRow.kind == literal_column(f"'{REFUSED}'")
"""In words that the index of refusals is made with."""


def _nowhere(_project: str | None, _region: str | None) -> str:
    return ""


@dataclass(frozen=True)
class Origin:
    """The call from which a change comes: what the audit says of it beside who asked.

    Attributes:
        method: Service/Method.
        address: the caller's, as `sign_in.address_of` gives it; empty for the socket file.
        request_id: the request's.
        session: UUID of the caller's sign-in; empty where the token belongs to none.
        home: gives, of what a project and a region are concerned in, the place by which the caller
            is at home there, as `Caller.home` does.
    """

    method: str | None = None
    address: str | None = None
    request_id: str | None = None
    session: str = ""
    home: Callable[[str | None, str | None], str] = field(default=_nowhere, compare=False)


UNKNOWN = Origin()
"""Of what the system does by itself; its operation leads to who asked for that."""


@dataclass(frozen=True)
class Event:
    """What is written of a change; `generation` is the object's after it, if it has one.

    A refusal has its own `origin`, its code as `result`, and says how often it was the same.
    """

    object_type: str
    object_id: str
    kind: str
    project: str | None = None
    region: str | None = None
    author: str | None = None
    operation: str | None = None
    status: Status | None = None
    message: str = ""
    generation: int | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    origin: Origin | None = None
    result: str | None = None
    count: int | None = None


def come_from(session: Session, origin: Origin) -> None:
    """Say from which call the events of this transaction come."""
    session.info["origin"] = origin


def append(session: Session, event: Event) -> None:
    """Have the event written when the transaction commits."""
    session.info.setdefault("events", []).append(event)


@contextmanager
def attempt(session: Session) -> Iterator[None]:
    """A part of a transaction that may fail: then it is undone, and nothing of it is told."""
    pending: list[Event] = session.info.setdefault("events", [])
    told = len(pending)
    try:
        with session.begin_nested():
            yield
    except BaseException:
        del pending[told:]
        raise


def write_pending(session: Session) -> None:
    """Write the transaction's events as its last statements; a `Database.before_commit` hook."""
    pending: list[Event] = session.info.get("events", [])
    if not pending:
        return
    session.flush()
    origin: Origin = session.info.get("origin", UNKNOWN)
    announced = session.get_bind().dialect.name == "postgresql" and any(
        event.kind != REFUSED for event in pending
    )
    if len(pending) == 1 and announced:
        session.execute(_write_one(), {"taken": 1, **_columns(pending[0], origin)})
        return
    last = session.execute(_taking(announced), {"taken": len(pending)}).scalars().one()
    first = last - len(pending) + 1
    rows = [
        {**_columns(event, origin), "revision": number}
        for number, event in enumerate(pending, first)
    ]
    session.execute(_WRITE, rows)


_TABLE: Any = EventRow.__table__
_EVENTS = _TABLE.c
_WRITE = insert(_TABLE)


@cache
def _taking(announced: bool) -> ReturningUpdate[Any]:
    """The statement that takes revisions: without the ORM, which takes its time."""
    counter: Any = Revision.__table__
    taken = counter.c.value + bindparam("taken")
    take = update(counter).values(value=taken).returning(counter.c.value)
    return take.returning(func.pg_notify(CHANNEL, "")) if announced else take


@cache
def _write_one() -> Any:
    """Take a revision for an event and write it, in one go: until the commit nobody else can."""
    taken = _taking(announced=True).cte("taken")
    rest = [column for column in _EVENTS if column.key != "revision"]
    values = select(taken.c.value, *(bindparam(one.key, type_=one.type) for one in rest))
    return insert(_TABLE).from_select(["revision", *(one.key for one in rest)], values)


def _columns(event: Event, origin: Origin) -> dict[str, Any]:
    status, origin = event.status, event.origin or origin
    return {
        "at": event.at,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "project": event.project,
        "region": event.region,
        "kind": event.kind,
        "author": event.author,
        "operation": event.operation,
        "message": event.message,
        "generation": event.generation,
        "state": status.state if status else "",
        "reason": status.reason if status else "",
        "since": status.since if status else None,
        "deadline": status.deadline if status else None,
        "next_action": status.next_action if status else "",
        "method": origin.method,
        "address": origin.address,
        "request_id": origin.request_id,
        "session": origin.session or None,
        "home": origin.home(event.project, event.region) or None,
        "result": event.result,
        "count": event.count,
    }


def record(database: Database) -> None:
    """Have this database's transactions write their events."""
    database.before_commit.append(write_pending)


def current_revision(session: Session) -> int:
    """Read the revision of the session's snapshot."""
    return session.execute(select(Revision.value)).scalar_one()


def told_revision(session: Session) -> int:
    """Read the newest revision that watchers get: those of refused calls they are not told of.

    Index: the primary key, backwards over what was refused since.
    """
    told = select(EventRow.revision).where(EventRow.kind != REFUSED)
    newest = told.order_by(EventRow.revision.desc()).limit(1).scalar_subquery()
    return int(session.execute(select(func.coalesce(newest, Revision.floor))).scalar_one())


@dataclass(frozen=True)
class Narrowed:
    """Which events a reader gets; what is empty or None narrows nothing.

    Attributes:
        projects: only events of these projects; None for a reader who sees everything.
        regions: besides, those of no project in these regions.
        project: only this project.
        object_id: only this object.
        operation: only this operation and what it changed.
        object_types: only objects of these types.
    """

    projects: Collection[str] | None = None
    regions: Collection[str] = ()
    project: str = ""
    object_id: str = ""
    operation: str = ""
    object_types: Collection[str] = ()

    def takes(self, event: EventRow) -> bool:
        """Say whether the reader gets an event; the same as `read_after` asks the database for."""
        return (
            self._may_see(event)
            and (not self.project or event.project == self.project)
            and (not self.object_id or event.object_id == self.object_id)
            and (not self.operation or event.operation == self.operation)
            and (not self.object_types or event.object_type in self.object_types)
        )

    def _may_see(self, event: EventRow) -> bool:
        if event.project is None and event.region in self.regions:
            return True
        return self.projects is None or event.project in self.projects


EVERYTHING = Narrowed()


def read_after(
    session: Session, revision: int, *, limit: int = PAGE, **narrowed: Any
) -> list[EventRow]:
    """Read events after a revision, in order, at most so many; `narrowed` as in Narrowed."""
    return _read_after(session, revision, Narrowed(**narrowed), limit)


def _read_after(session: Session, revision: int, narrowed: Narrowed, limit: int) -> list[EventRow]:
    query = select(EventRow).where(EventRow.revision > revision, EventRow.kind != REFUSED)
    if narrowed.projects is not None:
        seen = one_of(_EVENTS.project, "projects")
        if narrowed.regions:
            of_hardware = and_(_EVENTS.project.is_(None), one_of(_EVENTS.region, "regions"))
            seen = or_(seen, of_hardware)
        query = query.where(seen)
    for column, wanted in (
        (EventRow.project, narrowed.project),
        (EventRow.object_id, narrowed.object_id),
        (EventRow.operation, narrowed.operation),
    ):
        if wanted:
            query = query.where(column == wanted)
    if narrowed.object_types:
        query = query.where(EventRow.object_type.in_(narrowed.object_types))
    places = {"projects": narrowed.projects, "regions": narrowed.regions}
    return list(session.scalars(query.order_by(EventRow.revision).limit(limit), places))


_AFTER = (
    select(
        _EVENTS.revision,
        case((_EVENTS.kind == REFUSED, ""), else_=_EVENTS.object_type).label("object_type"),
        _EVENTS.object_id,
    )
    .where(_EVENTS.revision > bindparam("after"))
    .order_by(_EVENTS.revision)
    .limit(bindparam("most"))
    .subquery()
)
_CHANGED = (
    select(Revision.floor, _AFTER).select_from(Revision).outerjoin(_AFTER, true())
).order_by(_AFTER.c.revision)


def changed_after(
    session: Session, revision: int, *, limit: int
) -> list[tuple[int, str, str]] | None:
    """Read which objects changed after a revision: revision, object type and id, in order.

    Where something was only refused the type is empty, so that no revision is missing. None where
    some of these changes were forgotten. One statement, so that it sees one state.
    """
    found = session.execute(_CHANGED, {"after": revision, "most": limit}).all()
    if found[0].floor > revision:
        return None
    return [
        (row.revision, row.object_type, row.object_id) for row in found if row.revision is not None
    ]


def changes_since(session: Session, object_id: str, generation: int, limit: int) -> list[EventRow]:
    """Read the latest changes that an object saw after one of its generations, oldest first.

    Index: events (object_id, revision).
    """
    query = select(EventRow).where(
        EventRow.object_id == object_id, EventRow.generation > generation
    )
    rows = list(session.scalars(query.order_by(EventRow.revision.desc()).limit(limit)))
    return rows[::-1]


def read_on(
    session: Session, revision: int, narrowed: Narrowed = EVERYTHING
) -> tuple[list[EventRow], int]:
    """Read like `read_after`; gives the rows and the cursor with which to go on.

    The newest revision is read first: what is committed later has a higher one. So a reader that
    is told of little need not look at the rest again. What was forgotten is read last: so nothing
    is lost that was forgotten in between.

    Raises:
        RevisionGoneError: events after the revision were forgotten, or it is none of this database.
    """
    newest = current_revision(session)
    rows = _read_after(session, revision, narrowed, PAGE)
    floor = session.scalars(select(Revision.floor)).one()
    if not floor <= revision <= newest:
        raise RevisionGoneError(
            f"the changes after revision {revision} are not here any more (there are those after "
            f"{floor}, up to {newest}); list again, and watch from the revision of the list",
            field="after_revision",
        )
    last = rows[-1].revision if rows else revision
    return rows, last if len(rows) == PAGE else max(newest, last)


def forget(session: Session, before: datetime) -> int:
    """Delete a page of the oldest events, those from before a time; gives how many they were.

    Another process may be further already: what is forgotten only ever grows.
    """
    oldest = select(EventRow.revision, EventRow.at).order_by(EventRow.revision).limit(PAGE)
    old = [row.revision for row in session.execute(oldest) if row.at < before]
    if old:
        session.execute(delete(EventRow).where(EventRow.revision <= old[-1]))
        session.execute(update(Revision).where(Revision.floor < old[-1]).values(floor=old[-1]))
    return len(old)


def forget_refusals(session: Session, before: datetime) -> int:
    """Delete a page of the oldest refusals, as `forget` does; no watcher misses them.

    Index: that of refusals.
    """
    oldest = select(EventRow.revision, EventRow.at).where(IS_REFUSED)
    found = session.execute(oldest.order_by(EventRow.revision).limit(PAGE))
    old = [row.revision for row in found if row.at < before]
    if old:
        session.execute(delete(EventRow).where(IS_REFUSED, EventRow.revision <= old[-1]))
    return len(old)
