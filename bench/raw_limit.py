"""What a database gives at most: one guarded UPDATE and one INSERT for each commit, by its driver.

No Python of ours, no protocol, no choice among providers: the price of all that is what is between
this and a figure.
"""

import sqlite3
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg
from sqlalchemy import URL

from bench.asking import Answers, Ask, asked

TABLES = (
    "DROP TABLE IF EXISTS raw_stock",
    "DROP TABLE IF EXISTS raw_claims",
    "CREATE TABLE raw_stock (id integer PRIMARY KEY, used bigint NOT NULL, capacity bigint)",
    "CREATE TABLE raw_claims (stock integer NOT NULL, amount bigint NOT NULL)",
)
CAPACITY = 2**40


def raw_limit(url: URL, *, rows: int, clients: int, seconds: float) -> Answers:
    """Take one of that many rows at random, guarded by its capacity, and write who took it."""
    connection = _connected(url)
    connection.execute("BEGIN")
    for statement in TABLES:
        connection.execute(statement)
    connection.cursor().executemany(
        f"INSERT INTO raw_stock VALUES ({_mark(url)}, 0, {CAPACITY})",
        [(number,) for number in range(rows)],
    )
    connection.execute("COMMIT")
    connection.close()
    return asked(RawClaims(url, rows), clients=clients, seconds=seconds)


@dataclass(frozen=True)
class RawClaims:
    """Clients of the database itself."""

    url: URL
    rows: int

    def __call__(self, number: int) -> Ask:
        """Connect one."""
        connection, random = _connected(self.url), Random(number)
        mark = _mark(self.url)
        take = f"UPDATE raw_stock SET used = used + 1 WHERE id = {mark} AND used + 1 <= capacity"
        keep = f"INSERT INTO raw_claims VALUES ({mark}, 1)"

        def ask(_: int) -> str:
            row = (random.randrange(self.rows),)
            connection.execute("BEGIN IMMEDIATE" if _is_sqlite(self.url) else "BEGIN")
            taken = connection.execute(take, row).rowcount
            connection.execute(keep, row)
            connection.execute("COMMIT")
            return "" if taken == 1 else "full"

        return ask


def _connected(url: URL) -> Any:
    if not _is_sqlite(url):
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True)
    connection = sqlite3.connect(
        str(url.database), timeout=30, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _mark(url: URL) -> str:
    return "?" if _is_sqlite(url) else "%s"


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"
