"""ReadRegionKeys: ask a region's executors for the public keys to which its secrets are sealed."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import executor
    from activities.contracts.executor import DescribeExecutor, ExecutorDescription
    from workflows.operation import executor_queue


@workflow.defn(name="ReadRegionKeys")
class ReadRegionKeys:
    """Ask whoever answers for the region."""

    @workflow.run
    async def run(self, request: DescribeExecutor) -> ExecutorDescription:
        """Give what an executor says of itself."""
        return await workflow.execute_activity(
            executor.describe,
            request,
            task_queue=executor_queue(request.region),
            schedule_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
