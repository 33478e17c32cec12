"""Usage, from messages to calls and back."""

from datetime import UTC, datetime

from api import messages
from api.call import current_call
from api.claim_specs import window_of
from api.regions import Regions
from mulligan.resource import usage
from mulligan.resource.occupation import present
from mulligan.resource.usage import By, Narrowed, Usage
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

_BY = {
    pb.USAGE_BY_PROVIDER: By.PROVIDER,
    pb.USAGE_BY_GROUP: By.GROUP,
    pb.USAGE_BY_REGION: By.REGION,
    pb.USAGE_BY_PROJECT: By.PROJECT,
}


async def list_page(request: pb.ListUsageRequest, regions: Regions) -> pb.ListUsageResponse:
    """Show what is used, reserved and free."""
    rows, token = await _page(request, By.PROVIDER, regions)
    return pb.ListUsageResponse(usage=rows, next_page_token=token)


async def list_of_project(
    request: pb.ListProjectUsageRequest, regions: Regions
) -> pb.ListProjectUsageResponse:
    """Show what a project uses."""
    rows, token = await _page(request, By.PROJECT, regions, project=request.project)
    return pb.ListProjectUsageResponse(usage=rows, next_page_token=token)


async def _page(
    request: pb.ListUsageRequest | pb.ListProjectUsageRequest,
    otherwise: By,
    regions: Regions,
    *,
    project: str = "",
) -> tuple[list[pb.Usage], str]:
    """A page of usage, and the token of the next one."""
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
    page = await current_call().read(
        lambda session: usage.list_usage(
            session,
            _BY.get(request.by, otherwise),
            window,
            narrowed=narrowed,
            after=after,
            limit=size,
            now=now,
        )
    )
    token = messages.token_of(page.next_token) if page.next_token else ""
    return [_shown(one) for one in page.items], token


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
