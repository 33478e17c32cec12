"""Objects of any type that are there, those without a name, too."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.control.tables import Operation
from mulligan.database import one_of
from mulligan.meta.named import named
from mulligan.meta.objects import Known
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
        columns = table.__table__.c
        query = select(columns.id, columns.project, columns.region).where(one_of(columns.id, "ids"))
        rows = session.execute(query, {"ids": rest})
        found |= {row.id: Known(row.id, object_type, row.project, row.region) for row in rows}
    return found
