"""Moving an object from one state to the next, with the event that says so."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.values.errors import FailedPreconditionError
from mulligan.values.states import TABLES
from mulligan.values.status import Status


class Stateful(Protocol):
    """A row with a status."""

    id: str
    state: str

    @property
    def status(self) -> Status:
        """Where the object stands."""

    @status.setter
    def status(self, status: Status) -> None: ...


def enter(
    object_type: str,
    state: str,
    reason: str,
    *,
    lasts: timedelta | None = None,
    next_action: str = "",
) -> Status:
    """Make the status of an object that enters a state now."""
    row = TABLES[object_type][state]
    now = datetime.now(UTC)
    span = lasts or row.lasts
    return Status(state, reason, now, now + span if span else None, next_action or row.next_action)


def rest(object_type: str, state: str, reason: str, next_action: str) -> Status:
    """Make the status of an object that stays in a passing state until somebody acts."""
    return Status(state, reason, datetime.now(UTC), None, next_action)


def move(
    session: Session,
    object_type: str,
    row: Stateful,
    status: Status,
    *,
    project: str | None = None,
    region: str | None = None,
    operation: str | None = None,
    message: str = "",
) -> None:
    """Give a row its next status and write the event; staying in a state is allowed.

    What is said again, as by a record that is made a second time, changes nothing.

    Raises:
        FailedPreconditionError: the state table has no such transition.
    """
    if row.state != status.state and status.state not in TABLES[object_type][row.state].leads_to:
        raise FailedPreconditionError(
            f"{object_type} {row.id} is {row.state} ({row.status.reason}) and can't become "
            f"{status.state} from there",
            object_type=object_type,
            object_id=row.id,
        )
    if _is_the_same(row.status, status):
        return
    row.status = status
    events.append(
        session,
        events.Event(
            object_type,
            row.id,
            "state",
            project=project,
            region=region,
            operation=operation,
            status=status,
            message=message or status.reason,
        ),
    )


def _is_the_same(old: Status, new: Status) -> bool:
    """Say whether nothing but the time is new; a deadline that is set anew counts."""
    said = (old.state, old.reason, old.next_action) == (new.state, new.reason, new.next_action)
    return said and old.deadline is None and new.deadline is None
