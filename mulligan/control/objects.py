"""Objects of any type that are there, those without a name, too."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.control.tables import Operation
from mulligan.database import one_of
from mulligan.meta.named import named
from mulligan.meta.objects import Known
from mulligan.resource import nameless


def known(session: Session, object_ids: Collection[str]) -> dict[str, Known]:
    """Read which of these are objects that are there, by id."""
    found = {one.id: one for one in named(session, object_ids)}
    return found | unnamed(session, [one for one in object_ids if one not in found])


def unnamed(session: Session, object_ids: Collection[str]) -> dict[str, Known]:
    """Read which of these are objects without a name, by id."""
    found = nameless.known(session, object_ids)
    rest = [one for one in object_ids if one not in found]
    if not rest:
        return found
    columns = Operation.__table__.c
    query = select(columns.id, columns.project, columns.region).where(one_of(columns.id, "ids"))
    rows = session.execute(query, {"ids": rest})
    return found | {row.id: Known(row.id, "operation", row.project, row.region) for row in rows}
