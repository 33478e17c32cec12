"""Distances, from messages to calls and back."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from api import messages, registry
from api.call import current_call
from api.page_tokens import foreign_token
from mulligan import events
from mulligan.meta.names import is_uuid
from mulligan.resource import distances
from mulligan.resource.distances import Pair
from mulligan.values.errors import InvalidArgumentError
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb


async def create_type(request: pb.CreateDistanceTypeRequest) -> pb.DistanceType:
    """Register a way to measure."""
    call = current_call()

    def create(session: Session) -> pb.DistanceType:
        row = distances.create_distance_type(
            session,
            request.name,
            request.codes,
            description=request.description,
            author=call.caller.account,
            now=datetime.now(UTC),
        )
        made: pb.DistanceType = registry.shown(row)
        return made

    return await call.write(request, pb.DistanceType, create)


async def set_all(request: pb.SetDistancesRequest) -> pb.SetDistancesResponse:
    """Say how far pairs are apart, or take it back."""
    call = current_call()
    put = dict(zip(_pairs(request.set), (one.code for one in request.set), strict=True))
    remove = _pairs(request.remove)
    for one in (*request.set, *request.remove):
        if one.type not in ("", request.type):
            raise InvalidArgumentError(
                f"the call is about {request.type}, but a distance in it about {one.type}; send "
                "one call for each type",
                field="distances.type",
            )

    def write(session: Session) -> pb.SetDistancesResponse:
        distances.set_distances(
            session,
            request.type,
            put,
            remove,
            replace_all_of=request.replace_all_of,
            author=call.caller.account,
            now=datetime.now(UTC),
        )
        return pb.SetDistancesResponse()

    return await call.write(request, pb.SetDistancesResponse, write)


def _pairs(given: Iterable[pb.Distance]) -> list[Pair]:
    pairs = [Pair(one.a, one.b) for one in given]
    for pair, count in Counter(pairs).most_common(1):
        if count > 1:
            raise InvalidArgumentError(
                f"{pair.a} and {pair.b} stand in the call {count} times; a distance is the same in "
                "both directions, say it once",
                field="distances",
            )
    return pairs


async def list_page(request: pb.ListDistancesRequest) -> pb.ListDistancesResponse:
    """List distances."""
    size, after = messages.page_size(request.page), _cursor(request)

    def read(session: Session) -> pb.ListDistancesResponse:
        revision = events.current_revision(session)
        page = distances.list_distances(
            session, type=request.type, object_id=request.object_id, after=after, limit=size
        )
        token = messages.token_of(*page.next_token.split("/")) if page.next_token else ""
        return pb.ListDistancesResponse(
            distances=[
                pb.Distance(type=one.type, a=one.pair.a, b=one.pair.b, code=one.code)
                for one in page.items
            ],
            next_page_token=token,
            revision=revision,
        )

    return await current_call().read(read)


def _cursor(request: pb.ListDistancesRequest) -> list[str]:
    cursor = messages.cursor_of(request.page)
    if cursor and not (len(cursor) == 3 and all(map(is_uuid, cursor[1:]))):
        raise foreign_token()
    return cursor
