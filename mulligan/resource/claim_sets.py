"""Several claims changed at once, all or none: released, extended, shortened, moved, swapped."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from mulligan.iam.region_map import chain_of
from mulligan.resource import claim_changes as one_claim
from mulligan.resource.allocations import write_allocations
from mulligan.resource.quotas import quotas_over, refuse_beyond_quotas
from mulligan.resource.requests import Candidate, ClaimRequest, from_now, rest_of
from mulligan.resource.standing import Claim, complete, request_of, status_at
from mulligan.resource.tables import (
    CONFIRMED,
    HELD,
    AllocationRow,
    ClaimRow,
)
from mulligan.resource.values import check_id
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NoCapacityError,
)
from mulligan.values.status import Status
from mulligan.values.window import Window

MOST_CHANGES = 100


@dataclass(frozen=True)
class Move:
    """Choose providers anew: for the same, or for another request (its window apart).

    Args:
        request: what is asked for now; None: the same as before.
        proposed: only this candidate.
    """

    request: ClaimRequest | None = None
    proposed: Candidate | None = None


@dataclass(frozen=True)
class ClaimChange:
    """What is to become of one claim: it is released, or gets another window or other providers.

    Args:
        claim: UUID.
        generation: the one at which the caller read it; 0: any.
        release: end it.
        window: its window from now on; providers stay unless it is moved too.
        move: choose its providers anew.

    Raises:
        InvalidArgumentError: the id can't be one, or the change says nothing or too much.
    """

    claim: str
    generation: int = 0
    release: bool = False
    window: Window | None = None
    move: Move | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "claim", check_id(self.claim, field="changes.id"))
        if self.release == bool(self.window or self.move):
            raise InvalidArgumentError(
                f"say what is to become of claim {self.claim}: released, or another window or "
                "other providers",
                field="changes",
            )


def change_claims(
    session: Session,
    changes: Sequence[ClaimChange],
    *,
    project: str | None = None,
    now: datetime,
    seed: int | None = None,
) -> list[Claim]:
    """Change several claims, all or none; what one gives up another may take.

    Locks are taken as everywhere: claims by id, then providers.

    Args:
        session: a session.
        changes: what becomes of each.
        project: UUID of the caller's project; None for one who may change any.
        now: the present.
        seed: the order among equal providers; None: by chance.

    Raises:
        ConflictError: others were faster all the time.
        FailedPreconditionError: a claim has ended, or a machine uses what is to be taken from it.
        InvalidArgumentError: a window can't be so, a claim stands twice, or there are too many.
        NoCapacityError: a claim does not fit where it is to be, explained; nothing was changed.
        NotFoundError: there is no such claim, or it is another project's.
        QuotaExceededError: a project, or one above it, may not have as much, or then.
        StaleError: one is not at the generation that was said; says what changed since.
    """
    _refuse_too_many(changes)
    in_order = sorted(changes, key=lambda change: change.claim)
    rows = {
        change.claim: one_claim.lock_claim(session, change.claim, project, change.generation)
        for change in in_order
    }
    for change in in_order:
        _refuse_ended(rows[change.claim], now)
    if any(change.move for change in in_order):
        from mulligan.resource.fleet_view import view_of

        view_of(session).look_once(session, now)
    for change in in_order:
        if change.release:
            one_claim.release_claim(session, change.claim, now, project=project, unless_used=True)
    limits = {
        project: quotas_over(session, project)
        for project in sorted({row.project for row in rows.values()})
    }
    _take_apart(session, in_order, rows)
    _set_windows(session, in_order, rows, now)
    for change in in_order:
        if change.move:
            _move(session, rows[change.claim], change.move, now, seed)
    for change in in_order:
        if not change.release:
            row = rows[change.claim]
            refuse_beyond_quotas(session, row, limits[row.project], now)
    return [complete(session, [rows[change.claim]], now)[0] for change in changes]


def _refuse_too_many(changes: Sequence[ClaimChange]) -> None:
    if not 1 <= len(changes) <= MOST_CHANGES:
        raise InvalidArgumentError(
            f"{len(changes)} claims can't be changed in one call; send 1 to {MOST_CHANGES}",
            field="changes",
        )
    [(claim, count)] = Counter(change.claim for change in changes).most_common(1)
    if count > 1:
        raise InvalidArgumentError(
            f"claim {claim} stands in the call {count} times; say once what becomes of it",
            field="changes.id",
        )


def _refuse_ended(row: ClaimRow, now: datetime) -> None:
    status = status_at(row, now)
    if status.state not in (HELD, CONFIRMED):
        raise FailedPreconditionError(
            f"claim {row.id} is {status.state}: {status.reason}; claim again",
            object_type="claim",
            object_id=row.id,
        )


def _refuse_used(row: ClaimRow) -> None:
    if row.consumer:
        raise FailedPreconditionError(
            f"machine {row.consumer} uses claim {row.id} where it is; decommission the machine "
            "before the claim is moved",
            object_type="claim",
            object_id=row.id,
        )


def _take_apart(
    session: Session, changes: Sequence[ClaimChange], rows: Mapping[str, ClaimRow]
) -> None:
    """Lock what claims that stay use; have those that move give up what they have."""
    one_claim.lock_what_they_use(session, [c.claim for c in changes if c.window and not c.move])
    for change in changes:
        if change.move:
            _refuse_used(rows[change.claim])
            mine = AllocationRow.claim == change.claim
            session.execute(delete(AllocationRow).where(mine))


def _set_windows(
    session: Session, changes: Sequence[ClaimChange], rows: Mapping[str, ClaimRow], now: datetime
) -> None:
    """Give claims their windows, and refuse those that don't fit then."""
    for change in changes:
        if change.window:
            _set_window(session, rows[change.claim], change.window, now)
    for change in changes:
        row = rows[change.claim]
        if change.window:
            taken = "" if change.move else one_claim.taken_by_others(session, row, now)
            if taken := taken or one_claim.address_of_others(session, row, now):
                raise _taken(row, taken)


def _set_window(session: Session, row: ClaimRow, window: Window, now: datetime) -> None:
    """Give a claim another window; what has begun keeps its start.

    Raises:
        InvalidArgumentError: it would end in the past, or begin anew.
    """
    before = Window(row.acquire_at, row.planned_release_at)
    begun = row.acquire_at <= now
    if begun and window.acquire_at > now:
        raise InvalidArgumentError(
            f"claim {row.id} began at {row.acquire_at.isoformat()}, and that can't be changed; "
            "leave the start as it is",
            field="changes.window.acquire_at",
        )
    if begun:
        window = Window(before.acquire_at, window.release_at)
    elif window.acquire_at < now:
        window = rest_of(window, now, field="changes.window")
    if window.release_at <= now:
        raise InvalidArgumentError(
            f"claim {row.id} would have ended at {window.release_at.isoformat()}, and now it is "
            f"{now.isoformat()}; release it instead",
            field="changes.window.release_at",
        )
    row.acquire_at, row.planned_release_at = window.acquire_at, window.release_at
    if row.state == HELD:
        row.release_at = min(row.release_at, window.release_at)
        row.status = Status(HELD, row.reason, row.since, row.release_at, row.next_action)
    else:
        since = row.since
        one_claim.confirm(row, now)
        row.since = since
    words = f"window {_shown(before)} → {_shown(window)}"
    one_claim.restate(session, row, now, kind="window", message=words)


def _shown(window: Window) -> str:
    end = window.release_at.isoformat() if window.has_end else "without end"
    return f"[{window.acquire_at.isoformat()}, {end})"


def _taken(row: ClaimRow, what: str) -> NoCapacityError:
    window = Window(row.acquire_at, row.planned_release_at)
    return NoCapacityError(
        f"claim {row.id} can't have the window {_shown(window)}: others have claimed {what} then; "
        "choose a shorter window, or move the claim",
        field="changes.window",
        object_type="claim",
        object_id=row.id,
    )


def _move(session: Session, row: ClaimRow, move: Move, now: datetime, seed: int | None) -> None:
    """Choose a claim's providers anew."""
    from mulligan.resource.choice import take_candidate

    request = move.request or request_of(row)
    window = Window(row.acquire_at, row.planned_release_at)
    request = from_now(request.within(window), now)
    if request.region not in (chain_of(session, row.region) if request.or_below else [row.region]):
        raise InvalidArgumentError(
            f"claim {row.id} is in region {row.region} and stays there; claim anew in the other",
            field="changes.move.region",
        )
    stays = request.in_region(row.region)
    taken = take_candidate(session, stays, row.project, now, seed=seed, proposed=move.proposed)
    write_allocations(session, row, taken)
    row.spec = {**row.spec, "now": request.as_json()}
    words = ", ".join(
        f"{one.amount} {one.resource_type} of provider {one.provider}"
        for one in taken.candidate.allocations
    )
    one_claim.restate(session, row, now, kind="moved", message=f"moved to {words}")
