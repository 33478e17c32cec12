"""One process of Mulligan: any of the services, the control worker, the executor."""

import asyncio
import ctypes
import gc
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from deploy.settings import Settings
from mulligan.log_level import LogLevel
from mulligan.values.errors import MulliganError, UnavailableError
from worker.stopping import Failure, leave

WORKER_DRAINS_S = 12.0
DRAINS_S = 27.0
"""Whatever holds the drain up, the process ends by then: `mulligan up` kills it after 30 s."""

Say = Callable[[str], None]
_log = logging.getLogger(__name__)


async def serve(roles: Sequence[str], settings: Settings, say: Say) -> None:
    """Run the roles until SIGTERM or SIGINT, then drain.

    What can't be reached at the start, a database or Temporal, is waited for; a stop meanwhile ends
    it at once. `say` gets the bootstrap token of a new installation, and a line that starts with
    "ready" when everything answers. However it ends, the process does so by DRAINS_S later.

    Raises:
        MulliganError: a setting is missing, a port is taken, or a worker ended by itself.
    """
    stop, failure = asyncio.Event(), Failure()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with AsyncExitStack() as stack:
        start = _start(stack, roles, settings, say, LogLevel(), failure)
        starting = asyncio.create_task(start)
        stopped, failed = asyncio.create_task(stop.wait()), asyncio.create_task(failure.wait())
        await asyncio.wait({starting, stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        error = _why_not(starting, failed)
        if starting.done() and error is None:
            _give_back()
            say(f"ready: {', '.join(roles)}")
            await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
            error = _why_not(starting, failed)
        leave(_exit_code(error), WORKER_DRAINS_S if set(roles) == {"worker"} else DRAINS_S)
        if error is not None:
            _log.error("it ends: %s", error)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
        if error is not None:
            raise error
        _log.info("draining %s", ", ".join(roles))


def _give_back() -> None:
    """Give the memory back that only the start needed: malloc_trim(3), which only glibc has."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _exit_code(error: BaseException | None) -> int:
    """Give what the command ends with, if it gets to its end."""
    if error is None:
        return 0
    return 4 if isinstance(error, MulliganError) else 1


def _why_not(
    starting: asyncio.Task[None], failed: asyncio.Task[UnavailableError]
) -> BaseException | None:
    """Say why it can't go on, if it can't: a worker's reason stands before what came of it."""
    if failed.done():
        return failed.result()
    return starting.exception() if starting.done() else None


async def _start(
    stack: AsyncExitStack,
    roles: Sequence[str],
    settings: Settings,
    say: Say,
    log_level: LogLevel,
    failure: Failure,
) -> None:
    """Start what drains first last: services, of which whoever balances the load has to hear."""
    if set(roles) - {"executor"}:
        from deploy.roles.databases import open_database

        site = await open_database(stack, settings.site_database)
    if "worker" in roles:
        from deploy.roles.worker import run_worker

        await run_worker(stack, settings, site, log_level, failure)
    if "executor" in roles:
        from deploy.roles.executor import run_executor

        await run_executor(stack, settings, log_level, failure)
    if set(roles) - {"executor", "worker"}:
        from deploy.roles.services import run_services, services_of

        token = await run_services(stack, services_of(roles), settings, site, log_level)
        if token:
            say(f"bootstrap token: {token}")
