"""What projects and regions have in common: trees in which none ever moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.catalogue import add_delete
from mulligan_client.commands.options import pass_session, takes_output
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class PlaceKind:
    """project or region: its calls, and what is said of the commands.

    `create` gets a name, the id of what is above and what the options of `takes` say; `change` an
    id, a name or nothing, a generation and the same. `current` gives the id of the one that was
    chosen at login, `more` further rows of a sheet.
    """

    noun: str
    create: Callable[..., Any]
    read: Callable[[Session, str], Any]
    change: Callable[..., Any]
    delete: Callable[[Session, str], Any]
    current: Callable[[Session], str]
    deletes: str
    takes: Callable[[Any], Any] = lambda command: command
    more: Callable[[Session, Any], list[tuple[str, str]]] = lambda session, one: []

    def table(self, session: Session, found: Sequence[Any]) -> "Table":
        """Draw several."""
        from mulligan_client.output import table

        known = {one.metadata.id: one.metadata.name for one in found}
        name = session.names({one.parent for one in found} - known.keys())
        return table(
            ["NAME", "PARENT", "CURRENT", "ID"],
            [
                (
                    one.metadata.name,
                    known.get(one.parent) or name(one.parent),
                    "yes" if one.metadata.id == self.current(session) else "",
                    one.metadata.id,
                )
                for one in found
            ],
        )

    def sheet(self, session: Session, one: Any) -> "Table":
        """Draw one."""
        from mulligan_client.output import sheet

        return sheet(
            [
                (self.noun, one.metadata.name),
                ("id", one.metadata.id),
                ("slug", one.metadata.slug),
                ("below", session.names([one.parent])(one.parent) if one.parent else ""),
                ("generation", str(one.metadata.generation)),
                *self.more(session, one),
            ]
        )


def add_place_commands(group: click.Group, kind: PlaceKind) -> None:
    """Give a group create, show, set and delete."""
    noun = kind.noun

    @group.command("create", help=f"Create a {noun}, at the top or below another one.")
    @click.argument("name")
    @click.option("--parent", default="", help=f"{noun.capitalize()} above it.")
    @kind.takes
    @takes_output
    @pass_session
    def create(session: Session, /, name: str, parent: str, output: str, **said: Any) -> None:
        above = session.resolve(noun, parent) if parent else ""
        made = kind.create(session, name, above, **said)
        session.show(made, output, lambda: kind.sheet(session, made))

    @group.command("show", help=f"Show a {noun}.")
    @click.argument("name")
    @takes_output
    @pass_session
    def show(session: Session, name: str, output: str) -> None:
        found = kind.read(session, session.resolve(noun, name))
        session.show(found, output, lambda: kind.sheet(session, found))

    @group.command("set", help=f"Change a {noun}. None ever moves.")
    @click.argument("name")
    @click.option("--name", "new_name", default="", help="What it is called from now on.")
    @kind.takes
    @click.option(
        "--generation", default=0, help="Refuse if it is not at this generation any more."
    )
    @takes_output
    @pass_session
    def put(
        session: Session, /, name: str, new_name: str, generation: int, output: str, **said: Any
    ) -> None:
        if not (new_name or any(said.values())):
            raise click.UsageError("say what to change, such as --name")
        changed = kind.change(session, session.resolve(noun, name), new_name, generation, **said)
        session.show(changed, output, lambda: kind.sheet(session, changed))

    add_delete(group, noun, kind.delete, kind.deletes)
