"""Tags, from messages to changes and from rows to messages."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.objects import require_seen, seen, wanted
from mulligan import events
from mulligan.meta import tags
from mulligan.meta.objects import Known
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2 as pb


async def update(request: pb.UpdateTagsRequest) -> pb.UpdateTagsResponse:
    """Add tags to objects and take others away."""
    call = current_call()

    def change(session: Session) -> pb.UpdateTagsResponse:
        objects = require_seen(session, call.caller, request.object_ids)
        after = tags.update_tags(
            session,
            objects,
            add=request.add,
            remove=request.remove,
            replace=request.replace,
            author=call.caller.account,
        )
        return pb.UpdateTagsResponse(objects=_shown(objects, after))

    return await call.write(request, pb.UpdateTagsResponse, change)


async def list_of(request: pb.ListTagsRequest) -> pb.ListTagsResponse:
    """Show the tags of objects."""
    caller = current_call().caller

    def read(session: Session) -> pb.ListTagsResponse:
        objects = seen(session, caller, request.object_ids)
        found = tags.tags_of(session, [one.id for one in objects])
        return pb.ListTagsResponse(objects=_shown(objects, found))

    return await current_call().read(read)


async def list_objects(request: pb.ListObjectsByTagRequest) -> pb.ListObjectsByTagResponse:
    """List the objects that have tags."""
    caller = current_call().caller
    size, after = messages.page_size(request.page), messages.after_id(request.page)

    def read(session: Session) -> pb.ListObjectsByTagResponse:
        revision = events.current_revision(session)
        ids = tags.tagged(
            session,
            request.tags,
            wanted(caller, request),
            every=request.all,
            after=after,
            limit=size,
        )
        objects = seen(session, caller, ids)
        return pb.ListObjectsByTagResponse(
            objects=_shown(objects, tags.tags_of(session, ids)),
            next_page_token=messages.token_of(ids[-1]) if len(ids) == size else "",
            revision=revision,
        )

    return await current_call().read(read)


def _shown(objects: Sequence[Known], found: Mapping[str, Sequence[str]]) -> list[pb.TaggedObject]:
    return [
        pb.TaggedObject(object_id=one.id, object_type=one.object_type, tags=found.get(one.id, ()))
        for one in objects
    ]
