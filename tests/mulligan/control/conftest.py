"""Databases that the tests of a module share: each has a region and a project of its own."""

from collections.abc import Callable, Iterator

import pytest

from mulligan import events
from mulligan.database import Database
from tests.databases import PostgreSQL
from tests.mulligan.control.reservation_stage import Stage


@pytest.fixture(scope="module")
def sqlite_stages(new_sqlite: Callable[[], Database]) -> Iterator[Database]:
    """A SQLite database."""
    database = new_sqlite()
    events.record(database)
    yield database
    database.close()


@pytest.fixture(scope="module")
def postgresql_stages(postgresql_server: PostgreSQL) -> Iterator[Database]:
    """A PostgreSQL database."""
    name = postgresql_server.create_database()
    database = Database(postgresql_server.url(name).render_as_string())
    events.record(database)
    yield database
    database.close()


@pytest.fixture
def stage(sqlite_stages: Database) -> Stage:
    """A region and a project of this test's own."""
    return Stage(sqlite_stages)


@pytest.fixture(params=["sqlite", "postgresql"])
def each(request: pytest.FixtureRequest) -> Stage:
    """The same on each kind of database."""
    return Stage(request.getfixturevalue(f"{request.param}_stages"))
