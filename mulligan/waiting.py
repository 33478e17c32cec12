"""Who waits for a transaction, and until when: what nobody waits for any more is not done."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import TIMEOUT_MAX, Lock
from typing import TypeVar

from mulligan.values.errors import OverdueError

T = TypeVar("T")

_STOPPING = ThreadPoolExecutor(16, "stopping")
"""Where transactions are stopped: what else waits for a thread must not keep that waiting."""

STOPPED_AGAIN_S = 0.1
STOPPED_WITHIN_S = 10.0
"""A database that does not react for so long is gone, and what runs there ends with it."""


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

    def be_over(self) -> None:
        """Wait no more: nothing is begun, and what runs goes on until somebody looks."""
        self._is_left = True

    def leave(self) -> None:
        """Wait no more, and stop what runs for it; takes until that has ended."""
        self.be_over()
        give_up_at = time.monotonic() + STOPPED_WITHIN_S
        while time.monotonic() < give_up_at:
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


async def waited_for(
    threads: ThreadPoolExecutor, work: Callable[[Waiting], T], ends_at: float
) -> T:
    """Run a transaction until it is done, or until `ends_at`, by time.monotonic.

    gRPC cancels a call at its deadline, or when its caller goes away; Temporal an activity that it
    gave up. What has no thread by then never begins, and what runs is stopped and rolled back
    unless it is at its commit.

    Raises:
        OverdueError: it took longer.
    """
    waiting = Waiting(ends_at - time.monotonic())
    loop = asyncio.get_running_loop()
    running = loop.run_in_executor(threads, work, waiting)
    try:
        async with asyncio.timeout(waiting.left_s):
            return await running
    except (asyncio.CancelledError, TimeoutError) as error:
        waiting.be_over()
        # Not here: it may take a new connection.
        _STOPPING.submit(waiting.leave)
        if isinstance(error, TimeoutError):
            raise overdue() from None
        raise


def overdue() -> OverdueError:
    """Say that a transaction took too long: it may have been at its commit, or not the first."""
    return OverdueError(
        "it took longer than it is waited for, and may have been done or not; ask again with the "
        "same request id, and look whether others hold it up"
    )
