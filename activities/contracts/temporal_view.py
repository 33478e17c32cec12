"""Contracts of what is asked of Temporal itself: which workflows run, and starting one again."""

from datetime import datetime
from typing import Any

from temporalio import activity

from activities.contracts.hardware import Done
from activities.contracts.payload import Payload, contract_only


class ListWorkflows(Payload):
    """List the workflows of operations in a region, or in all ("")."""

    region: str = ""


class RunningWorkflows(Payload):
    """The ids of the workflows that run, as Temporal's list says: it may be some seconds late."""

    running: tuple[str, ...] = ()


class DescribeWorkflows(Payload):
    """Ask for workflows one by one, which is never late."""

    workflows: tuple[str, ...]


class WorkflowSeen(Payload):
    """A workflow's latest run: running, completed, failed, canceled, terminated, …, unknown."""

    id: str
    state: str
    type: str = ""
    region: str = ""
    started_at: datetime | None = None


class WorkflowsSeen(Payload):
    """The workflows that were asked for."""

    seen: tuple[WorkflowSeen, ...] = ()


class ResumeOperation(Payload):
    """Start an operation's workflow again, with the input that its row has kept."""

    operation: str
    workflow: str
    request: dict[str, Any]
    project: str = ""
    region: str = ""
    machine: str = ""
    provider: str = ""
    summary: str = ""


@activity.defn(name="temporal.list_workflows")
async def list_workflows(request: ListWorkflows) -> RunningWorkflows:
    """List the operations' workflows that run."""
    contract_only()


@activity.defn(name="temporal.describe_workflows")
async def describe_workflows(request: DescribeWorkflows) -> WorkflowsSeen:
    """Say how workflows stand."""
    contract_only()


@activity.defn(name="reconcile.resume_operation")
async def resume_operation(request: ResumeOperation) -> Done:
    """Start an operation's workflow again; one that runs is left as it is."""
    contract_only()
