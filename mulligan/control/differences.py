"""Differences: what a comparison found, in words; kept until they are gone, and mended if safe."""

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.control import endpoints, operations
from mulligan.control.reconcile import Found
from mulligan.control.reconcile_rules import LOOKED_AT, RULES
from mulligan.control.tables import Difference, Host, Machine, Operation, Server, Slot
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.resource import claims
from mulligan.values.states import MACHINE_ENDED

REMEMBERED = timedelta(days=7)
"""For how long a difference is listed after it was mended."""

_ID = re.compile(r"(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])")


@dataclass(frozen=True, slots=True)
class Described:
    """A difference in words: what is where and what is not, and what mends it.

    `place` is the host or server that showed it, if one did.
    """

    kind: str
    region: str
    object_type: str
    object_id: str
    message: str
    action: str
    place: str = ""


def describe(session: Session, found: Sequence[Found]) -> list[Described]:
    """Put differences into words, with names for ids; in commands only where a name is enough."""
    if not found:
        return []
    texts = [
        (RULES[one.kind].message.format(**one.facts), RULES[one.kind].action.format(**one.facts))
        for one in found
    ]
    ids = {one for pair in texts for text in pair for one in _ID.findall(text)}
    named = names.describe(session, ids)
    # A machine's name is unique in its project only, and an operator may be in none.
    sites = {one: name for one, name in named.items() if name.object_type in LOOKED_AT}
    return [
        Described(
            one.kind,
            one.region,
            one.object_type,
            one.object_id,
            _named(message, named),
            _named(action, sites, quoted=True),
            one.place,
        )
        for one, (message, action) in zip(found, texts, strict=True)
    ]


def _named(text: str, named: Mapping[str, Name], *, quoted: bool = False) -> str:
    def name(match: re.Match[str]) -> str:
        row = named.get(match.group())
        if row is None:
            return match.group()
        return shlex.quote(row.name) if quoted else row.name

    return _ID.sub(name, text)


def record_found(
    session: Session,
    region: str,
    found: Sequence[Described],
    *,
    at: datetime,
    kinds: Collection[str],
    looked_at: Collection[str] = (),
    operation: str | None = None,
) -> None:
    """Write what was found, and which of what was found earlier is gone.

    Args:
        session: a session.
        region: what was compared; empty for the whole site.
        found: the differences.
        at: when they were found.
        kinds: what was compared; of other kinds nothing is known now.
        looked_at: the hosts and servers that were looked at; of others nothing is known either.
        operation: that asked for it, if one did.
    """
    query = select(Difference)
    rows = list(session.scalars(query.where(Difference.region == region) if region else query))
    known = {(row.kind, row.object_id): row for row in rows}
    seen = {(one.kind, one.object_id) for one in found}
    unknown = _not_looked_at(session, rows, looked_at)
    for row in rows:
        if (row.kind, row.object_id) in seen:
            continue
        if row.mended_at is not None and row.mended_at < at - REMEMBERED:
            session.delete(row)
        elif row.mended_at is None and row.kind in kinds and row.object_id not in unknown:
            _mended(session, row, at, "it is gone", operation)
    for one in found:
        earlier = known.get((one.kind, one.object_id))
        if earlier is None or earlier.mended_at is not None:
            _tell(session, one, f"{one.message}; {one.action}", operation)
        _write(session, earlier, one, at)


def _write(session: Session, row: Difference | None, found: Described, at: datetime) -> None:
    if row is None:
        row = Difference(region=found.region, kind=found.kind, object_id=found.object_id)
        session.add(row)
    if row.found_at is None or row.mended_at is not None:
        row.found_at, row.mended_at = at, None
    row.object_type, row.message, row.action = found.object_type, found.message, found.action
    row.mends_itself = RULES[found.kind].mends_itself


def _not_looked_at(
    session: Session, rows: Iterable[Difference], looked_at: Collection[str]
) -> set[str]:
    """Name the objects of open differences whose host or server was not looked at now."""
    on_hardware = {
        row.object_id: row.object_type
        for row in rows
        if RULES[row.kind].compares == "hardware" and row.mended_at is None
    }
    machines = [one for one, object_type in on_hardware.items() if object_type == "machine"]
    places = {one: one for one, object_type in on_hardware.items() if object_type in LOOKED_AT}
    if machines:
        query = select(Machine.id, Machine.provider).where(Machine.id.in_(machines))
        places |= {row.id: row.provider for row in session.execute(query)}
    expected: set[str] = set()
    for table in (Host, Server) if places else ():
        states = LOOKED_AT[table.__name__.lower()]
        expected |= set(
            session.scalars(
                select(table.id).where(table.id.in_(places.values()), table.state.in_(states))
            )
        )
    return {one for one, place in places.items() if place in expected and place not in looked_at}


def record_mended(
    session: Session, region: str, kind: str, object_id: str, at: datetime, operation: str | None
) -> None:
    """Write that a difference was mended; one that is not open any more stays as it is."""
    row = session.get(Difference, (region, kind, object_id))
    if row is not None and row.mended_at is None:
        _mended(session, row, at, f"done: {row.action}", operation)


def _mended(
    session: Session, row: Difference, at: datetime, how: str, operation: str | None
) -> None:
    row.mended_at = at
    _tell(session, row, f"mended ({how}): {row.message}", operation)


def _tell(
    session: Session, one: Difference | Described, message: str, operation: str | None
) -> None:
    """Write the event; it has no project, since it names hosts and servers: operators see it."""
    event = events.Event(
        one.object_type,
        one.object_id,
        "difference",
        region=one.region,
        operation=operation,
        message=f"{one.kind}: {message}",
    )
    events.append(session, event)


@dataclass(frozen=True, slots=True)
class Mended:
    """Whether a difference was mended, and the operations that may find capacity now."""

    is_done: bool
    waiting: tuple[str, ...] = ()


def mend(session: Session, kind: str, object_id: str, at: datetime) -> Mended:
    """Mend a difference within the database, if it is still there; never touches hardware."""
    if kind == "SLOT_WITHOUT_OPERATION":
        return _free_slot(session, object_id)
    if kind == "CLAIM_WITHOUT_MACHINE":
        return _release_claim(session, object_id, at)
    if kind == "OFFER_WRONG":
        return _offer(session, object_id)
    return Mended(is_done=False)


def _free_slot(session: Session, endpoint: str) -> Mended:
    slot = session.get(Slot, endpoint, with_for_update=True)
    if slot is None or slot.operation is None:
        return Mended(is_done=True)
    if operations.get(session, slot.operation).state == "running":
        return Mended(is_done=False)
    slot.operation = None
    session.flush()
    return _offer(session, endpoint)


def _release_claim(session: Session, claim_id: str, at: datetime) -> Mended:
    claim = claims.get_claim(session, claim_id, now=at)
    machine = session.get(Machine, claim.consumer) if claim.consumer else None
    if machine is not None and machine.state not in MACHINE_ENDED:
        return Mended(is_done=False)
    claims.release_claim(session, claim_id, at)
    return Mended(True, tuple(operations.waiting_for_capacity(session, claim.region)))


def _offer(session: Session, endpoint: str) -> Mended:
    row = session.get(Server, endpoint) or session.get(Host, endpoint)
    if row is None:
        return Mended(is_done=True)
    endpoints.refresh_offer(session, type(row).__name__.lower(), row)
    return Mended(True, tuple(operations.waiting_for_capacity(session, row.region)))


@dataclass(frozen=True, slots=True)
class Resumption:
    """What is needed to start an operation's workflow again."""

    operation: Operation
    request: dict[str, Any]


def resumption_of(session: Session, operation: str, workflow_state: str) -> Resumption | None:
    """Say how an operation's workflow is started again; None when it can't or needn't be.

    What Temporal does not know goes on where it was; what somebody ended takes back what it did.
    A reservation always goes on: taking it back would end its machine.
    """
    row = operations.get(session, operation)
    if row.state != "running" or not row.request:
        return None
    goes_on = workflow_state in ("unknown", "completed") or row.type == "reservation"
    request = {**operations.request_of(session, row), "resume": "forward" if goes_on else "undo"}
    return Resumption(row, request)


class Place(NamedTuple):
    """Where a difference stands in the list."""

    mended: bool
    found_at: datetime
    kind: str
    object_id: str
    region: str


def list_differences(
    session: Session, region: str, *, after: Place | None = None, limit: int | None = None
) -> list[Difference]:
    """List the differences of a region, or of all (""): what is open first, the newest first."""
    query, mended = select(Difference).limit(limit), Difference.mended_at.is_not(None)
    rest = (Difference.kind, Difference.object_id, Difference.region)
    if after:
        later = and_(Difference.found_at == after.found_at, tuple_(*rest) > tuple_(*after[2:]))
        same = mended if after.mended else Difference.mended_at.is_(None)
        later = and_(same, or_(Difference.found_at < after.found_at, later))
        query = query.where(later if after.mended else or_(mended, later))
    if region:
        query = query.where(Difference.region == region)
    return list(session.scalars(query.order_by(mended, Difference.found_at.desc(), *rest)))
