"""Forward-only migrations, run by a service at its start, one service at a time.

alembic is imported by `migrate` only: who looks whether there is anything to do does without it.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.orm import Session

from mulligan.database import Database

LOOK_AGAIN_S = 0.2
"""So often a service looks whether the one that migrates is ready."""

_LOCK = 0x6D756C6C
"""Key of PostgreSQL's advisory lock: one service migrates, the others wait."""

_ONE_OF_PROCESS = Lock()
"""alembic keeps what it migrates in variables of its module."""

_VERSION_TABLE = "alembic_version"
_log = logging.getLogger(__name__)


def migrate(database: Database) -> None:
    """Bring a database to the newest revision; one that is there already is left alone.

    SQLite takes all steps or none. PostgreSQL commits each, as an index is built beside a
    transaction, not in one.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    if database.is_sqlite:
        begin = database.engine.execution_options(mulligan_write=True).begin()
    else:
        begin = _alone(database.engine)
    with begin as connection, _ONE_OF_PROCESS:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Give a connection that holds the lock, in no transaction.

    Others don't wait inside a statement: that would be a transaction, for whose end the building
    of an index waits in turn.
    """
    key = {"key": _LOCK}
    with engine.connect() as connection:
        waits = False
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            connection.commit()
            if not waits:
                _log.info("waits while another service migrates the database")
            waits = True
            time.sleep(LOOK_AGAIN_S)
        connection.commit()
        try:
            yield connection
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
            connection.commit()


def is_migrated(database: Database) -> bool:
    """Tell whether a database is at the newest revision, or at one of a later release.

    That release's migrations leave what this one needs: instances are replaced one by one.

    Raises:
        OperationalError: it can't be used now.
    """
    with database.engine.connect() as connection:
        found = _revisions(connection)
    if newer := found - _known():
        words = "a later release brought the database to %s; this one goes on beside it"
        _log.warning(words, ", ".join(sorted(newer)))
        return True
    return found == {max(_known())}


def newer_revision(session: Session) -> str:
    """Give the revision that a later release brought the database to; empty when there is none."""
    return ", ".join(sorted(_revisions(session.connection()) - _known()))


def _revisions(connection: Connection) -> set[str]:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return set()
    return set(connection.scalars(text(f"SELECT version_num FROM {_VERSION_TABLE}")))  # noqa: S608


@cache
def _known() -> frozenset[str]:
    """Read the revisions off the names of their files, which begin with them."""
    files = (Path(__file__).parent / "versions").glob("[0-9]*.py")
    return frozenset(file.name.partition("_")[0] for file in files)
