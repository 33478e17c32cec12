"""Metadefs: named attributes of objects, each with the JSON Schema of its values.

The system defines some, projects define others for themselves and what is below them. The one that
is nearest to an object's project holds, and the system's for what is in no project. Whoever changes
one changes only what all values that there are fit.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, Index, Row, Select, String, Text, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan import events
from mulligan.database import Base, Id, one_of
from mulligan.generations import refuse_stale
from mulligan.meta import schemas
from mulligan.meta.attributes import AttributeRow, projects_with
from mulligan.meta.locks import hold_definitions
from mulligan.meta.objects import OBJECT_TYPES
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
MOST_METADEFS = 1000
"""So many attributes a project defines at most, and so many the system."""
VALUE_WORK = 64
"""What finding a value takes, in the unit of `schemas.work_of`."""
MAX_CHANGE_WORK = 64_000_000
"""What checking all values may take when a definition is changed: some seconds."""

_ATTRIBUTE = re.compile("[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known elsewhere of objects and projects, as it is in this transaction.

    Attributes:
        there: says which objects are there still, of some ids.
        tree: gives projects and all above them.
        below: gives a project and all below it.
    """

    there: Callable[[Collection[str]], Collection[str]]
    tree: Callable[[Collection[str]], PlaceTree]
    below: Callable[[str], Collection[str]]


class MetadefRow(Base):
    """A definition of an attribute; `owner` is a project, or empty for the system."""

    __tablename__ = "metadefs"
    __table_args__ = (UniqueConstraint("attribute", "owner"), Index(None, "owner", "id"))
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
    around: Surroundings,
    author: str | None,
) -> MetadefRow:
    """Define an attribute for a project and those below it, or (no owner) for all.

    Raises:
        InvalidArgumentError: its name or schema can't be used.
        AlreadyExistsError: there is a definition of it there.
        FailedPreconditionError: VALUES_DO_NOT_FIT, of a less specific definition; TOO_MANY_VALUES;
            TOO_MANY_METADEFS.
    """
    if not _ATTRIBUTE.fullmatch(attribute):
        raise InvalidArgumentError(
            f"{attribute!r} can't be an attribute's name; use 1 to 64 lower-case letters, digits, "
            "dots, dashes and underscores, a letter or digit first",
            field="attribute",
        )
    _hold(session, attribute, owner, around)
    if definitions_of(session, [attribute], [owner]):
        raise AlreadyExistsError(
            f"the attribute {attribute} is defined there already; change it with "
            "`mulligan metadef set`",
            field="attribute",
            object_type="metadef",
        )
    _refuse_more(session, owner)
    row = MetadefRow(
        id=str(uuid4()), attribute=attribute, owner=owner, created_at=datetime.now(UTC)
    )
    _put(row, definition)
    session.add(row)
    session.flush()
    _refuse_misfits(session, attribute, owner, around)
    _tell(session, row, "created", author)
    return row


def update_metadef(
    session: Session,
    metadef: str,
    change: Callable[[MetadefRow], Definition],
    *,
    read_at: int,
    around: Surroundings,
    author: str | None,
) -> MetadefRow:
    """Change a definition; `change` says from what it is now what it is to be.

    Raises:
        NotFoundError: there is none.
        StaleError: it is not at that generation any more (0: whatever it is at).
        FailedPreconditionError: VALUES_DO_NOT_FIT, TOO_MANY_VALUES.
    """
    row = _lock(session, metadef, around)
    refuse_stale(session, "metadef", row.id, generation=row.generation, read_at=read_at)
    before = (row.schema, row.object_types)
    _put(row, change(row))
    if session.is_modified(row):
        row.generation += 1
        session.flush()
        if (row.schema, row.object_types) != before:
            _refuse_misfits(session, row.attribute, row.owner, around)
        _tell(session, row, "updated", author)
    return row


def delete_metadef(
    session: Session, metadef: str, *, around: Surroundings, author: str | None
) -> None:
    """Delete a definition; values it held for are held by the next less specific one from then on.

    Raises:
        NotFoundError: there is none.
        FailedPreconditionError: VALUES_DO_NOT_FIT, or there is none that holds for them;
            TOO_MANY_VALUES.
    """
    row = _lock(session, metadef, around)
    session.delete(row)
    session.flush()
    _refuse_misfits(session, row.attribute, row.owner, around)
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


def select_metadefs(owners: Collection[str] | None, attribute: str) -> Select[Any]:
    """Select what some owners (None: all) and the system define, of one attribute ("": of any)."""
    query = select(MetadefRow)
    if owners is not None:
        query = query.where(one_of(_METADEFS.c.owner, "owners"))
    if attribute:
        query = query.where(MetadefRow.attribute == attribute)
    return query.params(owners=[*(owners or ()), SYSTEM])


def definitions_of(
    session: Session, attributes: Collection[str], owners: Collection[str] | None
) -> list[MetadefRow]:
    """Read the definitions that some owners have of attributes; None: that all have.

    Index: metadefs (attribute, owner).
    """
    query = select(MetadefRow).where(one_of(_METADEFS.c.attribute, "attributes"))
    if owners is not None:
        query = query.where(one_of(_METADEFS.c.owner, "owners"))
    query = query.execution_options(populate_existing=True)
    return list(
        session.scalars(query, {"attributes": list(attributes), "owners": list(owners or ())})
    )


def definitions_for(
    session: Session, named: Collection[tuple[str, str | None]], tree: PlaceTree
) -> list[MetadefRow]:
    """Read the definitions that can hold for attributes of what is in some projects, or in none."""
    projects = {project for _, project in named if project}
    owners = {SYSTEM, *(one for project in projects for one in tree.chain(project))}
    return definitions_of(session, {attribute for attribute, _ in named}, owners)


def keep_definitions(
    session: Session, named: Collection[tuple[str, str | None]], tree: PlaceTree
) -> list[MetadefRow]:
    """Read the definitions that can hold, as they stay until this transaction ends."""
    roots = {(attribute, tree.chain(project)[-1]) for attribute, project in named if project}
    systems = {(attribute, SYSTEM) for attribute, _ in named}
    hold_definitions(session, roots | systems, shared=True)
    return definitions_for(session, named, tree)


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


def not_there(metadef: str) -> NotFoundError:
    """Say that there is no such definition."""
    return NotFoundError(
        f"there is no metadef {metadef}; see `mulligan metadef list`",
        object_type="metadef",
        object_id=metadef,
    )


def _lock(session: Session, metadef: str, around: Surroundings) -> MetadefRow:
    row = get_metadef(session, metadef)
    _hold(session, row.attribute, row.owner, around)
    found = [one for one in definitions_of(session, [row.attribute], [row.owner]) if one is row]
    if not found:
        raise not_there(metadef)
    return row


def _hold(session: Session, attribute: str, owner: str, around: Surroundings) -> None:
    root = around.tree([owner]).chain(owner)[-1] if owner else SYSTEM
    hold_definitions(session, [(attribute, root)])


def _refuse_more(session: Session, owner: str) -> None:
    query = select(func.count()).select_from(MetadefRow).where(MetadefRow.owner == owner)
    if session.scalar(query) >= MOST_METADEFS:  # type: ignore[operator]
        raise FailedPreconditionError(
            f"{f'project {owner}' if owner else 'the system'} defines {MOST_METADEFS} attributes, "
            "and can define no more; delete one first",
            code="TOO_MANY_METADEFS",
            object_type="project",
            object_id=owner,
        )


def _put(row: MetadefRow, definition: Definition) -> None:
    row.description = definition.description
    _refuse_unknown(definition.object_types)
    row.object_types = sorted(set(definition.object_types))
    if definition.schema != row.schema:
        row.schema = schemas.check_schema(definition.schema)
    row.read_role = definition.read_role
    row.write_role = definition.write_role


def _refuse_unknown(object_types: Sequence[str]) -> None:
    for one in object_types:
        if one not in OBJECT_TYPES:
            near = get_close_matches(one, sorted(OBJECT_TYPES), n=1)
            raise InvalidArgumentError(
                f"there is no type of objects {one!r}"
                f"{f'; {near[0]} is meant?' if near else ''}; use some of "
                f"{', '.join(sorted(OBJECT_TYPES))}",
                field="object_types",
            )


def _refuse_misfits(session: Session, attribute: str, owner: str, around: Surroundings) -> None:
    """Refuse definitions that values of an attribute below an owner do not fit, as they are now.

    Index: attributes (attribute, project, object_id).
    """
    below = list(around.below(owner)) if owner else None
    tree = around.tree(projects_with(session, attribute) if below is None else below)
    owners = None if below is None else {SYSTEM, *below, *tree.chain(owner)}
    rows = definitions_of(session, [attribute], owners)
    columns: Any = AttributeRow.__table__.c
    query = select(columns.object_id, columns.object_type, columns.project, columns.value)
    query = query.where(columns.attribute == attribute)
    # By project, so that a definition's values come together: few schemas are kept compiled.
    query = query.order_by(columns.project, columns.object_id)
    if below is not None:
        query = query.where(one_of(columns.project, "below"))
    misfits: list[tuple[Any, str]] = []
    work = 0
    with session.execute(query.execution_options(yield_per=500), {"below": below}) as values:
        for some in values.partitions():
            work += sum(_work(rows, tree, attribute, one) for one in some)
            if work > MAX_CHANGE_WORK:
                raise _too_many(attribute)
            wrong = [(one, why) for one in some if (why := _misfit(rows, tree, attribute, one))]
            alive = around.there([one.object_id for one, _ in wrong]) if wrong else ()
            misfits += [(one, why) for one, why in wrong if one.object_id in alive]
            if len(misfits) >= TOLD_MISFITS:
                break
    if misfits:
        raise _misfitting(attribute, misfits)


def _work(rows: Sequence[MetadefRow], tree: PlaceTree, attribute: str, value: Row[Any]) -> int:
    row = holding(rows, tree, attribute, value.object_type, value.project)
    return VALUE_WORK + (schemas.work_of(row.schema, value.value) if row else 0)


def _misfit(rows: Sequence[MetadefRow], tree: PlaceTree, attribute: str, value: Row[Any]) -> str:
    row = holding(rows, tree, attribute, value.object_type, value.project)
    return schemas.misfit(row.schema, value.value) if row else "no definition would hold for it"


def _too_many(attribute: str) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"{attribute} has too many values to check them all at once; define another attribute, or "
        "take values away first",
        code="TOO_MANY_VALUES",
        field="schema",
        object_type="metadef",
    )


def _misfitting(attribute: str, misfits: Sequence[tuple[Any, str]]) -> FailedPreconditionError:
    told = misfits[:TOLD_MISFITS]
    words = "; ".join(f"{one.object_type} {one.object_id}: {why}" for one, why in told)
    return FailedPreconditionError(
        f"values of {attribute} would not fit: {words}. Change or take them away first",
        code="VALUES_DO_NOT_FIT",
        field="schema",
        object_type=told[0][0].object_type,
        object_id=told[0][0].object_id,
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
