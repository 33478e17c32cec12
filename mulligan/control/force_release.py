"""Ending a claim by force, whatever state machine, server, BMC or host are in."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from mulligan import marks, states
from mulligan.control import endpoints, machines, operations
from mulligan.control.operations import Ask
from mulligan.control.tables import Host, Machine, Server
from mulligan.values import told
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from mulligan.values.states import MACHINE_ENDED, TABLES


@dataclass(frozen=True, slots=True)
class Released:
    """What was released, and what may still be at work there: the operation that was stopped."""

    machine: Machine | None
    host: Host | None
    server: Server | None
    fence: int
    stopped: str | None


def find_target(session: Session, object_id: str) -> tuple[Machine | None, Server | None]:
    """Find the machine, the server, or both, that an id means.

    Raises:
        NotFoundError: there is neither.
    """
    machine = session.get(Machine, object_id)
    server = session.get(Server, object_id if machine is None else machine.provider)
    if machine is None and server is not None and server.machine:
        machine = session.get(Machine, server.machine)
    if machine is None and server is None:
        raise NotFoundError(f"there is no machine or server {object_id}", object_id=object_id)
    return machine, server


def force_release(session: Session, ask: Ask, object_id: str, reason: str) -> Released:
    """End the claim of a machine, or whatever has a server, at once.

    The operation that is at work there ends as cancelled; a server is left quarantined and not
    clean; addresses stay kept until it was cleaned.

    Raises:
        InvalidArgumentError: no reason is given.
        NotFoundError: there is no such machine or server.
        FailedPreconditionError: the machine has ended already, or is protected.
    """
    if not reason.strip():
        raise InvalidArgumentError("say why: a forced release needs a reason", field="reason")
    machine, server = find_target(session, object_id)
    endpoint = machines.endpoint_of(machine) if machine else object_id
    again = operations.find_running(session, ask.operation, ask.digest) is not None
    if not again:
        _refuse(session, machine)
    fence, stopped = operations.seize_slot(session, endpoint, ask.operation)
    operations.begin(session, ask, endpoint)
    words = told.forced(reason)
    if stopped is not None:
        operations.finish(session, stopped, "cancelled", words, "FORCE_RELEASED")
    if machine is not None and machine.state not in MACHINE_ENDED:
        machines.record_released(session, ask.operation, machine, words)
    if server is not None:
        _quarantine(session, server, machine, reason, ask.operation)
    host = session.get(Host, machine.provider) if machine else None
    return Released(machine, host, server, fence, stopped)


def _refuse(session: Session, machine: Machine | None) -> None:
    if machine is None:
        return
    if machine.state in MACHINE_ENDED:
        raise FailedPreconditionError(
            f"machine {machine.id} is {machine.state} already ({machine.reason}); "
            "`mulligan reconcile run` shows whether anything of it is left",
            object_type="machine",
            object_id=machine.id,
        )
    marks.refuse_if_marked(session, "machine", machine.id, "protected")


def _quarantine(
    session: Session, server: Server, machine: Machine | None, reason: str, operation: str
) -> None:
    words = f"not cleaned; {told.forced(reason)}"
    server.machine = None
    server.needs_cleaning = server.needs_cleaning or machine is not None
    if "quarantined" in TABLES["server"][server.state].leads_to:
        endpoints.move(session, "server", server, "quarantined", words, operation)
        return
    state = server.state
    status = states.rest("server", state, words, next_action="run `mulligan server verify`")
    states.move(session, "server", server, status, region=server.region, operation=operation)


def record_force_released(session: Session, operation: str, machine: str, problem: str) -> None:
    """Write how the hardware followed: what could not be removed from a host quarantines it."""
    row = session.get(Machine, machine) if machine else None
    host = session.get(Host, row.provider) if row else None
    if row is None or host is None:
        return
    if not problem:
        machines.free_kept_addresses(session, row)
    elif host.state == "available":
        words = f"machine {row.id} was force-released and may still be there: {problem}"
        endpoints.move(session, "host", host, "quarantined", words, operation)
