"""Commands for registered names, which have no id: created, listed, deleted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import confirm, pass_session, takes_output, takes_yes
from mulligan_client.session import Session


@dataclass(frozen=True)
class Registry:
    """A kind of name: the calls on it, and what its table shows beside name and description."""

    noun: str
    read_all: Callable[..., Any]
    delete: Callable[[Session, str], Any]
    rows: Callable[[Any], Sequence[Any]]
    columns: Sequence[tuple[str, Callable[[Any], str]]] = ()

    def show(self, session: Session, answer: Any, rows: Sequence[Any], output: str) -> None:
        """Show some of them."""
        from mulligan_client.output import table

        more = [name for name, _ in self.columns]
        made = [
            [
                one.name,
                *(read(one) for _, read in self.columns),
                "yes" if one.standard else "",
                one.description,
            ]
            for one in rows
        ]
        columns = ["NAME", *more, "STANDARD", "DESCRIPTION"]
        session.show(answer, output, lambda: table(columns, made))


def add_list(group: click.Group, registry: Registry) -> None:
    """Give a group the command that lists."""

    @group.command("list", help="List them, or some of them.")
    @takes_listing()
    @takes_output
    @pass_session
    def list_all(session: Session, output: str, listed: dict[str, Any]) -> None:
        answer = registry.read_all(session, **listed)
        registry.show(session, answer, registry.rows(answer), output)


def add_create(
    group: click.Group, registry: Registry, register: Callable[[Session, str, str], Any]
) -> None:
    """Give a group the command that registers a name with its description."""

    @group.command("create", help=f"Register a {registry.noun} of your own.")
    @click.argument("name")
    @click.option("--description", default="", help="What it stands for.")
    @takes_output
    @pass_session
    def create(session: Session, name: str, description: str, output: str) -> None:
        made = register(session, name, description)
        registry.show(session, made, [made], output)


def add_delete(group: click.Group, registry: Registry) -> None:
    """Give a group the command that forgets a name."""

    @group.command("delete", help=f"Forget a {registry.noun} that nothing uses.")
    @click.argument("name")
    @takes_yes
    @pass_session
    def delete(session: Session, name: str, yes: bool) -> None:
        confirm(session, f"Forget {registry.noun} {name}?", yes)
        registry.delete(session, name)
        session.remark(f"{registry.noun} {name} is forgotten.")
