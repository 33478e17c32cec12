"""The front door of meta."""

from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from api.call import current_call
from api.iam_copy import IamCopy
from api.watch import Watch
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.values.caller import Caller
from mulligan.values.errors import InvalidArgumentError, UnavailableError
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2, meta_pb2_grpc

M = TypeVar("M", bound=Message)

MAX_ANSWER_BYTES = 4_000_000
"""What every gRPC client takes by default, 4 MiB, with room for its frame; 1,000 always fit."""

INSTALLATION_TYPES = ("account", "project", "region")
"""What belongs to the whole installation is named in iam's database, and copied."""

TENANT_TYPES = ("machine", "claim")
OPEN_TYPES = (*INSTALLATION_TYPES, "network", "image")
"""What is not of a project, and known without a role in its region by who sees that: accounts and
projects are looked at one by one.
"""


class MetaServicer(meta_pb2_grpc.MetaServiceServicer):
    """From names to ids and back."""

    def __init__(self, copy: IamCopy, watch: Watch) -> None:
        self._copy = copy
        self._watch = watch

    async def ResolveNames(self, request: meta_pb2.ResolveNamesRequest, context: Any) -> Any:
        """Find ids by names, slugs or ids, of objects that the caller can see."""
        call = current_call()
        owners = _owners(request, call.caller)

        def read(session: Session) -> meta_pb2.ResolveNamesResponse:
            found = names.resolve(session, request.object_type, list(request.names), owners=owners)
            return meta_pb2.ResolveNamesResponse(
                objects=[
                    _named(asked, row) for asked, row in found.items() if visible(call.caller, row)
                ]
            )

        found = await call.read(read)
        of_iam = request.object_type in INSTALLATION_TYPES
        if of_iam and len(found.objects) < len(set(request.names)) and await self._caught_up():
            found = await call.read(read)
        return _of_a_size("names", found)

    async def DescribeObjects(self, request: meta_pb2.DescribeObjectsRequest, context: Any) -> Any:
        """Give the names of ids, of objects that the caller can see."""
        call = current_call()
        found = await call.read(lambda session: names.describe(session, request.ids))
        left = [asked for asked in request.ids if asked not in found]
        if left and await self._caught_up():
            found |= await call.read(lambda session: names.describe(session, left))
        described = meta_pb2.DescribeObjectsResponse(
            objects=[_named(row.id, row) for row in found.values() if visible(call.caller, row)]
        )
        return _of_a_size("ids", described)

    async def _caught_up(self) -> bool:
        """Have what iam named a moment ago known here; False: iam is away, and what is known is."""
        try:
            await self._copy.catch_up()
        except UnavailableError:
            return False
        return True

    async def Watch(self, request: Any, context: Any) -> Any:
        """Stream changes."""
        async for event in self._watch.stream(request):
            yield event


def _owners(request: meta_pb2.ResolveNamesRequest, caller: Caller) -> list[str] | None:
    """Say whose names are looked at: what others have must not even make a name ambiguous."""
    if request.object_type in TENANT_TYPES:
        return [request.project] if request.project else caller.projects
    if request.region:
        return [request.region]
    if request.object_type in INSTALLATION_TYPES:
        return None
    return caller.seen_regions if request.object_type in OPEN_TYPES else caller.regions


def visible(caller: Caller, row: Name) -> bool:
    """Say whether a caller may know of a named object."""
    if row.object_type == "account":
        return caller.has("reader") or row.id == caller.account
    if row.object_type == "project":
        return caller.has("reader", row.id)
    if row.object_type in TENANT_TYPES:
        return caller.has("reader", row.project or "")
    if row.object_type in OPEN_TYPES:
        return caller.sees(row.id if row.object_type == "region" else row.region or "")
    return caller.has_in("reader", row.region or "")


def _named(asked: str, row: Name) -> meta_pb2.NamedObject:
    return meta_pb2.NamedObject(
        asked=asked,
        id=row.id,
        object_type=row.object_type,
        name=row.name,
        slug=row.slug,
        project=row.project or "",
        region=row.region or "",
    )


def _of_a_size(field: str, answer: M) -> M:
    """Refuse in words what the caller's side of gRPC would refuse without any."""
    if answer.ByteSize() > MAX_ANSWER_BYTES:
        raise InvalidArgumentError(
            f"the names are too long for one answer ({answer.ByteSize()} bytes); ask for fewer",
            field=field,
        )
    return answer
