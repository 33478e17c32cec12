"""Claims as they stand when they are read: holds lapse and windows end without anyone acting."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlalchemy.orm import Session

from mulligan.batches import each
from mulligan.meta.listing import listed
from mulligan.resource.network_values import AddressClaim
from mulligan.resource.requests import ClaimRequest
from mulligan.resource.tables import (
    CLAIM_LIVES,
    CONFIRMED,
    HELD,
    LAPSED,
    RELEASED,
    AddressClaimRow,
    AllocationRow,
    ClaimRow,
)
from mulligan.resource.values import Allocation, check_id
from mulligan.values.errors import NotFoundError
from mulligan.values.listing import Listed, Listing
from mulligan.values.status import Status
from mulligan.values.window import Window


@dataclass(frozen=True)
class Claim:
    """What was committed, as it stands at the time of reading.

    `window` is the plan. `release_at` is when it ends unless somebody acts: a hold's deadline, then
    the planned end, then the moment of release, or the window's start if that comes later.
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
        """The provider from which the first amount comes."""
        return self.allocations[0].provider


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
    row = visible(session.get(ClaimRow, claim_id), claim_id, project)
    return complete(session, [row], now)[0]


def get_visible(
    session: Session, ids: Sequence[str], *, now: datetime, project: str
) -> list[Claim]:
    """Read claims of a project, in the order of their ids; as `get_claim` does one."""

    def get(claim: str) -> ClaimRow:
        return visible(session.get(ClaimRow, claim), claim, project)

    return complete(session, each(session, ClaimRow, ids, get), now)


def get_claims(session: Session, claim_ids: Sequence[str], now: datetime) -> list[Claim]:
    """Read claims of any project by their ids, those that are there."""
    rows = session.scalars(select(ClaimRow).where(ClaimRow.id.in_(claim_ids))).all()
    return complete(session, rows, now)


def list_claims(
    session: Session,
    *,
    now: datetime,
    project: str = "",
    region: str = "",
    consumer: str = "",
    include_ended: bool = False,
    listing: Listing | None = None,
) -> Listed[Claim]:
    """Read a page of claims.

    Args:
        session: a session.
        now: the present.
        project: only this project's.
        region: only in this region.
        consumer: only those that this machine uses.
        include_ended: also the released and the lapsed.
        listing: in which order, and which page; by default the first by id.
    """
    query = select(ClaimRow)
    for column, wanted in (
        (ClaimRow.region, region),
        (ClaimRow.consumer, consumer),
    ):
        if wanted:
            query = query.where(column == check_id(wanted, field=column.key))
    if not include_ended:
        query = query.where(CLAIM_LIVES, not_(_ended(now)))
    whole = bool(project) and not region and not consumer
    page = listed(
        *(session, query, ClaimRow, listing or Listing()),
        owner=check_id(project, field="project") if project else None,
        owned_by=ClaimRow.project,
        ended=include_ended,
        whole=whole,
    )
    return page.of(complete(session, page.items, now))


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


def complete(session: Session, rows: Sequence[ClaimRow], now: datetime) -> list[Claim]:
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
    return [
        claim_of(row, tuple(allocations[row.id]), tuple(addresses[row.id]), now) for row in rows
    ]


def claim_of(
    row: ClaimRow,
    allocations: tuple[Allocation, ...],
    addresses: tuple[AddressClaim, ...],
    now: datetime,
    request: ClaimRequest | None = None,
) -> Claim:
    """Put a claim together from its parts; `request` is what it stands for, if that is known."""
    request = request or request_of(row)
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
        allocations=tuple(sorted(allocations, key=_in_order_of(request))),
        addresses=addresses,
        generation=row.generation,
        created_at=row.created_at,
    )


def _in_order_of(request: ClaimRequest) -> Callable[[Allocation], tuple[int, str]]:
    """Order allocations as their types stand in the request, then by provider."""
    order = [amount.resource_type for amount in request.amounts]
    return lambda one: (order.index(one.resource_type), one.provider)


def request_of(row: ClaimRow) -> ClaimRequest:
    """Read what a claim stands for now: what was asked at first, or when it was moved."""
    return ClaimRequest.from_json(row.spec.get("now") or row.spec)


def visible(row: ClaimRow | None, claim_id: str, project: str | None) -> ClaimRow:
    """Give a claim's row to who may see it.

    Raises:
        NotFoundError: there is no such claim, or it is another project's.
    """
    if row is None or (project and row.project != project):
        raise NotFoundError(
            f"there is no claim {claim_id}", object_type="claim", object_id=claim_id
        )
    return row
