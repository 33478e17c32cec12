"""What the services of this process write to their log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

_WORDS = logging.Formatter("%(name)s %(levelname)s %(message)s")


class Faults(logging.Handler):
    """Keeps what no service should have to log: errors, and whatever comes with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record as a whole, if it is one of these."""
        words = _WORDS.format(record)
        if record.levelno >= logging.ERROR or ("Traceback" in words and not _is_refused(record)):
            self.found.append(words)


def _is_refused(record: logging.LogRecord) -> bool:
    """Tell what Temporal's worker warns of: an operation was refused a step, in our words.

    What nobody expected in an activity, `worker.errors` logs as an error before.
    """
    error = record.exc_info[1] if record.exc_info else None
    return isinstance(error, ApplicationError) and record.name == "temporalio.activity"


@contextmanager
def faults() -> Iterator[Faults]:
    """Listen to all loggers as long as the context lasts."""
    handler = Faults()
    logging.getLogger().addHandler(handler)
    try:
        yield handler
    finally:
        logging.getLogger().removeHandler(handler)
