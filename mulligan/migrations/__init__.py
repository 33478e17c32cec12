"""Forward-only migrations, run by a service at its start, one service at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from mulligan.database import Database

_LOCK = 0x6D756C6C
"""Key of PostgreSQL's advisory lock: one service migrates, the others wait."""


def migrate(database: Database) -> None:
    """Bring a database to the newest revision; one that is there already is left alone."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with database.engine.execution_options(mulligan_write=True).begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
