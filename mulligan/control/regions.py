"""In which regions objects live, those without a name, too."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.control.tables import Operation
from mulligan.database import one_of
from mulligan.meta import names
from mulligan.resource.tables import ClaimRow, ReservationRow, SeriesRow

_NAMELESS = (ClaimRow, ReservationRow, SeriesRow, Operation)


def regions_of(session: Session, object_ids: Collection[str]) -> dict[str, str]:
    """Read in which regions objects live, by id; who has none is absent."""
    regions = names.regions_of(session, object_ids)
    rest = [one for one in object_ids if one not in regions]
    for table in _NAMELESS:
        query = select(table.id, table.region).where(one_of(table.__table__.c.id, "ids"))
        found = session.execute(query, {"ids": rest})
        regions.update((row.id, row.region) for row in found)
    return regions
