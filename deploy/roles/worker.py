"""The control worker as a role."""

from contextlib import AsyncExitStack

from deploy.connect import connect
from deploy.settings import Settings
from mulligan.database import Database
from mulligan.log_level import LogLevel
from worker.control import GRACE, control_worker
from worker.control_log import following
from worker.schedule import keep_schedule
from worker.stopping import drained


async def run_worker(
    stack: AsyncExitStack, settings: Settings, site: Database, log_level: LogLevel
) -> None:
    """Work for as long as the stack lasts; leaving it drains."""
    client = await connect(settings)
    await stack.enter_async_context(drained(control_worker(client, site), GRACE))
    await stack.enter_async_context(following(site, log_level))
    await keep_schedule(client)
