"""ReadOperationLog: ask a region's executors what was said so far in an operation that runs."""

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import hypervisor, redfish
    from activities.contracts.hardware import OperationLog
    from activities.contracts.hypervisor import ReadConsole
    from activities.contracts.payload import Payload
    from activities.contracts.redfish import BmcTarget
    from workflows.operation import executor_queue
    from workflows.policies import LOG_IS_READ


class ReadLog(Payload):
    """Where an operation of a region is at work: on a virtual machine or on a server."""

    region: str
    console: ReadConsole | None = None
    bmc: BmcTarget | None = None


@workflow.defn(name="ReadOperationLog")
class ReadOperationLog:
    """Ask whoever answers for the region, for a short time."""

    @workflow.run
    async def run(self, request: ReadLog) -> tuple[OperationLog, ...]:
        """Give what console, or ramdisk and BMC, said so far."""
        limits: workflow.ActivityConfig = {
            "task_queue": executor_queue(request.region),
            "schedule_to_close_timeout": LOG_IS_READ,
            "retry_policy": RetryPolicy(maximum_attempts=3),
        }
        if request.console is not None:
            console = hypervisor.read_console
            return (await workflow.execute_activity(console, request.console, **limits),)
        if request.bmc is not None:
            return await workflow.execute_activity(redfish.read_log, request.bmc, **limits)
        return ()
