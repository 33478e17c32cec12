"""Pages of lists of objects, in the order of their ids, names or times, and narrowed alike.

A page begins after the last object of the one before, whatever came or went meanwhile. It costs
what is in it, and what is passed over on the way: what the filter leaves out, what the caller may
not see, claims that time alone ended. The indexes that give each order are said with the tables
that are listed. Sorted for each page are, as no index has what their callers see in one order: by
name, providers of all regions; projects of who has no role on the system; operations of several
projects; application credentials; servers and hosts of a project that owns them; by time, metadefs.
"""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, any_, bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from mulligan.database import in_unicode_order
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
    owned_by: Any = None,
    ended: bool | None = None,
    whole: bool = False,
) -> Listed[Any]:
    """Read a page of the objects of a table.

    Indexes for names: (object_type, owner, name, id), of the living and of all; of the living, too,
    (object_type, name, id) and (owner, name, id). Those of an owner's living have their first
    column descending.

    Args:
        session: a session.
        query: the objects, narrowed by what only their own list knows.
        table: what is listed; it has id and created_at, and state where one is asked for.
        listing: how the list is ordered and narrowed, and where the page begins.
        object_types: of which types they are, as their names say.
        owner: the project or region to which all of them belong, or nobody (""); None where they
            belong to several.
        owned_by: the column of the table that says to whom they belong.
        ended: whether those that ended are among them; None: the table has no index of the living.
        whole: whether they are all that the owner has, but for what ended.
    """
    chosen, name = listing.filter, in_unicode_order(session, NameRow.name)
    by_name = listing.order_by is OrderBy.NAME
    keys = {
        OrderBy.ID: (table.id,),
        OrderBy.NAME: (name, NameRow.id),
        OrderBy.CREATED_AT: (table.created_at, table.id),
    }[listing.order_by]
    whole = whole and Filter() == (replace(chosen, name_prefix="") if by_name else chosen)
    unsorted = whole and session.get_bind().dialect.name != "sqlite"
    named_as = object_types if chosen.name_prefix or by_name else None
    of = _whose(named_as, owner, owned_by)
    if named_as is not None:
        query = _named(query, table, named_as, ended=bool(ended))
    if unsorted and owner is not None and of:
        (first, value), *of = of
        living = not ended if by_name else ended is False
        query = query.where(_is(first, value))
        query = query.order_by(first.desc() if living != listing.descending else first)
    query = _narrowed(query.where(*(column == value for column, value in of)), table, chosen, name)
    with _unsorted(session, unsorted):
        return _page(session, query, keys, listing)


def listed_words(session: Session, table: Any, listing: Listing) -> Listed[Any]:
    """Read a page of registered words, each of which is its own name and id.

    They are sorted, as they are few; SQLite has them by name in the order of their primary key.
    """
    name = in_unicode_order(session, table.name)
    keys = (table.created_at, name) if listing.order_by is OrderBy.CREATED_AT else (name,)
    return _page(session, _narrowed(select(table), table, listing.filter, name), keys, listing)


def _page(
    session: Session, query: Select[Any], keys: Sequence[Any], listing: Listing
) -> Listed[Any]:
    if listing.after:
        here = tuple_(*keys)
        query = query.where(here < listing.after if listing.descending else here > listing.after)
    query = query.order_by(*(key.desc() if listing.descending else key for key in keys))
    # The places come with the rows: a name that is read later may be another one.
    found = session.execute(query.add_columns(*keys).limit(listing.limit + 1)).all()
    page = found[: listing.limit]
    places = [tuple(place) for _, *place in page]
    return Listed([row[0] for row in page], places, len(found) > len(page))


def _whose(
    named_as: Collection[str] | None, owner: str | None, owned_by: Any
) -> list[tuple[Any, str]]:
    """Say which columns have which value for all, first that with which the index begins."""
    of: list[tuple[Any, str]] = []
    if named_as is not None and len(named_as) == 1:
        of.append((NameRow.object_type, next(iter(named_as))))
    if owner is not None:
        if named_as is not None:
            of.append((NameRow.owner, owner))
        if owned_by is not None:
            of.append((owned_by, owner))
    return of


@contextmanager
def _unsorted(session: Session, unsorted: bool) -> Iterator[None]:
    """Have PostgreSQL read in the order of an index, however few it expects.

    Whose project an object is, whose its name is, and whether it lives, are one thing, and it takes
    them for three: of a project with 20,000 machines it expects 100, and would sort them all, or
    have other processes read them, or sort those of one time where an index has no more of their
    order.
    """
    if not unsorted:
        yield
        return
    settings = (
        ("enable_sort", "off"),
        ("enable_incremental_sort", "off"),
        ("max_parallel_workers_per_gather", "0"),
    )
    session.execute(text("; ".join(f"SET LOCAL {name} = {value}" for name, value in settings)))
    yield
    session.execute(text("; ".join(f"SET LOCAL {name} TO DEFAULT" for name, _ in settings)))


def _named(
    query: Select[Any], table: Any, object_types: Collection[str], *, ended: bool
) -> Select[Any]:
    query = query.join(NameRow, NameRow.id == table.id)
    if len(object_types) > 1:
        query = query.where(NameRow.object_type.in_(object_types))
    return query if ended else query.where(NameRow.released_at.is_(None))


def _narrowed(
    query: Select[Any], table: Any, chosen: Filter, name: ColumnElement[str]
) -> Select[Any]:
    if chosen.name_prefix:
        prefix = unicodedata.normalize("NFC", chosen.name_prefix)
        query = query.where(name >= prefix, name < prefix + _AFTER_ALL)
    if chosen.created_since:
        query = query.where(table.created_at >= chosen.created_since)
    if chosen.created_until:
        query = query.where(table.created_at < chosen.created_until)
    if chosen.states:
        query = query.where(table.state.in_(chosen.states))
    return query


def _is(column: Any, value: str) -> ColumnElement[bool]:
    """Say what a column is so that PostgreSQL takes it for one that orders, too.

        WHERE project = ANY (ARRAY[:project]) ... ORDER BY project DESC, id

    Were it said to be equal, an index of ids alone would do for the order, and PostgreSQL would
    walk through those of everybody where it takes an owner's few for many. Neither can the index
    of all take the place of that of the living, whose first column is descending.
    """
    only = bindparam(None, value, type_=column.type, unique=True)
    return cast(ColumnElement[bool], column == any_(array([only])))
