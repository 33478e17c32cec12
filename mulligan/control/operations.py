"""Operations: their rows, steps, logs, and the slots that keep them apart."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from mulligan import events, marks, states
from mulligan.batches import each
from mulligan.control.tables import Operation, OperationLog, Slot, Step
from mulligan.database import one_of
from mulligan.iam.region_map import select_chain
from mulligan.meta import planned_names
from mulligan.meta.listing import listed
from mulligan.resource import reservations
from mulligan.values import told
from mulligan.values.caller import Caller
from mulligan.values.errors import AlreadyExistsError, FailedPreconditionError, NotFoundError
from mulligan.values.listing import Listed, Listing


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for an operation on which object, with what digest of the request's content.

    `request` is the workflow's input, kept so that the operation can be started again.
    """

    operation: str
    type: str
    region: str
    project: str
    author: str
    request_id: str
    digest: str
    object_type: str
    object_id: str
    lasts: timedelta | None = None
    request: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class For:
    """What an end-point's slot is taken for; `project` is whose that is, if any."""

    object_type: str
    object_id: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that begins, goes on or ends."""

    name: str
    state: str
    message: str = ""
    percent: int = 0


def find_same(session: Session, operation: str, digest: str) -> Operation | None:
    """Find the operation that the same request started before.

    Raises:
        AlreadyExistsError: the request id was used with other content.
    """
    row = session.get(Operation, operation)
    if row is not None and row.digest != digest:
        raise AlreadyExistsError(
            f"request id {row.request_id} was used before for another request (a {row.type} of "
            f"{row.object_type} {row.object_id}); use a new request id for new content",
            code="REQUEST_ID_REUSED",
            field="request_id",
        )
    return row


def find_running(session: Session, operation: str, digest: str) -> Operation | None:
    """Find the operation that the same request started before and that is still at work.

    Raises:
        AlreadyExistsError: the request id was used with other content.
        FailedPreconditionError: the operation ended; nothing of it is done again.
    """
    row = find_same(session, operation, digest)
    if row is not None and row.state != "running":
        raise FailedPreconditionError(
            f"operation {row.id} is {row.state} already ({row.reason})",
            code="OPERATION_ENDED",
            object_type="operation",
            object_id=row.id,
        )
    return row


def begin(session: Session, ask: Ask, endpoint: str | None = None) -> int:
    """Write an operation's row and take its end-point's slot.

    Returns:
        The fence, higher than that of every earlier operation on the end-point.

    Raises:
        FailedPreconditionError: another operation has the slot, the end-point is locked, or this
            very operation ended already.
        AlreadyExistsError: the request id was used with other content.
    """
    same = find_running(session, ask.operation, ask.digest)
    fence = 0
    if endpoint is not None:
        asks = For(ask.object_type, ask.object_id, ask.project)
        fence = take_slot(session, asks, endpoint, ask.operation)
    if same is not None:
        return fence
    now = datetime.now(UTC)
    row = Operation(
        id=ask.operation,
        type=ask.type,
        region=ask.region,
        project=ask.project or None,
        object_type=ask.object_type,
        object_id=ask.object_id,
        endpoint=endpoint,
        author=ask.author,
        request_id=ask.request_id,
        digest=ask.digest,
        request=planned_names.without_name(
            session, ask.operation, ask.object_type, ask.project or ask.region, ask.request
        ),
        created_at=now,
    )
    row.status = states.enter("operation", "running", f"{ask.type} asked for", lasts=ask.lasts)
    session.add(row)
    _announce(session, row, "created", f"{ask.type} of {ask.object_type} begins")
    return fence


def go_to(session: Session, operation: str, region: str) -> None:
    """Have an operation be where what it is about was found: its operators see it from now on."""
    session.get_one(Operation, operation).region = region


def take_slot(session: Session, asks: For, endpoint: str, operation: str) -> int:
    """Take the slot of an end-point, or keep it when the operation has it already.

    Raises:
        FailedPreconditionError: another operation has it; says which, since when, until when, to
            whose it is and to operators.
    """
    slot = session.get(Slot, endpoint, with_for_update=True)
    if slot is None:
        slot = Slot(endpoint=endpoint, operation=None, fence=0)
        session.add(slot)
    if slot.operation == operation:
        return slot.fence
    if endpoint == asks.object_id:
        marks.refuse_if_marked(session, asks.object_type, endpoint, "locked")
    else:
        marks.refuse_if_marked(session, "server", endpoint, "locked", under=asks.object_id)
    if slot.operation is not None:
        raise _busy(asks, session.get(Operation, slot.operation))
    slot.operation = operation
    slot.fence += 1
    session.flush()
    return slot.fence


def seize_slot(session: Session, endpoint: str, operation: str) -> tuple[int, str | None]:
    """Take the slot of an end-point from whoever has it: for what ends an operation by force.

    Returns:
        The fence, and the operation that had the slot.
    """
    holder = holder_of(session, [endpoint]).get(endpoint)
    if holder:
        _lock(session, holder)  # before its slot, in the order of its own records
    slot = session.get(Slot, endpoint, with_for_update=True)
    if slot is None:
        slot = Slot(endpoint=endpoint, operation=None, fence=0)
        session.add(slot)
    before = slot.operation
    if before != operation:
        slot.operation = operation
        slot.fence += 1
    session.flush()
    return slot.fence, before if before != operation else None


def _busy(asks: For, holder: Operation | None) -> FailedPreconditionError:
    busy = f"{asks.object_type} {asks.object_id} is busy with"
    words = f"{busy} another operation; wait for it"
    if holder is not None:
        until = f", until {holder.deadline:%Y-%m-%d %H:%M:%S} UTC at the latest"
        in_full = (
            f"{busy} operation {holder.id} ({holder.type}, since "
            f"{holder.created_at:%Y-%m-%d %H:%M:%S} UTC{until if holder.deadline else ''}); wait "
            "for it, or stop it with `mulligan operation abort`"
        )
        is_theirs = not asks.project or asks.project == holder.project
        words = in_full if is_theirs else told.both(words, in_full)
    return FailedPreconditionError(
        words,
        code="ENDPOINT_BUSY",
        object_type=asks.object_type,
        object_id=asks.object_id,
    )


def free_slots(session: Session, operation: str) -> None:
    """Free whatever slot the operation has; the fence stays where it is."""
    session.execute(update(Slot).where(Slot.operation == operation).values(operation=None))


def holder_of(session: Session, endpoints: Sequence[str]) -> dict[str, str]:
    """Read which operations have the slots of these end-points."""
    slots = select(Slot).where(Slot.endpoint.in_(endpoints), Slot.operation.is_not(None))
    return {slot.endpoint: slot.operation or "" for slot in session.scalars(slots)}


def record_steps(
    session: Session, operation: str, at: datetime, changes: Sequence[StepChange]
) -> None:
    """Write how steps changed; writing the same change again changes nothing."""
    row = _lock(session, operation)
    if not changes or row.state != "running":
        return
    steps = steps_of(session, [operation])[operation]
    changed = False
    for change in changes:
        step = next((step for step in reversed(steps) if step.name == change.name), None)
        if step is None or (step.ended_at is not None and change.state == "running"):
            if step is not None and step.started_at == at:
                continue
            step = Step(operation=operation, number=len(steps) + 1, name=change.name, started_at=at)
            steps.append(step)
            session.add(step)
        told = (change.state, change.message, change.percent)
        changed |= told != (step.state, step.message, step.percent)
        step.state, step.message, step.percent = told
        step.ended_at = None if change.state == "running" else step.ended_at or at
    if not changed:
        return
    last = changes[-1]
    row.reason = f"{last.name}: {last.message or last.state}"
    _announce(session, row, "step", f"{last.name} {last.state}: {last.message}".rstrip(": "))


def finish(
    session: Session, operation: str, state: str, reason: str = "", error_code: str = ""
) -> None:
    """Write the operation's end and free its slot; an operation that ended stays as it is.

    A step that a lost workflow left running ends with it.
    """
    row = _lock(session, operation)
    free_slots(session, operation)
    if row.state != "running":
        return
    row.status = states.enter("operation", state, reason or "everything asked for is there")
    row.error_code = error_code
    row.ended_at = datetime.now(UTC)
    for step in steps_of(session, [operation])[operation]:
        if step.ended_at is None:
            step.state, step.ended_at = "done" if state == "done" else "failed", row.ended_at
    row.generation += 1
    if state == "done":
        # Only what can be asked for again is kept.
        row.request = {}
        if row.type != "claim":
            planned_names.forget_planned(session, [row.id])
    else:
        # What failed can be tried again, with the same name; until then it stands in no way.
        planned_names.release_planned(session, row.id)
    _announce(session, row, "state", row.reason)


def tell_asked(session: Session, operation: str, author: str, words: str, request_id: str) -> None:
    """Tell who asked what of an operation that is running, before its workflow acts on it.

    It is told once for each request id.
    """
    row = _lock(session, operation)
    if not was_asked(session, row.id, author, request_id):
        _announce(session, row, "asked", words, author)


def was_asked(session: Session, operation: str, author: str, request_id: str) -> bool:
    """Say whether it was told that somebody asked something with a request id.

    Index: ix_events_object_id_revision.
    """
    row = events.EventRow
    told = select(row.revision).where(
        row.object_id == operation,
        row.kind == "asked",
        row.author == author,
        row.request_id == request_id,
    )
    return session.scalar(told.limit(1)) is not None


def _announce(
    session: Session, row: Operation, kind: str, message: str, author: str | None = None
) -> None:
    events.append(
        session,
        events.Event(
            "operation",
            row.id,
            kind,
            project=row.project,
            region=row.region,
            author=row.author if kind == "created" else author,
            operation=row.id,
            status=row.status,
            message=message,
        ),
    )


def record_log(session: Session, operation: str, source: str, compressed: str) -> None:
    """Keep what a source said; the newest word replaces the one before."""
    session.merge(OperationLog(operation=operation, source=source, compressed=compressed))


def get(session: Session, operation: str) -> Operation:
    """Find an operation.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Operation, operation)
    if row is None:
        raise NotFoundError(
            f"there is no operation {operation}", object_type="operation", object_id=operation
        )
    return row


def request_of(session: Session, row: Operation) -> dict[str, Any]:
    """Give the input with which an operation's workflow can be started again."""
    return planned_names.with_name(session, row.id, row.request)


def last_until(session: Session, operation: str, deadline: datetime) -> None:
    """Say anew until when an operation lasts at the latest."""
    row = get(session, operation)
    if row.deadline != deadline:
        row.deadline = deadline


def is_at_work(session: Session, operation: str) -> bool:
    """Say whether an operation may still record what it found or did.

    It stays so until the end of the transaction: whoever ends it by force waits for that.
    """
    return _lock(session, operation).state == "running"


def _lock(session: Session, operation: str) -> Operation:
    row = session.get(Operation, operation, with_for_update=True, populate_existing=True)
    return row or get(session, operation)


def get_visible(session: Session, caller: Caller, operation: str) -> Operation:
    """Find an operation that the caller may see; another project's looks as if it weren't there."""
    row = session.get(Operation, operation)
    if row is None or not _sees(caller, row):
        raise NotFoundError(
            f"there is no operation {operation}", object_type="operation", object_id=operation
        )
    return row


def get_all_visible(session: Session, caller: Caller, ids: Sequence[str]) -> list[Operation]:
    """Find operations, in the order of their ids; as `get_visible` does one."""
    return each(session, Operation, ids, lambda one: get_visible(session, caller, one))


def _sees(caller: Caller, row: Operation) -> bool:
    if row.project is None:
        return caller.has_in("reader", row.region)
    return caller.has("reader", row.project)


def list_visible(
    session: Session,
    caller: Caller,
    *,
    project: str = "",
    object_id: str = "",
    listing: Listing,
) -> Listed[Operation]:
    """Read a page of the operations that the caller may see."""
    query = select(Operation)
    columns, projects, regions = Operation.__table__.c, caller.projects, caller.regions
    owner, whole = project, not object_id
    if projects is not None and len(projects) == 1 and not regions and project in ("", *projects):
        # Said like this, an index gives the order.
        owner = projects[0]
    elif projects is not None:
        whole = False
        seen: ColumnElement[bool] = one_of(columns.project, "projects")
        if regions:
            of_hardware = and_(Operation.project.is_(None), one_of(columns.region, "regions"))
            seen = or_(seen, of_hardware)
        query = query.where(seen)
    if object_id:
        query = query.where(Operation.object_id == object_id)
    query = query.params(projects=projects or (), regions=regions or ())
    return listed(
        *(session, query, Operation, listing),
        owner=owner or None,
        owned_by=Operation.project,
        whole=whole,
    )


def steps_of(session: Session, operations: Sequence[str]) -> dict[str, list[Step]]:
    """Read the steps of operations, in order."""
    found: dict[str, list[Step]] = {operation: [] for operation in operations}
    rows = select(Step).where(Step.operation.in_(operations)).order_by(Step.number)
    for step in session.scalars(rows):
        found[step.operation].append(step)
    return found


def logs_of(session: Session, operation: str) -> list[OperationLog]:
    """Read what was said during an operation."""
    rows = select(OperationLog).where(OperationLog.operation == operation)
    return list(session.scalars(rows.order_by(OperationLog.source)))


def waiting_for_capacity(session: Session, region: str) -> list[str]:
    """List the operations of reservations, then of claims, that may wait for capacity."""
    rows = select(Operation.id).where(
        Operation.type == "claim",
        Operation.state == "running",
        # Who waits above it may have said that below will do.
        or_(Operation.region == region, Operation.region.in_(select_chain(region))),
    )
    claims = session.scalars(rows.order_by(Operation.created_at))
    return [*reservations.waiting(session, region), *claims]


def claiming(session: Session) -> list[str]:
    """List the operations of claims that may wait, wherever; the oldest first."""
    rows = select(Operation.id).where(Operation.type == "claim", Operation.state == "running")
    return list(session.scalars(rows.order_by(Operation.created_at)))


def may_have_written(session: Session, operation: str) -> bool:
    """Say whether a ramdisk of the operation was told to write to its server's disks."""
    query = select(Step.number).where(
        Step.operation == operation, Step.name.in_(("deploy", "wipe", "boot"))
    )
    return session.scalar(query.limit(1)) is not None


def of_object(session: Session, operation_type: str, object_id: str) -> list[str]:
    """List the running operations of a type on an object."""
    rows = select(Operation.id).where(
        Operation.object_id == object_id,
        Operation.type == operation_type,
        Operation.state == "running",
    )
    return list(session.scalars(rows))
