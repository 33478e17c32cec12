"""What servers and hosts have in common: verify, inspect, delete, marks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.force_release import add_force_release
from mulligan_client.commands.marks import add_marks
from mulligan_client.commands.options import (
    confirm,
    pass_session,
    takes_output,
    takes_wait,
    takes_yes,
)
from mulligan_client.commands.outcome import show_operation
from mulligan_client.session import Session

if TYPE_CHECKING:
    from mulligan_client.gen.mulligan.control.v1 import control_pb2


@dataclass(frozen=True)
class Noun:
    """server or host, and the calls that check, read and forget one."""

    name: str
    verify: "Callable[[Session, str], control_pb2.Operation]"
    inspect: "Callable[[Session, str], control_pb2.Operation]"
    delete: Callable[[Session, str], Any]

    def find(self, session: Session, name: str) -> str:
        """Find the id."""
        return session.resolve(self.name, name)


def add_hardware_commands(group: click.Group, noun: Noun) -> None:
    """Give a group verify, inspect, delete and the marks."""

    @group.command("verify", help=f"Check that the {noun.name} can be driven.")
    @click.argument("name")
    @takes_wait
    @takes_output
    @pass_session
    def verify(session: Session, name: str, wait: bool, output: str) -> None:
        operation = noun.verify(session, noun.find(session, name))
        show_operation(session, operation, wait=wait, output=output)

    @group.command("inspect", help=f"Read the inventory of the {noun.name}.")
    @click.argument("name")
    @takes_wait
    @takes_output
    @pass_session
    def inspect(session: Session, name: str, wait: bool, output: str) -> None:
        operation = noun.inspect(session, noun.find(session, name))
        show_operation(session, operation, wait=wait, output=output)

    @group.command("delete", help=f"Forget a {noun.name} that nobody uses.")
    @click.argument("name")
    @takes_yes
    @pass_session
    def delete(session: Session, name: str, yes: bool) -> None:
        object_id = noun.find(session, name)
        confirm(session, f"Forget {noun.name} {name}?", yes)
        noun.delete(session, object_id)
        session.remark(f"{noun.name} {name} is forgotten.")

    add_marks(group, noun.name, noun.find)
    if noun.name == "server":
        add_force_release(group, noun.name, noun.find)
