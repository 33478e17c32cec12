"""The schedule on which the records of a site are reconciled with Temporal."""

import logging
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from activities.contracts.reconcile import RunReconcileRecords
from workflows.operation import CONTROL_QUEUE
from workflows.reconcile import ReconcileRecords

RECONCILE = "mulligan-reconcile"
"""The schedule's id: a site has a namespace of its own, and one schedule for all its regions."""

EVERY = timedelta(minutes=10)
"""A run is some nine statements: less than one a minute while nothing happens."""

_log = logging.getLogger(__name__)


def reconcile_schedule() -> Schedule:
    """Say what runs how often; a run that is missed or still going on is not made up for."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ReconcileRecords.run,
            RunReconcileRecords(),
            id=RECONCILE,
            task_queue=CONTROL_QUEUE,
            execution_timeout=EVERY,
            static_summary="compare the records of the site with Temporal",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)]),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1)
        ),
    )


async def keep_schedule(client: Client) -> None:
    """Create the schedule, or bring the one that is there up to date; a pause stays.

    A Temporal that does not let us is told of in the log; Mulligan works without the schedule.
    """
    wanted = reconcile_schedule()

    def update(found: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = found.description.schedule.state
        return ScheduleUpdate(schedule=wanted)

    try:
        await client.create_schedule(RECONCILE, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(RECONCILE).update(update)
    except RPCError as error:
        _log.warning("nothing is reconciled on a schedule: %s", error)
