"""Renaming: an object's new name, its next generation and the event, together."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.meta import many_names, names
from mulligan.meta.names import Name
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
    _tell(session, row, given, before, author, status)


def rename_many(
    session: Session, object_type: str, wanted: Sequence[tuple[Named, str]], *, author: str | None
) -> None:
    """Rename many objects, whose rows the caller has locked; they may take each other's names.

    Raises:
        AlreadyExistsError: another living object of its type and owner has one.
        InvalidArgumentError: one can't be a name, or stands twice.
        NotFoundError: one of the objects has ended.
    """
    before = many_names.rename_many(session, object_type, {row.id: name for row, name in wanted})
    given = names.describe(session, before)
    for row, _ in wanted:
        if row.id in before:
            _tell(session, row, given[row.id], before[row.id], author)


def _tell(
    session: Session,
    row: Named,
    given: Name,
    before: str,
    author: str | None,
    status: Status | None = None,
) -> None:
    row.generation += 1
    events.append(
        session,
        events.Event(
            given.object_type,
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
