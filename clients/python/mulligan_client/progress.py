"""Waiting for an operation with its steps before one's eyes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from google.protobuf.timestamp_pb2 import Timestamp
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mulligan_client.errors import MulliganCallError
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.output import as_text, sheet, status_pairs
from mulligan_client.quantities import duration_words, instant

if TYPE_CHECKING:
    from mulligan_client.session import Session

_SIGNS = {"done": ("✔", "green"), "failed": ("✘", "red"), "undone": ("↶", "magenta")}


def follow(session: "Session", operation: str) -> control_pb2.Operation:
    """Show an operation's progress on standard error until it ends, and give it then.

    Ctrl-C detaches: the operation goes on, and the way back to it is printed.
    """
    way_back = f"mulligan operation show {operation} --wait"
    try:
        if session.err.is_terminal:
            with _LiveSteps(session) as steps:
                return session.client.wait_for_operation(operation, steps.change)
        return session.client.wait_for_operation(operation, _line_writer(session))
    except KeyboardInterrupt:
        session.remark(f"\nDetached; the operation goes on. Come back with:\n  {way_back}")
        raise click.exceptions.Exit(Exit.DETACHED) from None
    except MulliganCallError:
        session.remark(f"The operation itself may go on. Come back with:\n  {way_back}")
        raise


def operation_sheet(operation: control_pb2.Operation, name: Callable[[str], str] = str) -> Table:
    """The sheet of an operation: what it does to what, how it stands, how long it takes."""
    return sheet(
        [
            ("operation", operation.metadata.id),
            ("does", does_words(operation, name)),
            *status_pairs(operation.status),
            ("error", operation.error_code),
            ("duration", duration_words(seconds_taken(operation))),
            ("workflow", operation.workflow_url),
        ]
    )


def does_words(operation: control_pb2.Operation, name: Callable[[str], str] = str) -> str:
    """Write what an operation does to what, such as: provision machine web-1."""
    verb = "keep" if operation.type == operation.object_type else operation.type
    return f"{verb} {operation.object_type} {name(operation.object_id)}"


def steps_table(operation: control_pb2.Operation, *, still: bool = False) -> Table:
    """The steps of an operation: sign, name, percentage, time taken and what was said last."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(width=2, no_wrap=True)
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True, width=16)
    made.add_column(no_wrap=True, justify="right")
    made.add_column(overflow="fold")
    for step in operation.steps:
        made.add_row(
            _sign(step, still),
            as_text(step.name),
            _bar(step),
            duration_words(_seconds_between(step.started_at, step.ended_at)),
            as_text(step.message),
        )
    return made


def seconds_taken(operation: control_pb2.Operation) -> float:
    """How long an operation took, or has taken until now."""
    return _seconds_between(operation.metadata.created_at, operation.ended_at)


def _seconds_between(start: Timestamp, end: Timestamp) -> float:
    if not start.seconds:
        return 0.0
    until = instant(end) if end.seconds else datetime.now(UTC)
    return (until - instant(start)).total_seconds()


def _sign(step: control_pb2.Step, still: bool) -> Text | Spinner:
    if step.state in _SIGNS:
        sign, colour = _SIGNS[step.state]
        return Text(sign, style=colour)
    return Text("…") if still else Spinner("dots", style="cyan")


def _bar(step: control_pb2.Step) -> Table | Text:
    if step.state == "running" and step.percent:
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=100, completed=step.percent, width=10), f"{step.percent} %")
        return bar
    colour = _SIGNS.get(step.state, ("", "cyan"))[1]
    return Text(step.state, style=colour)


class _LiveSteps:
    """The steps, drawn again and again in place."""

    def __init__(self, session: "Session") -> None:
        self._operation = control_pb2.Operation()
        self._live = Live(
            console=session.err, get_renderable=self._draw, refresh_per_second=8, transient=False
        )

    def __enter__(self) -> "_LiveSteps":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.refresh()
        self._live.stop()

    def change(self, operation: control_pb2.Operation) -> None:
        """Take in what was read last."""
        self._operation = operation

    def _draw(self) -> Table:
        return steps_table(self._operation)


def _line_writer(session: "Session") -> Callable[[control_pb2.Operation], None]:
    """Write a line for each step that begins or ends, for logs."""
    seen: dict[int, str] = {}

    def change(operation: control_pb2.Operation) -> None:
        for index, step in enumerate(operation.steps):
            if seen.get(index) != step.state:
                seen[index] = step.state
                message = f": {step.message}" if step.message else ""
                took = ""
                if step.state != "running":
                    took = f" in {duration_words(_seconds_between(step.started_at, step.ended_at))}"
                session.err.print(as_text(f"{step.name} {step.state}{took}{message}"))

    return change
