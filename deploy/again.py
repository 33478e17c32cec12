"""Starting again what died, after a pause that grows while it keeps dying."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mulligan.values.errors import MulliganError

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

STEADY_S = 60.0
"""What ran for this long is started again as soon as if it had never died."""

Say = Callable[[str], None]


class Pauses:
    """The pauses before the starts of one part."""

    def __init__(self) -> None:
        self._next_s = FIRST_PAUSE_S
        self._started = time.monotonic()

    def next_s(self) -> float:
        """Give the pause before the next start, in seconds."""
        if time.monotonic() - self._started > STEADY_S:
            self._next_s = FIRST_PAUSE_S
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_PAUSE_S)
        self._started = time.monotonic() + pause_s
        return pause_s


@asynccontextmanager
async def kept_running(
    name: str,
    ended: Callable[[], Awaitable[str]],
    start: Callable[[], Awaitable[object]],
    say: Say,
) -> AsyncIterator[None]:
    """Start a part again whenever it ends, as long as the context lasts.

    Args:
        name: of the part, in what is said.
        ended: waits for its end and gives the words that follow "ended".
        start: starts it again.
        say: hears of each end, and of each start.
    """
    keeper = asyncio.create_task(_keep(name, ended, start, say), name=f"keeps {name}")
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def _keep(
    name: str,
    ended: Callable[[], Awaitable[str]],
    start: Callable[[], Awaitable[object]],
    say: Say,
) -> None:
    pauses = Pauses()
    while True:
        words = f"ended {await ended()}".rstrip()
        while words:
            say(f"{name} {words}; starting it again")
            await asyncio.sleep(pauses.next_s())
            try:
                await start()
                words = ""
                say(f"{name} runs again")
            except (MulliganError, OSError) as error:
                words = f"did not start ({error})"


async def end_of(pid: int) -> None:
    """Wait until a process has ended, also one that is not our child."""
    ended = asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
