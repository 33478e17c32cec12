"""mulligan tag: free words on objects."""

from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.options import (
    confirm,
    pass_session,
    takes_output,
    takes_project,
    takes_yes,
)
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

TENANT_TYPES = ("machine", "claim")


@click.group()
def tag() -> None:
    """Free words on objects, for people: whoever sees an object of a project changes its tags.

    What is in no project has tags of each project besides those that everybody sees. An OBJECT is
    its UUID, or its type and name: machine:web-1.
    """


def object_ids(session: Session, texts: tuple[str, ...], project: str = "") -> list[str]:
    """Find the objects that TYPE:NAME or UUIDs stand for."""

    def object_id(text: str) -> str:
        object_type, colon, name = text.partition(":")
        if not colon:
            return text
        owner = session.project(project) if object_type in TENANT_TYPES else ""
        return session.resolve(object_type, name, project=owner)

    return [object_id(text) for text in texts]


def _takes_whose(command: Any) -> Any:
    everybody = click.option(
        "--everybody",
        is_flag=True,
        help="Of what is in no project, the tags that everybody sees and no project's.",
    )
    return takes_project(everybody(command))


def _tagged_by(session: Session, project: str, everybody: bool) -> str:
    """Find the project whose tags are meant of what is in none; empty: those that all see."""
    if everybody:
        return ""
    return session.resolve("project", project) if project else session.login.project


def _update(
    session: Session,
    objects: tuple[str, ...],
    project: str,
    everybody: bool,
    output: str,
    **change: Any,
) -> None:
    whose: dict[str, Any] = {
        "object_ids": object_ids(session, objects, project),
        "tagged_by": _tagged_by(session, project, everybody),
    }
    session.client.meta.UpdateTags(meta_pb2.UpdateTagsRequest(**whose, **change))
    answer = session.client.meta.ListTags(meta_pb2.ListTagsRequest(**whose))
    session.show(answer, output, lambda: _table(session, answer))


@tag.command("list")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@_takes_whose
@takes_output
@pass_session
def list_tags(
    session: Session, objects: tuple[str, ...], project: str, everybody: bool, output: str
) -> None:
    """List the tags of objects."""
    request = meta_pb2.ListTagsRequest(
        object_ids=object_ids(session, objects, project),
        tagged_by=_tagged_by(session, project, everybody),
    )
    answer = session.client.meta.ListTags(request)
    session.show(answer, output, lambda: _table(session, answer))


@tag.command("show")
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--all", "every", is_flag=True, help="Only what has all of the tags.")
@click.option("--type", "object_type", default="", help="Only objects of this type.")
@_takes_whose
@takes_output
@pass_session
def show(
    session: Session,
    tags: tuple[str, ...],
    every: bool,
    object_type: str,
    project: str,
    everybody: bool,
    output: str,
) -> None:
    """Show which objects have a tag, or one of several."""
    request = meta_pb2.ListObjectsByTagRequest(
        tags=tags,
        all=every,
        object_type=object_type,
        tagged_by=_tagged_by(session, project, everybody),
    )
    answer = session.client.list_all(session.client.meta.ListObjectsByTag, request)
    session.show(answer, output, lambda: _table(session, answer))


@tag.command("create")
@click.argument("word", metavar="TAG")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@_takes_whose
@takes_output
@pass_session
def create(
    session: Session,
    word: str,
    objects: tuple[str, ...],
    project: str,
    everybody: bool,
    output: str,
) -> None:
    """Give objects a tag."""
    _update(session, objects, project, everybody, output, add=[word])


@tag.command("set")
@click.argument("one", metavar="OBJECT")
@click.argument("tags", metavar="TAG...", nargs=-1)
@_takes_whose
@takes_output
@pass_session
def put(
    session: Session, one: str, tags: tuple[str, ...], project: str, everybody: bool, output: str
) -> None:
    """Give an object these tags in place of those that it has."""
    _update(session, (one,), project, everybody, output, add=tags, replace=True)


@tag.command("delete")
@click.argument("word", metavar="TAG")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@_takes_whose
@takes_yes
@takes_output
@pass_session
def delete(
    session: Session,
    /,
    word: str,
    objects: tuple[str, ...],
    project: str,
    everybody: bool,
    yes: bool,
    output: str,
) -> None:
    """Take a tag away from objects."""
    confirm(session, f"Take the tag {word} away?", yes)
    _update(session, objects, project, everybody, output, remove=[word])


def _table(session: Session, answer: Any) -> "Table":
    from mulligan_client.output import table

    name = session.names(one.object_id for one in answer.objects)
    return table(
        ["TYPE", "NAME", "TAGS", "ID"],
        [
            (one.object_type, name(one.object_id), ", ".join(one.tags), one.object_id)
            for one in answer.objects
        ],
    )
