"""Metadefs: named attributes of objects, each with the JSON Schema of its values.

The system defines some, projects define others for themselves and what is below them. The one that
is nearest to an object's project holds, and the system's for what is in no project. Whoever changes
one changes only what all values that there are fit.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, String, Text, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan import events
from mulligan.database import Base, Id, one_of
from mulligan.generations import refuse_stale
from mulligan.meta import schemas
from mulligan.meta.attributes import AttributeRow
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from mulligan.values.places import PlaceTree

SYSTEM = ""
TOLD_MISFITS = 5
"""So many values that do not fit are told, with why."""

_ATTRIBUTE = re.compile("[a-z0-9][a-z0-9._-]{0,63}")

There = Callable[[Collection[str]], Collection[str]]
"""Says which objects are there still, of some ids."""


class MetadefRow(Base):
    """A definition of an attribute; `owner` is a project, or empty for the system."""

    __tablename__ = "metadefs"
    __table_args__ = (UniqueConstraint("attribute", "owner"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    attribute: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(36))
    description: Mapped[str] = mapped_column(Text)
    object_types: Mapped[list[Any]]
    schema: Mapped[str] = mapped_column(Text)
    read_role: Mapped[str] = mapped_column(String(16))
    write_role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(BigInteger, default=1)


_METADEFS: Any = MetadefRow.__table__


@dataclass(frozen=True, slots=True)
class Definition:
    """What can be said of an attribute; an empty role is that of whoever sees the object."""

    description: str
    object_types: Sequence[str]
    schema: str
    read_role: str
    write_role: str


def create_metadef(
    session: Session,
    attribute: str,
    owner: str,
    definition: Definition,
    *,
    tree: PlaceTree,
    there: There,
    author: str | None,
) -> MetadefRow:
    """Define an attribute for a project and those below it, or (no owner) for all.

    Raises:
        InvalidArgumentError: its name or schema can't be used.
        AlreadyExistsError: there is a definition of it there.
        FailedPreconditionError: VALUES_DO_NOT_FIT, of a less specific definition.
    """
    if not _ATTRIBUTE.fullmatch(attribute):
        raise InvalidArgumentError(
            f"{attribute!r} can't be an attribute's name; use 1 to 64 lower-case letters, digits, "
            "dots, dashes and underscores, a letter or digit first",
            field="attribute",
        )
    if any(row.owner == owner for row in lock_of(session, attribute)):
        raise AlreadyExistsError(
            f"the attribute {attribute} is defined there already; change it with "
            "`mulligan metadef set`",
            field="attribute",
            object_type="metadef",
        )
    row = MetadefRow(
        id=str(uuid4()), attribute=attribute, owner=owner, created_at=datetime.now(UTC)
    )
    _put(row, definition)
    session.add(row)
    session.flush()
    _refuse_misfits(session, attribute, owner, tree, there)
    _tell(session, row, "created", author)
    return row


def update_metadef(
    session: Session,
    metadef: str,
    definition: Definition,
    *,
    read_at: int,
    tree: PlaceTree,
    there: There,
    author: str | None,
) -> MetadefRow:
    """Change a definition.

    Raises:
        NotFoundError: there is none.
        StaleError: it is not at that generation any more (0: whatever it is at).
        FailedPreconditionError: VALUES_DO_NOT_FIT.
    """
    row = _lock(session, metadef)
    refuse_stale(session, "metadef", row.id, generation=row.generation, read_at=read_at)
    _put(row, definition)
    if session.is_modified(row):
        row.generation += 1
        session.flush()
        _refuse_misfits(session, row.attribute, row.owner, tree, there)
        _tell(session, row, "updated", author)
    return row


def delete_metadef(
    session: Session, metadef: str, *, tree: PlaceTree, there: There, author: str | None
) -> None:
    """Delete a definition; values it held for are held by the next less specific one from then on.

    Raises:
        NotFoundError: there is none.
        FailedPreconditionError: VALUES_DO_NOT_FIT, or there is none that holds for them.
    """
    row = _lock(session, metadef)
    session.delete(row)
    session.flush()
    _refuse_misfits(session, row.attribute, row.owner, tree, there)
    row.generation += 1
    _tell(session, row, "deleted", author)


def get_metadef(session: Session, metadef: str) -> MetadefRow:
    """Find a definition.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(MetadefRow, metadef)
    if row is None:
        raise not_there(metadef)
    return row


def list_metadefs(
    session: Session, owners: Collection[str] | None, *, attribute: str, after: str, limit: int
) -> list[MetadefRow]:
    """List the definitions of some owners (None: of all), by id."""
    query = select(MetadefRow).order_by(MetadefRow.id).limit(limit)
    if owners is not None:
        query = query.where(or_(MetadefRow.owner.in_(owners), MetadefRow.owner == SYSTEM))
    if attribute:
        query = query.where(MetadefRow.attribute == attribute)
    if after:
        query = query.where(MetadefRow.id > after)
    return list(session.scalars(query))


def definitions_of(session: Session, attributes: Collection[str]) -> list[MetadefRow]:
    """Read all definitions of some attributes. Index: metadefs (attribute, owner)."""
    query = select(MetadefRow).where(one_of(_METADEFS.c.attribute, "attributes"))
    return list(session.scalars(query, {"attributes": list(attributes)}))


def keep_definitions(session: Session, attributes: Collection[str]) -> list[MetadefRow]:
    """Read definitions that must not change before this transaction ends.

    They are read again once they are locked: one that came meanwhile is not among the locked.
    """
    query = select(MetadefRow.id).where(one_of(_METADEFS.c.attribute, "attributes"))
    asked = {"attributes": sorted(attributes)}
    session.execute(query.order_by(MetadefRow.id).with_for_update(read=True), asked).all()
    return definitions_of(session, attributes)


def holding(
    rows: Iterable[MetadefRow],
    tree: PlaceTree,
    attribute: str,
    object_type: str,
    project: str | None,
) -> MetadefRow | None:
    """Find the definition of an attribute that holds for an object: the nearest for its type."""
    by_owner = {
        row.owner: row
        for row in rows
        if row.attribute == attribute and (not row.object_types or object_type in row.object_types)
    }
    chain = (*(tree.chain(project) if project else ()), SYSTEM)
    return next((by_owner[owner] for owner in chain if owner in by_owner), None)


def lock_of(session: Session, attribute: str) -> list[MetadefRow]:
    """Read all definitions of an attribute, and keep others from them and from giving values."""
    query = select(MetadefRow).where(MetadefRow.attribute == attribute).order_by(MetadefRow.id)
    locked = query.with_for_update().execution_options(populate_existing=True)
    session.scalars(locked).all()
    return definitions_of(session, [attribute])


def not_there(metadef: str) -> NotFoundError:
    """Say that there is no such definition."""
    return NotFoundError(
        f"there is no metadef {metadef}; see `mulligan metadef list`",
        object_type="metadef",
        object_id=metadef,
    )


def _lock(session: Session, metadef: str) -> MetadefRow:
    attribute = get_metadef(session, metadef).attribute
    found = [row for row in lock_of(session, attribute) if row.id == metadef]
    if not found:
        raise not_there(metadef)
    return found[0]


def _put(row: MetadefRow, definition: Definition) -> None:
    row.description = definition.description
    row.object_types = sorted(set(definition.object_types))
    row.schema = schemas.check_schema(definition.schema)
    row.read_role = definition.read_role
    row.write_role = definition.write_role


def _refuse_misfits(
    session: Session, attribute: str, owner: str, tree: PlaceTree, there: There
) -> None:
    """Refuse definitions that values of an attribute below an owner do not fit, as they are now."""
    query = select(AttributeRow).where(AttributeRow.attribute == attribute)
    if owner:
        query = query.where(AttributeRow.project.in_(tree.below([owner])))
    rows, misfits = definitions_of(session, [attribute]), dict[str, str]()
    for values in session.scalars(query.order_by(AttributeRow.object_id)).partitions(500):
        ends = {one.object_id: _misfit(rows, tree, one) for one in values}
        wrong = {one: why for one, why in ends.items() if why}
        alive = set(there(list(wrong)))
        misfits |= {one: why for one, why in wrong.items() if one in alive}
        if len(misfits) >= TOLD_MISFITS:
            break
    if misfits:
        raise _misfitting(attribute, misfits)


def _misfit(rows: Sequence[MetadefRow], tree: PlaceTree, value: AttributeRow) -> str:
    row = holding(rows, tree, value.attribute, value.object_type, value.project)
    return schemas.misfit(row.schema, value.value) if row else "no definition would hold for it"


def _misfitting(attribute: str, misfits: Mapping[str, str]) -> FailedPreconditionError:
    told = list(misfits.items())[:TOLD_MISFITS]
    words = "; ".join(f"{one}: {why}" for one, why in told)
    return FailedPreconditionError(
        f"values of {attribute} would not fit: {words}. Change or take them away first",
        code="VALUES_DO_NOT_FIT",
        field="schema",
        object_type=attribute,
        object_id=told[0][0],
    )


def _tell(session: Session, row: MetadefRow, kind: str, author: str | None) -> None:
    event = events.Event(
        "metadef",
        row.id,
        kind,
        project=row.owner or None,
        author=author,
        message=f"of attribute {row.attribute}",
        generation=row.generation,
    )
    events.append(session, event)
