"""Whether providers are offered: marks on them, one of which goes by itself.

Maintenance, quarantined and retired last until they are taken back; servers and hosts have their
own, through control. Unhealthy is said from outside, of any provider, and ends at its expiry: the
row has the time, so that nobody has to act.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from mulligan import marks
from mulligan.resource import trees
from mulligan.resource.provider_changes import check_count, refuse_managed, tell
from mulligan.resource.standards import MANAGED_TYPES
from mulligan.resource.tables import ProviderRow
from mulligan.resource.values import check_id
from mulligan.values.errors import InvalidArgumentError

UNHEALTHY = "unhealthy"
KINDS = {
    "maintenance": "is not offered until the mark is taken back",
    "quarantined": "is not offered until somebody has looked after it",
    "retired": "is never offered again",
    UNHEALTHY: "is not offered until the mark expires",
}
_FIRST_TO_LAST = ("retired", "quarantined", "maintenance", UNHEALTHY)


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether a provider is offered: available, or why not, since when and until when."""

    state: str
    reason: str = ""
    since: datetime | None = None
    deadline: datetime | None = None


def offer_of(row: ProviderRow, marked: Iterable[marks.Mark]) -> Offer:
    """Say how a provider stands, given its marks that have not expired."""
    by_kind = {mark.kind: mark for mark in marked}
    for kind in _FIRST_TO_LAST:
        if mark := by_kind.get(kind):
            return Offer(kind, mark.reason, mark.since, mark.expires_at)
    if row.available:
        return Offer("available", "offered to requests")
    return Offer("unavailable", row.unavailable_reason)


def mark_providers(
    session: Session,
    providers: Sequence[str],
    kind: str,
    reason: str,
    *,
    expires_at: datetime | None = None,
    author: str,
    now: datetime,
) -> list[ProviderRow]:
    """Mark providers, or restate their mark; what is claimed from them stays claimed.

    Args:
        session: a session.
        providers: UUIDs.
        kind: one of KINDS.
        reason: why.
        expires_at: when it ends by itself; unhealthy needs it, the others have none.
        author: UUID of the account that says so.
        now: the present.

    Raises:
        FailedPreconditionError: control marks such a provider.
        InvalidArgumentError: no such kind, no reason, or an expiry that can't be.
        NotFoundError: one is not there.
    """
    _check_kind(kind)
    _check_expiry(kind, expires_at, now)
    rows = _lock(session, providers, kind)
    marks.set_marks(
        session, list(rows), kind, reason, author, now=now, expires_at=expires_at, kinds=KINDS
    )
    if kind == UNHEALTHY:
        for row in rows.values():
            row.unhealthy_until = expires_at
    until = f" until {expires_at.isoformat(timespec='seconds')}" if expires_at else ""
    _settle(session, rows, f"{kind} set{until}: {reason.strip()}", author, now)
    return list(rows.values())


def unmark_providers(
    session: Session, providers: Sequence[str], kind: str, *, author: str, now: datetime
) -> list[ProviderRow]:
    """Take a mark of providers back; one that isn't there is fine, and no change.

    Raises:
        FailedPreconditionError: control marks such a provider.
        InvalidArgumentError: no such kind.
        NotFoundError: one is not there.
    """
    _check_kind(kind)
    rows = _lock(session, providers, kind)
    before = marks.marks_of(session, rows, now=now)
    marks.clear_marks(session, list(rows), kind)
    if kind == UNHEALTHY:
        for row in rows.values():
            row.unhealthy_until = None
    marked = {p: row for p, row in rows.items() if kind in [one.kind for one in before[p]]}
    _settle(session, marked, f"{kind} cleared", author, now)
    return list(rows.values())


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidArgumentError(
            f"there is no mark {kind!r} on providers; there are {', '.join(KINDS)}", field="kind"
        )


def _check_expiry(kind: str, expires_at: datetime | None, now: datetime) -> None:
    if (kind == UNHEALTHY) != (expires_at is not None):
        words = "needs to say when it ends" if kind == UNHEALTHY else "lasts until it is taken back"
        raise InvalidArgumentError(f"a mark {kind} {words}", field="expires_at")
    if expires_at is not None and expires_at <= now:
        raise InvalidArgumentError(
            f"a mark that ends at {expires_at.isoformat()} is over already; now it is "
            f"{now.isoformat()}",
            field="expires_at",
        )


def _lock(session: Session, providers: Sequence[str], kind: str) -> dict[str, ProviderRow]:
    ids = [check_id(provider, field="ids") for provider in providers]
    check_count(ids, field="ids")
    rows = trees.lock_providers(session, ids)
    if kind != UNHEALTHY:
        for row in rows.values():
            refuse_managed(row, f"its mark {kind}")
    return {provider: rows[provider] for provider in ids}


def _settle(
    session: Session, rows: dict[str, ProviderRow], words: str, author: str, now: datetime
) -> None:
    """Offer or withdraw what is marked, and tell operators."""
    marked = marks.marks_of(session, rows, now=now)
    for provider, row in rows.items():
        if row.type not in MANAGED_TYPES:
            offer = offer_of(row, [one for one in marked[provider] if one.kind != UNHEALTHY])
            row.available = offer.state not in KINDS
            row.unavailable_reason = "" if row.available else f"provider is marked {offer.state}"
        row.generation += 1
        tell(session, row, "mark", now, words, author=author)
    session.flush()
