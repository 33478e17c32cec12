"""Names of machines that are still to be made: whose they are when a reservation starts."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.control.tables import Machine
from mulligan.meta import names, planned_names
from mulligan.resource import reservations
from mulligan.resource.tables import ClaimRow
from mulligan.values.errors import AlreadyExistsError
from mulligan.values.window import Window


def holder_of(session: Session, project: str, name: str) -> Machine | None:
    """Find the living machine of a project that has a name."""
    found = names.resolve(session, "machine", [name], owners=[project]).get(name)
    is_it = found is not None and found.name == name
    return session.get(Machine, found.id) if found and is_it else None


def refuse_taken(session: Session, project: str, name: str, window: Window) -> None:
    """Refuse a name that no machine could have, or that another one is to have in a window.

    Raises:
        AlreadyExistsError: a machine has it and is planned to have it then, or is reserved with it.
        InvalidArgumentError: it can't be a name.
    """
    name = names.check_name("machine", name)
    machine = holder_of(session, project, name)
    claims = [*_planned(session, project, name), *([machine.claim] if machine else [])]
    found = machine.id if machine else ""
    _refuse(session, claims, name, window, field="spec.machine_name", machine=found)


def refuse_planned(session: Session, machine: Machine, name: str) -> None:
    """Refuse a name for a machine that another one is to have while the machine is planned to last.

    Raises:
        AlreadyExistsError: a reservation for such a time is made with it.
    """
    own = session.get_one(ClaimRow, machine.claim)
    claims = [one for one in _planned(session, machine.project, name) if one != own.id]
    window = Window(own.acquire_at, own.planned_release_at)
    _refuse(session, claims, name, window, field="name")


def _planned(session: Session, project: str, name: str) -> list[str]:
    """List the claims of the reservations that make a machine of a project with a name."""
    planners = planned_names.planners(session, "machine", project, name)
    return reservations.claims_of(session, planners)


def _refuse(
    session: Session,
    claims: Sequence[str],
    name: str,
    window: Window,
    *,
    field: str,
    machine: str = "",
) -> None:
    taken = select(ClaimRow).where(
        ClaimRow.id.in_(claims),
        ClaimRow.acquire_at < window.release_at,
        ClaimRow.planned_release_at > window.acquire_at,
    )
    for other in session.scalars(taken.limit(1)):
        ends = Window(other.acquire_at, other.planned_release_at)
        until = f"until {ends.release_at:%Y-%m-%d %H:%M} UTC" if ends.has_end else "without end"
        raise AlreadyExistsError(
            f"another machine is named {name!r} then, {until}; choose another name or time",
            code="NAME_TAKEN",
            field=field,
            object_type="machine",
            object_id=machine,
        )
