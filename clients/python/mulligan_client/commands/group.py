"""mulligan group: providers that belong together."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.catalogue import add_delete
from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    pass_session,
    takes_generation,
    takes_new_name,
    takes_output,
    takes_region,
)
from mulligan_client.commands.provider_names import find_provider, find_providers
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def group() -> None:
    """Providers that belong together; some may share what they have with the members."""


@group.command("create")
@click.argument("name")
@click.option("--member", multiple=True, help="A provider that is in it; repeatable.")
@click.option("--sharing", multiple=True, help="A provider that shares with the members.")
@takes_region
@takes_output
@pass_session
def create(
    session: Session,
    name: str,
    member: tuple[str, ...],
    sharing: tuple[str, ...],
    region: str,
    output: str,
) -> None:
    """Create a group of providers of a region."""
    ids = find_providers(session, [*member, *sharing])
    request = resource_pb2.CreateGroupRequest(
        name=name,
        region=session.region(region),
        members=[ids[one] for one in member],
        sharing=[ids[one] for one in sharing],
    )
    made = session.client.resource.CreateGroup(request)
    session.show(made, output, lambda: _sheet(session, made))


@group.command("set")
@click.argument("name")
@takes_new_name
@takes_generation
@click.option("--add", multiple=True, help="A provider to put in; repeatable.")
@click.option("--remove", multiple=True, help="A provider to take out.")
@click.option("--replace", multiple=True, help="A provider that is in it; all others are not.")
@click.option("--empty", is_flag=True, help="Nobody is in it any more.")
@click.option("--add-sharing", multiple=True, help="A provider that shares with the members.")
@click.option("--remove-sharing", multiple=True, help="A provider that shares no more.")
@click.option("--no-sharing", is_flag=True, help="Nobody shares with the members any more.")
@takes_output
@pass_session
def set_one(
    session: Session,
    /,
    name: str,
    new_name: str | None,
    generation: int,
    empty: bool,
    no_sharing: bool,
    output: str,
    **parts: tuple[str, ...],
) -> None:
    """Change a group's name, who is in it, and who shares with the members."""
    if empty and (parts["add"] or parts["remove"] or parts["replace"]):
        raise click.UsageError("--empty excludes --add, --remove and --replace")
    if no_sharing and (parts["add_sharing"] or parts["remove_sharing"]):
        raise click.UsageError("--no-sharing excludes --add-sharing and --remove-sharing")
    ids = find_providers(session, [one for names in parts.values() for one in names])
    request = resource_pb2.UpdateGroupRequest(
        id=session.resolve("group", name), generation=generation
    )
    for wanted, names in (
        (request.members.add, parts["add"]),
        (request.members.remove, parts["remove"]),
        (request.sharing.add, parts["add_sharing"]),
        (request.sharing.remove, parts["remove_sharing"]),
    ):
        wanted.extend(ids[one] for one in names)
    if parts["replace"]:
        request.members.replace.providers.extend(ids[one] for one in parts["replace"])
    for nobody, change in ((empty, request.members), (no_sharing, request.sharing)):
        if nobody:
            change.replace.SetInParent()
    if new_name is not None:
        request.name = new_name
        request.update_mask.paths.append("name")
    for path, part in (("members", request.members), ("sharing", request.sharing)):
        if part.ByteSize():
            request.update_mask.paths.append(path)
    found = session.client.resource.UpdateGroup(request)
    session.show(found, output, lambda: _sheet(session, found))


@group.command("list")
@click.option("--region", default="", help="Only groups of this region.")
@click.option("--provider", default="", help="Only groups that this provider is a member of.")
@takes_listing()
@takes_output
@pass_session
def list_all(
    session: Session, region: str, provider: str, listed: Mapping[str, Any], output: str
) -> None:
    """List groups."""
    request = resource_pb2.ListGroupsRequest(
        region=session.resolve("region", region) if region else "",
        provider=find_provider(session, provider) if provider else "",
        **listed,
    )
    answer = session.client.list_all(session.client.resource.ListGroups, request)
    session.show(answer, output, lambda: _table(session, answer))


@group.command("show")
@click.argument("name")
@takes_output
@pass_session
def show(session: Session, name: str, output: str) -> None:
    """Show a group; who is in it is told by `mulligan provider list --group`."""
    request = resource_pb2.GetGroupRequest(id=session.resolve("group", name))
    found = session.client.resource.GetGroup(request)
    session.show(found, output, lambda: _sheet(session, found))


add_delete(
    group,
    "group",
    lambda session, one: session.client.resource.DeleteGroup(
        resource_pb2.DeleteGroupRequest(id=one)
    ),
    "Delete a group with its distances; its providers stay.",
)


def _table(session: Session, answer: resource_pb2.ListGroupsResponse) -> "Table":
    from mulligan_client.output import table

    name = session.names(one for found in answer.groups for one in found.sharing)
    return table(
        ["NAME", "MEMBERS", "SHARING WITH THEM"],
        [
            (one.metadata.name, str(one.members), ", ".join(map(name, one.sharing)))
            for one in answer.groups
        ],
    )


def _sheet(session: Session, one: resource_pb2.Group) -> "Table":
    from mulligan_client.output import sheet

    name = session.names([one.metadata.region, *one.sharing])
    return sheet(
        [
            ("group", one.metadata.name),
            ("id", one.metadata.id),
            ("region", name(one.metadata.region)),
            ("members", str(one.members)),
            ("sharing with them", ", ".join(map(name, one.sharing))),
            ("generation", str(one.metadata.generation)),
        ]
    )
