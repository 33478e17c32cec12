"""What is said of objects, and by projects, as far as it ends with them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.meta.attributes import AttributeRow
from mulligan.meta.locks import hold_objects
from mulligan.meta.metadefs import MetadefRow
from mulligan.meta.tags import TagRow


def forget(session: Session, object_ids: Collection[str]) -> None:
    """Delete the tags and values of objects, and what those of them that are projects defined."""
    hold_objects(session, object_ids)
    tags: Any = TagRow.__table__
    values: Any = AttributeRow.__table__
    metadefs: Any = MetadefRow.__table__
    for column in (tags.c.object_id, tags.c.owner, values.c.object_id, metadefs.c.owner):
        session.execute(
            delete(column.table).where(one_of(column, "ids")), {"ids": list(object_ids)}
        )
