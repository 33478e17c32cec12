"""Migrations lead to exactly the tables that the code knows, from nothing and from each release."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Index, UnaryExpression, select, text
from sqlalchemy.sql.operators import desc_op

from mulligan import migrations
from mulligan.database import Database
from mulligan.iam import copies
from mulligan.meta.planned_names import PlannedName
from mulligan.migrations import is_migrated, migrate
from mulligan.migrations.indexes import build_index
from mulligan.resource.leftovers import clear_leftovers
from mulligan.resource.standards import standard_rows
from mulligan.resource.tables import DistanceRow, MemberRow
from mulligan.tables import METADATA
from tests.databases import PostgreSQL

REFUSED = "indexrelid = 'ix_events_refused'::regclass"


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
        found = list(compare_metadata(context, METADATA))
    # What descends, alembic reads as an expression, where the code says it for PostgreSQL only.
    read = {one[1].name: columns_of(one[1]) for one in found if one[0] == "remove_index"}
    said = {one[1].name: columns_of(one[1]) for one in found if one[0] == "add_index"}
    same = {name for name in read if read[name] == said.get(name)}
    return [one for one in found if not str(one[0]).endswith("_index") or one[1].name not in same]


def columns_of(index: Index) -> list[tuple[str, bool]]:
    """The columns of an index of PostgreSQL, and whether each descends."""
    ops = index.dialect_options["postgresql"]["ops"]
    found: list[tuple[str, bool]] = []
    expressions: Any = index.expressions
    for column in expressions:
        if isinstance(column, UnaryExpression):
            found.append((column.element.name, column.modifier is desc_op))
        else:
            found.append((column.name, ops.get(column.name) == "DESC"))
    return found


def test_migrations_make_the_tables_that_the_code_knows(empty: Database) -> None:
    assert differences(empty)
    migrate(empty)
    assert differences(empty) == []
    migrate(empty)
    assert differences(empty) == []


def test_whether_anything_is_to_be_migrated_is_seen_without_alembic(empty: Database) -> None:
    assert not is_migrated(empty)
    migrate(empty)
    assert is_migrated(empty)
    at = "UPDATE alembic_version SET version_num = '0014'"
    empty.write(lambda session: session.execute(text(at)))
    assert not is_migrated(empty)


def test_a_database_that_a_later_release_migrated_is_used_as_it_is(
    empty: Database, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(empty)
    at = "UPDATE alembic_version SET version_num = '9999'"
    empty.write(lambda session: session.execute(text(at)))
    assert is_migrated(empty)
    assert "a later release brought the database to 9999" in caplog.text


def test_services_that_start_at_once_migrate_one_after_the_other(empty: Database) -> None:
    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(migrate, empty) for _ in range(3)]:
            done.result(60)
    assert differences(empty) == []


def test_a_copy_of_iam_that_knows_less_of_regions_is_read_anew(empty: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with empty.engine.execution_options(mulligan_write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
        connection.execute(text("UPDATE iam_copy SET revision = 7"))
    migrate(empty)
    assert empty.read(copies.revision) == 0


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_an_index_that_was_half_built_is_built_again(empty: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with empty.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
        connection.execute(text("ALTER TABLE events ADD COLUMN method VARCHAR(64)"))
        connection.execute(text("CREATE INDEX ix_events_refused ON events (at)"))
        connection.execute(text(f"UPDATE pg_index SET indisvalid = false WHERE {REFUSED}"))
    migrate(empty)
    assert differences(empty) == []


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_an_index_that_is_complete_is_not_built_again(empty: Database) -> None:
    """However often a start is cut off, the next one goes on from there."""
    migrate(empty)
    identity = text(f"SELECT indexrelid FROM pg_index WHERE {REFUSED}")
    built = empty.read(lambda session: session.scalar(identity))
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context), context.begin_transaction():
            build_index("ix_events_refused", "events", ["at"])
    assert empty.read(lambda session: session.scalar(identity)) == built


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
            above = as_stored(empty, parent) if parent else None
            add_provider(connection, as_stored(empty, provider), above)
        use_names(connection, as_stored(empty, leaf))
    migrate(empty)
    with empty.engine.connect() as connection:
        roots = dict(
            tuple(row) for row in connection.execute(text("SELECT id, root FROM providers"))
        )
        assert own_names(connection) == (["ODD"], ["odd:one"])
    assert [str(roots[key]).replace("-", "") for key in sorted(roots, key=str)] == [
        "None", top.replace("-", ""), top.replace("-", ""),
    ]  # fmt: skip


def test_what_the_release_before_writes_and_deletes_meanwhile_is_made_up_for(
    empty: Database,
) -> None:
    kept, gone, group = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(3))
    migrate(empty)
    with empty.engine.execution_options(mulligan_write=True).begin() as connection:
        for provider in (kept, gone):
            add_provider(connection, as_stored(empty, provider))
        use_names(connection, as_stored(empty, kept))
        for statement in (
            "INSERT INTO provider_groups VALUES (:group, :group, 1, '2026-01-01 00:00:00')",
            'INSERT INTO group_members ("group", provider) VALUES (:group, :kept), (:group, :gone)',
            "INSERT INTO distances VALUES ('location', :kept, :gone, 1)",
            "INSERT INTO distances VALUES ('location', :gone, :group, 1)",
            "INSERT INTO distances VALUES ('location', :kept, :group, 1)",
            *(
                f"DELETE FROM {table} WHERE provider = :gone"
                for table in ("inventories", "provider_capabilities", "provider_properties")
            ),
            "DELETE FROM providers WHERE id = :gone",
        ):
            named = {"kept": kept, "gone": gone, "group": group}
            ids = {name: as_stored(empty, one) for name, one in named.items()}
            used = {name: one for name, one in ids.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    for _ in range(2):
        empty.write(lambda session: clear_leftovers(session, datetime.now(UTC)))
    with empty.engine.connect() as connection:
        assert own_names(connection) == (["ODD"], ["odd:one"])
        left = connection.execute(select(DistanceRow.a, DistanceRow.b)).all()
        assert [tuple(row) for row in left] == [(kept, group)]
        assert connection.scalars(select(MemberRow.provider)).all() == [kept]


def test_the_names_that_reservations_are_to_give_are_taken_over(empty: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    one = "00000000-0000-4000-8000-000000000001"
    texts = dict.fromkeys(
        ("purpose", "at_end", "problem", "stop", "state", "reason", "next_action"), "''"
    )
    numbers = dict.fromkeys(
        ("keep_s", "warn_s", "reclaim_s", "attempts", "failures", "generation"), "0"
    )
    ids = dict.fromkeys(("id", "project", "region", "claim", "operation", "author"), ":id")
    wished = ":wish" if empty.is_sqlite else "CAST(:wish AS JSONB)"
    rest = {"heals": "true", "machine_wish": wished, "created_at": ":at", "since": ":at"}
    values = {**ids, **texts, **numbers, **rest}
    columns, given = ", ".join(values), ", ".join(values.values())
    insert = f"INSERT INTO reservations ({columns}) VALUES ({given})"
    with empty.engine.execution_options(mulligan_write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        wish = '{"name": "web", "wish": {}}'
        stored = as_stored(empty, one)
        connection.execute(text(insert), {"id": stored, "wish": wish, "at": "2026-01-01 00:00:00"})
    migrate(empty)
    with empty.engine.connect() as connection:
        [row] = connection.execute(select(PlannedName))
    assert (row.id, row.object_type, row.owner, row.name) == (one, "machine", one, "web")


def add_provider(connection: Connection, provider: str, parent: str | None = None) -> None:
    """Write a provider as release 0002 does."""
    connection.execute(
        text(
            "INSERT INTO providers (id, region, type, parent, available, unavailable_reason, "
            "generation, created_at) VALUES (:id, :id, 'host', :parent, true, '', 1, "
            "'2026-01-01 00:00:00')"
        ),
        {"id": provider, "parent": parent},
    )


def use_names(connection: Connection, provider: str) -> None:
    """Write what a provider has and can do as release 0002 does, registered or not."""
    inventories = text(
        "INSERT INTO inventories (provider, resource_type, total, reserved, min_unit, max_unit, "
        "step_size, allocation_ratio, capacity) VALUES (:id, :name, 1, 0, 1, 1, 1, 1.0, 1)"
    )
    connection.execute(inventories, [{"id": provider, "name": name} for name in ("ODD", "VCPU")])
    capabilities = "INSERT INTO provider_capabilities VALUES (:id, 'odd:one'), (:id, 'virt:kvm')"
    connection.execute(text(capabilities), {"id": provider})


def own_names(connection: Connection) -> tuple[list[str], list[str]]:
    """Read the resource types and the capabilities that are not standard ones."""
    types, capabilities = (
        list(connection.scalars(text(f"SELECT name FROM {table} WHERE NOT standard")))
        for table in ("resource_types", "capabilities")
    )
    return types, capabilities


def as_stored(database: Database, one: str) -> str:
    """SQLite keeps UUIDs without dashes."""
    return one.replace("-", "") if database.is_sqlite else one
