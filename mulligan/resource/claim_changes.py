"""What becomes of a claim: held, confirmed, released."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.generations import refuse_stale
from mulligan.resource.networks import lock_networks
from mulligan.resource.occupation import occupation_of, occupies, usage, with_margin
from mulligan.resource.owners import shut_out_of
from mulligan.resource.quotas import quotas_over, refuse_beyond_quotas
from mulligan.resource.standing import Claim, claim_of, complete, status_at, visible
from mulligan.resource.tables import (
    CONFIRMED,
    HELD,
    RELEASED,
    AddressClaimRow,
    AllocationRow,
    ClaimRow,
    InventoryRow,
    ProviderRow,
    ReservationRow,
)
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError
from mulligan.values.states import RESERVATION_ENDED
from mulligan.values.status import Status
from mulligan.values.window import Window


def hold(row: ClaimRow, until: datetime, now: datetime) -> None:
    """Hold a claim until then, when it lapses unless somebody confirms it.

    Raises:
        InvalidArgumentError: the hold is over before it begins.
    """
    if until.tzinfo is None or until <= now:
        raise InvalidArgumentError(
            f"a hold until {until.isoformat()} is over before it begins; give a UTC time after "
            f"{now.isoformat()}",
            field="hold_until",
        )
    row.release_at = min(until, row.planned_release_at)
    row.status = Status(
        HELD, "held until somebody confirms it", now, row.release_at, "lapses unless confirmed"
    )


def confirm(row: ClaimRow, now: datetime) -> None:
    """Commit a claim for its whole window."""
    has_end = Window(row.acquire_at, row.planned_release_at).has_end
    row.release_at = row.planned_release_at
    row.status = Status(
        CONFIRMED,
        "committed for its whole window",
        now,
        row.planned_release_at if has_end else None,
        "ends with its window" if has_end else "lasts until it is released",
    )


def confirm_claim(
    session: Session,
    claim_id: str,
    now: datetime,
    *,
    consumer: str | None = None,
    project: str | None = None,
    generation: int = 0,
) -> Claim:
    """Turn a hold into a claim for its whole window; a claim that is confirmed stays so.

    Args:
        session: a session.
        claim_id: UUID.
        now: the present.
        consumer: UUID of the machine that uses it from now on.
        project: UUID of the caller's project; None for one who may confirm any.
        generation: the one at which the caller read it; 0: any.

    Raises:
        FailedPreconditionError: it lapsed or was released, or another machine uses it.
        NotFoundError: there is no such claim, or it is another project's.
        QuotaExceededError: its project, or one above it, may have less by now, or a claim with a
            later clock took this hold for lapsed, just before.
        StaleError: it is not at that generation any more; says what changed since.
    """
    row = lock_claim(session, claim_id, project, generation)
    status = status_at(row, now)
    if status.state not in (HELD, CONFIRMED):
        raise _precondition(row, f"claim {row.id} is {status.state}: {status.reason}; claim again")
    if consumer and row.consumer not in (None, consumer):
        raise _precondition(row, f"claim {row.id} is used by {row.consumer} already")
    if status.state == CONFIRMED and row.consumer == (consumer or row.consumer):
        return complete(session, [row], now)[0]
    was_held = status.state == HELD
    row.consumer = consumer or row.consumer
    claim = complete(session, [row], now)[0]
    if was_held:
        limits = quotas_over(session, row.project)
        lock_what_they_use(session, [claim.id])
        confirm(row, now)
    restate(session, row, now)
    if was_held:
        # A claim with a later clock may have taken it for lapsed, just before.
        if taken_by_others(session, row, now) or address_of_others(session, row, now):
            raise _overtaken(claim)
        refuse_beyond_quotas(session, row, limits, now, overruns=False)
    return claim_of(row, claim.allocations, claim.addresses, now)


def lock_what_they_use(session: Session, claims: Sequence[str]) -> None:
    """Lock the providers of claims, and the tops of their trees, by id; then their networks."""
    if not claims:
        return
    used = select(AllocationRow.provider).where(AllocationRow.claim.in_(claims))
    tops = select(func.coalesce(ProviderRow.root, ProviderRow.id)).where(ProviderRow.id.in_(used))
    ids = {*session.scalars(used), *session.scalars(tops)}
    lock = select(ProviderRow.id).where(ProviderRow.id.in_(ids)).order_by(ProviderRow.id)
    session.execute(lock.with_for_update())
    networks = select(AddressClaimRow.network).where(AddressClaimRow.claim.in_(claims))
    lock_networks(session, sorted(set(session.scalars(networks))))


def _in_company(
    session: Session, row: ClaimRow, provider: str, window: Window, now: datetime, *, alone: bool
) -> bool:
    """Say whether another project is in a provider's tree and one of both wants to be alone.

    Index: providers (root), allocations (provider, resource_type, occupied_until); of those that
    want to be alone there are few, and they have an index of their own.
    """
    rows = AllocationRow
    top = select(func.coalesce(ProviderRow.root, ProviderRow.id)).where(ProviderRow.id == provider)
    mine = top.scalar_subquery()
    others = (
        select(rows.claim)
        .join(ProviderRow, ProviderRow.id == rows.provider)
        .where(
            or_(ProviderRow.id == mine, ProviderRow.root == mine),
            rows.project != row.project,
            occupies(rows, window, now, overruns=False),
        )
    )
    if not alone:
        others = others.where(rows.alone.is_(True))
    return session.scalars(others.limit(1)).first() is not None


def taken_by_others(session: Session, row: ClaimRow, now: datetime) -> str:
    """What a claim, as it is written, can't have of its providers since others have it; or "".

    Whether a provider is offered, or still can do what was asked for, plays no role: it is used.
    What overruns its plan does not count: it blocks the hand-over, not the claim.
    """
    window = Window(max(row.acquire_at, now), row.planned_release_at)
    rows = AllocationRow
    mine = select(rows.provider, rows.resource_type, rows.margin_s, rows.alone)
    for provider, resource_type, margin_s, alone in session.execute(
        mine.where(rows.claim == row.id)
    ).all():
        wanted = with_margin(window, margin_s)
        used = usage(session, provider, wanted, now, overruns=False).get(resource_type, 0)
        inventory = session.get(InventoryRow, (provider, resource_type), populate_existing=True)
        if used > (inventory.capacity if inventory else 0):
            return f"{resource_type} of provider {provider}"
        if _in_company(session, row, provider, wanted, now, alone=alone):
            return f"the tree of provider {provider}"
    if not_its_own := shut_out_of(session, row.id, row.project):
        return f"provider {not_its_own}"
    return ""


def address_of_others(session: Session, row: ClaimRow, now: datetime) -> str:
    """Which of its addresses a claim, as it is written, can't have since others have it; or ""."""
    window = Window(max(row.acquire_at, now), row.planned_release_at)
    nics = AddressClaimRow
    mine = select(nics.network, nics.address).where(nics.claim == row.id)
    for network, address in session.execute(mine.where(nics.address.is_not(None))).all():
        others = select(nics.claim).where(
            nics.network == network,
            nics.address == address,
            nics.claim != row.id,
            occupies(nics, window, now, overruns=False),
        )
        if session.scalars(others.limit(1)).first():
            return f"address {address}"
    return ""


def _overtaken(claim: Claim) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"claim {claim.id} lapsed, and another one took its place; claim again",
        object_type="claim",
        object_id=claim.id,
    )


def release_claim(
    session: Session,
    claim_id: str,
    now: datetime,
    *,
    project: str | None = None,
    unless_used: bool = False,
    generation: int = 0,
    why: str = "",
) -> Claim:
    """End a claim; one that ended already stays as it is.

    Args:
        session: a session.
        claim_id: UUID.
        now: the present.
        project: UUID of the caller's project; None for one who may release any.
        unless_used: refuse when a machine uses it; only its decommissioning ends such a claim.
        generation: the one at which the caller read it; 0: any.
        why: what its status says; empty: that somebody released it.

    Raises:
        FailedPreconditionError: a machine uses it, and `unless_used` was said.
        NotFoundError: there is no such claim, or it is another project's.
        StaleError: it is not at that generation any more; says what changed since.
    """
    row = lock_claim(session, claim_id, project, generation)
    if status_at(row, now).state in (HELD, CONFIRMED):
        if unless_used:
            _refuse_needed(session, row)
        row.released_at, row.release_at = now, max(now, row.acquire_at)
        row.status = Status(RELEASED, why or "somebody released it", now)
        restate(session, row, now)
    return complete(session, [row], now)[0]


def _refuse_needed(session: Session, row: ClaimRow) -> None:
    if row.consumer:
        raise _precondition(
            row, f"machine {row.consumer} uses claim {row.id}; decommission the machine"
        )
    reserved = select(ReservationRow.id).where(
        ReservationRow.claim == row.id, ReservationRow.state.not_in(RESERVATION_ENDED)
    )
    if reservation := session.scalar(reserved):
        raise _precondition(
            row, f"claim {row.id} is reservation {reservation}'s; cancel the reservation"
        )


def lock_claim(session: Session, claim_id: str, project: str | None, generation: int) -> ClaimRow:
    """Read a claim's row and keep others from changing it.

    Raises:
        NotFoundError: there is no such claim, or it is another project's.
        StaleError: it is not at that generation any more; says what changed since.
    """
    query = select(ClaimRow).where(ClaimRow.id == claim_id).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    row = visible(found, claim_id, project)
    refuse_stale(session, "claim", row.id, generation=row.generation, read_at=generation)
    return row


def _precondition(row: ClaimRow, words: str) -> FailedPreconditionError:
    return FailedPreconditionError(words, object_type="claim", object_id=row.id)


def restate(
    session: Session, row: ClaimRow, now: datetime, *, kind: str = "state", message: str = ""
) -> None:
    """Write a claim's change to everything that it occupies, and tell."""
    row.generation += 1
    session.flush()
    mine = AllocationRow.claim == row.id
    for margin_s in session.scalars(select(AllocationRow.margin_s).where(mine).distinct()).all():
        of_margin = update(AllocationRow).where(mine, AllocationRow.margin_s == margin_s)
        session.execute(of_margin.values(occupation_of(row, margin_s)))
    addresses = update(AddressClaimRow).where(AddressClaimRow.claim == row.id)
    session.execute(addresses.values(occupation_of(row)))
    tell(session, row, kind, now, message)


def tell(
    session: Session,
    row: ClaimRow,
    kind: str,
    now: datetime,
    message: str = "",
    *,
    author: str | None = None,
) -> None:
    """Tell how a claim stands, to whoever watches."""
    event = events.Event(
        "claim",
        row.id,
        kind,
        project=row.project,
        region=row.region,
        author=author,
        status=row.status,
        message=message,
        generation=row.generation,
        at=now,
    )
    events.append(session, event)
