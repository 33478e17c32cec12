"""Objects of this service that have no name, as others have to know them: where, and whose."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.meta.objects import Known
from mulligan.resource.tables import ClaimRow, ReservationRow, SeriesRow

_TABLES: Mapping[str, type[ClaimRow | ReservationRow | SeriesRow]] = {
    "claim": ClaimRow,
    "reservation": ReservationRow,
    "series": SeriesRow,
}


def known(session: Session, object_ids: Collection[str]) -> dict[str, Known]:
    """Read which of these are claims, reservations or series, by id. Index: the primary keys."""
    found: dict[str, Known] = {}
    for object_type, table in _TABLES.items():
        rest = [one for one in object_ids if one not in found]
        if not rest:
            break
        columns = table.__table__.c
        query = select(columns.id, columns.project, columns.region).where(one_of(columns.id, "ids"))
        rows = session.execute(query, {"ids": rest})
        found |= {row.id: Known(row.id, object_type, row.project, row.region) for row in rows}
    return found
