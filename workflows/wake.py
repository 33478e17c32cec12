"""Waking the operations that wait for capacity, after some became free."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

CAPACITY_CHANGED = "capacity_changed"
"""Workflow signal without argument."""


async def wake(operations: tuple[str, ...]) -> None:
    """Tell waiting operations, oldest first, to try again; one that ended meanwhile is fine."""
    for operation in operations:
        try:
            await workflow.get_external_workflow_handle(operation).signal(CAPACITY_CHANGED)
        except ApplicationError:
            workflow.logger.info("operation %s no longer waits", operation)
