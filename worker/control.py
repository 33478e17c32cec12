"""The control worker: all workflows, and the record activities that they run locally."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from activities.records import claims, endpoints, machines, operations
from activities.records.transaction import Contract, Record, in_transactions
from mulligan.database import Database
from worker.errors import TellsErrors
from workflows.check import Inspect, Verify
from workflows.claim import Claim
from workflows.decommission import Decommission
from workflows.operation import CONTROL_QUEUE
from workflows.provision import Provision
from workflows.region_keys import ReadRegionKeys

WORKFLOWS = (Claim, Decommission, Inspect, Provision, ReadRegionKeys, Verify)
RECORDS: Mapping[Contract, Record] = {
    **claims.RECORDS,
    **endpoints.RECORDS,
    **machines.RECORDS,
    **operations.RECORDS,
}
GRACE = timedelta(seconds=10)


def control_worker(client: Client, database: Database, *, threads: int = 8) -> Worker:
    """Make the worker of the control queue; `threads` bounds its transactions at once."""
    return Worker(
        client,
        task_queue=CONTROL_QUEUE,
        workflows=list(WORKFLOWS),
        activities=in_transactions(database, RECORDS),
        activity_executor=ThreadPoolExecutor(threads, "records"),
        max_concurrent_local_activities=threads,
        interceptors=[TellsErrors()],
        graceful_shutdown_timeout=GRACE,
    )
