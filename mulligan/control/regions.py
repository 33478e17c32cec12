"""In which regions objects live, those without a name, too, and whose they are."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.control.tables import Operation
from mulligan.database import one_of
from mulligan.meta import names
from mulligan.meta.objects import Known
from mulligan.resource.tables import ClaimRow, ReservationRow, SeriesRow

_NAMELESS: dict[str, Any] = {
    "claim": ClaimRow,
    "reservation": ReservationRow,
    "series": SeriesRow,
    "operation": Operation,
}


def in_regions(session: Session, object_ids: Collection[str]) -> list[Known]:
    """Read where objects are or were, and whose; what lives in no region is left out."""
    described = names.describe(session, object_ids)
    found = [
        Known(one.id, one.object_type, one.project, one.region)
        for one in described.values()
        if one.region
    ]
    rest = [one for one in object_ids if one not in described]
    for object_type, table in _NAMELESS.items() if rest else ():
        query = select(table.id, table.project, table.region)
        there = query.where(one_of(table.__table__.c.id, "ids"))
        rows = session.execute(there, {"ids": rest})
        found += [Known(row.id, object_type, row.project, row.region) for row in rows]
    return found
