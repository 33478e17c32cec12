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

RECORD = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=10),
    backoff_coefficient=2,
)
HARDWARE = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=20),
    backoff_coefficient=2,
)


@dataclass(frozen=True)
class Policy:
    """Limits of one activity."""

    takes: timedelta
    ends: timedelta
    beats: timedelta
    retry: RetryPolicy


def _minutes(takes: float, ends: float) -> Policy:
    return Policy(timedelta(minutes=takes), timedelta(minutes=ends), BEATS, HARDWARE)


POLICIES: Mapping[Callable[..., Any], Policy] = {
    executor.describe: _minutes(0.5, 1),
    hypervisor.inspect: _minutes(1, 3),
    hypervisor.stage: _minutes(60, 90),
    hypervisor.start: _minutes(2, 5),
    hypervisor.remove: _minutes(5, 24 * 60),
    hypervisor.read_console: _minutes(0.5, 1),
    redfish.verify: _minutes(1, 1.5),
    redfish.inspect: _minutes(5, 10),
    redfish.stage: _minutes(60, 90),
    redfish.boot_medium: _minutes(10, 20),
    redfish.boot_disk: _minutes(10, 20),
    redfish.power_off: _minutes(5, 30),
    redfish.unstage: _minutes(1, 30),
    redfish.read_log: _minutes(0.5, 1),
}
"""Activities of executors. Records are local activities: 5 s each, tried until they succeed."""

RECORD_TAKES = timedelta(seconds=5)
