"""What people and programs read: tables and sheets, JSON and YAML."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mulligan_client.complaint import plain
from mulligan_client.quantities import age_words

if TYPE_CHECKING:
    from mulligan_client.gen.mulligan.common.v1 import common_pb2

Format = Literal["table", "json", "yaml"]
Cell = str | Text
# Wide enough that nothing is cut or folded where another program reads.
_PIPE_WIDTH = 1000
_COLOURS = {
    "green": ("available", "active", "done", "committed", "in_use", "on"),
    "red": ("failed", "quarantined", "cancelled"),
    "dim": ("gone", "retired", "released", "lapsed", "undone", "off"),
}
_COLOUR_OF = {state: colour for colour, states in _COLOURS.items() for state in states}


def console(*, errors: bool = False) -> Console:
    """A console on standard output or error: no colours and no folding where it is no terminal."""
    file = sys.stderr if errors else sys.stdout
    width = None if file.isatty() else _PIPE_WIDTH
    return Console(file=file, width=width, highlight=False, soft_wrap=False)


def as_dict(message: Message) -> dict[str, object]:
    """Give a message as protobuf JSON, with the names of the proto and every field."""
    found: dict[str, object] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return found


def write(message: Message, form: Format) -> None:
    """Write a message for programs."""
    content = as_dict(message)
    if form == "yaml":
        import yaml

        sys.stdout.write(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    else:
        sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_line(message: Message, form: Format) -> None:
    """Write one of a stream of messages: a line of JSON, or a YAML document."""
    if form == "yaml":
        sys.stdout.write("---\n")
        write(message, form)
    else:
        sys.stdout.write(json.dumps(as_dict(message), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "") -> Table:
    """Make a table whose last column takes what room there is; the others are never folded."""
    made = Table(
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold underline",
    )
    for index, column in enumerate(columns):
        last = index == len(columns) - 1
        made.add_column(column, overflow="fold", no_wrap=not last, min_width=0 if last else 2)
    for row in rows:
        made.add_row(*(as_text(cell) for cell in row))
    return made


def sheet(pairs: Iterable[tuple[str, Cell]], *, title: str = "") -> Table:
    """Make the sheet of one object: a name and a value a line; what is empty is left out."""
    made = Table(
        box=None,
        pad_edge=False,
        show_header=False,
        title=title or None,
        title_justify="left",
        title_style="bold",
    )
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if str(value):
            made.add_row(name, as_text(value))
    return made


def as_text(cell: Cell) -> Text:
    """Text as it stands: no markup in it is obeyed, and no control character."""
    return cell if isinstance(cell, Text) else Text(plain(cell))


def state_text(state: str, marks: Iterable["common_pb2.Mark"] = ()) -> Text:
    """A state in its colour, with the marks of the object."""
    text = Text(plain(state), style=_COLOUR_OF.get(state, "yellow"))
    if said := ", ".join(mark.kind for mark in marks):
        text.append(f" ({said})", style="magenta")
    return text


def outlook(status: "common_pb2.Status") -> str:
    """Why an object is where it is, what happens next, and by when at the latest."""
    words = status.reason
    if status.next_action:
        words = f"{words}; next: {status.next_action}" if words else f"next: {status.next_action}"
    if status.deadline.seconds:
        words = f"{words} ({_latest(status)})" if words else _latest(status)
    return words


def _latest(status: "common_pb2.Status") -> str:
    age = age_words(status.deadline)
    return f"over since {age}" if age.endswith("ago") else f"at the latest {age}"


def status_pairs(
    status: "common_pb2.Status", marks: Iterable["common_pb2.Mark"] = ()
) -> list[tuple[str, Cell]]:
    """The lines of a sheet that tell where an object stands."""
    marks = list(marks)
    deadline = age_words(status.deadline)
    return [
        ("state", state_text(status.state, marks)),
        ("since", age_words(status.since)),
        ("reason", status.reason),
        ("next", status.next_action),
        ("deadline", deadline),
        *((mark.kind, f"{mark.reason} ({age_words(mark.since)})") for mark in marks),
    ]
