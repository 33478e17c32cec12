"""Whose hardware is: options that say so, and the lists of what is a project's."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_Command = TypeVar("_Command", bound=Callable[..., Any])


def takes_owner(command: _Command) -> _Command:
    """Add --project: whose something new is."""
    words = "Project whose it is: only that one, and those below it, get anything of it."
    return click.option("--project", "owner", default="", help=words)(command)


def takes_new_owner(command: _Command) -> _Command:
    """Add --project and --no-project; `new_owner` reads them."""
    clear = click.option("--no-project", is_flag=True, help="It is nobody's: all may get of it.")
    return takes_owner(clear(command))


def new_owner(session: Session, owner: str, no_project: bool) -> str | None:
    """Read whose it is to be: the id of a project, "" for nobody, None: as it is.

    Raises:
        UsageError: both were said.
    """
    if owner and no_project:
        raise click.UsageError("--project and --no-project exclude each other")
    if owner:
        return session.resolve("project", owner)
    return "" if no_project else None


def list_servers(session: Session, **asked: Any) -> control_pb2.ListProjectServersResponse:
    """Read the servers that are a project's."""
    request = control_pb2.ListProjectServersRequest(**asked)
    answer: control_pb2.ListProjectServersResponse = session.client.list_all(
        session.client.control.ListProjectServers, request
    )
    return answer


def list_hosts(session: Session, **asked: Any) -> control_pb2.ListProjectHostsResponse:
    """Read the hosts that are a project's."""
    request = control_pb2.ListProjectHostsRequest(**asked)
    answer: control_pb2.ListProjectHostsResponse = session.client.list_all(
        session.client.control.ListProjectHosts, request
    )
    return answer


def owned_table(session: Session, rows: Any) -> "Table":
    """Show servers or hosts as the project knows them whose they are."""
    from mulligan_client.output import state_text, table
    from mulligan_client.quantities import age_words, mib_words

    return table(
        ["NAME", "STATE", "SINCE", "CPUS", "MEMORY", "DISK"],
        [
            (
                one.metadata.name,
                state_text(one.status.state),
                age_words(one.status.since),
                f"{one.cpus} {one.architecture}".strip() if one.cpus else "",
                mib_words(one.memory_mib) if one.memory_mib else "",
                f"{one.disk_gib} GiB" if one.disk_gib else "",
            )
            for one in rows
        ],
    )
