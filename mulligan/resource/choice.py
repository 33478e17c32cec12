"""Which provider a claim gets: the best one that it can lock before others do."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.resource.candidates import find_candidates
from mulligan.resource.explain import explain_claim
from mulligan.resource.tables import ProviderRow
from mulligan.resource.values import ClaimRequest
from mulligan.values.errors import ConflictError, InvalidArgumentError
from mulligan.values.window import Window

CANDIDATES = 8
"""How many providers are read at once; who loses all of them reads again."""

ROUNDS = 16
"""How often candidates are read before a claim gives up against others."""


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
    raise ConflictError("other claims took every provider that fitted")


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
