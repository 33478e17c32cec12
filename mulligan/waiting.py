"""Who waits for a transaction, and until when: what nobody waits for any more is not done."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import TIMEOUT_MAX, Lock

from mulligan.values.errors import OverdueError

STOPPED_AGAIN_S = 0.1
MOST_STOPS = 100
"""A database that does not react to as many is gone, and what runs there ends with it."""


class Waiting:
    """Somebody who waits for a transaction in another thread, for `within_s` seconds at most."""

    def __init__(self, within_s: float = math.inf) -> None:
        self._ends_at = time.monotonic() + within_s
        self._is_left = False
        self._stop: Callable[[], None] | None = None
        self._turn = Lock()

    @property
    def left_s(self) -> float:
        """For how long it is still waited; 0 when it isn't."""
        if self._is_left:
            return 0.0
        return min(max(0.0, self._ends_at - time.monotonic()), TIMEOUT_MAX)

    def refuse_if_over(self) -> None:
        """Go on only while somebody waits.

        Raises:
            OverdueError: nobody does.
        """
        if not self.left_s:
            raise overdue()

    def leave(self) -> None:
        """Wait no more, and stop what runs for it; takes until that has ended."""
        self._is_left = True
        for _ in range(MOST_STOPS):
            with self._turn:
                if self._stop is None:
                    return
                self._stop()
            # Between two statements there was nothing to stop: then it is the next one.
            time.sleep(STOPPED_AGAIN_S)

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Have `stop`, from another thread, end what is done inside; never what comes after it.

        Raises:
            OverdueError: nobody waits, before or afterwards.
        """
        with self._turn:
            self.refuse_if_over()
            self._stop = stop
        try:
            yield
        finally:
            with self._turn:
                self._stop = None
        self.refuse_if_over()


def overdue() -> OverdueError:
    """Say that a transaction took too long."""
    return OverdueError(
        "it took longer than it is waited for, and was not done; look whether others hold it up, "
        "then try again with the same request id"
    )
