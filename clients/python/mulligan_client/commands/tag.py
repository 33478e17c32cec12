"""mulligan tag: free words on objects."""

from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.options import confirm, pass_session, takes_output, takes_yes
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

TENANT_TYPES = ("machine", "claim")


@click.group()
def tag() -> None:
    """Free words on objects, for people: whoever sees an object sees and changes its tags.

    An OBJECT is its UUID, or its type and name: machine:web-1.
    """


def object_id(session: Session, text: str) -> str:
    """Find the object that TYPE:NAME or a UUID stands for."""
    object_type, colon, name = text.partition(":")
    if not colon:
        return text
    project = session.project() if object_type in TENANT_TYPES else ""
    return session.resolve(object_type, name, project=project)


def object_ids(session: Session, texts: tuple[str, ...]) -> list[str]:
    """Find several."""
    return [object_id(session, text) for text in texts]


def _update(session: Session, output: str, **fields: Any) -> None:
    answer = session.client.meta.UpdateTags(meta_pb2.UpdateTagsRequest(**fields))
    session.show(answer, output, lambda: _table(session, answer))


@tag.command("list")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@takes_output
@pass_session
def list_tags(session: Session, objects: tuple[str, ...], output: str) -> None:
    """List the tags of objects."""
    request = meta_pb2.ListTagsRequest(object_ids=object_ids(session, objects))
    answer = session.client.meta.ListTags(request)
    session.show(answer, output, lambda: _table(session, answer))


@tag.command("show")
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--all", "every", is_flag=True, help="Only what has all of the tags.")
@click.option("--type", "object_type", default="", help="Only objects of this type.")
@takes_output
@pass_session
def show(
    session: Session, tags: tuple[str, ...], every: bool, object_type: str, output: str
) -> None:
    """Show which objects have a tag, or one of several."""
    request = meta_pb2.ListObjectsByTagRequest(tags=tags, all=every, object_type=object_type)
    answer = meta_pb2.ListObjectsByTagResponse()
    while True:
        page = session.client.meta.ListObjectsByTag(request)
        answer.MergeFrom(page)
        if not page.next_page_token:
            break
        request.page.CopyFrom(common_pb2.Page(token=page.next_page_token))
    answer.next_page_token = ""
    session.show(answer, output, lambda: _table(session, answer))


@tag.command("create")
@click.argument("word", metavar="TAG")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@takes_output
@pass_session
def create(session: Session, word: str, objects: tuple[str, ...], output: str) -> None:
    """Give objects a tag."""
    _update(session, output, object_ids=object_ids(session, objects), add=[word])


@tag.command("set")
@click.argument("one", metavar="OBJECT")
@click.argument("tags", metavar="TAG...", nargs=-1)
@takes_output
@pass_session
def put(session: Session, one: str, tags: tuple[str, ...], output: str) -> None:
    """Give an object these tags in place of those that it has."""
    ids = [object_id(session, one)]
    _update(session, output, object_ids=ids, add=tags, replace=True)


@tag.command("delete")
@click.argument("word", metavar="TAG")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@takes_yes
@takes_output
@pass_session
def delete(session: Session, word: str, objects: tuple[str, ...], yes: bool, output: str) -> None:
    """Take a tag away from objects."""
    confirm(session, f"Take the tag {word} away?", yes)
    _update(session, output, object_ids=object_ids(session, objects), remove=[word])


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
