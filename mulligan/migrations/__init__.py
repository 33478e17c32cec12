"""Forward-only migrations, run by a service at its start, one service at a time."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.orm import Session

from mulligan.configuration import CHANNEL
from mulligan.database import Database

_LOCK = 0x6D756C6C
"""Key of PostgreSQL's advisory lock: one service migrates, the others wait."""


def migrate(database: Database) -> None:
    """Bring a database to the newest revision; one that is there already is left alone."""
    config = _config()
    with database.engine.execution_options(mulligan_write=True).begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not database.is_sqlite:
            # Services of an earlier release look whether they can go on.
            connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


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
