"""Reservations, from messages to workflows and back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from google.protobuf.duration_pb2 import Duration
from sqlalchemy.orm import Session

from activities.contracts.claims import ClaimWish
from activities.contracts.machines import MachineWish
from activities.contracts.operations import Asked
from activities.contracts.reservations import (
    MakeReservations,
    ReservationWish,
    ReservedMachine,
)
from api import messages
from api.call import current_call
from api.claim_specs import request_of, spec_of
from api.listings import listing_of, token_after
from api.machines import shown_wish, wish_of
from api.masks import paths_of
from api.operations import Starter
from api.regions import Regions
from mulligan import events
from mulligan.control import reservations as course
from mulligan.meta import names, planned_names
from mulligan.resource import claims, reservations
from mulligan.resource.reservation_values import LONGEST, ReservationSpec
from mulligan.resource.tables import ReservationRow
from mulligan.values.caller import Caller
from mulligan.values.errors import InvalidArgumentError, PermissionDeniedError
from mulligan.values.window import WITHOUT_END, Window
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from workflows.reservation import RESERVATION_CHANGED, Reserve

WARN_S = 900
"""So long before the end it is told of, unless somebody says otherwise."""


async def create(
    starter: Starter, request: pb.CreateReservationsRequest, regions: Regions
) -> pb.CreateReservationsResponse:
    """Reserve: answered when everything is committed."""
    times = request.times or 1
    asked = starter.asked(request, request.project, request.region)
    await require_places(starter, request, asked, regions)
    wish = wish_for(request.spec, request.region)
    await starter.start(
        Reserve.run,
        Reserve.accepted,
        MakeReservations(
            asked=asked,
            wish=wish,
            at=datetime.now(UTC),
            times=times,
        ),
        asked,
        summary=f"reserve {times}: {wish.purpose}"[:180] if wish.purpose else f"reserve {times}",
        gives=True,
    )
    ids = [course.ids_of(asked.operation, number)[1] for number in range(times)]
    call = current_call()
    made = await call.read(
        lambda session: _shown(
            session, [reservations.get(session, one) for one in ids], call.caller
        )
    )
    return pb.CreateReservationsResponse(reservations=made)


async def require_places(
    starter: Starter,
    request: pb.CreateReservationsRequest | pb.CreateReservationSeriesRequest,
    asked: Asked,
    regions: Regions,
) -> None:
    """Refuse to reserve where nothing is for the caller, or apart from what is not there.

    Raises:
        NotFoundError: there is no such region or thing, or the caller doesn't see it.
    """
    async with starter.unless_done(request, asked):
        await regions.require(request.region)
        await regions.require_origins(request.spec.claim.domains)
        await regions.require_origins(request.spec.machine.domains)


def wish_for(spec: pb.ReservationSpec, region: str) -> ReservationWish:
    """Read what is to be reserved, refusing at the door what could never be.

    Raises:
        InvalidArgumentError: a field can't be used; names it.
        PermissionDeniedError: only operators may ask for that.
    """
    if spec.HasField("machine") == spec.HasField("claim"):
        raise InvalidArgumentError(
            "say what to reserve: a machine, or a claim, not both", field="spec.machine"
        )
    now = datetime.now(UTC)
    window = spec.window
    starts = window.acquire_at.ToDatetime(UTC) if window.HasField("acquire_at") else None
    ends = window.release_at.ToDatetime(UTC) if window.HasField("release_at") else None
    if ends is not None and ends <= max(starts or now, now):
        raise InvalidArgumentError(
            f"a reservation until {ends.isoformat()} is over before it begins; give a later end",
            field="spec.window.release_at",
        )
    keep_s = _seconds(spec, "keep_for")
    fields: dict[str, Any] = {
        "purpose": spec.purpose,
        "at_end": "keep" if keep_s else "decommission",
        "keep_s": keep_s,
        "warn_s": _seconds(spec, "warn_before", WARN_S),
        "reclaim_s": _seconds(spec, "reclaim_after"),
        "heals": not spec.stays,
    }
    ReservationSpec(**fields)
    return ReservationWish(acquire_at=starts, release_at=ends, **fields, **_what(spec, region, now))


def _what(spec: pb.ReservationSpec, region: str, now: datetime) -> dict[str, Any]:
    if spec.HasField("claim"):
        _refuse_window(spec.claim.HasField("window"), "spec.claim.window")
        asked = pb.ClaimSpec()
        asked.CopyFrom(spec.claim)
        asked.region = asked.region or region
        if asked.region != region:
            raise InvalidArgumentError(
                f"the claim is in region {asked.region}, and the reservation in {region}; say one",
                field="spec.claim.region",
            )
        return {"claim": ClaimWish(amounts=(), request=request_of(asked, now).as_json())}
    _refuse_window(spec.machine.HasField("window"), "spec.machine.window")
    if spec.machine.provider and not current_call().caller.has_in("operator", region):
        raise PermissionDeniedError("only operators say on which host or server")
    if spec.machine.image and not spec.machine_name:
        raise InvalidArgumentError("say how the machine is called", field="spec.machine_name")
    if spec.machine_name:
        names.check_name("machine", spec.machine_name, field="spec.machine_name")
    wish = wish_of(spec.machine, needs_image=False)
    return {"machine": ReservedMachine(name=spec.machine_name, wish=wish)}


def _refuse_window(given: bool, field: str) -> None:
    if given:
        raise InvalidArgumentError("say the window once, as the reservation's", field=field)


def _seconds(message: Any, field: str, absent: int = 0) -> int:
    if not message.HasField(field):
        return absent
    value: Duration = getattr(message, field)
    if value.nanos or not 0 <= value.seconds <= LONGEST.total_seconds():
        where = f"spec.{field}" if isinstance(message, pb.ReservationSpec) else field
        words = f"give whole seconds, from 0 to {LONGEST.days} days"
        raise InvalidArgumentError(words, field=where)
    return value.seconds


async def get(request: pb.GetReservationRequest) -> pb.Reservation:
    """Show one reservation."""
    call = current_call()

    def read(session: Session) -> pb.Reservation:
        row = reservations.get(session, request.id, project=request.project)
        return _shown(session, [row], call.caller)[0]

    return await call.read(read)


async def get_all(request: pb.BatchGetReservationsRequest) -> pb.BatchGetReservationsResponse:
    """Show several reservations of a project."""
    call = current_call()

    def read(session: Session) -> pb.BatchGetReservationsResponse:
        rows = reservations.get_all(session, request.ids, project=request.project)
        return pb.BatchGetReservationsResponse(
            reservations=messages.at_once(_shown(session, rows, call.caller))
        )

    return await call.read(read)


async def list_page(request: pb.ListReservationsRequest) -> pb.ListReservationsResponse:
    """List a project's reservations."""
    call, listing = current_call(), listing_of(request, "reservation", named=False)

    def read(session: Session) -> pb.ListReservationsResponse:
        revision = events.current_revision(session)
        page = reservations.list_page(
            session,
            request.project,
            include_ended=request.include_ended,
            series=request.series,
            listing=listing,
        )
        shown = messages.fitting(_shown(session, page.items, call.caller))
        return pb.ListReservationsResponse(
            reservations=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await call.read(read)


async def change(starter: Starter, request: pb.UpdateReservationRequest) -> pb.Reservation:
    """Extend, shorten or move a reservation, or change what becomes of it."""
    call = current_call()
    paths = paths_of(request, ("window", "keep_for"))
    keep_s = _seconds(request, "keep_for") if "keep_for" in paths else None

    def write(session: Session) -> pb.Reservation:
        now = datetime.now(UTC)
        row = reservations.lock(
            session, request.id, project=request.project, generation=request.generation
        )
        if "window" in paths:
            window = _window(session, row, request.window, now)
            reservations.change_window(session, row, window, now, call.caller.account)
        if keep_s is not None:
            reservations.change_end(session, row, keep_s, now, call.caller.account)
        course.advance(session, row.id, now)
        return _shown(session, [row], call.caller)[0]

    answer = await call.write(request, pb.Reservation, write)
    await starter.signal([answer.operation], RESERVATION_CHANGED)
    await starter.wake_waiting(answer.metadata.region)
    return answer


def _window(
    session: Session, row: ReservationRow, given: common_pb2.Window, now: datetime
) -> Window:
    """Read a window, of which one end may be left as it is."""
    before = claims.get_claim(session, row.claim, now=now).window
    starts = before.acquire_at
    if given.HasField("acquire_at"):
        starts = given.acquire_at.ToDatetime(UTC)
    ends = given.release_at.ToDatetime(UTC) if given.HasField("release_at") else WITHOUT_END
    if not given.HasField("release_at") and given.HasField("acquire_at") and before.has_end:
        ends = starts + (before.release_at - before.acquire_at)
    return Window(starts, ends)


async def cancel(starter: Starter, request: pb.CancelReservationRequest) -> pb.Reservation:
    """End a reservation before its time."""
    call = current_call()

    def write(session: Session) -> pb.Reservation:
        now = datetime.now(UTC)
        row = reservations.lock(
            session, request.id, project=request.project, generation=request.generation
        )
        course.cancel(session, row.id, now, "somebody cancelled it", project=request.project)
        return _shown(session, [row], call.caller)[0]

    answer = await call.write(request, pb.Reservation, write)
    await starter.signal([answer.operation], RESERVATION_CHANGED)
    await starter.wake_waiting(answer.metadata.region)
    return answer


def _shown(
    session: Session, rows: Sequence[ReservationRow], caller: Caller
) -> list[pb.Reservation]:
    found = {
        claim.id: claim
        for claim in claims.get_claims(session, [row.claim for row in rows], datetime.now(UTC))
    }
    named = planned_names.planned(session, [row.id for row in rows])
    return [
        _message(
            row,
            found[row.claim],
            named.get(row.id, ""),
            operators=caller.has_in("reader", row.region),
        )
        for row in rows
    ]


def _message(
    row: ReservationRow, claim: claims.Claim, machine_name: str, *, operators: bool
) -> pb.Reservation:
    wished = row.machine_wish
    window = claim.window
    spec = pb.ReservationSpec(
        claim=spec_of(claim.request, window) if wished is None else None,
        machine_name=machine_name or (wished["name"] if wished else ""),
        machine=shown_wish(MachineWish.model_validate(wished["wish"])) if wished else None,
        window=common_pb2.Window(
            acquire_at=messages.timestamp(window.acquire_at),
            release_at=messages.timestamp(window.release_at),
        ),
        purpose=row.purpose,
        keep_for=Duration(seconds=row.keep_s) if row.keep_s else None,
        warn_before=Duration(seconds=row.warn_s),
        reclaim_after=Duration(seconds=row.reclaim_s) if row.reclaim_s else None,
        stays=not row.heals,
    )
    return pb.Reservation(
        metadata=messages.metadata(row, {}, project=row.project, region=row.region),
        spec=spec,
        status=messages.status(row.status, operators=operators),
        claim=row.claim,
        machine=row.machine or "",
        operation=row.operation,
        kept_until=messages.timestamp(row.kept_until),
        series=row.series or "",
    )
