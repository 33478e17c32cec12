"""Sites with many objects, written by SQL, and what stands in the middle of each order."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.served import Installed, installed
from mulligan.control import images
from mulligan.database import Database
from mulligan.iam import projects, regions
from tests.databases import PostgreSQL

_NUMBERS = {
    "sqlite": "(WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers"
    " WHERE n + 1 < :count) SELECT n FROM numbers)",
    "postgresql": "(SELECT n FROM generate_series(CAST(0 AS bigint), :count - 1) AS n)",
}
_ID = {
    "sqlite": "printf('%08x00004000800000000000%04x', n * :apart, :batch)",
    "postgresql": "CAST(lpad(to_hex(n * :apart), 8, '0') || '-0000-4000-8000-00000000'"
    " || lpad(to_hex(CAST(:batch AS integer)), 4, '0') AS uuid)",
}
_AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', '2026-01-01',"
    " (n * 7919 % :count) || ' minutes')",
    "postgresql": "timestamptz '2026-01-01 00:00+00' + n * 7919 % :count * interval '1 minute'",
}
_NAME = {
    "sqlite": "printf('object-%07d', :count - n)",
    "postgresql": "'object-' || lpad(CAST(:count - n AS text), 7, '0')",
}
_SPEC = (
    '{"vcpus": 1, "memory_mib": 1024, "disk_gib": 10, "ssh_keys": [], '
    '"required_capabilities": [], "root_disk_serial": ""}'
)

_LIVES = "n % :every = 0"
_MACHINES = """
    INSERT INTO machines (id, region, project, kind, image, provider, claim, spec, nics,
        reported, operation, created_at, generation, state, reason, since, next_action)
    SELECT {id}, :own, :own, 'virtual', :own, :own, :own, CAST(:spec AS {json}), '[]', '{{}}', :own,
        {at}, 1, CASE WHEN {lives} THEN 'active' ELSE 'gone' END, '', {at}, ''
    FROM {numbers} AS numbers"""
_PROVIDERS = """
    INSERT INTO providers (id, region, type, available, unavailable_reason, generation, created_at)
    SELECT {id}, :own, 'host', true, '', 1, {at} FROM {numbers} AS numbers"""
_NAMES = """
    INSERT INTO names (id, object_type, owner, {belongs}, name, slug, released_at)
    SELECT {id}, '{noun}', :owner, :own, {name}, {name}, CASE WHEN {lives} THEN NULL ELSE {at} END
    FROM {numbers} AS numbers"""

NewDatabase = Callable[[str], str]
"""Makes an empty database of a kind; gives its URL."""


@dataclass(frozen=True)
class Batch:
    """Objects that were written: machines of a project, or providers of a region, which `owner` is.

    In the order of ids names go down, and times anywhere. Of so many (`every`) one lives.
    """

    noun: str
    owner: str
    number: int
    count: int
    every: int = 1

    @property
    def first(self) -> str:
        """The least id."""
        return f"00000000-0000-4000-8000-00000000{self.number:04x}"

    @property
    def middles(self) -> Mapping[str, tuple[str, ...]]:
        """Where the middle of each order is, as a page token says it."""
        one = f"80000000-0000-4000-8000-00000000{self.number:04x}"
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=self.count // 2)
        return {
            "id": (one,),
            "name": (f"object-{self.count // 2:07}", one),
            "created_at": (at.isoformat(), one),
        }


@dataclass(frozen=True)
class Filled:
    """A site to which batches of objects are written."""

    where: Installed
    kind: str

    def write(self, noun: str, number: int, count: int, every: int = 1) -> Batch:
        """Write the machines of a new project, or the providers of a new region.

        What is written to PostgreSQL is counted as its autovacuum would; SQLite counts nothing.
        """
        batch = Batch(noun, self._owner(noun, number), number, count, every)
        of_kind = {name: found[self.kind] for name, found in _OF_KIND.items()}
        parts = of_kind | {"lives": _LIVES, "noun": noun}
        parts["belongs"] = "project" if noun == "machine" else "region"
        own = batch.owner if self.kind == "postgresql" else batch.owner.replace("-", "")
        values: dict[str, Any] = {"count": count, "apart": (1 << 32) // count, "batch": number}
        values |= {"owner": batch.owner, "own": own, "every": every, "spec": _SPEC}

        def fill(session: Session) -> None:
            for statement in (_MACHINES if noun == "machine" else _PROVIDERS, _NAMES):
                session.execute(text(statement.format(**parts)), values)
            if self.kind == "postgresql":
                session.execute(text("ANALYZE"))

        database = Database(self.where.site)
        database.write(fill)
        database.close()
        return batch

    def _owner(self, noun: str, number: int) -> str:
        name, author = f"owner-{number}", self.where.account
        iam = Database(self.where.installation)
        owner = iam.write(
            lambda session: (
                projects.create_project(session, name, author=author).id
                if noun == "machine"
                else regions.create_region(session, name).id
            )
        )
        iam.close()
        return owner

    def image(self) -> str:
        """Write an image; gives its id."""
        database = Database(self.where.site)
        image = database.write(
            lambda session: (
                images.create_image(
                    session,
                    region=str(uuid4()),
                    name="some",
                    url="https://example.com/image",
                    sha256="0" * 64,
                    disk_format="qcow2",
                    activation="",
                    config_format="",
                    author=self.where.account,
                ).id
            )
        )
        database.close()
        return image


_OF_KIND = {
    "id": _ID,
    "at": _AT,
    "name": _NAME,
    "numbers": _NUMBERS,
    "json": {"sqlite": "TEXT", "postgresql": "jsonb"},
}


def empty(new_database: NewDatabase, kind: str) -> Filled:
    """Make a site without objects."""
    return Filled(installed(new_database(kind), new_database("sqlite")), kind)


@contextmanager
def databases() -> Iterator[NewDatabase]:
    """Give what makes databases, on a PostgreSQL of our own and in files."""
    server = PostgreSQL()
    server.start()

    def new(kind: str) -> str:
        name = f"bench_{uuid4().hex}"
        if kind == "sqlite":
            return f"sqlite:///{folder}/{name}.sqlite"
        server.administer(f"CREATE DATABASE {name}")
        return server.url(name).render_as_string()

    try:
        with tempfile.TemporaryDirectory(prefix="bench-lists", dir="/tmp") as made:
            folder = Path(made)
            yield new
    finally:
        server.stop()
