"""Series of reservations, each with a schedule in Temporal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from sqlalchemy.orm import Session
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.reservations import KeepSeries, ReservationWish
from api import messages
from api.call import current_call
from api.claim_specs import spec_of
from api.listings import listing_of, token_after
from api.machines import shown_wish
from api.operations import Starter
from api.regions import Regions
from api.reservations import require_places, wish_for
from mulligan import events
from mulligan.meta import planned_names
from mulligan.resource import series
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.series import DAYS, Recurrence
from mulligan.resource.tables import SeriesRow
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.ids import object_id
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from workflows.operation import CONTROL_QUEUE, search_attributes
from workflows.reservation import ReserveSeries

AHEAD = timedelta(days=7)
SHOWN = 10


async def create(
    starter: Starter, request: pb.CreateReservationSeriesRequest, regions: Regions
) -> pb.ReservationSeries:
    """Begin a series: its row first, then its schedule, which makes the first ones at once."""
    call = current_call()
    asked = starter.asked(request, request.project, request.region)
    await require_places(starter, request, asked, regions)
    recurrence = _recurrence(request.recurrence)
    if request.spec.HasField("window"):
        raise InvalidArgumentError("the windows are those of the recurrence", field="spec.window")
    wish = wish_for(request.spec, request.region)
    ahead = request.ahead.ToTimedelta() if request.HasField("ahead") else AHEAD
    await starter.require(asked.project)

    def write(session: Session) -> pb.ReservationSeries:
        row = series.create(
            session,
            series=object_id(asked.operation, "series"),
            author=call.caller.account,
            project=request.project,
            region=request.region,
            recurrence=recurrence,
            wish=wish.model_dump(mode="json"),
            ahead=ahead,
            now=datetime.now(UTC),
        )
        return _messages(session, [row])[0]

    answer = await call.write(request, pb.ReservationSeries, write)
    await _keep_schedule(starter.client, answer, recurrence)
    return answer


async def _keep_schedule(
    client: Client, made: pb.ReservationSeries, recurrence: Recurrence
) -> None:
    """Create a series' schedule; one that is there already is left as it is, paused or not."""
    where = made.metadata
    hour, minute = map(int, recurrence.start.split(":"))
    days = [ScheduleRange((DAYS.index(day) + 1) % 7) for day in recurrence.days]
    words = f"{', '.join(recurrence.days)} {recurrence.start}-{recurrence.end}"
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            ReserveSeries.run,
            KeepSeries(series=where.id),
            id=f"series-{where.id}",
            task_queue=CONTROL_QUEUE,
            typed_search_attributes=search_attributes(project=where.project, region=where.region),
            static_summary=f"reserve {words} {recurrence.time_zone}: {made.spec.purpose}"[:180],
        ),
        spec=ScheduleSpec(
            calendars=[
                ScheduleCalendarSpec(
                    hour=[ScheduleRange(hour)],
                    minute=[ScheduleRange(minute)],
                    day_of_week=days,
                    comment=words,
                )
            ],
            time_zone_name=recurrence.time_zone,
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=timedelta(days=7)
        ),
    )
    try:
        await client.create_schedule(
            _schedule_id(where.id),
            schedule,
            trigger_immediately=True,
            search_attributes=search_attributes(project=where.project, region=where.region),
        )
    except ScheduleAlreadyRunningError:
        return


def _schedule_id(series_id: str) -> str:
    return f"mulligan-series-{series_id}"


def _recurrence(given: pb.Recurrence) -> Recurrence:
    return Recurrence(tuple(given.days), given.start, given.end, given.time_zone)


async def get(client: Client, request: pb.GetReservationSeriesRequest) -> pb.ReservationSeries:
    """Show one series, and what Temporal says of its schedule."""

    def read(session: Session) -> tuple[pb.ReservationSeries, Recurrence]:
        row = series.get(session, request.id, project=request.project)
        return _messages(session, [row])[0], series.recurrence_of(row)

    found, recurrence = await current_call().read(read)
    if found.status.state != "active":
        return found
    now = datetime.now(UTC)
    for _, window in recurrence.within(now, now + timedelta(days=31)):
        if len(found.next) < SHOWN:
            found.next.add(
                acquire_at=messages.timestamp(window.acquire_at),
                release_at=messages.timestamp(window.release_at),
            )
    try:
        described = await client.get_schedule_handle(_schedule_id(request.id)).describe()
        found.paused = described.schedule.state.paused
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        found.status.reason = "its schedule is not in Temporal: end it, and create it anew"
    return found


async def get_all(
    request: pb.BatchGetReservationSeriesRequest,
) -> pb.BatchGetReservationSeriesResponse:
    """Show several series of a project."""

    def read(session: Session) -> pb.BatchGetReservationSeriesResponse:
        rows = series.get_all(session, request.ids, project=request.project)
        return pb.BatchGetReservationSeriesResponse(
            series=messages.at_once(_messages(session, rows))
        )

    return await current_call().read(read)


async def list_page(request: pb.ListReservationSeriesRequest) -> pb.ListReservationSeriesResponse:
    """List a project's series."""
    listing = listing_of(request, "series", named=False)

    def read(session: Session) -> pb.ListReservationSeriesResponse:
        revision = events.current_revision(session)
        page = series.list_page(session, request.project, listing)
        shown = messages.fitting(_messages(session, page.items))
        return pb.ListReservationSeriesResponse(
            series=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await current_call().read(read)


async def end(client: Client, request: pb.EndReservationSeriesRequest) -> pb.ReservationSeries:
    """End a series, and delete its schedule."""
    call = current_call()

    def write(session: Session) -> pb.ReservationSeries:
        now, author = datetime.now(UTC), call.caller.account
        row = series.end(session, request.id, request.project, now, author, request.generation)
        return _messages(session, [row])[0]

    answer = await call.write(request, pb.ReservationSeries, write)
    try:
        await client.get_schedule_handle(_schedule_id(request.id)).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return answer


def _messages(session: Session, rows: Sequence[SeriesRow]) -> list[pb.ReservationSeries]:
    named = planned_names.planned(session, [row.id for row in rows])
    return [_message(row, named.get(row.id, "")) for row in rows]


def _message(row: SeriesRow, machine_name: str) -> pb.ReservationSeries:
    wish = ReservationWish.model_validate(row.wish)
    machine, claim = wish.machine, wish.claim
    spec = pb.ReservationSpec(
        machine=shown_wish(machine.wish) if machine else None,
        machine_name=machine_name or (machine.name if machine else ""),
        purpose=wish.purpose,
        keep_for=Duration(seconds=wish.keep_s) if wish.keep_s else None,
        warn_before=Duration(seconds=wish.warn_s),
        reclaim_after=Duration(seconds=wish.reclaim_s) if wish.reclaim_s else None,
        stays=not wish.heals,
    )
    if claim is not None and claim.request is not None:
        asked = ClaimRequest.from_json(claim.request)
        spec.claim.CopyFrom(spec_of(asked, asked.window))
        spec.claim.ClearField("window")
    return pb.ReservationSeries(
        metadata=messages.metadata(row, {}, project=row.project, region=row.region),
        spec=spec,
        recurrence=pb.Recurrence(**row.recurs),
        ahead=Duration(seconds=row.ahead_s),
        status=messages.status(row.status),
    )
