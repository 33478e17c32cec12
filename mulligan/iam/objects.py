"""What accounts, projects and regions have in common: they are found, locked and changed alike."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import one_of
from mulligan.generations import refuse_stale
from mulligan.iam.project_tree import select_below
from mulligan.iam.tables import Account, Project, Region
from mulligan.meta import names
from mulligan.meta.listing import listed
from mulligan.values.errors import NotFoundError
from mulligan.values.listing import Listed, Listing
from mulligan.values.regions import Visibility

Object = TypeVar("Object", Account, Project, Region)

_NOUNS: dict[type[Account] | type[Project] | type[Region], str] = {
    Account: "account",
    Project: "project",
    Region: "region",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A project or region (`type`), and under which other one it is, if not at the top.

    A region is shown to some projects, or to everybody (None); `generation` tells what was read
    later of it.
    """

    type: str
    id: str
    parent: str | None
    ended: bool
    shown_to: frozenset[str] | None = None
    generation: int = 1


def places(session: Session) -> list[Place]:
    """Read which projects and regions there are and were."""
    return [
        _place(table, row)
        for table in (Project, Region)
        for row in session.execute(select(*_columns(table)))
    ]


def chains(session: Session, ids: Collection[str]) -> list[Place]:
    """Read those of the ids that are projects or regions, and all places above them.

    Index: the primary keys, one look-up for each place.
    """
    found: list[Place] = []
    for table in (Project, Region):
        start = select(table.id, table.parent).where(one_of(table.__table__.c.id, "ids"))
        chain = start.cte("chain", recursive=True)
        above = select(table.id, table.parent).join(chain, table.id == chain.c.parent)
        found_ids = select(chain.union(above).c.id)
        query = select(*_columns(table)).where(table.id.in_(found_ids))
        found += (_place(table, row) for row in session.execute(query, {"ids": list(ids)}))
    return found


def projects_below(session: Session, project: str) -> list[str]:
    """Read a project and all below it, those that were deleted, too. Index: projects (parent)."""
    return list(session.scalars(select_below(project)))


def _columns(table: type[Project] | type[Region]) -> list[Any]:
    columns = [table.id, table.parent, table.deleted_at, table.generation]
    return [*columns, Region.visibility, Region.visible_to] if table is Region else columns


def _place(table: type[Project] | type[Region], row: Any) -> Place:
    shown_to = None
    if table is Region and row.visibility != Visibility.PUBLIC:
        shown_to = frozenset(row.visible_to)
    ended = row.deleted_at is not None
    return Place(_NOUNS[table], row.id, row.parent, ended, shown_to, row.generation)


def living(table: type[Object]) -> ColumnElement[bool]:
    """Leave out what is deleted and kept for its id's sake only."""
    deleted_at = getattr(table, "deleted_at", None)
    return true() if deleted_at is None else deleted_at.is_(None)


def get(session: Session, table: type[Object], object_id: str) -> Object:
    """Find a living object by id.

    Raises:
        NotFoundError: there is none.
    """
    return _one(session, table, object_id, _by_ids(table, [object_id]))


def keep(session: Session, table: type[Object], object_id: str) -> Object:
    """Find a living object that must not be deleted before this transaction ends.

    Raises:
        NotFoundError: there is none.
    """
    query = _by_ids(table, [object_id]).with_for_update(read=True, key_share=True)
    return _one(session, table, object_id, query)


def lock(session: Session, table: type[Object], object_id: str, *, read_at: int = 0) -> Object:
    """Find a living object that is to be changed, and keep others from it.

    Raises:
        NotFoundError: there is none.
        StaleError: it is not at the generation `read_at` any more (0: whatever it is at).
    """
    query = _by_ids(table, [object_id]).with_for_update()
    row = _one(session, table, object_id, query.execution_options(populate_existing=True))
    refuse_stale(session, _NOUNS[table], row.id, generation=row.generation, read_at=read_at)
    return row


def get_all(session: Session, table: type[Object], ids: Sequence[str]) -> list[Object]:
    """Find living objects by id, in the order of the ids.

    Raises:
        NotFoundError: one of them is not there.
    """
    found = {row.id: row for row in session.scalars(_by_ids(table, ids))}
    for one in ids:
        if one not in found:
            raise not_there(_NOUNS[table], one)
    return [found[one] for one in ids]


def page(
    session: Session,
    table: type[Object],
    query: Select[Object],
    listing: Listing,
    *,
    whole: bool = False,
) -> Listed[Object]:
    """Read a page of living objects; `whole` says that the query leaves out no others."""
    query = query.where(living(table))
    return listed(
        session, query, table, listing, object_types=[_NOUNS[table]], owner="", whole=whole
    )


def rename(session: Session, row: Account | Project | Region, name: str) -> str:
    """Give an object another name; gives words for it, empty if it has this one already."""
    noun = _NOUNS[type(row)]
    if names.check_name(noun, name) == names.name_of(session, row.id):
        return ""
    return f"is named {names.rename(session, noun, row.id, name).name!r} now"


def tell(
    session: Session, row: Account | Project | Region, kind: str, words: str, author: str | None
) -> None:
    """Write the event of a change."""
    event = events.Event(
        _NOUNS[type(row)],
        row.id,
        kind,
        project=row.id if isinstance(row, Project) else None,
        region=row.id if isinstance(row, Region) else None,
        author=author,
        message=words,
        generation=row.generation,
    )
    events.append(session, event)


def not_there(noun: str, object_id: str) -> NotFoundError:
    """Say that there is no such object."""
    return NotFoundError(
        f"there is no {noun} {object_id}; see `mulligan {noun} list`",
        object_type=noun,
        object_id=object_id,
        field=noun,
    )


def _by_ids(table: type[Object], ids: Sequence[str]) -> Select[Object]:
    known = [one for one in ids if names.is_uuid(one)]
    return select(table).where(table.id.in_(known), living(table))


def _one(session: Session, table: type[Object], object_id: str, query: Select[Object]) -> Object:
    row = session.scalars(query).one_or_none()
    if row is None:
        raise not_there(_NOUNS[table], object_id)
    return row
