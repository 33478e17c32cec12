"""mulligan operation: what was asked for, how far it is, and what was said meanwhile."""

from collections.abc import Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import pass_session, takes_output, takes_project, takes_wait
from mulligan_client.commands.outcome import show_operation
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Group
    from rich.table import Table


@click.group()
def operation() -> None:
    """What was asked for, how far it is, and what was said meanwhile."""


@operation.command("list")
@click.option("--object", "object_id", metavar="UUID", default="", help="Only of this object.")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 1000))
@takes_listing(named=False, states=True)
@takes_project
@takes_output
@pass_session
def list_operations(
    session: Session,
    object_id: str,
    limit: int,
    listed: Mapping[str, Any],
    project: str,
    output: str,
) -> None:
    """List operations that you can see, the newest first unless you say another order."""
    request = control_pb2.ListOperationsRequest(
        page=common_pb2.Page(size=limit),
        project=session.resolve("project", project) if project else "",
        object_id=object_id,
        **listed,
    )
    answer = session.client.control.ListOperations(request)
    session.show(answer, output, lambda: _table(session, answer))


@operation.command("show")
@click.argument("operation_id", metavar="ID")
@takes_wait
@takes_output
@pass_session
def show(session: Session, operation_id: str, wait: bool, output: str) -> None:
    """Show an operation with its steps; with --wait until it ends."""
    request = control_pb2.GetOperationRequest(id=session.resolve("operation", operation_id))
    if wait:
        running = control_pb2.Operation(metadata=common_pb2.Metadata(id=request.id))
        show_operation(session, running, wait=True, output=output)
        return
    found = session.client.control.GetOperation(request)
    session.show(found, output, lambda: _sheet(session, found))


def _way_out(ask: "Callable[[Session, str], control_pb2.Operation]") -> click.Command:
    """Make a command of what asks something of an operation, and show what comes of it."""

    @click.argument("operation_id", metavar="ID")
    @takes_wait
    @takes_output
    @pass_session
    @wraps(ask)
    def run(session: Session, operation_id: str, wait: bool, output: str) -> None:
        asked = ask(session, session.resolve("operation", operation_id))
        show_operation(session, asked, wait=wait, output=output)

    return operation.command(ask.__name__)(run)


@_way_out
def abort(session: Session, operation_id: str) -> control_pb2.Operation:
    """Stop a running operation: what it did is undone, and it ends as cancelled."""
    request = control_pb2.AbortOperationRequest(id=operation_id)
    return session.client.control.AbortOperation(request)


@_way_out
def retry(session: Session, operation_id: str) -> control_pb2.Operation:
    """Try the failed step again: now if the operation runs, else by asking for it anew."""
    request = control_pb2.RetryOperationRequest(id=operation_id)
    return session.client.control.RetryOperation(request)


@operation.command("log")
@click.argument("operation_id", metavar="ID")
@click.option("--source", default="", help="Only console, ramdisk or bmc.")
@takes_output
@pass_session
def log(session: Session, operation_id: str, source: str, output: str) -> None:
    """Print what console, ramdisk and BMC said during an operation (the last 64 KiB of each)."""
    from mulligan_client.complaint import plain

    request = control_pb2.GetOperationLogRequest(id=session.resolve("operation", operation_id))
    answer = session.client.control.GetOperationLog(request)
    parts = [part for part in answer.parts if source in ("", part.source)]
    if output != "table":
        chosen = control_pb2.GetOperationLogResponse(parts=parts)
        session.show(chosen, output, lambda: "")
        return
    for part in parts:
        click.echo(click.style(f"== {part.source} ==", bold=True))
        click.echo(plain(part.text).rstrip("\n"))
    if not parts:
        session.remark("Nothing was said.")


def _table(session: Session, answer: control_pb2.ListOperationsResponse) -> "Table":
    from mulligan_client.output import state_text, table
    from mulligan_client.progress import does_words, seconds_taken
    from mulligan_client.quantities import age_words, duration_words

    name = session.names(one.object_id for one in answer.operations)
    return table(
        ["ID", "STARTED", "STATE", "TOOK", "DOES"],
        [
            (
                one.metadata.id,
                age_words(one.metadata.created_at),
                state_text(one.status.state),
                duration_words(seconds_taken(one)),
                does_words(one, name),
            )
            for one in answer.operations
        ],
    )


def _sheet(session: Session, one: control_pb2.Operation) -> "Group":
    from rich.console import Group

    from mulligan_client.progress import operation_sheet, steps_table

    return Group(
        operation_sheet(one, session.names([one.object_id])),
        "",
        steps_table(one, still=True),
    )
