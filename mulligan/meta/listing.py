"""Pages of lists of objects, in the order of their ids, names or times, and narrowed alike.

A page begins after the last object of the one before, whatever came or went meanwhile. It costs
what is in it, and what is passed over on the way: what the filter leaves out, what the caller may
not see, claims that time alone ended. The indexes that give each order are said with the tables
that are listed. Sorted for each page are, as no index has what their callers see in one order: by
name, providers of all regions; projects of who has no role on the system; operations of several
projects; application credentials; servers and hosts of a project that owns them.
"""

import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, text, tuple_
from sqlalchemy.orm import Session

from mulligan.meta.names import NameRow
from mulligan.values.listing import Filter, Listed, Listing, OrderBy

_AFTER_ALL = "\U0010ffff"
"""No character of a name, and after all that are."""


def listed(
    session: Session,
    query: Select[Any],
    table: Any,
    listing: Listing,
    *,
    object_types: Collection[str] = (),
    owner: str | None = None,
    ended: bool = False,
    whole: bool = False,
) -> Listed[Any]:
    """Read a page of the objects of a table.

    Indexes for names: (object_type, owner, name, id), of the living and of all; of the living, too,
    (object_type, name, id) and (owner, name, id).

    Args:
        session: a session.
        query: the objects, narrowed by what only their own list knows.
        table: what is listed; it has id and created_at, and state where one is asked for.
        listing: how the list is ordered and narrowed, and where the page begins.
        object_types: of which types they are, as their names say.
        owner: the project or region to which all of them belong, or nobody (""); None where they
            belong to several.
        ended: whether those that ended are among them.
        whole: whether they are all that the owner has, but for what ended.
    """
    chosen, name = listing.filter, _in_unicode_order(session)
    by_name = listing.order_by is OrderBy.NAME
    if chosen.name_prefix or by_name:
        query = _named(query, table, object_types, owner, ended=ended)
    if chosen.name_prefix:
        prefix = unicodedata.normalize("NFC", chosen.name_prefix)
        query = query.where(name >= prefix, name < prefix + _AFTER_ALL)
    if chosen.created_since:
        query = query.where(table.created_at >= chosen.created_since)
    if chosen.created_until:
        query = query.where(table.created_at < chosen.created_until)
    if chosen.states:
        query = query.where(table.state.in_(chosen.states))
    keys = {
        OrderBy.ID: (table.id,),
        OrderBy.NAME: (name, NameRow.id),
        OrderBy.CREATED_AT: (table.created_at, table.id),
    }[listing.order_by]
    if listing.after:
        here = tuple_(*keys)
        query = query.where(here < listing.after if listing.descending else here > listing.after)
    query = query.order_by(*(key.desc() if listing.descending else key for key in keys))
    # The places come with the rows: a name that is read later may be another one.
    query = query.add_columns(*keys).limit(listing.limit + 1)
    narrowed_by = replace(chosen, name_prefix="") if by_name else chosen
    with _unsorted(session, whole and narrowed_by == Filter()):
        found = session.execute(query).all()
    page = found[: listing.limit]
    places = [tuple(place) for _, *place in page]
    return Listed([row[0] for row in page], places, len(found) > len(page))


@contextmanager
def _unsorted(session: Session, unsorted: bool) -> Iterator[None]:
    """Have PostgreSQL read in the order of an index, however few it expects.

    Whose project an object is, whose its name is, and whether it lives, are one thing, and it takes
    them for three: of a project with 20,000 machines it expects 100, and would sort them all, or
    have other processes read them.
    """
    if not unsorted or session.get_bind().dialect.name == "sqlite":
        yield
        return
    settings = ("enable_sort", "off"), ("max_parallel_workers_per_gather", "0")
    session.execute(text("; ".join(f"SET LOCAL {name} = {value}" for name, value in settings)))
    yield
    session.execute(text("; ".join(f"SET LOCAL {name} TO DEFAULT" for name, _ in settings)))


def _in_unicode_order(session: Session) -> ColumnElement[str]:
    """A name as both databases order it alike."""
    if session.get_bind().dialect.name == "sqlite":
        return NameRow.name.expression
    return NameRow.name.collate("C")


def _named(
    query: Select[Any], table: Any, object_types: Collection[str], owner: str | None, *, ended: bool
) -> Select[Any]:
    query = query.join(NameRow, NameRow.id == table.id)
    if len(object_types) == 1:
        query = query.where(NameRow.object_type == next(iter(object_types)))
    elif object_types:
        query = query.where(NameRow.object_type.in_(object_types))
    if owner is not None:
        query = query.where(NameRow.owner == owner)
    return query if ended else query.where(NameRow.released_at.is_(None))
