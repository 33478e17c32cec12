"""Objects with a name, as far as tags and attributes have to know them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.meta.names import NameRow
from mulligan.meta.objects import Known


def named(session: Session, object_ids: Collection[str]) -> list[Known]:
    """Read which of these are living objects with a name; a project is its own."""
    ids: Any = NameRow.__table__
    query = select(NameRow.id, NameRow.object_type, NameRow.project, NameRow.region).where(
        one_of(ids.c.id, "ids"), NameRow.released_at.is_(None)
    )
    found = session.execute(query, {"ids": list(object_ids)})
    return [_placed(Known._make(row)) for row in found]


def _placed(one: Known) -> Known:
    if one.object_type == "project":
        return one._replace(project=one.id)
    return one._replace(region=one.id) if one.object_type == "region" else one
