"""Claims: what was committed, for which window; held, confirmed and released.

A claim is one transaction: candidates are found without locks, then the one to be used is locked
and asked again; who lost the race goes on to the next. Locks are taken in the order claim →
quotas from the top down → providers by id → networks by id → revision. SQLite's BEGIN IMMEDIATE
needs none of them.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mulligan.resource.allocations import write_allocations
from mulligan.resource.claim_changes import confirm, hold, tell
from mulligan.resource.claim_changes import confirm_claim as confirm_claim
from mulligan.resource.claim_changes import release_claim as release_claim
from mulligan.resource.networks import (
    AddressClaim,
    NicWanted,
    claim_addresses,
    narrow_to_networks,
)
from mulligan.resource.occupation import usage as usage  # who asks about claims looks here
from mulligan.resource.quotas import any_quota, quotas_over, refuse_beyond_quotas
from mulligan.resource.requests import Candidate, ClaimRequest, from_now
from mulligan.resource.standing import Claim as Claim
from mulligan.resource.standing import claim_of, complete
from mulligan.resource.standing import get_claim as get_claim
from mulligan.resource.standing import get_claims as get_claims
from mulligan.resource.standing import get_visible as get_visible
from mulligan.resource.standing import list_claims as list_claims
from mulligan.resource.tables import ClaimRow
from mulligan.resource.values import check_id
from mulligan.values.errors import AlreadyExistsError, ConflictError
from mulligan.values.window import Window

if TYPE_CHECKING:
    from mulligan.resource.choice import Taken


_TABLE: Any = ClaimRow.__table__
_CLAIMS, _NEW = _TABLE.c, insert(_TABLE)
_BEFORE = select(exists().where(_CLAIMS.id == bindparam("claim")), any_quota())
"""Whether the claim is there already, and whether anybody has a quota."""


def commit_claim(
    session: Session,
    *,
    claim_id: str,
    project: str,
    request: ClaimRequest,
    now: datetime | None = None,
    asked_at: datetime | None = None,
    consumer: str | None = None,
    hold_until: datetime | None = None,
    nics: Sequence[NicWanted] = (),
    seed: int | None = None,
    proposed: Candidate | None = None,
    stays_in: str = "",
    author: str | None = None,
) -> Claim:
    """Commit a claim of everything that is asked for, or of nothing.

    The same id again with the same content gives the claim of the first time. A claim begins no
    earlier than its provider is locked, so never before what made room for it was released.

    Args:
        session: a session.
        claim_id: UUID.
        project: UUID of the project that claims.
        request: what is asked for; a window that began before now begins now.
        now: the present; without it the clock is read, again when the provider is locked.
        asked_at: when that was asked; a clock that is behind it is not believed.
        consumer: UUID of the machine that uses it.
        hold_until: hold it until then, and let it lapse unless it is confirmed.
        nics: the NICs that need a network.
        seed: the order among equal providers; None: by chance.
        proposed: the candidate that is wanted, and no other.
        stays_in: UUID of the region in which the same was met before; empty for a new request.
        author: UUID of the account that asks.

    Raises:
        AlreadyExistsError: the id was used for another request.
        InvalidArgumentError: the window or the hold is over, or a NIC can't be had so.
        NoCapacityError: nothing fits, explained.
        QuotaExceededError: the project, or one above it, may not have as much, or then.
    """
    from mulligan.resource import choice  # and numpy, 12 MB: not for who never claims

    claim_id, project = check_id(claim_id, field="id"), check_id(project, field="project")
    consumer = check_id(consumer, field="consumer") if consumer else None
    asked_at = now or _present(asked_at)
    is_there, are_limited = session.execute(_BEFORE, {"claim": claim_id}).one()
    if is_there:
        return _earlier(session, claim_id, project, request, nics, asked_at)
    limits = quotas_over(session, project) if are_limited else {}
    wanted = _narrowed(session, from_now(request, asked_at), project, nics, stays_in)
    taken = choice.take_candidate(session, wanted, project, asked_at, seed=seed, proposed=proposed)
    now = now or _present(asked_at)
    row = ClaimRow(id=claim_id, project=project, consumer=consumer, generation=1, created_at=now)
    row.spec, row.region = _spec(request, nics), taken.region
    _plan(row, from_now(request, now), hold_until, now)
    addresses = _occupy(session, row, taken, nics, now)
    refuse_beyond_quotas(session, row, limits, now)
    tell(session, row, "created", now, author=author)
    return claim_of(row, taken.candidate.allocations, addresses, now, request=request)


def _narrowed(
    session: Session, wanted: ClaimRequest, project: str, nics: Sequence[NicWanted], stays_in: str
) -> ClaimRequest:
    """Leave regions out in which a request can't be met: those without its networks."""
    if stays_in:
        return wanted.staying_in(stays_in)
    return narrow_to_networks(session, wanted, project, nics)


def _present(since: datetime | None) -> datetime:
    clock = datetime.now(UTC)
    return max(clock, since or clock)


def _earlier(
    session: Session,
    claim_id: str,
    project: str,
    request: ClaimRequest,
    nics: Sequence[NicWanted],
    now: datetime,
) -> Claim:
    """Give the claim that was committed for this very request before."""
    row = session.get_one(ClaimRow, claim_id)
    _refuse_other(row, project, request, nics, now)
    return complete(session, [row], now)[0]


def _plan(row: ClaimRow, request: ClaimRequest, hold_until: datetime | None, now: datetime) -> None:
    """Say for which window a new claim is, and whether it is held or confirmed."""
    row.acquire_at = request.window.acquire_at
    row.planned_release_at = request.window.release_at
    if hold_until:
        hold(row, hold_until, now)
    else:
        confirm(row, now)


def _occupy(
    session: Session,
    row: ClaimRow,
    taken: "Taken",
    nics: Sequence[NicWanted],
    now: datetime,
) -> tuple[AddressClaim, ...]:
    """Write a claim, what it takes of its providers, and the addresses of its NICs.

    Nothing stays of a claim without its addresses, even if the caller goes on from the error.
    """
    window = Window(row.acquire_at, row.planned_release_at)
    with session.begin_nested() if nics else nullcontext():
        _write(session, row, taken)
        return tuple(claim_addresses(session, claim=row.id, window=window, nics=nics, now=now))


def _write(session: Session, row: ClaimRow, taken: "Taken") -> None:
    values = {column.key: getattr(row, column.key) for column in _CLAIMS}
    given = {name: value for name, value in values.items() if value is not None}
    try:
        session.execute(_NEW, given)  # without the ORM, which takes as long again
    except IntegrityError as error:
        raise ConflictError(f"claim {row.id} is being committed by somebody else") from error
    write_allocations(session, row, taken)


def _spec(request: ClaimRequest, nics: Sequence[NicWanted]) -> dict[str, Any]:
    return {
        **request.as_json(),
        "nics": _nics(nics),
    }


def _nics(nics: Sequence[NicWanted]) -> list[list[str]]:
    return [[nic.network, str(nic.mode), nic.address] for nic in nics]


def _refuse_other(
    row: ClaimRow, project: str, request: ClaimRequest, nics: Sequence[NicWanted], now: datetime
) -> None:
    """Refuse an id that stands for something else; "from now" is the same whenever it is said."""
    earlier = ClaimRequest.from_json(row.spec)
    asked = earlier.window.acquire_at
    if request.window.acquire_at <= now and asked <= row.created_at:
        request = request.within(Window(asked, request.window.release_at))
    same = request == earlier and _nics(nics) == row.spec["nics"]
    if row.project != project or not same:
        raise AlreadyExistsError(
            f"claim id {row.id} was used for another request; use a new id for new content",
            object_type="claim",
            object_id=row.id,
        )
