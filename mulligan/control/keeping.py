"""Keeping a machine: powered off, still claimed, until it is restored or its time is over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from mulligan import marks, states
from mulligan.control import machines, operations
from mulligan.control.machines import Plan
from mulligan.control.operations import Ask
from mulligan.control.tables import Machine
from mulligan.meta import names
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError
from mulligan.values.states import OPERATION
from mulligan.values.status import Status


def begin_keep(session: Session, ask: Ask, machine: str, until: datetime) -> Plan:
    """Take the slot of an active machine to have it kept; the operation ends by then too.

    Raises:
        NotFoundError: there is no such machine in the project.
        InvalidArgumentError: the time until which it is kept is over.
        FailedPreconditionError: it is locked, busy, or not active.
    """
    row = machines.get_visible(session, ask.project, machine)
    if operations.find_running(session, ask.operation, ask.digest) is None:
        left = until - datetime.now(UTC)
        if left <= timedelta(0):
            raise InvalidArgumentError(
                f"machine {names.name_of(session, row.id)} can't be kept until {_told(until)}, "
                "which is over; give a later time, or decommission it",
                field="until",
            )
        longest = OPERATION["running"].lasts or left
        _begin(session, replace(ask, lasts=min(left, longest)), row)
        _require(session, row, "active", "can be kept")
    return machines.plan_of(session, row, ask.operation)


def begin_restore(session: Session, ask: Ask, machine: str) -> Plan:
    """Take the slot of a kept machine to have it started again.

    Raises:
        NotFoundError: there is no such machine in the project.
        FailedPreconditionError: it is locked, busy, not kept, or its time is over.
    """
    row = machines.get_visible(session, ask.project, machine)
    if operations.find_running(session, ask.operation, ask.digest) is None:
        _begin(session, ask, row)
        _require(session, row, "kept", "can be restored")
        if row.deadline is not None and row.deadline <= datetime.now(UTC):
            raise FailedPreconditionError(
                f"machine {names.name_of(session, row.id)} was kept until {_told(row.deadline)} "
                "and can't be restored any more; decommission it",
                object_type="machine",
                object_id=row.id,
            )
    return machines.plan_of(session, row, ask.operation)


def _begin(session: Session, ask: Ask, row: Machine) -> None:
    """Take the machine's slot; what is read of it afterwards nobody else changes."""
    marks.refuse_if_marked(session, "machine", row.id, "locked")
    if row.kind == "baremetal":
        marks.refuse_if_marked(session, "server", row.provider, "locked", under=row.id)
    operations.begin(session, ask, machines.endpoint_of(row))
    session.refresh(row)
    row.operation = ask.operation


def _require(session: Session, row: Machine, state: str, what: str) -> None:
    if row.state != state:
        raise FailedPreconditionError(
            f"machine {names.name_of(session, row.id)} is {row.state} ({row.reason}); only one "
            f"that is {state} {what}",
            object_type="machine",
            object_id=row.id,
        )


def record_kept(session: Session, operation: str, machine: str, until: datetime) -> None:
    """Write that a machine is off, and until when it can be restored."""
    status = states.enter("machine", "kept", f"powered off, kept until {_told(until)}")
    _record(session, operation, machines.get(session, machine), replace(status, deadline=until))


def record_restored(session: Session, operation: str, machine: str) -> None:
    """Write that a machine was started again."""
    status = states.enter("machine", "active", "it was restored: started from its own disk")
    _record(session, operation, machines.get(session, machine), status)


def record_unchanged(session: Session, operation: str, machine: str, reason: str) -> None:
    """Write why a machine stays in the state in which it is, with the deadline of that."""
    row = machines.get(session, machine)
    _record(session, operation, row, replace(row.status, reason=reason))


def _record(session: Session, operation: str, row: Machine, status: Status) -> None:
    if operations.is_at_work(session, operation):
        states.move(
            session,
            "machine",
            row,
            status,
            project=row.project,
            region=row.region,
            operation=operation,
        )


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
