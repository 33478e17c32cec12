"""Resolving many names in one call, beside the one SQL statement that fetches their objects."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from bench.figures import Figure, NotMeasuredError, Size, Target
from mulligan.database import Database
from mulligan.meta import many_names, names
from mulligan.migrations import migrate
from tests.databases import PostgreSQL

ASKED, NAMED, ROUNDS = 1_000, 10_000, 60

FETCH = {
    "sqlite": "SELECT id, object_type, project, region, name, slug FROM names WHERE object_type = "
    "'host' AND owner = ? AND released_at IS NULL AND name IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT id::text, object_type, project::text, region::text, name, slug FROM "
    "names WHERE object_type = 'host' AND owner = %s AND released_at IS NULL AND name = ANY (%s)",
}
"""What is to be found, by the driver alone: names only, of one region."""


def resolving(size: Size) -> Iterator[Figure]:
    """Resolve 1,000 of 10,000 names of a region, as the service does behind ResolveNames.

    The statement is sent by the same driver to the same database, and its rows are fetched; both
    take turns, each in a transaction of its own, and the medians are compared.
    """
    with tempfile.TemporaryDirectory(prefix="bench-names", dir="/tmp") as folder:
        yield _beside_sql("sqlite", f"sqlite:///{Path(folder)}/names.sqlite")
    server = PostgreSQL()
    server.start()
    try:
        server.administer("CREATE DATABASE bench_names")
        yield _beside_sql("postgresql", server.url("bench_names").render_as_string())
    finally:
        server.stop()


def _beside_sql(kind: str, url: str) -> Figure:
    database, region = Database(url), str(uuid4())
    migrate(database)
    called = {str(uuid4()): f"Rack {number} host" for number in range(NAMED)}
    database.write(lambda session: many_names.give_names(session, "host", called, region=region))
    asked = list(called.values())[:: NAMED // ASKED]

    def resolve(session: Session) -> int:
        return len(names.resolve(session, "host", asked, owners=[region]))

    def fetch(session: Session) -> int:
        listed: Any = asked if kind == "postgresql" else json.dumps(asked)
        found = session.connection().exec_driver_sql(FETCH[kind], (region, listed))
        return len(found.cursor.fetchall())

    ours, sql = _medians_ms(database, resolve, fetch)
    database.close()
    return Figure(
        "api",
        f"resolve_{kind}",
        f"ms for {ASKED} names",
        ours,
        peer="one SQL statement",
        peer_value=sql,
        target=Target("at most", ratio=2),
    )


def _medians_ms(database: Database, *reads: Callable[[Session], int]) -> list[float]:
    took: list[list[float]] = [[] for _ in reads]
    for _ in range(ROUNDS):
        for read, times in zip(reads, took, strict=True):
            began = time.perf_counter()
            found = database.read(read)
            times.append((time.perf_counter() - began) * 1000)
            if found != ASKED:
                raise NotMeasuredError(f"{found} of {ASKED} names were found")
    return [statistics.median(times) for times in took]
