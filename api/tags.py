"""Tags, from messages to changes and from rows to messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.objects import require_seen, seen, wanted
from api.places import Places
from mulligan import events
from mulligan.meta import tags
from mulligan.meta.locks import hold_objects
from mulligan.meta.objects import Known
from mulligan.values.caller import Caller
from mulligan.values.errors import PermissionDeniedError
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2 as pb


async def update(request: pb.UpdateTagsRequest, places: Places) -> pb.UpdateTagsResponse:
    """Add tags to objects and take others away."""
    call, owner = current_call(), await _owner(request, places)

    def change(session: Session) -> pb.UpdateTagsResponse:
        hold_objects(session, {one.lower() for one in request.object_ids})
        objects = require_seen(session, call.caller, request.object_ids)
        if not owner:
            _require_operator(call.caller, objects)
        tags.update_tags(
            session,
            objects,
            add=request.add,
            remove=request.remove,
            replace=request.replace,
            owner=owner,
            author=call.caller.account,
        )
        return pb.UpdateTagsResponse()

    return await call.write(request, pb.UpdateTagsResponse, change)


async def list_of(request: pb.ListTagsRequest, places: Places) -> pb.ListTagsResponse:
    """Show the tags of objects."""
    caller, owner = current_call().caller, await _owner(request, places)

    def read(session: Session) -> pb.ListTagsResponse:
        objects = seen(session, caller, request.object_ids)
        found = tags.tags_of(session, [one.id for one in objects], owner)
        return pb.ListTagsResponse(objects=_shown(objects, found))

    found = await current_call().read(read)
    return messages.of_a_size(found, "object_ids", "the tags are")


async def list_objects(
    request: pb.ListObjectsByTagRequest, places: Places
) -> pb.ListObjectsByTagResponse:
    """List the objects that have tags."""
    caller, owner = current_call().caller, await _owner(request, places)
    size, after = messages.page_size(request.page), messages.after_id(request.page)

    def read(session: Session) -> pb.ListObjectsByTagResponse:
        revision = events.current_revision(session)
        ids = tags.tagged(
            session,
            request.tags,
            wanted(caller, request),
            every=request.all,
            owner=owner,
            after=after,
            limit=size,
        )
        objects = seen(session, caller, ids)
        found = _shown(objects, tags.tags_of(session, ids, owner))
        shown = messages.fitting(found)
        token = messages.token_of(ids[-1]) if len(ids) == size else ""
        if len(shown) < len(found):
            token = messages.token_of(shown[-1].object_id)
        return pb.ListObjectsByTagResponse(objects=shown, next_page_token=token, revision=revision)

    return await current_call().read(read)


async def _owner(request: Any, places: Places) -> str:
    """Give the project whose tags are meant on what is in none; empty: those that all see.

    Raises:
        PermissionDeniedError: the caller may not read it.
    """
    owner: str = request.tagged_by.lower()
    if owner:
        await places.know([owner])
        if not current_call().caller.has("reader", owner):
            raise PermissionDeniedError(
                f"tags of project {owner} need the role reader on it; ask an administrator for it"
            )
    return owner


def _require_operator(caller: Caller, objects: Sequence[Known]) -> None:
    """Refuse to change what other projects see, but for who runs the objects."""
    for one in objects:
        runs = one.project or caller.has("operator")
        if not runs and not (one.region and caller.has_in("operator", one.region)):
            raise PermissionDeniedError(
                f"tags of {one.object_type} {one.id} that everybody sees need the role operator "
                "where it is; say in tagged_by for which project they are, or ask an administrator "
                "for it"
            )


def _shown(objects: Sequence[Known], found: Mapping[str, Sequence[str]]) -> list[pb.TaggedObject]:
    return [
        pb.TaggedObject(object_id=one.id, object_type=one.object_type, tags=found.get(one.id, ()))
        for one in objects
    ]
