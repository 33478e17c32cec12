"""The executor of a region: the worker that touches hardware, and what it serves to machines."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.contracts.executor import DescribeExecutor, ExecutorDescription, RegionKey
from activities.contracts.reports import MACHINE_STOPPED
from activities.hypervisor import Hypervisor
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.media import MediaStore
from activities.redfish import Redfish
from activities.settings import ExecutorSettings
from worker.beats import Beats
from worker.errors import TellsErrors
from worker.media_server import MediaServer
from worker.reports import TemporalReports
from workflows.operation import executor_queue

GRACE = timedelta(seconds=20)
_log = logging.getLogger(__name__)


class Executor:
    """The activity by which an executor tells about itself."""

    def __init__(self, settings: ExecutorSettings, keys: RegionKeys) -> None:
        self._settings = settings
        self._keys = keys

    @activity.defn(name="executor.describe")
    def describe(self, request: DescribeExecutor) -> ExecutorDescription:
        """Tell version, keys and addresses."""
        return ExecutorDescription(
            version=version("mulligan"),
            keys=tuple(
                RegionKey(key_id=key_id, public_key=public_key)
                for key_id, public_key in self._keys.public_keys()
            ),
            media_url=self._settings.media_url,
            report_url=self._settings.report_url,
        )


@asynccontextmanager
async def running_executor(
    client: Client, settings: ExecutorSettings, *, listen: str, threads: int = 8
) -> AsyncIterator[None]:
    """Run an executor as long as the context lasts; leaving it drains."""
    keys = RegionKeys.load(settings.state_folder / "keys", settings.region)
    images, media = ImageCache(settings), MediaStore(settings, keys)
    hypervisor = Hypervisor(
        settings, keys, images, on_stopped=_tells(client, asyncio.get_running_loop())
    )
    redfish = Redfish(settings, keys, images, media)
    server = MediaServer(settings, keys, media, TemporalReports(client), listen=listen)
    worker = Worker(
        client,
        task_queue=executor_queue(settings.region),
        activities=[
            Executor(settings, keys).describe,
            *(hypervisor.inspect, hypervisor.stage, hypervisor.start, hypervisor.remove),
            hypervisor.read_console,
            *(redfish.verify, redfish.inspect, redfish.stage, redfish.boot_medium),
            *(redfish.boot_disk, redfish.power_off, redfish.unstage, redfish.read_log),
        ],
        activity_executor=ThreadPoolExecutor(threads, "hardware"),
        max_concurrent_activities=threads,
        interceptors=[TellsErrors(), Beats(client)],
        graceful_shutdown_timeout=GRACE,
    )
    await server.start()
    try:
        async with worker:
            yield
    finally:
        await server.stop()
        await asyncio.to_thread(hypervisor.close)


def _tells(client: Client, loop: asyncio.AbstractEventLoop) -> Callable[[str, str], None]:
    """Make what tells an operation, from libvirt's thread, that its machine stopped."""

    async def tell(operation: str) -> None:
        try:
            await client.get_workflow_handle(operation).signal(MACHINE_STOPPED)
        except RPCError:
            _log.info("a machine stopped after its operation", extra={"operation": operation})

    def on_stopped(operation: str, _domain: str) -> None:
        asyncio.run_coroutine_threadsafe(tell(operation), loop)

    return on_stopped
