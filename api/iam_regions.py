"""Regions, from messages to changes and from rows to messages."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.places import Places
from api.region_specs import shown_spec, spec_of
from mulligan import events
from mulligan.iam import objects, regions
from mulligan.iam.tables import Region
from mulligan.meta import many_names, names
from mulligan.values.caller import Caller
from mulligan.values.errors import PermissionDeniedError
from mulligan.values.regions import RegionSpec
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb

_CHANGEABLE = ("name", "spec.failure_domains", "spec.visibility")


async def create(request: pb.CreateRegionRequest, places: Places) -> pb.Region:
    """Create a region."""
    call = current_call()
    caller, spec = call.caller, spec_of(request.spec)

    def make(session: Session) -> pb.Region:
        row = regions.create_region(session, request.name, request.parent, spec, caller=caller)
        return _shown(session, caller, [row])[0]

    made = await call.write(request, pb.Region, make)
    await _take(places, made.metadata.id)
    return made


async def get(request: pb.GetRegionRequest, places: Places) -> pb.Region:
    """Show a region."""
    caller = current_call().caller
    await places.know([request.id])
    return await current_call().read(
        lambda session: _shown(session, caller, [regions.get_region(session, caller, request.id)])[
            0
        ]
    )


async def get_all(request: pb.BatchGetRegionsRequest, places: Places) -> pb.BatchGetRegionsResponse:
    """Show several regions."""
    caller = current_call().caller
    await places.know(request.ids)

    def read(session: Session) -> pb.BatchGetRegionsResponse:
        rows = regions.get_regions(session, caller, list(request.ids))
        return pb.BatchGetRegionsResponse(regions=messages.at_once(_shown(session, caller, rows)))

    return await current_call().read(read)


async def list_page(request: pb.ListRegionsRequest, places: Places) -> pb.ListRegionsResponse:
    """List the regions that the caller sees."""
    listing = listing_of(request, "region")
    caller = current_call().caller

    def read(session: Session) -> pb.ListRegionsResponse:
        revision = events.told_revision(session)
        page = regions.list_regions(session, caller, listing, parent=request.parent)
        shown = messages.fitting(_shown(session, caller, page.items))
        return pb.ListRegionsResponse(
            regions=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    found = await current_call().read(read)
    ids = [one.metadata.id for one in found.regions]
    if not all(map(places.is_known, ids)):
        # Another process made one of them a moment ago, and not for everybody perhaps.
        await places.know(ids)
        found = await current_call().read(read)
    return found


async def update(request: pb.UpdateRegionRequest, places: Places) -> pb.Region:
    """Change a region."""
    call = current_call()
    caller, given = call.caller, request.spec
    paths = paths_of(request, _CHANGEABLE, {"parent": "no region ever moves; create another one"})
    said = spec_of(given)

    def changed(spec: RegionSpec) -> RegionSpec:
        if "spec.failure_domains" in paths:
            spec = replace(spec, failure_domains=said.failure_domains)
        if "spec.visibility" in paths:
            spec = replace(spec, visibility=said.visibility, visible_to=said.visible_to)
        return spec

    def change(session: Session) -> pb.Region:
        row = regions.update_region(
            session,
            request.id,
            name=request.name if "name" in paths else None,
            change=changed,
            generation=request.generation,
            caller=caller,
        )
        return _shown(session, caller, [row])[0]

    answer = await call.write(request, pb.Region, change)
    await _take(places, request.id)
    return answer


async def delete(request: pb.DeleteRegionRequest, places: Places) -> pb.DeleteRegionResponse:
    """Delete a region: that is for who administers what is above it."""
    call = current_call()

    def end(session: Session) -> pb.DeleteRegionResponse:
        above = regions.get_region(session, call.caller, request.id).parent
        if not call.caller.has_in("admin", above or ""):
            where = f"region {above}" if above else "the system"
            raise PermissionDeniedError(
                f"DeleteRegion needs the role admin on {where}; ask an administrator for it"
            )
        regions.delete_region(session, request.id, author=call.caller.account)
        return pb.DeleteRegionResponse()

    answer = await call.write(request, pb.DeleteRegionResponse, end)
    places.end(str(UUID(request.id)))
    return answer


async def _take(places: Places, region: str) -> None:
    """Have a region known as it is now: an answer may be one that was given long ago."""
    places.take(await current_call().read(lambda session: objects.chains(session, [region])))


def _shown(session: Session, caller: Caller, rows: Sequence[Region]) -> list[pb.Region]:
    ids = [row.id for row in rows]
    described = names.describe(session, ids)
    # What a region was called before it was shown is for those who have a role there.
    old = many_names.old_slugs(session, [one for one in ids if caller.has_in("reader", one)])
    return [
        pb.Region(
            metadata=messages.metadata(row, described, region=row.id, old_slugs=old),
            parent=row.parent if row.parent and caller.sees(row.parent) else "",
            spec=shown_spec(row.spec, row.id, caller),
        )
        for row in rows
    ]
