"""What every kind of object in a region has in common: it is listed, shown, renamed, forgotten."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    confirm,
    pass_session,
    takes_generation,
    takes_new_name,
    takes_output,
    takes_yes,
)
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Owned:
    """The call that reads all that are a project's, as its readers may know them, and its look."""

    read_all: Callable[..., Any]
    table: "Callable[[Session, Any], Table]"


@dataclass(frozen=True)
class Kind:
    """A kind of object: the calls that read all and one, and their looks.

    `read_all` takes the fields of its request as arguments. `shows` is the help of the command that
    shows one. `rename` is the call that gives one another name, with its request's fields as
    arguments, if that is a command of its own. `owned` lists those that are a project's, where
    projects can own them.
    """

    name: str
    read_all: Callable[..., Any]
    read: Callable[[Session, str], Any]
    table: "Callable[[Session, Any], Table]"
    sheet: "Callable[[Session, Any], Table]"
    shows: str
    rename: Callable[..., Any] | None = None
    has_states: bool = False
    owned: Owned | None = None

    def find(self, session: Session, name: str) -> str:
        """Find the id."""
        return session.resolve(self.name, name)


def add_list_and_show(group: click.Group, kind: Kind) -> None:
    """Give a group the commands that list and show, and the one that renames."""

    @group.command("list", help=f"List all {kind.name}s.")
    @click.option("--region", default="", help=f"Only {kind.name}s of this region.")
    @_takes_project_of(kind)
    @takes_listing(states=kind.has_states)
    @takes_output
    @pass_session
    def list_all(
        session: Session, region: str, listed: Mapping[str, Any], output: str, owner: str = ""
    ) -> None:
        if owner and kind.owned is not None:
            if region:
                raise click.UsageError("--project lists those of all regions; leave --region out")
            owned, project = kind.owned, session.resolve("project", owner)
            answer = owned.read_all(session, project=project, **listed)
            session.show(answer, output, lambda: owned.table(session, answer))
            return
        where = session.resolve("region", region) if region else ""
        answer = kind.read_all(session, region=where, **listed)
        session.show(answer, output, lambda: kind.table(session, answer))

    @group.command("show", help=kind.shows)
    @click.argument("name")
    @takes_output
    @pass_session
    def show(session: Session, name: str, output: str) -> None:
        found = kind.read(session, kind.find(session, name))
        session.show(found, output, lambda: kind.sheet(session, found))

    if kind.rename is not None:
        _add_rename(group, kind, kind.rename)


def _takes_project_of(kind: Kind) -> Callable[[_Command], _Command]:
    """Add --project to the list of a kind that projects can own."""
    if kind.owned is None:
        return lambda command: command
    words = f"The {kind.name}s that are this project's, as its readers may know them."
    return click.option("--project", "owner", default="", help=words)


def _add_rename(group: click.Group, kind: Kind, rename: Callable[..., Any]) -> None:
    @group.command("set", help=f"Give a {kind.name} another name.")
    @click.argument("name")
    @takes_new_name
    @takes_generation
    @takes_output
    @pass_session
    def set_one(
        session: Session, name: str, new_name: str | None, generation: int, output: str
    ) -> None:
        if new_name is None:
            raise click.UsageError("say what to change: --name")
        found = rename(
            session,
            id=kind.find(session, name),
            generation=generation,
            name=new_name,
            update_mask={"paths": ["name"]},
        )
        session.show(found, output, lambda: kind.sheet(session, found))


def add_delete(
    group: click.Group, noun: str, forget: Callable[[Session, str], Any], words: str
) -> None:
    """Give a group the command that forgets one, after a yes; `words` are its help."""

    @group.command("delete", help=words)
    @click.argument("name")
    @takes_yes
    @pass_session
    def delete(session: Session, name: str, yes: bool) -> None:
        object_id = session.resolve(noun, name)
        confirm(session, f"Forget {noun} {name}?", yes)
        forget(session, object_id)
        session.remark(f"{noun} {name} is forgotten.")
