"""On which hardware an operation is at work."""

from sqlalchemy.orm import Session

from mulligan.control.tables import Host, Machine, Operation, Server


def hardware_of(session: Session, operation: Operation) -> Host | Server | None:
    """Find the host of a virtual machine, or the server, on which an operation is at work.

    None where it is neither: a claim, a check of a host, a machine whose row isn't there.
    """
    if operation.object_type == "server":
        return session.get(Server, operation.object_id)
    if operation.object_type != "machine":
        return None
    machine = session.get(Machine, operation.object_id)
    if machine is None:
        return None
    if machine.kind == "virtual":
        return session.get(Host, machine.provider)
    return session.get(Server, machine.provider)
