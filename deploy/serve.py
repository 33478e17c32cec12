"""One process of Mulligan: any of the services, the control worker, the executor."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from deploy.settings import Settings
from mulligan.log_level import LogLevel
from worker.stopping import leave

WORKER_DRAINS_S = 12.0
DRAINS_S = 27.0
"""Whatever holds the drain up, the process ends by then: `mulligan up` kills it after 30 s."""

Say = Callable[[str], None]
_log = logging.getLogger(__name__)


async def serve(roles: Sequence[str], settings: Settings, say: Say) -> None:
    """Run the roles until SIGTERM or SIGINT, then drain.

    What can't be reached at the start, a database or Temporal, is waited for; a stop meanwhile ends
    it at once. `say` gets the bootstrap token of a new installation, and a line that starts with
    "ready" when everything answers.

    Raises:
        MulliganError: a setting is missing, or a port is taken.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    log_level = LogLevel()
    async with AsyncExitStack() as stack:
        starting = asyncio.create_task(_start(stack, roles, settings, say, log_level))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            return
        await starting
        say(f"ready: {', '.join(roles)}")
        await stopped
        _log.info("draining %s", ", ".join(roles))
        leave(0, WORKER_DRAINS_S if set(roles) == {"worker"} else DRAINS_S)


async def _start(
    stack: AsyncExitStack, roles: Sequence[str], settings: Settings, say: Say, log_level: LogLevel
) -> None:
    if set(roles) - {"executor"}:
        await _run_site(stack, roles, settings, say, log_level)
    if "executor" in roles:
        from deploy.roles.executor import run_executor

        await run_executor(stack, settings, log_level)


async def _run_site(
    stack: AsyncExitStack, roles: Sequence[str], settings: Settings, say: Say, log_level: LogLevel
) -> None:
    from deploy.roles.databases import open_database

    site = await open_database(stack, settings.site_database)
    if "worker" in roles:
        from deploy.roles.worker import run_worker

        await run_worker(stack, settings, site, log_level)
    if set(roles) - {"executor", "worker"}:
        from deploy.roles.services import run_services, services_of

        token = await run_services(stack, services_of(roles), settings, site, log_level)
        if token:
            say(f"bootstrap token: {token}")
