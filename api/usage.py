"""Usage, from messages to calls and back."""

from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.claim_specs import window_of
from api.regions import Regions
from mulligan import events
from mulligan.resource import usage
from mulligan.resource.occupation import present
from mulligan.resource.usage import By, Narrowed, Usage
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

U = TypeVar("U", pb.ListUsageResponse, pb.ListProjectUsageResponse)

_BY = {
    pb.USAGE_BY_PROVIDER: By.PROVIDER,
    pb.USAGE_BY_GROUP: By.GROUP,
    pb.USAGE_BY_REGION: By.REGION,
    pb.USAGE_BY_PROJECT: By.PROJECT,
}


async def list_page(request: pb.ListUsageRequest, regions: Regions) -> pb.ListUsageResponse:
    """Show what is used, reserved and free."""
    return await _page(request, pb.ListUsageResponse, By.PROVIDER, regions)


async def list_of_project(
    request: pb.ListProjectUsageRequest, regions: Regions
) -> pb.ListProjectUsageResponse:
    """Show what a project uses."""
    response = pb.ListProjectUsageResponse
    return await _page(request, response, By.PROJECT, regions, project=request.project)


async def _page(
    request: pb.ListUsageRequest | pb.ListProjectUsageRequest,
    response: type[U],
    otherwise: By,
    regions: Regions,
    *,
    project: str = "",
) -> U:
    """A page of usage."""
    now = datetime.now(UTC)
    size, after = messages.page_size(request.page), messages.after_id(request.page)
    window = window_of(request.window, now) if request.HasField("window") else present(now)
    narrowed = Narrowed(
        await regions.require(request.region) if request.region else "",
        request.group,
        request.provider,
        request.resource_type,
        project,
    )

    def read(session: Session) -> U:
        revision = events.current_revision(session)
        page = usage.list_usage(
            session,
            _BY.get(request.by, otherwise),
            window,
            narrowed=narrowed,
            after=after,
            limit=size,
            now=now,
        )
        return response(
            usage=[_shown(one) for one in page.items],
            next_page_token=messages.token_of(page.next_token) if page.next_token else "",
            revision=revision,
        )

    return await current_call().read(read)


def _shown(one: Usage) -> pb.Usage:
    return pb.Usage(
        of=one.of,
        resource_type=one.resource_type,
        capacity=one.capacity,
        used=one.used,
        reserved=one.reserved,
        peak=one.peak,
        free=one.free,
    )
