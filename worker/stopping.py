"""The end of a worker's process, whatever its threads still wait for."""

import asyncio
import logging
import os
import sys
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import FrameType

from temporalio.worker import Worker

DRAINED = timedelta(seconds=2)
"""A worker whose time to drain is over is waited for so much longer.

It may not end at all: Temporal tries local activities again, also while a worker drains.
"""

LEFT_S = 3.0
"""Threads have so long to end once everything was drained: a database may be away, or frozen."""

IDLE = "_worker (thread.py)"
"""Where a thread of a pool is that has nothing to do."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def drained(worker: Worker, grace: timedelta) -> AsyncIterator[None]:
    """Run a worker as long as the context lasts; leaving it drains, and then leaves the rest.

    What is left is as after a kill: another worker, or the next, goes on with its workflows.
    """
    await worker.__aenter__()
    try:
        yield
    finally:
        ending = asyncio.ensure_future(worker.__aexit__(None, None, None))
        await asyncio.wait({ending}, timeout=(grace + DRAINED).total_seconds())
        if ending.done():
            ending.result()
        else:
            _log.warning("the worker's records can't be written now; it leaves them to others")


def leave(code: int, within_s: float = LEFT_S) -> None:
    """Have the process end with this code soon, though threads wait for what does not come.

    Python waits for every thread of a pool before it ends. What one leaves was not committed, or is
    at its commit, which the database knows; its workflow tries it again elsewhere.
    """
    threading.Thread(target=_leave, args=(code, within_s), name="leave", daemon=True).start()


def _leave(code: int, within_s: float) -> None:
    threading.Event().wait(within_s)
    frames = sys._current_frames()
    for thread in threading.enumerate():
        at = _place(frames.get(thread.ident or 0))
        if not thread.daemon and thread is not threading.main_thread() and not at.endswith(IDLE):
            _log.warning("left thread %s at %s", thread.name, at)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)


def _place(frame: FrameType | None) -> str:
    """Say where a thread is: in which functions, the innermost last."""
    stack = traceback.extract_stack(frame)[-5:] if frame else ()
    return " > ".join(f"{one.name} ({one.filename.rpartition('/')[2]})" for one in stack) or "?"
