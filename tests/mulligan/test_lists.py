"""Lists: an index gives each order, and names come in the same one on every server."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.orm import Session

from mulligan.control import endpoints, images, machines, operations
from mulligan.control.tables import Host
from mulligan.database import Database
from mulligan.iam import accounts, projects, regions
from mulligan.meta import many_names
from mulligan.migrations import migrate
from mulligan.resource import groups, networks, providers, reservations, series, standing
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.listing import Filter, Listed, Listing, OrderBy
from mulligan.values.places import PlaceTree
from tests.databases import PostgreSQL
from tests.mulligan.listed_rows import OWN, SHAPES, fill

List = Callable[..., Listed[Any]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADMIN = Caller(OWN, {SYSTEM: "admin"})
PROJECTS = PlaceTree()
PROJECTS.add(OWN, None)
MEMBER = Caller(OWN, {OWN: "member"}, project_tree=PROJECTS)

NAMED: dict[str, List] = {
    "servers": lambda s, listing: endpoints.list_servers(s, "", listing),
    "servers of a region": lambda s, listing: endpoints.list_servers(s, OWN, listing),
    "hosts": lambda s, listing: endpoints.list_hosts(s, "", listing),
    "hosts of a region": lambda s, listing: endpoints.list_hosts(s, OWN, listing),
    "images": lambda s, listing: images.list_images(s, "", listing),
    "images of a region": lambda s, listing: images.list_images(s, OWN, listing),
    "networks": lambda s, listing: networks.list_networks(s, listing=listing),
    "networks of a region": lambda s, listing: networks.list_networks(
        s, region=OWN, listing=listing
    ),
    "groups": lambda s, listing: groups.list_groups(s, listing=listing),
    "groups of a region": lambda s, listing: groups.list_groups(s, region=OWN, listing=listing),
    "providers of a region": lambda s, listing: providers.list_providers(
        s, region=OWN, listing=listing
    ),
    "machines": lambda s, listing: machines.list_machines(s, OWN, listing),
    "machines, ended or not": lambda s, listing: machines.list_machines(
        s, OWN, listing, include_ended=True
    ),
    "accounts": accounts.list_accounts,
    "projects": lambda s, listing: projects.list_projects(s, ADMIN, listing=listing),
    "regions": lambda s, listing: regions.list_regions(s, ADMIN, listing),
}
UNNAMED: dict[str, List] = {
    "providers": lambda s, listing: providers.list_providers(s, listing=listing),
    "claims": lambda s, listing: standing.list_claims(s, now=NOW, project=OWN, listing=listing),
    "claims, ended or not": lambda s, listing: standing.list_claims(
        s, now=NOW, project=OWN, include_ended=True, listing=listing
    ),
    "reservations": lambda s, listing: reservations.list_page(s, OWN, listing=listing),
    "reservations, ended or not": lambda s, listing: reservations.list_page(
        s, OWN, include_ended=True, listing=listing
    ),
    "series": lambda s, listing: series.list_page(s, OWN, listing),
    "operations": lambda s, listing: operations.list_visible(s, ADMIN, listing=listing),
    "operations of a project, by its member": lambda s, listing: operations.list_visible(
        s, MEMBER, listing=listing
    ),
}
PLACES = {
    OrderBy.ID: (OWN,),
    OrderBy.NAME: ("m", OWN),
    OrderBy.CREATED_AT: (NOW, OWN),
}
IS_SORTED = "TEMP B-TREE FOR ORDER BY"
"""By SQLite."""

WITH_ENDED = ("machines", "claims", "reservations")
OF_INSTALLATION = ("accounts", "projects", "regions")
LISTS = [
    *product(NAMED, OrderBy),
    *product(UNNAMED, (OrderBy.ID, OrderBy.CREATED_AT)),
]
TABLES = {"groups": "provider_groups", "series": "reservation_series"}
"""Of lists that are not called as their table is."""


def table_of(name: str) -> str:
    """The table of a list."""
    kind = re.split(" |,", name)[0]
    return TABLES.get(kind, kind)


def index_of(name: str, order_by: OrderBy) -> str:
    """The index that is to give the order of a list."""
    table = table_of(name)
    living = table in WITH_ENDED and "ended or not" not in name
    if order_by is OrderBy.NAME:
        if table == "providers":
            return "ix_names_living_anything_owned"
        if "ended or not" in name:
            return "ix_names_owned"
        of_all = table not in (*WITH_ENDED, *OF_INSTALLATION) and "of a region" not in name
        return "ix_names_living" if of_all else "ix_names_living_owned"
    if living:
        return f"ix_{table}_living" + ("_by_time" if order_by is OrderBy.CREATED_AT else "")
    owner = "region_" if "of a region" in name else ""
    if table in (*WITH_ENDED, "reservation_series") or "of a project" in name:
        owner = "project_"
    if order_by is OrderBy.ID:
        return f"ix_{table}_{owner}id" if owner else f"pk_{table}"
    return f"ix_{table}_{owner}created_at_id"


class PlannedError(Exception):
    """Ends a list whose plan was read, and tells it."""


def plan_of(database: Database, asked: Callable[[Session], Any]) -> str:
    """How a database would read a page, with what the list sets for it."""
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "

    def planned(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            raw = connection.connection.cursor()
            raw.execute(explain + statement, parameters)
            raise PlannedError("\n".join(str(row[-1]) for row in raw.fetchall()))

    event.listen(database.engine, "before_cursor_execute", planned)
    try:
        database.read(asked)
    except PlannedError as found:
        return str(found)
    finally:
        event.remove(database.engine, "before_cursor_execute", planned)
    raise AssertionError("nothing was read")


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database as services make it: SQLite looks at which index is the older one."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/lists.sqlite"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql_server")
        server.administer("CREATE DATABASE lists")
        url = server.url("lists").render_as_string()
    database = Database(url)
    migrate(database)
    yield database
    database.close()
    if request.param == "postgresql":
        server.administer("DROP DATABASE lists")


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
def test_a_page_is_read_in_the_order_of_an_index(migrated: Database) -> None:
    wrong = {}
    for (name, order_by), descending in product(LISTS, (False, True)):
        listing = Listing(order_by, descending, after=PLACES[order_by])
        plan = plan_of(migrated, partial((NAMED | UNNAMED)[name], listing=listing))
        of_living = order_by is OrderBy.NAME or name not in WITH_ENDED or f"{name}_living" in plan
        if IS_SORTED in plan or not of_living:
            wrong[name, order_by, descending] = plan
    assert wrong == {}


@pytest.mark.parametrize("migrated", ["postgresql"], indirect=True)
def test_a_page_is_read_by_the_index_of_its_order_whatever_the_planner_expects(
    migrated: Database,
) -> None:
    tables, wrong = sorted({table_of(name) for name in NAMED | UNNAMED}), {}
    for shape, begun in product(SHAPES, (False, True)):
        if not begun:
            migrated.write(partial(fill, tables=tables, shape=SHAPES[shape]))
        for (name, order_by), descending in product(LISTS, (False, True)):
            listing = Listing(order_by, descending, after=PLACES[order_by] if begun else ())
            plan = plan_of(migrated, partial((NAMED | UNNAMED)[name], listing=listing))
            first = next(line for line in plan.splitlines() if "Scan" in line)
            if "Sort" in plan or f" {index_of(name, order_by)} on " not in first:
                wrong[shape, name, order_by, descending, begun] = plan
    assert wrong == {}


@pytest.mark.parametrize("language", ["C", "en-x-icu"])
def test_names_come_in_the_order_of_unicode_whatever_the_servers_is(
    postgresql_database: Database, language: str
) -> None:
    column = f'ALTER TABLE names ALTER COLUMN name TYPE VARCHAR(255) COLLATE "{language}"'
    called = {str(uuid4()): name for name in ("a-1", "B 2", "b-1", "B-1", "é", "A", "😀", "Z")}
    rows = [
        {"id": one, "region": OWN, "uri": one, "pool": "p", "state": "available",
         "since": NOW, "created_at": NOW}
        for one in called
    ]  # fmt: skip

    def write(session: Session) -> None:
        session.execute(text(column))
        session.execute(insert(Host), rows)
        many_names.give_names(session, "host", called, region=OWN)

    postgresql_database.write(write)
    walked: list[str] = []
    listing = Listing(OrderBy.NAME, limit=3)
    while len(walked) % 3 == 0:
        page = postgresql_database.read(partial(endpoints.list_hosts, region=OWN, listing=listing))
        walked += [called[row.id] for row in page.items]
        listing = replace(listing, after=page.end)
    assert walked == sorted(called.values())
    begun = Listing(OrderBy.NAME, filter=Filter(name_prefix="B"))
    found = postgresql_database.read(partial(endpoints.list_hosts, region=OWN, listing=begun))
    assert [called[row.id] for row in found.items] == ["B 2", "B-1"]
