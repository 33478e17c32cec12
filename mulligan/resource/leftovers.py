"""What the release before leaves behind where both serve one database, as in a rolling upgrade.

It deletes a provider without its distances and its marks, and writes resource types and
capabilities that nobody registered. Until the next start of this service the distances are listed,
and the names are not. A mark of what is no more is read by nobody, and no id is given twice.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, union_all
from sqlalchemy.orm import Session

from mulligan.resource import registry
from mulligan.resource.tables import (
    CapabilityNameRow,
    CapabilityRow,
    DistanceRow,
    GroupRow,
    InventoryRow,
    ProviderRow,
    ResourceTypeRow,
)


def clear_leftovers(session: Session, now: datetime) -> None:
    """Register the names that are used, and forget distances of what is no more.

    Raises:
        ConflictError: somebody else registered one meanwhile.
    """
    used: list[tuple[Any, Any]] = [
        (ResourceTypeRow, InventoryRow.resource_type),
        (CapabilityNameRow, CapabilityRow.capability),
    ]
    for names, column in used:
        unknown = select(column).where(column.not_in(select(names.name))).distinct()
        registry.adopt_names(session, names, session.scalars(unknown).all(), now)
    there = union_all(select(ProviderRow.id), select(GroupRow.id))
    gone = or_(DistanceRow.a.not_in(there), DistanceRow.b.not_in(there))
    session.execute(delete(DistanceRow).where(gone))
