"""Marks on servers, hosts and machines: maintenance, protected, locked, retired."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import one_of, pass_session, takes_output
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

    from mulligan_client.gen.mulligan.control.v1 import control_pb2

    Marked = control_pb2.SetMarkResponse | control_pb2.ClearMarkResponse

# From name and session to the object's id.
Find = Callable[[Session, str], str]

_takes_reason = click.option("--reason", required=True, help="Why; others read it.")


def add_marks(group: click.Group, noun: str, find: Find, *, machine: bool = False) -> None:
    """Give a group the commands that set marks and take them back."""
    _add_setter(group, noun, find, "protect", "protected", "Refuse to delete or wipe the {}.")
    _add_clearer(group, noun, find, "unprotect", "protected")
    _add_setter(group, noun, find, "lock", "locked", "Let the {} take no operation at all.")
    _add_clearer(group, noun, find, "unlock", "locked")
    if machine:
        return
    _add_setter(group, noun, find, "retire", "retired", "Never offer the {} again.")
    _add_clearer(group, noun, find, "unretire", "retired")
    _add_maintenance(group, noun, find)


def _add_setter(
    group: click.Group, noun: str, find: Find, verb: str, kind: str, words: str
) -> None:
    @group.command(verb, help=words.format(noun))
    @click.argument("name")
    @_takes_reason
    @takes_output
    @pass_session
    def set_one(session: Session, name: str, reason: str, output: str) -> None:
        _set(session, noun, name, find(session, name), kind, reason, output)


def _add_clearer(group: click.Group, noun: str, find: Find, verb: str, kind: str) -> None:
    @group.command(verb, help=f"Take the mark {kind!r} of the {noun} back.")
    @click.argument("name")
    @takes_output
    @pass_session
    def clear_one(session: Session, name: str, output: str) -> None:
        _clear(session, noun, name, find(session, name), kind, output)


def _add_maintenance(group: click.Group, noun: str, find: Find) -> None:
    @group.command("maintenance", help=f"Don't offer the {noun} for a while (on), or again (off).")
    @click.argument("name")
    @click.argument("switch", metavar="on|off", type=one_of(["on", "off"]))
    @click.option("--reason", default="", help="Why; needed with on.")
    @takes_output
    @pass_session
    def maintenance(session: Session, name: str, switch: str, reason: str, output: str) -> None:
        if switch == "on" and not reason:
            raise click.UsageError("say why: --reason TEXT")
        object_id = find(session, name)
        if switch == "on":
            _set(session, noun, name, object_id, "maintenance", reason, output)
        else:
            _clear(session, noun, name, object_id, "maintenance", output)


def _set(
    session: Session, noun: str, name: str, object_id: str, kind: str, reason: str, output: str
) -> None:
    from mulligan_client.gen.mulligan.control.v1 import control_pb2

    request = control_pb2.SetMarkRequest(object_id=object_id, kind=kind, reason=reason)
    answer = session.client.control.SetMark(request)
    session.show(answer, output, lambda: _table(noun, name, answer))


def _clear(session: Session, noun: str, name: str, object_id: str, kind: str, output: str) -> None:
    from mulligan_client.gen.mulligan.control.v1 import control_pb2

    request = control_pb2.ClearMarkRequest(object_id=object_id, kind=kind)
    answer = session.client.control.ClearMark(request)
    session.show(answer, output, lambda: _table(noun, name, answer))


def _table(noun: str, name: str, answer: "Marked") -> "Table":
    from mulligan_client.output import sheet
    from mulligan_client.quantities import age_words

    marks = [(mark.kind, f"{mark.reason} ({age_words(mark.since)})") for mark in answer.marks]
    return sheet([(noun, name), *(marks or [("marks", "none")])])
