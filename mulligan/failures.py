"""What goes on in the background says why something failed, and goes on.

A task that ends by an error that nobody foresaw does not come back: those who wait for it wait for
good. So each takes whatever comes, and says it here.
"""

import logging

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from mulligan.values.errors import MulliganError

_FORESEEN = (MulliganError, SQLAlchemyError, psycopg.Error, OSError)


def log_failure(log: logging.Logger, words: str, error: Exception) -> None:
    """Log what could not be done and why; with a trace where it is nothing that was foreseen."""
    log.warning("%s: %s", words, error, exc_info=None if isinstance(error, _FORESEEN) else error)
