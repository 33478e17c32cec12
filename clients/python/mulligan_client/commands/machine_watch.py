"""What happens to machines, line by line."""

import click

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.output import as_text, outlook, state_text, write_line
from mulligan_client.quantities import instant
from mulligan_client.session import Session


def watch_machines(session: Session, project: str, machine: str, output: str) -> None:
    """Print the changes of a project's machines, or of one, and of the operations on them."""
    # Begun before the list: of several sites that has no revision to begin with.
    events = session.client.watch(project=project)
    request = control_pb2.ListMachinesRequest(project=project, include_ended=bool(machine))
    answer = session.client.list_all(session.client.control.ListMachines, request)
    names = {one.metadata.id: one.metadata.name for one in answer.machines}
    operations = {one.operation: one.metadata.id for one in answer.machines if one.operation}
    if output == "table":
        for one in answer.machines:
            if machine in ("", one.metadata.id):
                _print_standing(session, one)
    if answer.revision:
        events = session.client.watch(after_revision=answer.revision, project=project)
    try:
        for event in events:
            about = _machine_of(event, operations)
            if not about or machine not in ("", about):
                continue
            if output != "table":
                write_line(event, "yaml" if output == "yaml" else "json")
                continue
            if about not in names:
                names.update(session.client.names([about]))
            _print_event(session, event, names.get(about, about))
    except KeyboardInterrupt:
        session.remark("")
        raise click.exceptions.Exit(Exit.DETACHED) from None


def _machine_of(event: common_pb2.Event, operations: dict[str, str]) -> str:
    """Find the machine that an event is about; empty: none. Learns whose its operation is."""
    if event.object_type == "machine":
        if event.operation:
            operations[event.operation] = event.object_id
        return event.object_id
    if event.object_type == "operation":
        return operations.get(event.operation or event.object_id, "")
    return ""


def _print_standing(session: Session, one: control_pb2.Machine) -> None:
    line = as_text(f"{'now':8}  {one.metadata.name}  ")
    line.append_text(state_text(one.status.state, one.marks))
    line.append_text(as_text(_after_colon(outlook(one.status))))
    session.out.print(line)


def _print_event(session: Session, event: common_pb2.Event, name: str) -> None:
    line = as_text(f"{instant(event.at).astimezone():%H:%M:%S}  {name}  ")
    if event.status.state and event.object_type == "machine":
        line.append_text(state_text(event.status.state))
    else:
        line.append_text(as_text(event.kind))
    line.append_text(as_text(_after_colon(event.message or outlook(event.status))))
    session.out.print(line)


def _after_colon(words: str) -> str:
    return f": {words}" if words else ""
