"""Forward-only migrations, run by a service at its start, one service at a time."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from mulligan.configuration import CHANNEL
from mulligan.database import Database

LOOK_AGAIN_S = 0.2
"""So often a service looks whether the one that migrates is ready."""

_LOCK = 0x6D756C6C
"""Key of PostgreSQL's advisory lock: one service migrates, the others wait."""

_log = logging.getLogger(__name__)


def migrate(database: Database) -> None:
    """Bring a database to the newest revision; one that is there already is left alone.

    SQLite takes all steps or none. PostgreSQL commits each, as an index is built beside a
    transaction, not in one.
    """
    config = _config()
    if database.is_sqlite:
        begin = database.engine.execution_options(mulligan_write=True).begin()
    else:
        begin = _alone(database.engine)
    with begin as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not database.is_sqlite:
            # Services of an earlier release look whether they can go on.
            connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})
            connection.commit()


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


def newer_revision(session: Session) -> str:
    """Give the revision that a later release brought the database to; empty when there is none."""
    heads = MigrationContext.configure(session.connection()).get_current_heads()
    return ", ".join(sorted(set(heads) - _known()))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


@cache
def _known() -> frozenset[str]:
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return frozenset(step.revision for step in steps)
