"""What goes on in the background says why something failed, and goes on.

A task that ends by an error that nobody foresaw does not come back: those who wait for it wait for
good. So each takes whatever comes, and says it here.
"""

import logging

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from mulligan.values.errors import MulliganError

_FORESEEN = (MulliganError, SQLAlchemyError, psycopg.Error, OSError)


class Failures:
    """What is tried again and again, and logged once for each reason that it fails for."""

    def __init__(self, log: logging.Logger, words: str) -> None:
        """Take the log, and the words for what can't be done."""
        self._log, self._words = log, words
        # Type and text of what was logged last; None: nothing since it worked.
        self._logged: tuple[type[Exception], str] | None = None

    def note(self, error: Exception) -> None:
        """Log why it failed, unless that is what it failed for before."""
        failed = type(error), str(error)
        if self._logged != failed:
            self._logged = failed
            log_failure(self._log, self._words, error)

    def are_over(self) -> None:
        """It works again: the next failure is a new one."""
        self._logged = None


def log_failure(log: logging.Logger, words: str, error: Exception) -> None:
    """Log what could not be done and why; with a trace where it is nothing that was foreseen."""
    why = str(error) or repr(error)  # some, such as a TimeoutError, have no text
    log.warning("%s: %s", words, why, exc_info=None if isinstance(error, _FORESEEN) else error)
