"""Calendars and openings, from messages to calls and back."""

from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.claim_specs import request_of, window_of
from api.regions import Regions
from mulligan import events
from mulligan.resource import calendars
from mulligan.values import told
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.window import Window
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

C = TypeVar("C", pb.ListCalendarResponse, pb.ListProjectCalendarResponse)

OPENINGS = 10


async def find_openings(request: pb.FindOpeningsRequest) -> pb.FindOpeningsResponse:
    """Say when something is free for so long."""
    from mulligan.resource import openings  # and numpy, 12 MB: not for who never claims

    now = datetime.now(UTC)
    wanted = request_of(request.spec, now)
    length = request.length.ToTimedelta() if request.HasField("length") else None
    found = await current_call().read(
        lambda session: openings.find_openings(
            session,
            wanted,
            length,
            project=request.project,
            now=now,
            limit=request.limit or OPENINGS,
        )
    )
    return pb.FindOpeningsResponse(
        openings=[pb.Opening(provider=one.provider, window=_shown(one.window)) for one in found]
    )


async def list_page(request: pb.ListCalendarRequest, regions: Regions) -> pb.ListCalendarResponse:
    """Show who has what of each provider, and when."""
    return await _page(request, pb.ListCalendarResponse, regions)


async def list_of_project(
    request: pb.ListProjectCalendarRequest, regions: Regions
) -> pb.ListProjectCalendarResponse:
    """Show what a project has of each provider, and when."""
    return await _page(request, pb.ListProjectCalendarResponse, regions, project=request.project)


async def _page(
    request: pb.ListCalendarRequest | pb.ListProjectCalendarRequest,
    response: type[C],
    regions: Regions,
    *,
    project: str = "",
) -> C:
    """A page of lanes."""
    now = datetime.now(UTC)
    size, after = messages.page_size(request.page), messages.after_id(request.page)
    window = window_of(request.window, now)
    anywhere = project and not request.region
    region = "" if anywhere else await regions.require(request.region)
    if not window.has_end:
        raise InvalidArgumentError(
            "a calendar has an end; say until when it is wanted", field="window.release_at"
        )

    def read(session: Session) -> C:
        revision = events.current_revision(session)
        page = calendars.list_lanes(
            session,
            window,
            region=region,
            type=request.type,
            resource_type=request.resource_type,
            group=request.group,
            provider=request.provider,
            project=project,
            after=after,
            limit=size,
            now=now,
        )
        return response(
            lanes=[_lane(lane, operators=not project) for lane in page.items],
            next_page_token=messages.token_of(page.next_token) if page.next_token else "",
            revision=revision,
        )

    return await current_call().read(read)


def _lane(lane: calendars.Lane, *, operators: bool) -> pb.Lane:
    return pb.Lane(
        provider=lane.provider,
        resource_type=lane.resource_type,
        capacity=lane.capacity,
        bookings=[
            pb.Booking(
                claim=one.claim,
                project=one.project,
                consumer=one.consumer or "",
                state=one.state,
                reason=told.read(one.reason, operators=operators),
                window=_shown(one.window),
                cleaning_margin_s=one.margin_s,
                amount=one.amount,
                overrun=one.overrun,
            )
            for one in lane.bookings
        ],
    )


def _shown(window: Window) -> common_pb2.Window:
    return common_pb2.Window(
        acquire_at=messages.timestamp(window.acquire_at),
        release_at=messages.timestamp(window.release_at),
    )
