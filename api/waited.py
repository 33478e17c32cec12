"""Transactions in a bounded pool of threads, as long as somebody waits for them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mulligan.waiting import Waiting, overdue

T = TypeVar("T")


async def waited_for(
    threads: ThreadPoolExecutor, work: Callable[[Waiting], T], ends_at: float
) -> T:
    """Run a transaction until it is done, or until `ends_at`, by time.monotonic.

    gRPC cancels a call at its deadline, or when its caller goes away. What has no thread by then
    never begins, and what runs is stopped and rolled back unless it is at its commit.

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
        # Not here: it may take a new connection.
        loop.run_in_executor(None, waiting.leave)
        if isinstance(error, TimeoutError):
            raise overdue() from None
        raise
