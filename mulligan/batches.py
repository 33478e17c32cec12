"""Several objects at once, found as one is."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.database import one_of

T = TypeVar("T")


def each(session: Session, table: Any, ids: Sequence[str], get: Callable[[str], T]) -> list[T]:
    """Find objects in the order of their ids, with one statement for those that are there.

    Args:
        session: a session.
        table: what is read before, so that the session has it when it is asked for.
        ids: UUIDs.
        get: finds one with `session.get`, and refuses what is not there or not to be seen.
    """
    query = select(table).where(one_of(table.__table__.c.id, "ids"))
    held = session.scalars(query, {"ids": ids}).all()
    found = [get(one) for one in ids]
    del held  # The session knows rows only while somebody holds them.
    return found
