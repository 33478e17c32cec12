"""The records of reservations."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from activities.contracts import reservations as contract
from activities.contracts.operations import Asked
from activities.contracts.reservations import (
    AdvanceReservation,
    DueMade,
    KeepReservation,
    MakeDue,
    MakeReservations,
    NextAct,
    ReservationWish,
    Reserved,
    ReservedMachine,
)
from activities.records.claims import request_of
from activities.records.machines import spec_of
from activities.records.operations import ask_of
from activities.records.transaction import Contract, Record
from mulligan import events
from mulligan.control import images, operations, reserved_names
from mulligan.control import reservations as course
from mulligan.control.reservations import LOOKS_AGAIN, Ended, Next
from mulligan.resource import reservations, series
from mulligan.resource.network_values import NicWanted
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.reservation_values import ReservationSpec
from mulligan.resource.series import Due
from mulligan.resource.tables import ReservationRow
from mulligan.values.errors import InvalidArgumentError, MulliganError
from mulligan.values.status import Status
from mulligan.values.window import WITHOUT_END, Window

_SPEC = ("purpose", "at_end", "keep_s", "warn_s", "reclaim_s", "heals")


def make(session: Session, request: MakeReservations) -> Reserved:
    """Commit reservations with their claims, or none; each is kept by an operation of its own."""
    _, first = course.ids_of(request.asked.operation, 0)
    operations.begin(session, ask_of(request, "reserve", "reservation", first))
    numbers = range(request.times)
    return Reserved(kept=tuple(_make_one(session, request, number) for number in numbers))


def _make_one(session: Session, request: MakeReservations, number: int) -> KeepReservation:
    asked, wish = request.asked, request.wish
    operation, reservation = course.ids_of(asked.operation, number)
    if (made := reservations.find(session, reservation)) is not None:
        return _kept(asked, made)
    wanted, nics = wanted_of(wish, asked.region, request)
    machine = wish.machine
    if machine is not None and request.times > 1:
        machine = machine.model_copy(update={"name": f"{machine.name}-{number + 1}"})
    provisions = machine is not None and bool(machine.wish.image)
    if machine is not None and provisions:
        image, or_below = machine.wish.image, machine.wish.or_below
        images.get_image_for(session, image, asked.region, or_below=or_below)
        reserved_names.refuse_taken(session, asked.project, machine.name, wanted.window)
    row = reservations.reserve(
        session,
        reservation=reservation,
        operation=operation,
        author=asked.account,
        project=asked.project,
        request=wanted,
        spec=ReservationSpec(**{field: getattr(wish, field) for field in _SPEC}),
        now=request.at,
        machine_wish=machine.model_dump(mode="json") if machine and provisions else None,
        nics=nics,
        series=request.series or None,
    )
    lasts = course.deadline_of(wanted.window) - request.at
    keep = _kept(asked, row)
    ask = ask_of(keep, "reservation", "reservation", row.id)
    operations.begin(session, replace(ask, lasts=lasts))
    return keep


def _kept(asked: Asked, row: ReservationRow) -> KeepReservation:
    """Say who keeps a reservation, where its claim is."""
    there = {"operation": row.operation, "region": row.region}
    return KeepReservation(asked=asked.model_copy(update=there), reservation=row.id)


def wanted_of(
    wish: ReservationWish, region: str, request: MakeReservations
) -> tuple[ClaimRequest, tuple[NicWanted, ...]]:
    """Say in the domain's words what is claimed, and with which NICs.

    Raises:
        InvalidArgumentError: it says neither what to claim nor which machine.
    """
    window = Window(wish.acquire_at or request.at, wish.release_at or WITHOUT_END)
    if wish.machine is not None:
        spec = spec_of(wish.machine.wish)
        return spec.claim_request(region, request.at).within(window), spec.nics
    if wish.claim is None:
        raise InvalidArgumentError("say what to claim, or which machine", field="spec")
    return request_of(wish.claim, region, request.at).within(window), ()


def make_due(session: Session, request: MakeDue) -> DueMade:
    """Commit the reservations of a series that are due; what can't be had is told, and tried again.

    What was made before stays as it is, also if somebody cancelled it since. A look whose answer
    was lost answers with what it made: that is still to be kept.
    """
    row = series.get(session, request.series)
    if row.state != "active":
        return DueMade(words=row.reason, has_ended=True)
    to_come, over = series.due(row, request.at)
    wish = ReservationWish.model_validate(series.wish_of(session, row))
    kept: list[KeepReservation] = []
    is_again = row.looked_at == request.at
    problems = [
        f"the one of {one.day} was missed: nothing could be reserved before it was over"
        for one in over
        if _made(session, one) is None
    ]
    for one in to_come:
        made = _made(session, one)
        if (made is None and is_again) or (made is not None and made.created_at != request.at):
            continue
        asked = Asked(
            operation=one.operation,
            request_id=str(one.day),
            account=row.author,
            project=row.project,
            region=row.region,
            digest=str(one.day),
        )
        make_one = MakeReservations(asked=asked, wish=_on(wish, one), at=request.at, series=row.id)
        try:
            with events.attempt(session):
                kept.append(_make_one(session, make_one, 0))
        except MulliganError as error:
            if error.retryable:
                raise
            problems.append(f"the one of {one.day} could not be reserved: {error.message}")
    if not is_again:
        series.record_look(session, row, request.at, len(kept), problems)
    return DueMade(kept=tuple(kept), words=row.reason)


def _made(session: Session, one: Due) -> ReservationRow | None:
    return reservations.find(session, course.ids_of(one.operation, 0)[1])


def _on(wish: ReservationWish, one: Due) -> ReservationWish:
    machine = wish.machine
    if machine is not None and machine.name:
        machine = machine.model_copy(update={"name": f"{machine.name}-{one.day}"})
    times = {"acquire_at": one.window.acquire_at, "release_at": one.window.release_at}
    return wish.model_copy(update={"machine": machine, **times})


def advance(session: Session, request: AdvanceReservation) -> NextAct:
    """Bring a reservation to where it should be now, and say what it needs next."""
    ended = Ended(request.ended.operation, request.ended.problem) if request.ended else None
    if request.stop:
        course.stop(session, request.reservation, request.stop)
    try:
        with events.attempt(session):
            found = course.advance(session, request.reservation, request.at, ended)
    except MulliganError as error:
        if error.retryable or reservations.find(session, request.reservation) is None:
            raise
        found = _held_up(session, request, error.message)
    return _act(reservations.get(session, request.reservation), found)


def _held_up(session: Session, request: AdvanceReservation, problem: str) -> Next:
    """Tell in a reservation why it can't go on now; what it needed is tried again."""
    row = reservations.lock(session, request.reservation)
    now, words = max(request.at, row.status.since), f"it can't go on: {problem}"
    next_action = "another try"
    status = Status(row.state, words, now, row.deadline, next_action)
    reservations.move(session, row, status)
    return Next("wait", now + LOOKS_AGAIN, words)


def _act(row: ReservationRow, found: Next) -> NextAct:
    asked = None
    if found.act in ("provision", "decommission", "keep", "restore"):
        asked = Asked(
            operation=found.operation,
            request_id=found.operation,
            account=row.author,
            project=row.project,
            region=row.region,
            digest=f"{found.act} {found.machine}",
        )
    return NextAct(
        act=found.act,
        words=found.words,
        until=found.until,
        asked=asked,
        machine=found.machine,
        wanted=ReservedMachine.model_validate(found.wish) if found.wish else None,
        abort=found.operation if found.act == "abort" else "",
        waiting=found.waiting,
    )


RECORDS: Mapping[Contract, Record] = {
    contract.make: make,
    contract.make_due: make_due,
    contract.advance: advance,
}
