"""The executor of a region: the worker that touches hardware, and what it serves to machines."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Interceptor, PollerBehaviorSimpleMaximum, Worker

from activities.bmc import Patience
from activities.contracts.executor import (
    DescribeExecutor,
    ExecutorDescription,
    Served,
    StopServing,
)
from activities.contracts.reports import MACHINE_STOPPED
from activities.hypervisor import Hypervisor
from activities.images import ImageCache
from activities.key_rotation import KeyRotation, live_keys
from activities.keys import RegionKeys
from activities.media import MediaStore
from activities.redfish import Redfish
from activities.settings import ExecutorSettings
from mulligan.log_level import LogLevel
from worker.beats import Beats
from worker.configured import Follows
from worker.errors import TellsErrors
from worker.media_server import MediaServer
from worker.reports import TemporalReports
from worker.stopping import Failure, drained
from workflows.operation import executor_queue

GRACE = timedelta(seconds=20)

ONE_POLL = PollerBehaviorSimpleMaximum(maximum=1)
"""What Temporal hands to the poll of an executor that is frozen is lost for a heartbeat time-out.

So there is one at a time; it is answered and sent again within milliseconds.
"""

TOLD_AGAIN_S = (1, 2, 5, 10, 20, 30, 60, 120, 240)
"""Pauses after which Temporal, when it does not answer, is told again that a machine stopped."""

_log = logging.getLogger(__name__)


class Executor:
    """The activities about an executor itself."""

    def __init__(self, settings: ExecutorSettings, keys: RegionKeys, media: MediaStore) -> None:
        self._settings = settings
        self._keys = keys
        self._media = media

    @activity.defn(name="executor.describe")
    def describe(self, request: DescribeExecutor) -> ExecutorDescription:
        """Tell version, keys and addresses."""
        return ExecutorDescription(
            version=version("mulligan"),
            keys=live_keys(self._keys).keys,
            media_url=self._settings.media_url,
            report_url=self._settings.report_url,
        )

    @activity.defn(name="executor.list_served")
    def list_served(self, request: DescribeExecutor) -> Served:
        """List the operations for which media are served."""
        return Served(operations=self._media.operations())

    @activity.defn(name="executor.stop_serving")
    def stop_serving(self, request: StopServing) -> Served:
        """Serve nothing of an operation any more."""
        self._media.remove(request.operation)
        return Served(operations=self._media.operations())


@asynccontextmanager
async def running_executor(
    client: Client,
    settings: ExecutorSettings,
    *,
    listen: str,
    threads: int = 8,
    patience: Patience | None = None,
    interceptors: Sequence[Interceptor] = (),
    log_level: LogLevel | None = None,
    failure: Failure | None = None,
) -> AsyncIterator[None]:
    """Run an executor as long as the context lasts; leaving it drains."""
    failure = failure or Failure()
    keys = RegionKeys.load(settings.state_folder / "keys", settings.region)
    images, media = ImageCache(settings, keys), MediaStore(settings, keys)
    hypervisor = Hypervisor(
        settings, keys, images, on_stopped=_tells(client, asyncio.get_running_loop())
    )
    redfish = Redfish(settings, keys, images, media, patience=patience)
    rotation = KeyRotation(keys)
    itself = Executor(settings, keys, media)
    log_level = log_level or LogLevel()
    server = MediaServer(settings, keys, media, TemporalReports(client), listen=listen)
    queue = executor_queue(settings.region)
    worker = Worker(
        client,
        task_queue=queue,
        activities=[
            *(itself.describe, itself.list_served, itself.stop_serving),
            *(rotation.make_key, rotation.seal_anew, rotation.retire_keys),
            *(hypervisor.inspect, hypervisor.stage, hypervisor.start, hypervisor.remove),
            *(hypervisor.stop, hypervisor.start_again),
            *(hypervisor.survey, hypervisor.read_console),
            *(redfish.verify, redfish.inspect, redfish.look, redfish.stage, redfish.boot_medium),
            *(redfish.restart_bmc, redfish.power_cycle),
            *(redfish.boot_disk, redfish.power_off, redfish.unstage, redfish.read_log),
        ],
        activity_executor=ThreadPoolExecutor(threads, "hardware"),
        max_concurrent_activities=threads,
        activity_task_poller_behavior=ONE_POLL,
        interceptors=[*interceptors, Follows(log_level), TellsErrors(), Beats(client)],
        graceful_shutdown_timeout=GRACE,
        on_fatal_error=failure.of(client, queue),
    )
    await server.start()
    try:
        async with drained(worker, failure):
            yield
    finally:
        await server.stop()
        await asyncio.to_thread(hypervisor.close)
        log_level.restore()


def _tells(client: Client, loop: asyncio.AbstractEventLoop) -> Callable[[str, str], None]:
    """Make what tells an operation, from libvirt's thread, that its machine stopped."""

    async def tell(operation: str) -> None:
        for pause_s in (*TOLD_AGAIN_S, None):
            try:
                await client.get_workflow_handle(operation).signal(MACHINE_STOPPED)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND and pause_s is not None:
                    await asyncio.sleep(pause_s)
                    continue
                _log.info("a machine stopped after its operation", extra={"operation": operation})
            return

    def on_stopped(operation: str, _domain: str) -> None:
        asyncio.run_coroutine_threadsafe(tell(operation), loop)

    return on_stopped
