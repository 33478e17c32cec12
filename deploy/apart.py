"""What runs once, at a start, in a process that ends: what it imports is not kept afterwards."""

import asyncio
import sys

from activities.processes import dies_with_parent
from mulligan.values.errors import UnavailableError

AGAIN_EXIT = 75
"""The exit code of a module that says it may succeed later (EX_TEMPFAIL of sysexits.h)."""


class LaterError(UnavailableError):
    """What ran apart could not be done now; it may be later."""


async def run_apart(module: str, *words: str, given: str = "") -> None:
    """Run a module of ours, and wait for its end; whoever stops waiting ends it.

    Its log is ours. What it writes to its output is why it failed.

    Args:
        module: that is run, such as "deploy.migrating".
        words: what it gets on its command line, which anybody on this machine can read.
        given: what it gets on its input.

    Raises:
        LaterError: it may succeed later; the message has its words.
        UnavailableError: it failed; the message has its words.
    """
    process = await asyncio.create_subprocess_exec(
        *(*dies_with_parent(), sys.executable, "-P", "-m", module, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us, and we end it.
    )
    try:
        said, _ = await process.communicate(given.encode())
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode:
        error = LaterError if process.returncode == AGAIN_EXIT else UnavailableError
        told = said.decode(errors="replace").strip()
        raise error(told or f"{module} ended with {process.returncode} and said nothing")
