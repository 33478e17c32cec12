"""Objects of any type that are there, those without a name, too."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.control.tables import Operation
from mulligan.meta.objects import Known, named
from mulligan.resource.tables import ClaimRow, ReservationRow, SeriesRow

_UNNAMED: Mapping[str, type[ClaimRow | ReservationRow | SeriesRow | Operation]] = {
    "claim": ClaimRow,
    "reservation": ReservationRow,
    "series": SeriesRow,
    "operation": Operation,
}


def known(session: Session, object_ids: Collection[str]) -> dict[str, Known]:
    """Read which of these are objects that are there, by id."""
    found = {one.id: one for one in named(session, object_ids)}
    for object_type, table in _UNNAMED.items():
        rest = [one for one in object_ids if one not in found]
        if not rest:
            break
        rows = session.execute(
            select(table.id, table.project, table.region).where(table.id.in_(rest))
        )
        found |= {row.id: Known(row.id, object_type, row.project, row.region) for row in rows}
    return found
