"""Passwords and secrets are hashed and compared a few at a time.

Each takes 64 MiB and a core for some 30 ms: transactions have most of the threads.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from api.call import current_call

AT_ONCE = 2
T = TypeVar("T")


class Hashing:
    """Does what takes so long, for all calls of one server."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def do(self, work: Callable[[], T]) -> T:
        """Run it in a thread when it is its turn.

        Raises:
            OverdueError: the call's time is over.
        """
        async with self._turns:
            return await current_call().in_thread(work)
