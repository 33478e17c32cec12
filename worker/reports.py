"""Handing what machines and ramdisks report to the workflow that waits for it."""

import asyncio
from typing import Protocol

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as UpdateTimeoutError
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import reports
from activities.contracts.hardware import GuestReport
from activities.contracts.payload import Payload
from activities.contracts.redfish import (
    RamdiskFacts,
    RamdiskProgress,
    RamdiskResult,
    RamdiskTask,
)
from mulligan.values.errors import ConflictError, NotFoundError, UnavailableError

TASK_ANSWER_S = 20
"""A ramdisk waits 30 s for an answer and then asks again."""


class Reports(Protocol):
    """Whoever takes reports for an operation.

    Each method raises NotFoundError when the operation ended or never was, and UnavailableError
    when a later try may succeed.
    """

    async def guest(self, operation: str, report: GuestReport) -> None:
        """Take a machine's word that it is active."""

    async def facts(self, operation: str, facts: RamdiskFacts) -> None:
        """Take what a ramdisk saw."""

    async def progress(self, operation: str, progress: RamdiskProgress) -> None:
        """Take how far a ramdisk is."""

    async def result(self, operation: str, result: RamdiskResult) -> None:
        """Take how a ramdisk's task ended."""

    async def task(self, operation: str) -> RamdiskTask:
        """Give what the ramdisk is to do now; ConflictError when the operation refuses."""
        ...


class TemporalReports:
    """Reports to workflows: signals, and an update for the task. The workflow id is the operation.

    `client` converts payloads with `temporalio.contrib.pydantic`.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def guest(self, operation: str, report: GuestReport) -> None:
        """Signal GUEST_REPORT."""
        await self._signal(operation, reports.GUEST_REPORT, report)

    async def facts(self, operation: str, facts: RamdiskFacts) -> None:
        """Signal RAMDISK_FACTS."""
        await self._signal(operation, reports.RAMDISK_FACTS, facts)

    async def progress(self, operation: str, progress: RamdiskProgress) -> None:
        """Signal RAMDISK_PROGRESS."""
        await self._signal(operation, reports.RAMDISK_PROGRESS, progress)

    async def result(self, operation: str, result: RamdiskResult) -> None:
        """Signal RAMDISK_RESULT."""
        await self._signal(operation, reports.RAMDISK_RESULT, result)

    async def task(self, operation: str) -> RamdiskTask:
        """Execute the update RAMDISK_TASK."""
        handle = self._workflow(operation)
        try:
            async with asyncio.timeout(TASK_ANSWER_S):
                task: RamdiskTask = await handle.execute_update(
                    reports.RAMDISK_TASK, result_type=RamdiskTask
                )
                return task
        except WorkflowUpdateFailedError as error:
            raise ConflictError(f"operation {operation} gives no task: {error.cause}") from error
        except RPCError as error:
            raise _in_our_words(operation, error) from error
        except (TimeoutError, UpdateTimeoutError) as error:
            raise UnavailableError(f"operation {operation} does not answer now") from error

    async def _signal(self, operation: str, name: str, payload: Payload) -> None:
        try:
            await self._workflow(operation).signal(name, payload)
        except RPCError as error:
            raise _in_our_words(operation, error) from error

    def _workflow(self, operation: str) -> WorkflowHandle[object, object]:
        return self._client.get_workflow_handle(operation)


def _in_our_words(operation: str, error: RPCError) -> NotFoundError | UnavailableError:
    if error.status is RPCStatusCode.NOT_FOUND:
        return NotFoundError(f"operation {operation} ended or never was")
    return UnavailableError(f"operation {operation} can't be told now: {error.status.name}")
