"""The control worker as a role."""

import asyncio
from contextlib import AsyncExitStack, suppress

from deploy.connect import connect
from deploy.settings import Settings
from mulligan.database import Database
from mulligan.log_level import LogLevel
from mulligan.resource.fleet_view import prepare
from mulligan.values.errors import UnavailableError
from worker.control import GRACE, control_worker
from worker.control_log import following
from worker.schedule import keep_schedule
from worker.stopping import DRAINED, Failure, drained
from workflows.operation import CONTROL_QUEUE


async def run_worker(
    stack: AsyncExitStack,
    settings: Settings,
    site: Database,
    log_level: LogLevel,
    failure: Failure,
) -> None:
    """Work for as long as the stack lasts; leaving it drains."""
    client = await connect(settings)
    with suppress(UnavailableError):  # It is in the log; the first claim asks for them again.
        await asyncio.to_thread(site.read, prepare)
    worker = control_worker(client, site, on_fatal_error=failure.of(client, CONTROL_QUEUE))
    await stack.enter_async_context(drained(worker, failure, GRACE + DRAINED))
    await stack.enter_async_context(following(site, log_level))
    await keep_schedule(client)
