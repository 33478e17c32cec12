"""The control worker as a role."""

from contextlib import AsyncExitStack

from deploy.connect import connect
from deploy.settings import Settings
from mulligan.database import Database
from worker.control import control_worker
from worker.schedule import keep_schedule


async def run_worker(stack: AsyncExitStack, settings: Settings, site: Database) -> None:
    """Work for as long as the stack lasts; leaving it drains."""
    client = await connect(settings)
    await stack.enter_async_context(control_worker(client, site))
    await keep_schedule(client)
