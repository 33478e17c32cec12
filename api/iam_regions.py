"""Regions, from messages to changes and from rows to messages."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from api.places import Places
from mulligan import events
from mulligan.iam import regions
from mulligan.iam.objects import Place
from mulligan.iam.tables import Region
from mulligan.meta import names
from mulligan.values.errors import PermissionDeniedError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2 as pb


async def create(request: pb.CreateRegionRequest, places: Places) -> pb.Region:
    """Create a region."""
    call = current_call()

    def make(session: Session) -> pb.Region:
        row = regions.create_region(
            session, request.name, request.parent, author=call.caller.account
        )
        return _shown(session, [row])[0]

    made = await call.write(request, pb.Region, make)
    places.take([Place("region", made.metadata.id, made.parent or None, False)])
    return made


async def get(request: pb.GetRegionRequest) -> pb.Region:
    """Show a region."""
    return await current_call().read(
        lambda session: _shown(session, [regions.get_region(session, request.id)])[0]
    )


async def get_all(request: pb.BatchGetRegionsRequest) -> pb.BatchGetRegionsResponse:
    """Show several regions."""

    def read(session: Session) -> pb.BatchGetRegionsResponse:
        rows = regions.get_regions(session, list(request.ids))
        return pb.BatchGetRegionsResponse(regions=_shown(session, rows))

    return await current_call().read(read)


async def list_page(request: pb.ListRegionsRequest) -> pb.ListRegionsResponse:
    """List regions."""
    listing = listing_of(request, "region")

    def read(session: Session) -> pb.ListRegionsResponse:
        revision = events.current_revision(session)
        page = regions.list_regions(session, listing, parent=request.parent)
        return pb.ListRegionsResponse(
            regions=_shown(session, page.items),
            next_page_token=token_after(page),
            revision=revision,
        )

    return await current_call().read(read)


async def update(request: pb.UpdateRegionRequest) -> pb.Region:
    """Change a region."""
    call = current_call()
    paths_of(request, ("name",), {"parent": "no region ever moves; create another one there"})

    def change(session: Session) -> pb.Region:
        row = regions.update_region(
            session,
            request.id,
            name=request.name,
            generation=request.generation,
            author=call.caller.account,
        )
        return _shown(session, [row])[0]

    return await call.write(request, pb.Region, change)


async def delete(request: pb.DeleteRegionRequest, places: Places) -> pb.DeleteRegionResponse:
    """Delete a region: that is for who administers what is above it."""
    call = current_call()

    def end(session: Session) -> pb.DeleteRegionResponse:
        above = regions.get_region(session, request.id).parent
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


def _shown(session: Session, rows: Sequence[Region]) -> list[pb.Region]:
    described = names.describe(session, [row.id for row in rows])
    return [
        pb.Region(
            metadata=messages.metadata(row, described, region=row.id), parent=row.parent or ""
        )
        for row in rows
    ]
