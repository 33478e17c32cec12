"""Time-outs and retries of every activity, in one table.

`takes` is one try's limit, `ends` the limit of all tries with the waiting for a worker, `beats` the
longest silence of an activity that heartbeats.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import executor, hypervisor, redfish

PICKED_UP = timedelta(seconds=20)
"""Work that no executor picked up for this long says so and goes on waiting."""

ACTIVATION = timedelta(minutes=15)
"""A machine that has not reported for this long after its start is undone."""

RAMDISK = timedelta(minutes=30)
"""A ramdisk that has not said anything for this long is lost."""

BEATS = timedelta(seconds=22)
"""An executor whose activity was silent for this long is given up, and another one goes on.

Longer than the oldest heartbeat with which an executor still writes and its longest write together
(`activities.lease`, 8 s and 12 s), so that it has stopped before its successor begins.
"""

LOG_IS_READ = timedelta(seconds=8)
"""Whoever reads the log of a running operation waits for an executor this long."""

THAW_IS_LOOKED_FOR = timedelta(minutes=1)
"""An operation that waits for a thaw looks for itself this often, should nobody tell it."""

ROOM_IS_LOOKED_FOR = timedelta(seconds=20)
"""What found a disk full says so and tries again this often, until its policy's end."""

RECORD = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=10),
    backoff_coefficient=2,
)
HARDWARE = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=20),
    backoff_coefficient=2,
    non_retryable_error_types=["DISK_FULL"],  # the workflow says that it waits, and tries again
)


@dataclass(frozen=True)
class Policy:
    """Limits of one activity; `writes` says that it powers, wipes, deletes or starts."""

    takes: timedelta
    ends: timedelta
    beats: timedelta
    retry: RetryPolicy
    writes: bool


def _reads(takes: float, ends: float) -> Policy:
    return Policy(timedelta(minutes=takes), timedelta(minutes=ends), BEATS, HARDWARE, False)


def _writes(takes: float, ends: float) -> Policy:
    return Policy(timedelta(minutes=takes), timedelta(minutes=ends), BEATS, HARDWARE, True)


POLICIES: Mapping[Callable[..., Any], Policy] = {
    executor.describe: _reads(0.5, 1),
    executor.list_served: _reads(0.5, 1),
    executor.stop_serving: _reads(1, 5),
    executor.make_key: _reads(0.5, 60),
    executor.seal_anew: _reads(1, 60),
    executor.retire_keys: _reads(0.5, 60),
    hypervisor.inspect: _reads(1, 3),
    hypervisor.survey: _reads(1, 3),
    hypervisor.stage: _reads(60, 90),
    hypervisor.start: _writes(2, 5),
    hypervisor.stop: _writes(3, 10),
    hypervisor.start_again: _writes(2, 5),
    hypervisor.remove: _writes(5, 24 * 60),
    hypervisor.read_console: _reads(0.5, 1),
    redfish.verify: _reads(1, 1.5),
    redfish.inspect: _reads(5, 10),
    redfish.look: _reads(1, 1.5),
    redfish.restart_bmc: _writes(10, 15),
    redfish.power_cycle: _writes(5, 10),
    redfish.stage: _reads(60, 90),
    redfish.boot_medium: _writes(15, 18),
    redfish.boot_disk: _writes(10, 12),
    redfish.power_off: _writes(7, 10),
    redfish.unstage: _reads(1, 10),
    redfish.read_log: _reads(0.5, 1),
}
"""Activities of executors. Records are local activities: 5 s each, tried until they succeed."""

RECORD_TAKES = timedelta(seconds=5)

TEMPORAL_TAKES = timedelta(minutes=1)
TEMPORAL_ENDS = timedelta(minutes=5)
"""Limits of one try, and of all tries, to ask Temporal itself (`worker.temporal_view`)."""
