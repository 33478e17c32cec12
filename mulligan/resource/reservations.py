"""Reservations: claims in the future with a purpose. What they do with machines is control's.

A reservation's window is its claim's: who extends, shortens or moves the one does so to the other.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from mulligan import events, states
from mulligan.batches import each
from mulligan.database import one_of
from mulligan.generations import refuse_stale
from mulligan.meta import planned_names
from mulligan.meta.listing import listed
from mulligan.resource import claims
from mulligan.resource.claim_changes import lock_claim, restate
from mulligan.resource.claim_sets import ClaimChange, Move, change_claims
from mulligan.resource.network_values import AddressClaim, AddressMode, NicWanted
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.reservation_values import ReservationSpec
from mulligan.resource.tables import (
    CONFIRMED,
    RESERVATION_LIVES,
    AddressClaimRow,
    AllocationRow,
    ClaimRow,
    ProviderRow,
    ReservationRow,
)
from mulligan.resource.values import check_id
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
    NotFoundError,
    QuotaExceededError,
)
from mulligan.values.ids import object_id
from mulligan.values.listing import Listed, Listing
from mulligan.values.states import RESERVATION, RESERVATION_ENDED
from mulligan.values.status import Status
from mulligan.values.window import WITHOUT_END, Window

CANT_BE_HAD = (InvalidArgumentError, NoCapacityError, QuotaExceededError)
"""Why a claim can't be had: what it names is not there, others have it, or a quota forbids it."""

TOLD = ("handover", "degraded")
"""States in which a reservation waits for what others do."""

PASSING = ("handover", "starting", "degraded", "ending")
"""States that are meant to end by themselves, in a window without end too."""


def reserve(
    session: Session,
    *,
    reservation: str,
    operation: str,
    author: str,
    project: str,
    request: ClaimRequest,
    spec: ReservationSpec,
    now: datetime,
    machine_wish: dict[str, Any] | None = None,
    nics: Sequence[NicWanted] = (),
    series: str | None = None,
    seed: int | None = None,
) -> ReservationRow:
    """Reserve what is asked for, or nothing.

    Args:
        session: a session.
        reservation: UUID.
        operation: UUID of the operation that keeps it.
        author: UUID of the account that asks.
        project: UUID of the project that reserves.
        request: what is claimed, and for which window; one that began before now begins now.
        spec: what it is for.
        now: the present.
        machine_wish: what control provisions at the start; None: it is held for the project.
        nics: the NICs that need a network.
        series: UUID of the series of which it is one.
        seed: the order among equal providers; None: by chance.

    Raises:
        InvalidArgumentError: the window is over.
        NoCapacityError: nothing fits, explained.
        QuotaExceededError: the project, or one above it, may not have as much, or then.
    """
    claim = claims.commit_claim(
        session,
        claim_id=object_id(reservation, "claim"),
        project=project,
        request=request,
        asked_at=now,
        nics=nics,
        seed=seed,
    )
    row = ReservationRow(
        id=reservation,
        project=claim.project,
        region=claim.region,
        claim=claim.id,
        operation=operation,
        author=author,
        series=series,
        machine_wish=_without_name(session, reservation, project, machine_wish),
        created_at=now,
        **asdict(spec),
    )
    row.status = awaiting(row, claim.window, now)
    session.add(row)
    tell(session, row, "created", now, f"reserved for {shown(claim.window)}", author=author)
    return row


def _without_name(
    session: Session, reservation: str, project: str, wish: dict[str, Any] | None
) -> dict[str, Any] | None:
    if not wish:
        return wish
    return planned_names.without_name(session, reservation, "machine", project, wish)


def wish_of(session: Session, row: ReservationRow) -> dict[str, Any]:
    """Give what control provisions at the start, with its name; empty: nothing."""
    return planned_names.with_name(session, row.id, row.machine_wish or {})


def awaiting(row: ReservationRow, window: Window, now: datetime) -> Status:
    """How a reservation stands before its start, as long as all is well."""
    then = "it is the project's" if row.machine_wish is None else "its machine is provisioned"
    return Status("reserved", "its claim is committed", now, window.acquire_at, then)


def shown(window: Window) -> str:
    """A window in words."""
    start = f"{window.acquire_at:%Y-%m-%d %H:%M:%S}"
    return (
        f"{start} to {window.release_at:%Y-%m-%d %H:%M:%S} UTC"
        if window.has_end
        else (f"{start} UTC, without end")
    )


def find(session: Session, reservation: str) -> ReservationRow | None:
    """Find a reservation of any project, if there is one."""
    return session.get(ReservationRow, reservation)


def get(session: Session, reservation: str, *, project: str | None = None) -> ReservationRow:
    """Find a reservation.

    Raises:
        NotFoundError: there is none, or it is another project's.
    """
    row = session.get(ReservationRow, check_id(reservation, field="id"))
    return _visible(row, reservation, project)


def get_all(session: Session, ids: Sequence[str], *, project: str) -> list[ReservationRow]:
    """Find reservations of a project, in the order of their ids; as `get` does one."""
    return each(session, ReservationRow, ids, lambda one: get(session, one, project=project))


def lock(
    session: Session, reservation: str, *, project: str | None = None, generation: int = 0
) -> ReservationRow:
    """Read a reservation and keep others from changing it.

    Raises:
        NotFoundError: there is none, or it is another project's.
        StaleError: it is not at that generation any more; says what changed since.
    """
    found = session.get(
        ReservationRow, check_id(reservation, field="id"),
        with_for_update=True, populate_existing=True,
    )  # fmt: skip
    row = _visible(found, reservation, project)
    refuse_stale(session, "reservation", row.id, generation=row.generation, read_at=generation)
    return row


def _visible(row: ReservationRow | None, reservation: str, project: str | None) -> ReservationRow:
    if row is None or (project is not None and row.project != project):
        raise NotFoundError(
            f"there is no reservation {reservation} in this project; see `mulligan reservation "
            "list`",
            object_type="reservation",
            object_id=reservation,
        )
    return row


def list_page(
    session: Session,
    project: str,
    *,
    include_ended: bool = False,
    series: str = "",
    listing: Listing | None = None,
) -> Listed[ReservationRow]:
    """Read a page of a project's reservations: in the states asked for, or that live, or all."""
    rows, asked = ReservationRow, listing or Listing()
    query, owner = select(rows), check_id(project, field="project")
    states = asked.filter.states
    ended = any(one in RESERVATION_ENDED for one in states) if states else include_ended
    if not ended:
        query = query.where(RESERVATION_LIVES)
    if series:
        query = query.where(rows.series == check_id(series, field="series"))
    return listed(
        *(session, query, rows, asked),
        owner=owner,
        owned_by=rows.project,
        ended=ended,
        whole=not series,
    )


def of_claims(session: Session, claim_ids: Sequence[str]) -> list[ReservationRow]:
    """Find the reservations, not ended, that have these claims."""
    rows = ReservationRow
    query = select(rows).where(rows.claim.in_(claim_ids), rows.state.not_in(RESERVATION_ENDED))
    return list(session.scalars(query))


def claims_of(session: Session, ids: Sequence[str]) -> list[str]:
    """List the claims of those of these reservations that have not ended."""
    rows: Any = ReservationRow.__table__
    query = select(rows.c.claim).where(
        one_of(rows.c.id, "ids"), rows.c.state.not_in(RESERVATION_ENDED)
    )
    return list(session.scalars(query, {"ids": ids}))


def of_machine(session: Session, machine: str) -> list[str]:
    """List the operation of the reservation that a machine uses, if it does."""
    rows = ReservationRow
    query = select(rows.operation).where(
        rows.machine == machine, rows.state.not_in(RESERVATION_ENDED)
    )
    return list(session.scalars(query))


def waiting(session: Session, region: str) -> list[str]:
    """List the operations of a region's reservations that wait for what others do.

    Those are the ones that wait for a hand-over or can't be had, and the ones to come whose
    provider is not offered now.
    """
    rows = ReservationRow
    withdrawn = exists().where(
        AllocationRow.claim == rows.claim,
        ProviderRow.id == AllocationRow.provider,
        ProviderRow.available.is_(False),
    )
    query = select(rows.operation).where(
        rows.region == region,
        or_(rows.state.in_(TOLD), and_(rows.state == "reserved", withdrawn)),
    )
    return list(session.scalars(query.order_by(rows.created_at)))


def on_providers(session: Session, providers: Sequence[str]) -> list[str]:
    """List the operations of the reservations, not ended, that claim these providers."""
    rows = ReservationRow
    query = (
        select(rows.operation)
        .join(AllocationRow, AllocationRow.claim == rows.claim)
        .where(AllocationRow.provider.in_(providers), rows.state.not_in(RESERVATION_ENDED))
    )
    return sorted(set(session.scalars(query)))


# What becomes of it


def move(session: Session, row: ReservationRow, status: Status, message: str = "") -> None:
    """Give a reservation its next status and tell; what is said again changes nothing.

    A passing state without a deadline, because the window has no end, gets what its table says.
    """
    before = row.status
    if status.deadline is None and status.state in PASSING:
        since = before.since if before.state == status.state else status.since
        lasts = RESERVATION[status.state].lasts
        status = replace(status, deadline=None if lasts is None else since + lasts)
    if (before.state, before.reason, before.deadline, before.next_action) == (
        status.state, status.reason, status.deadline, status.next_action,
    ):  # fmt: skip
        return
    if before.state == status.state:
        status = replace(status, since=before.since)
    states.move(
        session, "reservation", row, status,
        project=row.project, region=row.region, operation=row.operation, message=message,
    )  # fmt: skip
    row.generation += 1
    if row.state in RESERVATION_ENDED:
        planned_names.release_planned(session, row.id)


def tell(
    session: Session,
    row: ReservationRow,
    kind: str,
    now: datetime,
    message: str,
    *,
    author: str | None = None,
) -> None:
    """Tell what becomes of a reservation, to whoever watches."""
    events.append(
        session,
        events.Event(
            "reservation", row.id, kind,
            project=row.project, region=row.region, author=author, operation=row.operation,
            status=row.status, message=message, generation=row.generation, at=now,
        ),
    )  # fmt: skip


def change_window(
    session: Session, row: ReservationRow, window: Window, now: datetime, author: str = ""
) -> None:
    """Extend, shorten or move a reservation in time.

    One that nobody uses goes to another provider where its own can't be had then.

    Raises:
        FailedPreconditionError: it has ended.
        InvalidArgumentError: the window can't be so.
        NoCapacityError: others have claimed what it needs; says what.
        QuotaExceededError: the project, or one above it, may not have as much, or then.
    """
    _refuse_over(row)
    try:
        with events.attempt(session):
            change_claims(session, [ClaimChange(row.claim, window=window)], now=now)
    except NoCapacityError:
        if row.machine is not None:
            raise
        elsewhere = ClaimChange(row.claim, window=window, move=Move())
        change_claims(session, [elsewhere], now=now)
    row.kept_until = None
    row.failures, row.retry_at = 0, None
    row.generation += 1
    tell(session, row, "window", now, f"now for {shown(window)}", author=author or None)


def _refuse_over(row: ReservationRow) -> None:
    if row.state in RESERVATION_ENDED or row.stop:
        raise FailedPreconditionError(
            f"reservation {row.id} is {row.state} ({row.stop or row.reason}); make a new one",
            object_type="reservation",
            object_id=row.id,
        )


def change_end(
    session: Session, row: ReservationRow, keep_s: int, now: datetime, author: str = ""
) -> None:
    """Say anew what becomes of a reservation's machine at the end.

    Args:
        session: a session.
        row: the reservation.
        keep_s: for how long it is kept, in seconds; 0: it is decommissioned. What is kept already
            is kept so long since its end.
        now: the present.
        author: UUID of the account that says so.

    Raises:
        FailedPreconditionError: it has ended.
        InvalidArgumentError: it can't be kept for so long, or was for longer already.
        NoCapacityError: others have claimed what it needs; says what.
        QuotaExceededError: the project, or one above it, may not have as much, or then.
    """
    _refuse_over(row)
    at_end = "keep" if keep_s else "decommission"
    ReservationSpec(at_end=at_end, keep_s=keep_s)
    if row.kept_until is not None and keep_s:
        until = row.kept_until + timedelta(seconds=keep_s - row.keep_s)
        if until <= now:
            words = f"it has been kept for longer than {timedelta(seconds=keep_s)}; give more, or 0"
            raise InvalidArgumentError(words, field="keep_for")
        starts = claims.get_claim(session, row.claim, now=now).window.acquire_at
        longer = ClaimChange(row.claim, window=Window(starts, until))
        change_claims(session, [longer], now=now)
        row.kept_until = until
    row.at_end, row.keep_s = at_end, keep_s
    row.generation += 1
    words = f"kept for {timedelta(seconds=keep_s)} at its end" if keep_s else "not kept at its end"
    tell(session, row, "end", now, words, author=author or None)


def go_elsewhere(session: Session, row: ReservationRow, now: datetime) -> bool:
    """Move a reservation's claim to other providers, if there are any; says whether it did."""
    from mulligan.resource import choice  # and numpy, 12 MB: not for who never claims

    claim = claims.get_claim(session, row.claim, now=now)
    mine = {part.provider for part in claim.allocations}
    rest = Window(max(claim.window.acquire_at, now), claim.window.release_at)
    try:
        found = choice.propose(
            session,
            claim.request.within(rest).staying_in(row.region),
            project=row.project,
            now=now,
            limit=64,
        )
        others = [one for one in found if mine != {part.provider for part in one.allocations}]
        if others:
            moved = ClaimChange(row.claim, move=Move(proposed=others[0]))
            with events.attempt(session):
                change_claims(session, [moved], now=now)
    except CANT_BE_HAD:
        return False
    return bool(others)


def claim_anew(session: Session, row: ReservationRow, now: datetime) -> None:
    """Claim again for the rest of a reservation's window, after its claim was lost.

    Raises:
        NoCapacityError: nothing fits, explained.
        QuotaExceededError: the project, or one above it, may not have as much by now.
    """
    lost = claims.get_claim(session, row.claim, now=now)
    claim = claims.commit_claim(
        session,
        claim_id=object_id(row.id, f"claim {row.attempts}"),
        project=row.project,
        request=lost.request.within(Window(now, lost.window.release_at)),
        asked_at=now,
        stays_in=row.region,
        nics=[_again(nic) for nic in lost.addresses],
    )
    row.claim = claim.id


def _again(nic: AddressClaim) -> NicWanted:
    mode = AddressMode(nic.mode)
    return NicWanted(nic.network, mode, nic.address if mode is AddressMode.STATIC else "")


# How it stands


def take_back(session: Session, claim_id: str, now: datetime) -> bool:
    """Take a claim back from a machine that ended, for the rest of its reservation's window.

    Returns:
        False if it belongs to no reservation, or to one that is over.
    """
    rows = of_claims(session, [claim_id])
    if not rows or rows[0].stop:
        return False
    claim = lock_claim(session, claim_id, None, 0)
    if claim.state != CONFIRMED or claim.planned_release_at <= now:
        return False
    claim.consumer = None
    if not claim.spec["nics"]:  # they were that machine's
        session.execute(delete(AddressClaimRow).where(AddressClaimRow.claim == claim.id))
    restate(session, claim, now, message="its machine ended; it is its reservation's again")
    return True


def end_of(session: Session, row: ReservationRow) -> datetime | None:
    """When a reservation's window ends; None: without end."""
    ends = session.scalar(select(ClaimRow.planned_release_at).where(ClaimRow.id == row.claim))
    return None if ends in (None, WITHOUT_END) else ends
