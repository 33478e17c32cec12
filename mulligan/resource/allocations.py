"""Allocations: what a claim takes of the providers that were locked for it."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from mulligan.resource.occupation import occupation_of
from mulligan.resource.tables import AllocationRow, ClaimRow

if TYPE_CHECKING:
    from mulligan.resource.choice import Taken


_TAKEN = "taken"


def taken_by(session: Session) -> set[str]:
    """The providers of which this session has taken something, which nobody else sees yet."""
    taken: set[str] = session.info.setdefault(_TAKEN, set())
    return taken


def write_allocations(session: Session, row: ClaimRow, taken: "Taken") -> None:
    """Write what a claim takes of the providers that were locked for it."""
    columns = [
        {
            **occupation_of(row, taken.margins[one.provider]),
            "claim": row.id,
            "provider": one.provider,
            "resource_type": one.resource_type,
            "amount": one.amount,
            "margin_s": taken.margins[one.provider],
            "alone": one.provider in taken.alone,
        }
        for one in taken.candidate.allocations
    ]
    rows: Any = AllocationRow.__table__
    session.execute(insert(rows), columns)
    taken_by(session).update(one.provider for one in taken.candidate.allocations)
