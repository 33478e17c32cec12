"""What is read beside a transaction that has a limit, for whoever asks next if that one ends."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from mulligan.waiting import Waiting

T = TypeVar("T")

LOOK_S = 0.2
"""Who waits for it looks so often whether anybody still waits for its own transaction."""


class Beside(Generic[T]):
    """Something that takes long to read; one thread at a time may ask for it."""

    def __init__(self) -> None:
        self._reading: Future[T] | None = None

    def read(self, session: Session, query: Callable[[Session], T]) -> T:
        """Run a query in a thread and a transaction of its own.

        What an earlier one, that ended meanwhile, asked for is what this one gets.

        Raises:
            OverdueError: nobody waits for the session's transaction any more; the reading goes on.
            UnavailableError: the database can't be reached.
        """
        waiting: Waiting | None = session.info["waiting"]
        if self._reading is None:
            self._reading = Future()
            told = (self._reading, session.info["read"], query)
            Thread(target=_read, args=told, name="beside", daemon=True).start()
        while not wait((self._reading,), LOOK_S).done:
            if waiting is not None:
                waiting.refuse_if_over()
        done, self._reading = self._reading, None
        return done.result()


def _read(
    reading: Future[T],
    read: Callable[[Callable[[Session], T]], T],
    query: Callable[[Session], T],
) -> None:
    try:
        reading.set_result(read(query))
    except BaseException as error:
        reading.set_exception(error)
