"""Claims: what was committed, for which window; held, confirmed and released.

A claim is one transaction: candidates are found without locks, then the one to be used is locked
and asked again; who lost the race goes on to the next. Locks are taken in the order claim →
providers by id → networks by id → revision. SQLite's BEGIN IMMEDIATE needs none of them.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, not_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.resource.candidates import find_candidates
from mulligan.resource.explain import explain_claim
from mulligan.resource.networks import AddressClaim, NicWanted, claim_addresses, lock_networks
from mulligan.resource.occupation import occupation_of, occupies
from mulligan.resource.occupation import usage as usage  # who asks about claims looks here
from mulligan.resource.tables import (
    CONFIRMED,
    HELD,
    LAPSED,
    RELEASED,
    AddressClaimRow,
    AllocationRow,
    ClaimRow,
    InventoryRow,
    ProviderRow,
)
from mulligan.resource.values import Allocation, ClaimRequest, Page, check_id, page_size
from mulligan.values.errors import (
    AlreadyExistsError,
    ConflictError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from mulligan.values.status import Status
from mulligan.values.window import Window

CANDIDATES = 8
"""How many providers are read at once; who loses all of them reads again."""

ROUNDS = 16
"""How often candidates are read before a claim gives up against others."""


@dataclass(frozen=True)
class Claim:
    """What was committed, as it stands at the time of reading.

    `window` is the plan. `release_at` is when it ends unless somebody acts: a hold's deadline, then
    the planned end, then the moment of release.
    """

    id: str
    project: str
    region: str
    consumer: str | None
    window: Window
    release_at: datetime
    released_at: datetime | None
    status: Status
    request: ClaimRequest
    allocations: tuple[Allocation, ...]
    addresses: tuple[AddressClaim, ...]
    generation: int
    created_at: datetime

    @property
    def provider(self) -> str:
        """The provider from which everything comes."""
        return self.allocations[0].provider


def commit_claim(
    session: Session,
    *,
    claim_id: str,
    project: str,
    request: ClaimRequest,
    now: datetime,
    consumer: str | None = None,
    hold_until: datetime | None = None,
    nics: Sequence[NicWanted] = (),
) -> Claim:
    """Commit a claim of everything that is asked for, or of nothing.

    The same id again with the same content gives the claim of the first time.

    Args:
        session: a session.
        claim_id: UUID.
        project: UUID of the project that claims.
        request: what is asked for; a window that began before now begins now.
        now: the present.
        consumer: UUID of the machine that uses it.
        hold_until: hold it until then, and let it lapse unless it is confirmed.
        nics: the NICs that need a network.

    Raises:
        AlreadyExistsError: the id was used for another request.
        InvalidArgumentError: the window or the hold is over, or a NIC can't be had so.
        NoCapacityError: nothing fits, explained.
    """
    claim_id, project = check_id(claim_id, field="id"), check_id(project, field="project")
    consumer = check_id(consumer, field="consumer") if consumer else None
    earlier = session.get(ClaimRow, claim_id)
    if earlier is not None:
        _refuse_other(earlier, project, request, nics, now)
        return _complete(session, [earlier], now)[0]
    spec = _spec(request, nics)
    request = from_now(request, now)
    provider = take_provider(session, request, project, now)
    row = ClaimRow(
        id=claim_id,
        project=project,
        region=request.region,
        consumer=consumer,
        acquire_at=request.window.acquire_at,
        planned_release_at=request.window.release_at,
        spec=spec,
        created_at=now,
    )
    if hold_until:
        _hold(row, hold_until, now)
    else:
        _confirm(row, now)
    allocations = tuple(
        Allocation(provider, amount.resource_type, amount.amount) for amount in request.amounts
    )
    # Nothing stays of a claim without its addresses, even if the caller goes on from the error.
    with session.begin_nested() if nics else nullcontext():
        _write(session, row, allocations)
        addresses = claim_addresses(
            session, claim=row.id, window=request.window, nics=nics, now=now
        )
    _tell(session, row, "created", now)
    return _claim(row, allocations, tuple(addresses), now)


def from_now(request: ClaimRequest, now: datetime) -> ClaimRequest:
    """Have a request's window begin no earlier than now: the past can't be claimed.

    Raises:
        InvalidArgumentError: the window is over.
    """
    window = request.window
    if window.release_at <= now:
        raise InvalidArgumentError(
            f"the window ended at {window.release_at.isoformat()}, and now it is "
            f"{now.isoformat()}; give one that ends later",
            field="window.release_at",
        )
    if window.acquire_at >= now:
        return request
    return replace(request, window=Window(now, window.release_at))


def take_provider(session: Session, request: ClaimRequest, project: str, now: datetime) -> str:
    """Find the best provider and lock it against other claims.

    Raises:
        ConflictError: others were faster all the time.
        NoCapacityError: nothing fits, explained.
    """
    for _ in range(ROUNDS):
        found = find_candidates(session, request, project=project, now=now, limit=CANDIDATES)
        if not found:
            raise explain_claim(session, request, project=project, now=now)
        if session.get_bind().dialect.name == "sqlite":
            return found[0]
        for provider in found:
            if _lock_if_fits(session, provider, request, project, now):
                return provider
    raise ConflictError("other claims took every provider that fitted; try it again")


def _lock_if_fits(
    session: Session, provider: str, request: ClaimRequest, project: str, now: datetime
) -> bool:
    """Lock a provider and ask again; who lost gives the lock back with the savepoint.

    Under READ COMMITTED the second statement sees what was committed while the first one waited.
    Giving the lock back keeps two claims from waiting for each other.
    """
    savepoint = session.begin_nested()
    session.execute(select(ProviderRow.id).where(ProviderRow.id == provider).with_for_update())
    only = replace(request, provider=provider)
    if find_candidates(session, only, project=project, now=now, limit=1):
        savepoint.commit()
        return True
    savepoint.rollback()
    return False


def _hold(row: ClaimRow, until: datetime, now: datetime) -> None:
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


def _confirm(row: ClaimRow, now: datetime) -> None:
    has_end = Window(row.acquire_at, row.planned_release_at).has_end
    row.release_at = row.planned_release_at
    row.status = Status(
        CONFIRMED,
        "committed for its whole window",
        now,
        row.planned_release_at if has_end else None,
        "ends with its window" if has_end else "lasts until it is released",
    )


def _write(session: Session, row: ClaimRow, allocations: Sequence[Allocation]) -> None:
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise ConflictError(
            f"claim {row.id} is being committed by somebody else; ask again"
        ) from error
    occupation = occupation_of(row)
    columns = [
        {
            **occupation,
            "claim": row.id,
            "provider": allocation.provider,
            "resource_type": allocation.resource_type,
            "amount": allocation.amount,
        }
        for allocation in allocations
    ]
    session.execute(insert(AllocationRow), columns)


def _spec(request: ClaimRequest, nics: Sequence[NicWanted]) -> dict[str, Any]:
    return {
        **request.as_json(),
        "nics": [[nic.network, str(nic.mode), nic.address] for nic in nics],
    }


def _refuse_other(
    row: ClaimRow, project: str, request: ClaimRequest, nics: Sequence[NicWanted], now: datetime
) -> None:
    """Refuse an id that stands for something else; "from now" is the same whenever it is said."""
    spec, earlier = _spec(request, nics), dict(row.spec)
    asked = datetime.fromisoformat(earlier["acquire_at"])
    if request.window.acquire_at <= now and asked <= row.created_at:
        spec["acquire_at"] = earlier["acquire_at"]
    if row.project != project or spec != earlier:
        raise AlreadyExistsError(
            f"claim id {row.id} was used for another request; use a new id for new content",
            object_type="claim",
            object_id=row.id,
        )


def confirm_claim(
    session: Session,
    claim_id: str,
    now: datetime,
    *,
    consumer: str | None = None,
    project: str | None = None,
) -> Claim:
    """Turn a hold into a claim for its whole window; a claim that is confirmed stays so.

    Args:
        session: a session.
        claim_id: UUID.
        now: the present.
        consumer: UUID of the machine that uses it from now on.
        project: UUID of the caller's project; None for one who may confirm any.

    Raises:
        FailedPreconditionError: it lapsed or was released, or another machine uses it.
        NotFoundError: there is no such claim, or it is another project's.
    """
    row = _lock_claim(session, claim_id, project)
    status = status_at(row, now)
    if status.state not in (HELD, CONFIRMED):
        raise _precondition(row, f"claim {row.id} is {status.state}: {status.reason}; claim again")
    if consumer and row.consumer not in (None, consumer):
        raise _precondition(row, f"claim {row.id} is used by {row.consumer} already")
    if status.state == CONFIRMED and row.consumer == (consumer or row.consumer):
        return _complete(session, [row], now)[0]
    was_held = status.state == HELD
    row.consumer = consumer or row.consumer
    claim = _complete(session, [row], now)[0]
    if was_held:
        _lock_what_it_uses(session, claim)
        _confirm(row, now)
    _restate(session, row, now)
    if was_held:
        _refuse_overtaken(session, claim, now)
    return _claim(row, claim.allocations, claim.addresses, now)


def _lock_what_it_uses(session: Session, claim: Claim) -> None:
    providers = sorted({allocation.provider for allocation in claim.allocations})
    session.execute(
        select(ProviderRow.id)
        .where(ProviderRow.id.in_(providers))
        .order_by(ProviderRow.id)
        .with_for_update()
    )
    if claim.addresses:
        lock_networks(session, [nic.network for nic in claim.addresses])


def _refuse_overtaken(session: Session, claim: Claim, now: datetime) -> None:
    """Refuse a hold that a claim with a later clock took for lapsed, just before this one.

    What overruns its plan does not count: it blocks the hand-over, not the claim.
    """
    window = from_now(claim.request, now).window
    for allocation in claim.allocations:
        used = usage(session, allocation.provider, window, now, overruns=False)
        inventory = session.get(InventoryRow, (allocation.provider, allocation.resource_type))
        if inventory is None or inventory.capacity < used[allocation.resource_type]:
            raise _overtaken(claim)
    rows = AddressClaimRow
    for nic in claim.addresses:
        taken = select(func.count()).where(
            rows.network == nic.network,
            rows.address == nic.address,
            occupies(rows, window, now, overruns=False),
        )
        if nic.address and session.scalars(taken).one() > 1:
            raise _overtaken(claim)


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
) -> Claim:
    """End a claim; one that ended already stays as it is.

    Args:
        session: a session.
        claim_id: UUID.
        now: the present.
        project: UUID of the caller's project; None for one who may release any.
        unless_used: refuse when a machine uses it; only its decommissioning ends such a claim.

    Raises:
        FailedPreconditionError: a machine uses it, and `unless_used` was said.
        NotFoundError: there is no such claim, or it is another project's.
    """
    row = _lock_claim(session, claim_id, project)
    if status_at(row, now).state in (HELD, CONFIRMED):
        if unless_used and row.consumer:
            raise _precondition(
                row, f"machine {row.consumer} uses claim {row.id}; decommission the machine"
            )
        row.released_at = row.release_at = now
        row.status = Status(RELEASED, "somebody released it", now)
        _restate(session, row, now)
    return _complete(session, [row], now)[0]


def _lock_claim(session: Session, claim_id: str, project: str | None) -> ClaimRow:
    query = select(ClaimRow).where(ClaimRow.id == claim_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    return _visible(row, claim_id, project)


def _visible(row: ClaimRow | None, claim_id: str, project: str | None) -> ClaimRow:
    if row is None or (project and row.project != project):
        raise NotFoundError(
            f"there is no claim {claim_id}", object_type="claim", object_id=claim_id
        )
    return row


def _precondition(row: ClaimRow, words: str) -> FailedPreconditionError:
    return FailedPreconditionError(words, object_type="claim", object_id=row.id)


def _restate(session: Session, row: ClaimRow, now: datetime) -> None:
    """Write a claim's change to everything that it occupies, and tell."""
    row.generation += 1
    session.flush()
    for rows in (AllocationRow, AddressClaimRow):
        session.execute(update(rows).where(rows.claim == row.id).values(occupation_of(row)))
    _tell(session, row, "state", now)


def _tell(session: Session, row: ClaimRow, kind: str, now: datetime) -> None:
    event = events.Event(
        "claim", row.id, kind, project=row.project, region=row.region, status=row.status, at=now
    )
    events.append(session, event)


def status_at(row: ClaimRow, now: datetime) -> Status:
    """A claim's status at a time: holds lapse and windows end without anyone acting."""
    if row.state == HELD and row.release_at <= now:
        return Status(LAPSED, "nobody confirmed the hold in time", row.release_at)
    if row.state != CONFIRMED or row.planned_release_at > now:
        return row.status
    if row.consumer is None:
        return Status(RELEASED, "its window ended and no machine used it", row.planned_release_at)
    return Status(
        CONFIRMED,
        f"past its planned end, and machine {row.consumer} still uses it",
        row.since,
        row.planned_release_at,
        "decommission the machine",
    )


def get_claim(
    session: Session, claim_id: str, *, now: datetime, project: str | None = None
) -> Claim:
    """Read a claim.

    Raises:
        NotFoundError: there is no such claim, or it is another project's.
    """
    row = _visible(session.get(ClaimRow, claim_id), claim_id, project)
    return _complete(session, [row], now)[0]


def list_claims(
    session: Session,
    *,
    now: datetime,
    project: str = "",
    region: str = "",
    consumer: str = "",
    include_ended: bool = False,
    after: str = "",
    limit: int = 0,
) -> Page[Claim]:
    """Read a page of claims in the order of their ids.

    Args:
        session: a session.
        now: the present.
        project: only this project's.
        region: only in this region.
        consumer: only those that this machine uses.
        include_ended: also the released and the lapsed.
        after: the token of the page before.
        limit: at most this many; 0 for 100.
    """
    limit = page_size(limit)
    query = select(ClaimRow).order_by(ClaimRow.id).limit(limit + 1)
    for column, wanted in (
        (ClaimRow.project, project),
        (ClaimRow.region, region),
        (ClaimRow.consumer, consumer),
    ):
        if wanted:
            query = query.where(column == check_id(wanted, field=column.key))
    if not include_ended:
        query = query.where(not_(_ended(now)))
    if after:
        query = query.where(ClaimRow.id > check_id(after, field="page.token"))
    page = Page.cut(list(session.scalars(query)), limit, lambda row: row.id)
    return Page(_complete(session, page.items, now), page.next_token)


def _ended(now: datetime) -> ColumnElement[bool]:
    return or_(
        ClaimRow.state == RELEASED,
        and_(ClaimRow.state == HELD, ClaimRow.release_at <= now),
        and_(
            ClaimRow.state == CONFIRMED,
            ClaimRow.consumer.is_(None),
            ClaimRow.planned_release_at <= now,
        ),
    )


def _complete(session: Session, rows: Sequence[ClaimRow], now: datetime) -> list[Claim]:
    """Read the parts of many claims at once."""
    ids = [row.id for row in rows]
    allocations = defaultdict(list)
    parts = select(
        AllocationRow.claim,
        AllocationRow.provider,
        AllocationRow.resource_type,
        AllocationRow.amount,
    ).where(AllocationRow.claim.in_(ids))
    for claim, provider, resource_type, amount in session.execute(parts):
        allocations[claim].append(Allocation(provider, resource_type, amount))
    addresses = defaultdict(list)
    nic = AddressClaimRow
    nics = select(nic.claim, nic.network, nic.mode, nic.address, nic.mac).where(nic.claim.in_(ids))
    for claim, network, mode, address, mac in session.execute(nics.order_by(nic.claim, nic.nic)):
        addresses[claim].append(AddressClaim(network, mode, address or "", mac))
    return [_claim(row, tuple(allocations[row.id]), tuple(addresses[row.id]), now) for row in rows]


def _claim(
    row: ClaimRow,
    allocations: tuple[Allocation, ...],
    addresses: tuple[AddressClaim, ...],
    now: datetime,
) -> Claim:
    request = ClaimRequest.from_json(row.spec)
    order = [amount.resource_type for amount in request.amounts]
    return Claim(
        id=row.id,
        project=row.project,
        region=row.region,
        consumer=row.consumer,
        window=Window(row.acquire_at, row.planned_release_at),
        release_at=row.release_at,
        released_at=row.released_at,
        status=status_at(row, now),
        request=request,
        allocations=tuple(sorted(allocations, key=lambda a: order.index(a.resource_type))),
        addresses=addresses,
        generation=row.generation,
        created_at=row.created_at,
    )
