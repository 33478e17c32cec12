"""What is shown of an operation that a command asked for, and how the command ends."""

from typing import TYPE_CHECKING

import click

from mulligan_client.exits import Exit
from mulligan_client.session import Session

if TYPE_CHECKING:
    from mulligan_client.gen.mulligan.control.v1 import control_pb2


def show_operation(
    session: Session, operation: "control_pb2.Operation", *, wait: bool, output: str
) -> None:
    """Show an operation: as it stands, or with wait until and how it ended.

    Raises:
        click.exceptions.Exit: it was waited for, and failed or was cancelled.
    """
    if wait:
        operation = wait_for(session, operation.metadata.id)
    draw_operation(session, operation, output)
    if wait:
        leave_if_failed(session, operation)
    elif output == "table":
        session.remark(f"Follow it with: mulligan operation show {operation.metadata.id} --wait")


def wait_for(session: Session, operation: str) -> "control_pb2.Operation":
    """Follow an operation with its progress."""
    from mulligan_client.progress import follow

    return follow(session, operation)


def draw_operation(session: Session, operation: "control_pb2.Operation", output: str) -> None:
    """Show an operation's sheet."""
    from mulligan_client.progress import operation_sheet

    session.show(
        operation,
        output,
        lambda: operation_sheet(operation, session.names([operation.object_id])),
    )


def leave_if_failed(session: Session, operation: "control_pb2.Operation | None") -> None:
    """End the command with its code when the operation did not do what was asked."""
    if operation is None or operation.status.state == "done":
        return
    session.remark(f"What was said meanwhile: mulligan operation log {operation.metadata.id}")
    raise click.exceptions.Exit(Exit.OPERATION_FAILED)
