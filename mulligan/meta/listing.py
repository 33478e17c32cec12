"""Pages of lists of objects, in the order of their ids, names or times, and narrowed alike.

A page begins after the last object of the one before, whatever came or went meanwhile, and costs
what is in it: the indexes that give each order are said with the tables that are listed.
"""

import unicodedata
from typing import Any, TypeVar

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import Session

from mulligan.meta.names import NameRow
from mulligan.values.listing import Listed, Listing, OrderBy

T = TypeVar("T")

_AFTER_ALL = "\U0010ffff"
"""No character of a name, and after all that are."""


def listed(
    session: Session,
    query: Select[Any],
    table: Any,
    listing: Listing,
    *,
    object_type: str = "",
    owner: str = "",
    ended: bool = False,
) -> Listed[Any]:
    """Read a page of the objects of a table.

    Indexes for names: (object_type, owner, name, id), (name, id).

    Args:
        session: a session.
        query: the objects, narrowed by what only their own list knows.
        table: what is listed; it has id and created_at, and state where one is asked for.
        listing: how the list is ordered and narrowed, and where the page begins.
        object_type: of all of them, as their names say; empty where it is not one.
        owner: the project or region to which all their names belong, if it is one.
        ended: whether those that ended are among them.
    """
    chosen = listing.filter
    if chosen.name_prefix or listing.order_by is OrderBy.NAME:
        query = _named(query, table, object_type, owner, ended=ended)
    if chosen.name_prefix:
        prefix = unicodedata.normalize("NFC", chosen.name_prefix)
        query = query.where(NameRow.name >= prefix, NameRow.name < prefix + _AFTER_ALL)
    if chosen.created_since:
        query = query.where(table.created_at >= chosen.created_since)
    if chosen.created_until:
        query = query.where(table.created_at < chosen.created_until)
    if chosen.states:
        query = query.where(table.state.in_(chosen.states))
    keys = _keys(table, listing.order_by)
    if listing.after:
        here = tuple_(*keys)
        query = query.where(here < listing.after if listing.descending else here > listing.after)
    query = query.order_by(*(key.desc() if listing.descending else key for key in keys))
    rows = list(session.scalars(query.limit(listing.limit + 1)))
    if len(rows) <= listing.limit:
        return Listed(rows)
    return Listed(rows[:-1], _place(session, rows[-2], listing.order_by))


def _named(
    query: Select[Any], table: Any, object_type: str, owner: str, *, ended: bool
) -> Select[Any]:
    query = query.join(NameRow, NameRow.id == table.id)
    if object_type:
        query = query.where(NameRow.object_type == object_type)
    if owner:
        query = query.where(NameRow.owner == owner)
    return query if ended else query.where(NameRow.released_at.is_(None))


def _keys(table: Any, order_by: OrderBy) -> list[Any]:
    if order_by is OrderBy.NAME:
        return [NameRow.name, NameRow.id]
    return [table.created_at, table.id] if order_by is OrderBy.CREATED_AT else [table.id]


def _place(session: Session, row: Any, order_by: OrderBy) -> tuple[Any, ...]:
    """Where an object stands in the list."""
    if order_by is OrderBy.NAME:
        return session.get_one(NameRow, row.id).name, row.id
    return (row.created_at, row.id) if order_by is OrderBy.CREATED_AT else (row.id,)
