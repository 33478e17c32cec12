"""Migrations lead to exactly the tables that the code knows, from nothing and from each release."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from mulligan import migrations
from mulligan.database import Database
from mulligan.migrations import migrate
from mulligan.resource.standards import standard_rows
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


def test_the_standard_names_are_there(empty: Database) -> None:
    migrate(empty)
    with empty.engine.connect() as connection:
        for table, rows in standard_rows().items():
            found = connection.execute(select(table.__table__)).mappings()
            assert sorted(map(dict, found), key=lambda row: str(row["name"])) == sorted(
                rows, key=lambda row: str(row["name"])
            )


def test_what_the_release_before_wrote_is_taken_over(empty: Database) -> None:
    top, middle, leaf = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(3))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with empty.engine.execution_options(mulligan_write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for provider, parent in ((top, None), (middle, top), (leaf, middle)):
            connection.execute(
                text(
                    "INSERT INTO providers (id, region, type, parent, available, "
                    "unavailable_reason, generation, created_at) VALUES "
                    "(:id, :id, 'host', :parent, true, '', 1, '2026-01-01 00:00:00')"
                ),
                {"id": as_stored(empty, provider), "parent": as_stored(empty, parent)},
            )
        connection.execute(
            text("INSERT INTO provider_capabilities VALUES (:id, 'odd:one'), (:id, 'virt:kvm')"),
            {"id": as_stored(empty, leaf)},
        )
    migrate(empty)
    with empty.engine.connect() as connection:
        roots = dict(
            tuple(row) for row in connection.execute(text("SELECT id, root FROM providers"))
        )
        own = connection.scalars(text("SELECT name FROM capabilities WHERE NOT standard")).all()
    assert [str(roots[key]).replace("-", "") for key in sorted(roots, key=str)] == [
        "None", top.replace("-", ""), top.replace("-", ""),
    ]  # fmt: skip
    assert own == ["odd:one"]


def as_stored(database: Database, provider: str | None) -> str | None:
    """SQLite keeps UUIDs without dashes."""
    return provider.replace("-", "") if provider and database.is_sqlite else provider
