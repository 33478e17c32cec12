"""Renaming: an object's new name, its next generation and the event, together."""

from typing import Protocol

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.meta import names
from mulligan.values.status import Status


class Named(Protocol):
    """The row of an object that has a name."""

    @property
    def id(self) -> str:
        """UUID."""

    generation: int


def rename(
    session: Session,
    object_type: str,
    row: Named,
    name: str,
    *,
    author: str | None,
    status: Status | None = None,
) -> None:
    """Give an object, whose row the caller has locked, another name; the same one changes nothing.

    Raises:
        AlreadyExistsError: another living object of its type and owner has it.
        InvalidArgumentError: it can't be a name.
        NotFoundError: the object has ended.
    """
    before = names.name_of(session, row.id)
    given = names.rename(session, object_type, row.id, name)
    if given.name == before:
        return
    row.generation += 1
    events.append(
        session,
        events.Event(
            object_type,
            row.id,
            "named",
            project=given.project,
            region=given.region,
            author=author,
            status=status,
            message=f"named {given.name!r}; it was {before!r}",
            generation=row.generation,
        ),
    )
