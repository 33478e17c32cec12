"""Migrations lead to exactly the tables that the code knows, from nothing and from each release."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from mulligan.database import Database
from mulligan.migrations import migrate
from mulligan.tables import METADATA
from tests.databases import PostgreSQL


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/empty.sqlite"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql_server")
        server.administer("CREATE DATABASE empty")
        url = server.url("empty").render_as_string()
    database = Database(url)
    yield database
    database.close()
    if request.param == "postgresql":
        server.administer("DROP DATABASE empty")


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))


def test_migrations_make_the_tables_that_the_code_knows(empty: Database) -> None:
    assert differences(empty)
    migrate(empty)
    assert differences(empty) == []
    migrate(empty)
    assert differences(empty) == []
