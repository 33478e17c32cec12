"""mulligan machine: provision, see, decommission."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.force_release import add_force_release
from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.machine_spec import Wishes, build_spec, takes_machine
from mulligan_client.commands.marks import add_marks
from mulligan_client.commands.options import (
    TIME,
    confirm,
    pass_session,
    takes_generation,
    takes_new_name,
    takes_output,
    takes_project,
    takes_region,
    takes_wait,
    takes_yes,
)
from mulligan_client.commands.outcome import leave_if_failed, show_operation, wait_for
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def machine() -> None:
    """Provision machines, see them, decommission them."""


@machine.command("provision")
@click.argument("name")
@click.option("--image", required=True, help="Image to put on it.")
@takes_machine
@click.option("--from", "start", type=TIME, help="From when on (ISO 8601, UTC) [now].")
@click.option("--until", "end", type=TIME, help="Until when (ISO 8601, UTC) [without end].")
@click.option("--reservation", default="", help="Use what this reservation (ID) has claimed.")
@click.option("--request-id", default="", help="Asking again with the same id asks only once.")
@takes_project
@takes_region
@takes_wait
@takes_output
@pass_session
def provision(
    session: Session,
    /,
    name: str,
    image: str,
    start: datetime | None,
    end: datetime | None,
    reservation: str,
    request_id: str,
    project: str,
    region: str,
    wait: bool,
    output: str,
    **machine: Any,
) -> None:
    """Make a machine. It is answered when its claim is committed; the rest follows."""
    wishes = Wishes.read(image=image, acquire_at=start, release_at=end, **machine)
    region_id, owner = session.region(region), session.project(project)
    request = control_pb2.ProvisionMachineRequest(
        request_id=request_id,
        project=owner,
        region=region_id,
        name=name,
        spec=build_spec(session, wishes, region_id, owner),
        reservation=reservation,
    )
    operation = session.client.control.ProvisionMachine(request)
    if not wait:
        show_operation(session, operation, wait=False, output=output)
        return
    operation = wait_for(session, operation.metadata.id)
    if output != "table":
        session.show(operation, output, lambda: "")
    else:
        found = session.client.control.GetMachine(
            control_pb2.GetMachineRequest(id=operation.object_id, project=request.project)
        )
        session.draw(_sheet(session, found, operation))
    leave_if_failed(session, operation)


@machine.command("list")
@click.option("--all", "ended", is_flag=True, help="Also those that are gone or failed.")
@takes_listing(states=True)
@takes_project
@takes_output
@pass_session
def list_machines(
    session: Session, ended: bool, listed: Mapping[str, Any], project: str, output: str
) -> None:
    """List a project's machines."""
    request = control_pb2.ListMachinesRequest(
        project=session.project(project), include_ended=ended, **listed
    )
    answer = session.client.list_all(session.client.control.ListMachines, request)
    session.show(answer, output, lambda: _table(answer))


@machine.command("show")
@click.argument("name")
@takes_project
@takes_output
@pass_session
def show(session: Session, name: str, project: str, output: str) -> None:
    """Show a machine."""
    project_id = session.project(project)
    machine_id = session.resolve("machine", name, project=project_id)
    request = control_pb2.GetMachineRequest(id=machine_id, project=project_id)
    found = session.client.control.GetMachine(request)
    session.show(found, output, lambda: _sheet(session, found, _operation(session, found)))


@machine.command("set")
@click.argument("name")
@takes_new_name
@takes_generation
@takes_project
@takes_output
@pass_session
def set_one(
    session: Session, name: str, new_name: str | None, generation: int, project: str, output: str
) -> None:
    """Give a machine another name; what it was told at its start stays as it is."""
    if new_name is None:
        raise click.UsageError("say what to change: --name")
    project_id = session.project(project)
    request = control_pb2.UpdateMachineRequest(
        project=project_id,
        id=session.resolve("machine", name, project=project_id),
        generation=generation,
        name=new_name,
    )
    request.update_mask.paths.append("name")
    found = session.client.control.UpdateMachine(request)
    session.show(found, output, lambda: _sheet(session, found, _operation(session, found)))


@machine.command("watch")
@click.argument("name", required=False)
@takes_project
@takes_output
@pass_session
def watch(session: Session, name: str | None, project: str, output: str) -> None:
    """Print what happens to the machines of a project, or to one, until Ctrl-C."""
    from mulligan_client.commands.machine_watch import watch_machines

    project_id = session.project(project)
    machine_id = session.resolve("machine", name, project=project_id) if name else ""
    watch_machines(session, project_id, machine_id, output)


@machine.command("decommission")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Only list the disks that would be destroyed.")
@takes_yes
@takes_project
@takes_wait
@takes_output
@pass_session
def decommission(
    session: Session, name: str, dry_run: bool, yes: bool, project: str, wait: bool, output: str
) -> None:
    """End a machine: its disks are destroyed, and what it used is free again."""
    project_id = session.project(project)
    request = control_pb2.DecommissionMachineRequest(
        project=project_id,
        id=session.resolve("machine", name, project=project_id),
        dry_run=True,
    )
    if dry_run or not yes:
        doomed = session.client.control.DecommissionMachine(request)
        if dry_run:
            session.show(doomed, output, lambda: _doomed_table(name, doomed))
            return
        session.err.print(_doomed_table(name, doomed))
        confirm(session, f"Decommission machine {name}?", yes)
    request.dry_run = False
    answer = session.client.control.DecommissionMachine(request)
    show_operation(session, answer.operation, wait=wait, output=output)


def _table(answer: control_pb2.ListMachinesResponse) -> "Table":
    from mulligan_client.output import outlook, state_text, table
    from mulligan_client.quantities import age_words

    return table(
        ["NAME", "KIND", "STATE", "SINCE", "ADDRESS", "WHY, AND WHAT NEXT"],
        [
            (
                one.metadata.name,
                one.spec.kind,
                state_text(one.status.state, one.marks),
                age_words(one.status.since),
                _first_address(one),
                outlook(one.status),
            )
            for one in answer.machines
        ],
    )


def _first_address(one: control_pb2.Machine) -> str:
    known = [address.address for address in one.addresses if address.address]
    return known[0] if known else one.reported_address


def _operation(session: Session, one: control_pb2.Machine) -> control_pb2.Operation | None:
    """Read the operation that changed the machine last."""
    if not one.operation:
        return None
    asked = control_pb2.GetOperationRequest(id=one.operation)
    found: control_pb2.Operation = session.client.control.GetOperation(asked)
    return found


def _sheet(
    session: Session, one: control_pb2.Machine, operation: control_pb2.Operation | None = None
) -> "Table":
    from mulligan_client.output import Cell, sheet, status_pairs
    from mulligan_client.progress import seconds_taken
    from mulligan_client.quantities import age_words, duration_words, mib_words

    name = session.names(
        [one.spec.image, one.provider, *(address.network for address in one.addresses)]
    )
    addresses = [
        f"{address.address or address.mode} in {name(address.network)} ({address.mac})"
        for address in one.addresses
    ]
    sizes = [
        f"{one.spec.vcpus} CPUs" if one.spec.vcpus else "",
        f"{mib_words(one.spec.memory_mib)} memory" if one.spec.memory_mib else "",
        f"{one.spec.disk_gib} GiB disk" if one.spec.disk_gib else "",
    ]
    size = ", ".join(filter(None, sizes))
    ended: list[tuple[str, Cell]] = []
    if operation is not None:
        ended = [
            ("error", operation.error_code),
            (f"{operation.type} took", duration_words(seconds_taken(operation))),
            ("workflow", operation.workflow_url),
        ]
    return sheet(
        [
            ("machine", one.metadata.name),
            ("id", one.metadata.id),
            ("kind", one.spec.kind),
            *status_pairs(one.status, one.marks),
            ("image", name(one.spec.image)),
            ("size", ("at least " if one.spec.kind == "baremetal" and size else "") + size),
            ("on", name(one.provider)),
            ("addresses", "\n".join(addresses)),
            ("hostname", one.reported_hostname),
            ("phoned home from", one.reported_address),
            ("SSH host keys", "\n".join(one.ssh_host_keys)),
            ("active since", age_words(one.active_at)),
            ("until", age_words(one.spec.window.release_at)),
            ("claim", one.claim),
            ("operation", one.operation),
            *ended,
        ]
    )


def _doomed_table(name: str, doomed: control_pb2.DecommissionMachineResponse) -> "Table":
    from mulligan_client.output import table
    from mulligan_client.quantities import bytes_words

    return table(
        ["DISK", "SIZE", "WHAT HAPPENS TO IT", "SERIAL"],
        [
            (disk.name, bytes_words(disk.size_bytes), disk.policy, disk.serial)
            for disk in doomed.disks
        ],
        title=f"Decommissioning {name} destroys",
    )


def _find(session: Session, name: str) -> str:
    return session.resolve("machine", name, project=session.project())


add_marks(machine, "machine", _find, machine=True)
add_force_release(machine, "machine", _find)
