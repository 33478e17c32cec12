"""The activities that ask Temporal itself, and start an operation's workflow again."""

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts.hardware import Done
from activities.contracts.temporal_view import (
    DescribeWorkflows,
    ListWorkflows,
    ResumeOperation,
    RunningWorkflows,
    WorkflowSeen,
    WorkflowsSeen,
)
from workflows.operation import CONTROL_QUEUE, REGION, search_attributes

AT_ONCE = 16
"""Calls to Temporal at the same time."""


class TemporalView:
    """What Temporal says of the workflows of this site; they have the region's search attribute."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.list_workflows, self.describe_workflows, self.resume_operation]

    @activity.defn(name="temporal.list_workflows")
    async def list_workflows(self, request: ListWorkflows) -> RunningWorkflows:
        """List the operations' workflows that run."""
        where = f"= '{request.region}'" if request.region else "IS NOT NULL"
        query = f"ExecutionStatus = 'Running' AND {REGION.name} {where}"
        found = [workflow.id async for workflow in self._client.list_workflows(query)]
        return RunningWorkflows(running=tuple(sorted(found)))

    @activity.defn(name="temporal.describe_workflows")
    async def describe_workflows(self, request: DescribeWorkflows) -> WorkflowsSeen:
        """Say how workflows stand."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def describe(workflow: str) -> WorkflowSeen:
            async with turns:
                return await self._describe(workflow)

        return WorkflowsSeen(seen=tuple(await asyncio.gather(*map(describe, request.workflows))))

    async def _describe(self, workflow: str) -> WorkflowSeen:
        try:
            found = await self._client.get_workflow_handle(workflow).describe()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return WorkflowSeen(id=workflow, state="unknown")
        return WorkflowSeen(
            id=workflow,
            state=_state(found),
            type=found.workflow_type,
            region=found.typed_search_attributes.get(REGION) or "",
            started_at=found.start_time,
        )

    @activity.defn(name="reconcile.resume_operation")
    async def resume_operation(self, request: ResumeOperation) -> Done:
        """Start an operation's workflow again; one that runs is left as it is."""
        await self._client.start_workflow(
            request.workflow,
            request.request,
            id=request.operation,
            task_queue=CONTROL_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=search_attributes(
                project=request.project,
                region=request.region,
                machine=request.machine,
                provider=request.provider,
            ),
            static_summary=request.summary,
        )
        return Done()


def _state(found: WorkflowExecutionDescription) -> str:
    return found.status.name.lower() if found.status is not None else "unknown"
