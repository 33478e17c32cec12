"""The control worker: all workflows, and the record activities that they run locally."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from activities.records import (
    claims,
    endpoints,
    keys,
    machines,
    operations,
    reconcile,
    reservations,
)
from activities.records.transaction import Contract, Record, in_transactions
from mulligan.database import Database
from mulligan.resource import choice  # noqa: F401 - with numpy: else the first claim's 5 s pay for it
from worker.errors import TellsErrors
from worker.temporal_view import TemporalView
from workflows.check import Inspect, Verify
from workflows.claim import Claim
from workflows.decommission import Decommission
from workflows.force_release import ForceRelease
from workflows.keep import Keep, Restore
from workflows.operation import CONTROL_QUEUE
from workflows.provision import Provision
from workflows.read_log import ReadOperationLog
from workflows.reconcile import Reconcile, ReconcileRecords
from workflows.region_keys import ReadRegionKeys
from workflows.reservation import Reservation, Reserve, ReserveSeries
from workflows.rotate_key import RotateRegionKey

WORKFLOWS = (
    Claim,
    Decommission,
    ForceRelease,
    Inspect,
    Keep,
    Provision,
    ReadOperationLog,
    ReadRegionKeys,
    Reconcile,
    ReconcileRecords,
    Reservation,
    Reserve,
    ReserveSeries,
    Restore,
    RotateRegionKey,
    Verify,
)
RECORDS: Mapping[Contract, Record] = {
    **claims.RECORDS,
    **endpoints.RECORDS,
    **keys.RECORDS,
    **machines.RECORDS,
    **operations.RECORDS,
    **reconcile.RECORDS,
    **reservations.RECORDS,
}
GRACE = timedelta(seconds=6)
"""Longer than a record takes, which is tried again elsewhere if it fails."""

STICKY = timedelta(seconds=3)
"""How long Temporal keeps a workflow's next task for the worker that knows it.

A worker that was killed is waited for that long; one that is slower replays the history.
"""


def control_worker(
    client: Client,
    database: Database,
    *,
    threads: int = 8,
    interceptors: Sequence[Interceptor] = (),
    on_fatal_error: Callable[[BaseException], Awaitable[None]] | None = None,
) -> Worker:
    """Make the worker of the control queue; `threads` bounds its transactions at once."""
    records = in_transactions(database, RECORDS, ThreadPoolExecutor(threads, "records"))
    return Worker(
        client,
        task_queue=CONTROL_QUEUE,
        workflows=list(WORKFLOWS),
        activities=[*records, *TemporalView(client).activities],
        max_concurrent_local_activities=threads,
        interceptors=[*interceptors, TellsErrors()],
        sticky_queue_schedule_to_start_timeout=STICKY,
        graceful_shutdown_timeout=GRACE,
        on_fatal_error=on_fatal_error,
    )
