"""Bring a database to the newest revision, apart: `python -m deploy.migrating`, its URL as input.

alembic, and what all migrations import, would otherwise stay in each process of the services.
"""

import logging
import os
import sys

from sqlalchemy.exc import OperationalError

from deploy.apart import AGAIN_EXIT
from mulligan.database import Database, is_conflict
from mulligan.migrations import migrate


def first_line(error: OperationalError) -> str:
    """Say what a database said of why it can't be used."""
    return next(iter(str(error.orig).splitlines()), "it gave no reason")


def main() -> int:
    """Migrate; gives the exit code, and says why where it is not 0."""
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    database = Database(sys.stdin.read())
    try:
        migrate(database)
    except OperationalError as error:
        print(first_line(error))
        return AGAIN_EXIT if is_conflict(error) or not database.is_sqlite else 1
    except Exception as error:
        logging.getLogger(__name__).exception("the database can't be migrated")
        print(f"it can't be migrated: {error}")
        return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
