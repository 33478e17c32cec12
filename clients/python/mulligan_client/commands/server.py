"""mulligan server: hardware with a BMC."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mulligan_client.commands import owners
from mulligan_client.commands.catalogue import Kind, Owned, add_list_and_show
from mulligan_client.commands.hardware import Noun, add_hardware_commands
from mulligan_client.commands.options import (
    pass_session,
    read_password,
    takes_generation,
    takes_new_name,
    takes_output,
    takes_password,
    takes_region,
    takes_wait,
)
from mulligan_client.commands.outcome import leave_if_failed, wait_for
from mulligan_client.commands.owners import new_owner, takes_new_owner, takes_owner
from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def server() -> None:
    """Hardware with a BMC.

    It is verified and inspected when it is added, and available after that.
    """


@server.command("add")
@click.argument("name")
@click.argument("address")
@click.option("--username", required=True, help="User of the BMC.")
@takes_password
@click.option("--insecure-tls", is_flag=True, help="Don't verify the BMC's certificate; is shown.")
@click.option("--system", default="", help="Redfish path of the system, if the BMC has several.")
@takes_owner
@takes_region
@takes_wait
@takes_output
@pass_session
def add(
    session: Session,
    name: str,
    address: str,
    username: str,
    password_file: Path | None,
    password_stdin: bool,
    insecure_tls: bool,
    system: str,
    owner: str,
    region: str,
    wait: bool,
    output: str,
) -> None:
    """Add a server whose BMC is at ADDRESS (https://host[:port]).

    The password is asked for, or read from a file or standard input. It is sealed before it leaves
    this terminal; only the region's executors can open it.
    """
    from mulligan_client.sealing import canonical_address

    try:
        bmc = canonical_address(address)
    except ValueError as error:
        raise ComplaintError(
            f"BMC address: {error}",
            do="write it like https://10.0.0.17 or http://127.0.0.1:8000",
            exit_code=Exit.USAGE,
        ) from None
    password = read_password(
        session, password_file, password_stdin, prompt=f"Password of {username} at {bmc}"
    )
    region_id, server_id = session.region(region), str(uuid.uuid4())
    sealed = session.client.seal(
        region_id, endpoint=server_id, address=bmc, username=username, password=password
    )
    spec = control_pb2.ServerSpec(
        address=bmc, sealed_credentials=sealed, insecure_tls=insecure_tls, system=system
    )
    request = control_pb2.CreateServerRequest(
        id=server_id,
        name=name,
        region=region_id,
        spec=spec,
        project=new_owner(session, owner, no_project=False) or "",
    )
    found = session.client.control.CreateServer(request)
    if wait:
        operation = wait_for(session, found.operation)
        found = session.client.control.GetServer(control_pb2.GetServerRequest(id=server_id))
        session.show(found, output, lambda: _sheet(session, found))
        leave_if_failed(session, operation)
        return
    session.show(found, output, lambda: _sheet(session, found))
    if output == "table":
        session.remark(f"Follow it with: mulligan operation show {found.operation} --wait")


@server.command("set")
@click.argument("name")
@takes_new_name
@takes_new_owner
@takes_generation
@click.option("--username", default="", help="User of the BMC; a password is needed with it.")
@takes_password
@click.option(
    "--insecure-tls/--verify-tls",
    default=None,
    help="Don't verify the BMC's certificate (is shown), or verify it.",
)
@takes_wait
@takes_output
@pass_session
def set_one(
    session: Session,
    name: str,
    new_name: str | None,
    owner: str,
    no_project: bool,
    generation: int,
    username: str,
    password_file: Path | None,
    password_stdin: bool,
    insecure_tls: bool | None,
    wait: bool,
    output: str,
) -> None:
    """Change a server's name or owner, or how its BMC is reached: user, password, TLS.

    With --username the password is asked for, or read from a file or standard input. With --wait
    the server is verified with what is new, as by `mulligan server verify`. A running operation
    goes on with what it began with.
    """
    if not username and (password_file is not None or password_stdin):
        raise click.UsageError("a password needs its user: --username TEXT")
    project = new_owner(session, owner, no_project)
    if new_name is None and project is None and not username and insecure_tls is None:
        raise click.UsageError(
            "say what to change: --name, --project, --no-project, --username, --insecure-tls or "
            "--verify-tls"
        )
    control, server_id = session.client.control, session.resolve("server", name)
    request = control_pb2.UpdateServerRequest(id=server_id, generation=generation)
    if new_name is not None:
        request.name = new_name
        request.update_mask.paths.append("name")
    if project is not None:
        request.project = project
        request.update_mask.paths.append("project")
    if username:
        request.spec.sealed_credentials = _sealed_anew(
            session, server_id, username, password_file, password_stdin
        )
        request.update_mask.paths.append("spec.sealed_credentials")
    if insecure_tls is not None:
        request.spec.insecure_tls = insecure_tls
        request.update_mask.paths.append("spec.insecure_tls")
    found, operation = control.UpdateServer(request), None
    session.remark(f"server {name} is updated.")
    if wait:
        begun = control.VerifyServer(control_pb2.VerifyServerRequest(id=server_id))
        operation = wait_for(session, begun.metadata.id)
        found = control.GetServer(control_pb2.GetServerRequest(id=server_id))
    session.show(found, output, lambda: _sheet(session, found))
    leave_if_failed(session, operation)
    if output == "table" and not wait and (username or insecure_tls is not None):
        session.remark(
            f"Check that it can be driven: mulligan server verify {new_name or name} --wait"
        )


def _sealed_anew(
    session: Session,
    server_id: str,
    username: str,
    password_file: Path | None,
    password_stdin: bool,
) -> str:
    """Seal another user, and the password that is given for it, for a server's BMC."""
    known = session.client.control.GetServer(control_pb2.GetServerRequest(id=server_id))
    address = known.spec.address
    prompt = f"Password of {username} at {address}"
    password = read_password(session, password_file, password_stdin, prompt=prompt)
    return session.client.seal(
        known.metadata.region,
        endpoint=server_id,
        address=address,
        username=username,
        password=password,
    )


def _table(session: Session, answer: control_pb2.ListServersResponse) -> "Table":
    from mulligan_client.output import outlook, state_text, table
    from mulligan_client.quantities import age_words

    name = session.names(one.machine for one in answer.servers)
    return table(
        ["NAME", "STATE", "SINCE", "MACHINE", "WHY, AND WHAT NEXT"],
        [
            (
                one.metadata.name,
                state_text(one.status.state, one.marks),
                age_words(one.status.since),
                name(one.machine),
                outlook(one.status),
            )
            for one in answer.servers
        ],
    )


def _sheet(session: Session, one: control_pb2.Server) -> "Table":
    from mulligan_client.output import sheet, state_text, status_pairs
    from mulligan_client.quantities import bytes_words, mib_words

    name = session.names([one.machine, one.metadata.region, one.metadata.project])
    inventory = one.inventory
    hardware = " ".join(filter(None, (inventory.manufacturer, inventory.model, inventory.serial)))
    disks = [
        f"{disk.name} {bytes_words(disk.size_bytes)} {disk.model} {disk.serial}".strip()
        for disk in inventory.disks
    ]
    nics = [f"{nic.name} {nic.mac}" for nic in inventory.nics]
    tls = "not verified (--insecure-tls)" if one.spec.insecure_tls else ""
    return sheet(
        [
            ("server", one.metadata.name),
            ("id", one.metadata.id),
            ("region", name(one.metadata.region)),
            ("project", name(one.metadata.project)),
            *status_pairs(one.status, one.marks),
            ("BMC", one.spec.address),
            ("BMC certificate", tls),
            ("system", one.spec.system),
            ("power", state_text(one.power) if one.power else ""),
            ("machine", name(one.machine)),
            ("operation", one.operation),
            ("hardware", hardware),
            ("CPUs", f"{inventory.cpus} {inventory.architecture}" if inventory.cpus else ""),
            ("memory", mib_words(inventory.memory_mib) if inventory.memory_mib else ""),
            ("boot mode", inventory.boot_mode),
            ("disks", "\n".join(disks)),
            ("NICs", "\n".join(nics)),
            ("not offered", "\n".join(inventory.not_offered)),
            ("notes", "\n".join(one.notes)),
        ]
    )


add_list_and_show(
    server,
    Kind(
        "server",
        read_all=lambda session, **asked: session.client.list_all(
            session.client.control.ListServers, control_pb2.ListServersRequest(**asked)
        ),
        read=lambda session, one: session.client.control.GetServer(
            control_pb2.GetServerRequest(id=one)
        ),
        table=_table,
        sheet=_sheet,
        has_states=True,
        owned=Owned(
            owners.list_servers,
            lambda session, answer: owners.owned_table(session, answer.servers),
        ),
        shows="Show a server: where it stands, and what was found in it.",
    ),
)
add_hardware_commands(
    server,
    Noun(
        "server",
        verify=lambda session, one: session.client.control.VerifyServer(
            control_pb2.VerifyServerRequest(id=one)
        ),
        inspect=lambda session, one: session.client.control.InspectServer(
            control_pb2.InspectServerRequest(id=one)
        ),
        delete=lambda session, one: session.client.control.DeleteServer(
            control_pb2.DeleteServerRequest(id=one)
        ),
    ),
)
