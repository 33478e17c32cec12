"""mulligan host: hypervisors."""

from typing import TYPE_CHECKING

import click

from mulligan_client.commands import owners
from mulligan_client.commands.catalogue import Kind, Owned, add_list_and_show
from mulligan_client.commands.hardware import Noun, add_hardware_commands
from mulligan_client.commands.options import (
    pass_session,
    takes_generation,
    takes_new_name,
    takes_output,
    takes_region,
    takes_wait,
)
from mulligan_client.commands.outcome import leave_if_failed, wait_for
from mulligan_client.commands.owners import new_owner, takes_new_owner, takes_owner
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def host() -> None:
    """Hypervisors.

    A host is verified and inspected when it is added, and available after that.
    """


@host.command("add")
@click.argument("name")
@click.argument("uri")
@click.option("--pool", default="", help="Storage pool for volumes; by default 'mulligan'.")
@takes_owner
@takes_region
@takes_wait
@takes_output
@pass_session
def add(
    session: Session,
    name: str,
    uri: str,
    pool: str,
    owner: str,
    region: str,
    wait: bool,
    output: str,
) -> None:
    """Add the hypervisor at a libvirt URI, such as qemu:///session or qemu+tls://host/system."""
    request = control_pb2.CreateHostRequest(
        name=name,
        region=session.region(region),
        spec=control_pb2.HostSpec(uri=uri, pool=pool),
        project=new_owner(session, owner, no_project=False) or "",
    )
    found = session.client.control.CreateHost(request)
    if wait:
        operation = wait_for(session, found.operation)
        request_again = control_pb2.GetHostRequest(id=found.metadata.id)
        found = session.client.control.GetHost(request_again)
        session.show(found, output, lambda: _sheet(session, found))
        leave_if_failed(session, operation)
        return
    session.show(found, output, lambda: _sheet(session, found))
    if output == "table":
        session.remark(f"Follow it with: mulligan operation show {found.operation} --wait")


@host.command("set")
@click.argument("name")
@takes_new_name
@takes_new_owner
@takes_generation
@takes_output
@pass_session
def set_one(
    session: Session,
    name: str,
    new_name: str | None,
    owner: str,
    no_project: bool,
    generation: int,
    output: str,
) -> None:
    """Change a host's name or owner."""
    project = new_owner(session, owner, no_project)
    if new_name is None and project is None:
        raise click.UsageError("say what to change: --name, --project or --no-project")
    request = control_pb2.UpdateHostRequest(
        id=session.resolve("host", name), generation=generation, name=new_name or "",
        project=project or "",
    )  # fmt: skip
    given = {"name": new_name, "project": project}
    request.update_mask.paths.extend(path for path, one in given.items() if one is not None)
    found = session.client.control.UpdateHost(request)
    session.show(found, output, lambda: _sheet(session, found))


def _table(_: Session, answer: control_pb2.ListHostsResponse) -> "Table":
    from mulligan_client.output import outlook, state_text, table
    from mulligan_client.quantities import age_words, mib_words

    return table(
        ["NAME", "STATE", "SINCE", "CPUS", "MEMORY", "WHY, AND WHAT NEXT"],
        [
            (
                one.metadata.name,
                state_text(one.status.state, one.marks),
                age_words(one.status.since),
                str(one.inventory.cpus or ""),
                mib_words(one.inventory.memory_mib) if one.inventory.memory_mib else "",
                outlook(one.status),
            )
            for one in answer.hosts
        ],
    )


def _sheet(session: Session, one: control_pb2.Host) -> "Table":
    from mulligan_client.output import sheet, status_pairs
    from mulligan_client.quantities import mib_words

    name = session.names([one.metadata.region, one.metadata.project])
    inventory = one.inventory
    return sheet(
        [
            ("host", one.metadata.name),
            ("id", one.metadata.id),
            ("region", name(one.metadata.region)),
            ("project", name(one.metadata.project)),
            *status_pairs(one.status, one.marks),
            ("URI", one.spec.uri),
            ("pool", one.spec.pool or "mulligan"),
            ("operation", one.operation),
            ("hostname", inventory.hostname),
            ("hypervisor", f"{inventory.hypervisor} {inventory.hypervisor_version}".strip()),
            ("CPUs", f"{inventory.cpus} {inventory.architecture}" if inventory.cpus else ""),
            ("memory", mib_words(inventory.memory_mib) if inventory.memory_mib else ""),
            ("disk", f"{inventory.disk_gib} GiB" if inventory.disk_gib else ""),
        ]
    )


add_list_and_show(
    host,
    Kind(
        "host",
        read_all=lambda session, **asked: session.client.list_all(
            session.client.control.ListHosts, control_pb2.ListHostsRequest(**asked)
        ),
        read=lambda session, one: session.client.control.GetHost(
            control_pb2.GetHostRequest(id=one)
        ),
        table=_table,
        sheet=_sheet,
        has_states=True,
        shows="Show a host: where it stands, and what was found on it.",
        owned=Owned(
            owners.list_hosts,
            lambda session, answer: owners.owned_table(session, answer.hosts),
        ),
    ),
)
add_hardware_commands(
    host,
    Noun(
        "host",
        verify=lambda session, one: session.client.control.VerifyHost(
            control_pb2.VerifyHostRequest(id=one)
        ),
        inspect=lambda session, one: session.client.control.InspectHost(
            control_pb2.InspectHostRequest(id=one)
        ),
        delete=lambda session, one: session.client.control.DeleteHost(
            control_pb2.DeleteHostRequest(id=one)
        ),
    ),
)
