"""The front door of meta."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from api import configuration, messages, metadefs, tags
from api.call import current_call
from api.iam_copy import IamCopy
from api.objects import INSTALLATION_TYPES, OPEN_TYPES, TENANT_TYPES, seen, visible
from api.places import Places
from api.watch import Watch
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan.values.caller import Caller
from mulligan.values.errors import UnavailableError
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2, meta_pb2_grpc


class MetaServicer(meta_pb2_grpc.MetaServiceServicer):
    """From names to ids and back."""

    def __init__(self, copy: IamCopy, watch: Watch, places: Places) -> None:
        self._copy = copy
        self._places = places
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
        return messages.of_a_size(found, "names", "the names are")

    async def DescribeObjects(self, request: meta_pb2.DescribeObjectsRequest, context: Any) -> Any:
        """Give the names of ids, of objects that the caller can see."""
        call = current_call()
        found = await call.read(lambda session: names.describe(session, request.ids))
        left = [
            asked
            for asked in request.ids
            if asked not in found or not visible(call.caller, found[asked])
        ]
        if left and await self._caught_up():
            found |= await call.read(lambda session: names.describe(session, left))
        described = meta_pb2.DescribeObjectsResponse(
            objects=[_named(row.id, row) for row in found.values() if visible(call.caller, row)]
        )
        return messages.of_a_size(described, "ids", "the names are")

    async def _know(self, object_ids: Iterable[str]) -> None:
        """Have the copy of iam's objects caught up, if the caller can't see one of these.

        So it takes as long for what it may not see as for what is not there.
        """
        call, ids = current_call(), list({one.lower() for one in object_ids})
        found = await call.read(lambda session: seen(session, call.caller, ids))
        if len(found) < len(ids):
            await self._caught_up()

    async def _caught_up(self) -> bool:
        """Have what iam named a moment ago known here; False: iam is away, and what is known is."""
        try:
            await self._copy.catch_up()
        except UnavailableError:
            return False
        return True

    async def UpdateTags(self, request: Any, context: Any) -> Any:
        """Add tags to objects and take others away."""
        await self._know(request.object_ids)
        return await tags.update(request, self._places)

    async def ListTags(self, request: Any, context: Any) -> Any:
        """Show the tags of objects."""
        await self._know(request.object_ids)
        return await tags.list_of(request, self._places)

    async def ListObjectsByTag(self, request: Any, context: Any) -> Any:
        """List the objects that have tags."""
        return await tags.list_objects(request, self._places)

    async def CreateMetadef(self, request: Any, context: Any) -> Any:
        """Define an attribute."""
        await self._know(filter(None, [request.project]))
        return await metadefs.create(request)

    async def GetMetadef(self, request: Any, context: Any) -> Any:
        """Show a definition."""
        return await metadefs.get(request)

    async def BatchGetMetadefs(
        self, request: meta_pb2.BatchGetMetadefsRequest, context: Any
    ) -> Any:
        """Show several definitions."""
        return await metadefs.get_all(request)

    async def ListMetadefs(self, request: Any, context: Any) -> Any:
        """List definitions."""
        return await metadefs.list_page(request, self._places)

    async def UpdateMetadef(self, request: Any, context: Any) -> Any:
        """Change a definition."""
        return await metadefs.update(request, self._places)

    async def DeleteMetadef(self, request: Any, context: Any) -> Any:
        """Delete a definition."""
        return await metadefs.delete(request, self._places)

    async def SetAttributes(self, request: Any, context: Any) -> Any:
        """Give objects values of attributes."""
        await self._know([one.object_id for one in request.attributes])
        return await metadefs.set_values(request, self._places)

    async def ListAttributes(self, request: Any, context: Any) -> Any:
        """Show the attributes of objects."""
        await self._know(request.object_ids)
        return await metadefs.list_of(request)

    async def ListObjectsByAttribute(self, request: Any, context: Any) -> Any:
        """List the objects that have an attribute."""
        return await metadefs.list_objects(request)

    async def MetaConfigure(self, request: Any, context: Any) -> Any:
        """Configure the service."""
        return await configuration.configure(request, "meta")

    async def GetMetaConfiguration(self, request: Any, context: Any) -> Any:
        """Show how the service is configured."""
        return await configuration.get("meta")

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
