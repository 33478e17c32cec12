"""Groups, from messages to changes and from rows to messages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.regions import Regions
from mulligan import events
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.resource import groups
from mulligan.resource.groups import Group, GroupChange, MembersChange
from mulligan.resource.values import check_id
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb


async def create(request: pb.CreateGroupRequest, regions: Regions) -> pb.Group:
    """Make a group with its name."""
    call = current_call()
    region = await regions.require_here(request.region, request=request)
    change = GroupChange(
        MembersChange(add=tuple(request.members)), MembersChange(add=tuple(request.sharing))
    )

    def make(session: Session) -> pb.Group:
        row = groups.create_group(
            session,
            id=str(uuid4()),
            region=region,
            change=change,
            author=call.caller.account,
            now=datetime.now(UTC),
        )
        names.give_name(session, "group", row.id, request.name, region=region)
        return _group(row, names.describe(session, [row.id]))

    return await call.write(request, pb.Group, make)


async def update(request: pb.UpdateGroupRequest) -> pb.Group:
    """Change a group's name, who is in it, and who shares with it."""
    call = current_call()
    paths = paths_of(request, ("name", "members", "sharing"))
    change = GroupChange(
        _members(request.members if "members" in paths else pb.MembersChange()),
        _members(request.sharing if "sharing" in paths else pb.MembersChange()),
        name=request.name if "name" in paths else None,
    )

    def write(session: Session) -> pb.Group:
        row = groups.change_group(
            session,
            request.id,
            change,
            generation=request.generation,
            author=call.caller.account,
            now=datetime.now(UTC),
        )
        return _group(row, names.describe(session, [row.id]))

    return await call.write(request, pb.Group, write)


async def get(group: str) -> pb.Group:
    """Show one group."""

    def read(session: Session) -> pb.Group:
        row = groups.get_group(session, group)
        return _group(row, names.describe(session, [row.id]))

    return await current_call().read(read)


async def get_all(request: pb.BatchGetGroupsRequest) -> pb.BatchGetGroupsResponse:
    """Show several groups."""

    def read(session: Session) -> pb.BatchGetGroupsResponse:
        rows = groups.get_groups(session, request.ids)
        described = names.describe(session, request.ids)
        return pb.BatchGetGroupsResponse(
            groups=messages.at_once(_group(row, described) for row in rows)
        )

    return await current_call().read(read)


async def list_page(request: pb.ListGroupsRequest) -> pb.ListGroupsResponse:
    """List groups."""
    listing = listing_of(request, "group")

    def read(session: Session) -> pb.ListGroupsResponse:
        revision = events.current_revision(session)
        page = groups.list_groups(
            session,
            region=request.region,
            provider=request.provider,
            listing=listing,
        )
        described = names.describe(session, [row.id for row in page.items])
        shown = messages.fitting(_group(row, described) for row in page.items)
        return pb.ListGroupsResponse(
            groups=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await current_call().read(read)


async def delete(request: pb.DeleteGroupRequest) -> pb.DeleteGroupResponse:
    """Delete a group, and free its name."""
    call = current_call()
    group = check_id(request.id, field="id")

    def forget(session: Session) -> pb.DeleteGroupResponse:
        groups.delete_group(session, group, author=call.caller.account, now=datetime.now(UTC))
        names.release_name(session, group)
        return pb.DeleteGroupResponse()

    return await call.write(request, pb.DeleteGroupResponse, forget)


def _members(change: pb.MembersChange) -> MembersChange:
    return MembersChange(
        add=tuple(change.add),
        remove=tuple(change.remove),
        replace=tuple(change.replace.providers) if change.HasField("replace") else None,
    )


def _group(row: Group, described: Mapping[str, Name]) -> pb.Group:
    return pb.Group(
        metadata=messages.metadata(row, described, region=row.region),
        members=row.members,
        sharing=row.sharing,
    )
