"""How much of providers is used at the peak from now on, read into a fleet."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Select, bindparam, literal, select, true, union_all
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.resource.fleet import Fleet
from mulligan.resource.occupation import ASKED, NOW, from_now_on, parameters, peaks
from mulligan.resource.tables import AllocationRow

FEW = 4
"""Of so many providers what is used is read one by one: then PostgreSQL always looks by provider,
where of a list it may read all that is used of anything, until it has statistics of a new table.
"""


def read_bounds(
    session: Session, fleet: Fleet, which: Collection[str] | None, now: datetime
) -> None:
    """Read how much is used at the peak from now on; of what nothing is used, nothing."""
    fleet.forget_bounds(which)
    asked: list[dict[str, Any]] = [{}]
    if which is not None:
        few = len(which) <= FEW
        asked = [{"provider": one} for one in which] if few else [{"providers": list(which)}]
    for some in asked:
        query = _bounds(*some)
        for provider, resource_type, peak in session.execute(
            query, some | parameters(from_now_on(now), now)
        ):
            fleet.put_bound(provider, resource_type, peak)


@cache
def _bounds(whose: str = "") -> Select[str, str, int]:
    """Of all providers, of those in a parameter, or of the one in it."""
    rows = AllocationRow.__table__.c
    scopes = {
        "": true(),
        "provider": rows.provider == bindparam("provider"),
        "providers": one_of(rows.provider, "providers"),
    }
    return peaks(scopes[whose], ASKED, NOW)


def read_bounds_of(session: Session, fleet: Fleet, claims: Collection[str], now: datetime) -> None:
    """As `read_bounds`, of the providers of some claims; of one that has one, at once."""
    if len(claims) > 1:
        providers = set(session.scalars(_of_claims(), {"claims": list(claims)}))
        read_bounds(session, fleet, providers, now)
        return
    asked = {**parameters(from_now_on(now), now), "claim": next(iter(claims))}
    rows = session.execute(_bounds_of_one(), asked).all()
    providers = {provider for provider, *_ in rows}
    if len(providers) > 1:
        read_bounds(session, fleet, providers, now)
        return
    fleet.forget_bounds(providers)
    for provider, resource_type, peak in rows:
        if resource_type:
            fleet.put_bound(provider, resource_type, peak)


@cache
def _of_claims() -> Select[str]:
    rows = AllocationRow.__table__.c
    return select(rows.provider).where(one_of(rows.claim, "claims"))


@cache
def _bounds_of_one() -> CompoundSelect[Any]:
    """The bounds of a claim's first provider; and its providers, without a resource type."""
    of_claim, rows = AllocationRow.__table__.alias("of_claim").c, AllocationRow.__table__.c
    its = select(of_claim.provider).where(of_claim.claim == bindparam("claim"))
    found = peaks(rows.provider == its.limit(1).scalar_subquery(), ASKED, NOW)
    return union_all(found, its.add_columns(literal(""), literal(0)).distinct())
