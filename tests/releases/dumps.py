"""A database as SQL text, and back."""

import sqlite3
import subprocess
from collections.abc import Iterator

from mulligan.database import Database
from tests.databases import newest_programs

_OF_THE_SESSION = ("SET ", "SELECT pg_catalog.set_config", "--", "\\")
"""How lines begin that PostgreSQL of another version may not take, or that say nothing."""


def dump(database: Database) -> str:
    """Write the statements that make a database as it is now."""
    if database.is_sqlite:
        with sqlite3.connect(str(database.url.database)) as connection:
            return "\n".join(connection.iterdump()) + "\n"
    # The rows in a few long statements: they are read by nobody, and fast.
    options = ("--inserts", "--rows-per-insert=1000", "--no-owner", "--no-privileges")
    where = ("-h", str(database.url.query["host"]), "-U", "mulligan", str(database.url.database))
    command = [str(newest_programs() / "pg_dump"), *options, *where]
    written = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    return "\n".join(_statements(written)) + "\n"


def _statements(written: str) -> Iterator[str]:
    """Leave out lines that are of a session, but none that goes on with a quoted text."""
    quoted = False
    for line in written.split("\n"):
        if not quoted and (not line or line.startswith(_OF_THE_SESSION)):
            continue
        yield line
        quoted ^= bool(line.count("'") % 2)


def load(sql: str, database: Database) -> None:
    """Run the statements of a dump on a database that is empty."""
    if database.is_sqlite:
        with sqlite3.connect(str(database.url.database)) as connection:
            connection.executescript(sql)
        return
    with database.engine.begin() as connection:
        # By the driver itself, which takes many statements at once, whatever they look like.
        connection.connection.cursor().execute(sql)
