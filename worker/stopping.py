"""The end of a worker, also by itself, and of its process, whatever threads still wait for."""

import asyncio
import logging
import os
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from mulligan.values.errors import UnavailableError

if TYPE_CHECKING:  # `mulligan up` ends by this, too, and does without Temporal's client.
    from temporalio.client import Client
    from temporalio.worker import Worker

DRAINED = timedelta(seconds=2)
"""A worker whose time to drain is over is waited for so much longer.

It may not end at all: Temporal tries local activities again, also while a worker drains.
"""

LEFT_S = 3.0
"""Threads have so long to end once everything was drained: a database may be away, or frozen."""

IDLE = "_worker (thread.py)"
"""Where a thread of a pool is that has nothing to do."""

TOLD_S = 1.0
"""The last words may take so long: whoever reads them may be gone, or stand still."""

_left: list["Worker"] = []
"""Those that did not end: Temporal's core fails, and holds all threads up, if one is dropped."""

_log = logging.getLogger(__name__)


class Failure:
    """Why a worker of this process ended by itself, once one did; the first one counts."""

    def __init__(self) -> None:
        self._told = asyncio.get_running_loop().create_future()

    async def wait(self) -> UnavailableError:
        """Wait until a worker ended by itself; gives why."""
        error: UnavailableError = await asyncio.shield(self._told)
        return error

    def of(self, client: "Client", queue: str) -> Callable[[BaseException], Awaitable[None]]:
        """Make what a worker is to call that can't go on, before it drains."""

        async def tell(why: BaseException) -> None:
            self.tell(client, queue, why)

        return tell

    def tell(self, client: "Client", queue: str, why: BaseException) -> None:
        """Note why a worker can't go on."""
        if not self._told.done():
            error = UnavailableError(
                f"the worker of queue {queue} ended: {why}; look whether namespace "
                f"{client.namespace} is there and may be used"
            )
            error.__cause__ = why
            self._told.set_result(error)


@asynccontextmanager
async def drained(
    worker: "Worker", failure: Failure, within: timedelta | None = None
) -> AsyncIterator[None]:
    """Run a worker as long as the context lasts; leaving it drains, and then leaves the rest.

    What is left is as after a kill: another worker, or the next, goes on with its workflows.

    Args:
        worker: which; not running yet.
        failure: is told why it ended by itself, should it do so.
        within: how long draining may take; None: as long as it takes.
    """
    running = asyncio.create_task(worker.run())

    def tell(ended: asyncio.Task[None]) -> None:
        why = None if ended.cancelled() else ended.exception()
        if why is not None:
            failure.tell(worker.client, worker.task_queue, why)

    running.add_done_callback(tell)
    try:
        yield
    finally:
        ending = asyncio.create_task(worker.shutdown())
        await asyncio.wait({running}, timeout=within.total_seconds() if within else None)
        if running.done():
            ending.cancel()
        else:
            _left.append(worker)
            _log.warning("the worker's records can't be written now; it leaves them to others")


def leave(code: int, within_s: float = LEFT_S) -> None:
    """Have the process end with this code soon, though threads wait for what does not come.

    Python waits for every thread of a pool before it ends. What one leaves was not committed, or is
    at its commit, which the database knows; its workflow tries it again elsewhere.
    """
    threading.Thread(target=_leave, args=(code, within_s), name="leave", daemon=True).start()


def end(code: int, words: str = "") -> NoReturn:
    """End the process now with this code and words, without waiting for anything."""
    try:
        telling = threading.Thread(target=_tell_last, args=(words,), name="tell", daemon=True)
        telling.start()
        telling.join(TOLD_S)
    finally:
        os._exit(code)


def _leave(code: int, within_s: float) -> None:
    threading.Event().wait(within_s)
    end(code, f"it ends, though it was not done with everything within {within_s:g} s")


def _tell_last(words: str) -> None:
    if words:
        _log.warning(words)
    frames = sys._current_frames()
    for thread in threading.enumerate():
        at = _place(frames.get(thread.ident or 0))
        if not thread.daemon and thread is not threading.main_thread() and not at.endswith(IDLE):
            _log.warning("left thread %s at %s", thread.name, at)
    logging.shutdown()
    sys.stdout.flush()


def _place(frame: FrameType | None) -> str:
    """Say where a thread is: in which functions, the innermost last."""
    stack = traceback.extract_stack(frame)[-5:] if frame else ()
    return " > ".join(f"{one.name} ({one.filename.rpartition('/')[2]})" for one in stack) or "?"
