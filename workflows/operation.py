"""What every operation's workflow does the same way: steps, records, executors, undo, its end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    TimeoutType,
)
from temporalio.exceptions import TimeoutError as TimedOutError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import operations
    from activities.contracts.operations import (
        FinishOperation,
        RecordSteps,
        StepChange,
    )
    from activities.contracts.payload import Payload
    from workflows.policies import PICKED_UP, POLICIES, RECORD, RECORD_TAKES

Request = TypeVar("Request", bound=Payload)
Result = TypeVar("Result")

CONTROL_QUEUE = "control"

PROJECT = SearchAttributeKey.for_keyword("MulliganProject")
REGION = SearchAttributeKey.for_keyword("MulliganRegion")
MACHINE = SearchAttributeKey.for_keyword("MulliganMachine")
PROVIDER = SearchAttributeKey.for_keyword("MulliganProvider")
STATE = SearchAttributeKey.for_keyword("MulliganState")


def executor_queue(region: str) -> str:
    """Name the task queue of a region's executors."""
    return f"executor.{region}"


def search_attributes(**values: str) -> TypedSearchAttributes:
    """Make the search attributes with which an operation's workflow starts."""
    keys = {
        "project": PROJECT,
        "region": REGION,
        "machine": MACHINE,
        "provider": PROVIDER,
        "state": STATE,
    }
    return TypedSearchAttributes(
        [SearchAttributePair(keys[name], value) for name, value in values.items() if value]
    )


@dataclass
class StepProgress:
    """How far one step is, as the progress query tells it."""

    name: str
    state: str
    started_at: datetime
    ended_at: datetime | None = None
    percent: int = 0
    message: str = ""


@dataclass(frozen=True)
class Failure:
    """Why an operation did not succeed: a stable code and a sentence."""

    code: str
    message: str
    cancelled: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


def why(error: BaseException) -> Failure:
    """Find the words in what a step raised."""
    cause: BaseException = error
    while isinstance(cause, ActivityError) and cause.cause is not None:
        cause = cause.cause
    if isinstance(cause, (CancelledError, asyncio.CancelledError)):
        return Failure("CANCELLED", "somebody cancelled it", cancelled=True)
    if isinstance(cause, ApplicationError):
        details = dict(cause.details[0]) if cause.details else {}
        return Failure(cause.type or "INTERNAL", cause.message, details=details)
    if isinstance(cause, TimedOutError):
        return Failure("TIMED_OUT", f"no answer in time ({cause.message})")
    return Failure("INTERNAL", str(cause))


class Operation:
    """One operation at work: it records steps, calls executors, and takes back what it did."""

    def __init__(self) -> None:
        self.region = ""
        self.steps: list[StepProgress] = []
        self._undo: list[tuple[str, Callable[[], Awaitable[object]]]] = []
        self._cancelled = False
        self._can_be_cancelled = True

    @property
    def id(self) -> str:
        """The operation's id, which is the workflow's."""
        return workflow.info().workflow_id

    # Steps

    async def step(self, name: str, message: str = "") -> None:
        """Begin a step; the one before it is done."""
        changes = (*self.closing("done"), StepChange(name=name, state="running", message=message))
        self.steps.append(StepProgress(name, "running", workflow.now(), message=message))
        await self._record_steps(changes)
        self._heed_cancellation()

    def closing(self, state: str, message: str = "") -> tuple[StepChange, ...]:
        """End the running step, if there is one, and give the change to be recorded with others."""
        if not self.steps or self.steps[-1].state != "running":
            return ()
        step = self.steps[-1]
        step.state, step.ended_at = state, workflow.now()
        step.message = message or step.message
        step.percent = 100 if state == "done" else step.percent
        return (self._change(step),)

    async def end_step(self, state: str, message: str = "") -> None:
        """End the running step, if there is one."""
        changes = self.closing(state, message)
        if changes:
            await self._record_steps(changes)

    async def tell(self, message: str = "", percent: int | None = None) -> None:
        """Say how the running step goes."""
        step = self.steps[-1]
        step.message = message or step.message
        step.percent = step.percent if percent is None else percent
        await self._record_steps((self._change(step),))

    def _change(self, step: StepProgress) -> StepChange:
        return StepChange(
            name=step.name, state=step.state, message=step.message, percent=step.percent
        )

    async def _record_steps(self, changes: tuple[StepChange, ...]) -> None:
        await self.record(
            operations.record_steps,
            RecordSteps(operation=self.id, at=workflow.now(), changes=changes),
        )

    # Activities

    async def record(
        self, contract: Callable[[Request], Result], request: Request, *, summary: str = ""
    ) -> Result:
        """Write to the database through a local activity.

        What is being written is written; a cancellation meanwhile is heeded by the next step.
        """
        return await self._shielded(
            workflow.execute_local_activity(
                contract,
                request,
                start_to_close_timeout=RECORD_TAKES,
                retry_policy=RECORD,
                summary=summary or None,
            )
        )

    async def executor(
        self, contract: Callable[[Request], Result], request: Request, *, summary: str = ""
    ) -> Result:
        """Have an executor of the region do it, waiting visibly while there is none."""
        self._heed_cancellation()
        policy = POLICIES[contract]
        ends_at = workflow.now() + policy.ends
        while True:
            left = max(ends_at - workflow.now(), timedelta(seconds=1))
            try:
                activity = workflow.start_activity(
                    contract,
                    request,
                    task_queue=executor_queue(self.region),
                    schedule_to_start_timeout=min(PICKED_UP, left),
                    schedule_to_close_timeout=left,
                    start_to_close_timeout=policy.takes,
                    heartbeat_timeout=policy.beats,
                    retry_policy=policy.retry,
                    cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    summary=summary or None,
                )
                return await self._until_it_ended(activity)
            except ActivityError as error:
                if not _nobody_came(error) or workflow.now() >= ends_at:
                    raise
            if self.steps:
                await self.tell(f"waits for an executor of region {self.region}; none answers")

    # Cancellation

    async def to_the_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do what nobody can cancel any more: taking back, ending."""
        self._can_be_cancelled = False
        return await self._shielded(work)

    async def _shielded(self, work: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.create_task(work)
        while not task.done():
            try:
                await workflow.wait([task])
            except asyncio.CancelledError:
                self._cancelled = True
        return task.result()

    async def _until_it_ended(self, activity: asyncio.Task[Result]) -> Result:
        """Wait for an activity, asking it to stop when we are cancelled.

        One that succeeds all the same would swallow the cancellation: it is heeded here.
        """
        while not activity.done():
            try:
                await workflow.wait([activity])
            except asyncio.CancelledError:
                self._cancelled = True
                activity.cancel()
        result = await activity
        self._heed_cancellation()
        return result

    def _heed_cancellation(self) -> None:
        if self._cancelled and self._can_be_cancelled:
            raise asyncio.CancelledError

    # Undo

    def undo(self, name: str, action: Callable[[], Awaitable[object]]) -> None:
        """Register what takes the next step back; it must tolerate that the step never happened."""
        self._undo.append((name, action))

    async def undo_all(self) -> str:
        """Take back what was done, last first.

        Returns:
            Why something could not be taken back, or an empty text.
        """
        problems = []
        while self._undo:
            name, action = self._undo.pop()
            await self.step(name)
            try:
                await action()
            except FailureError as error:
                problems.append(f"{name}: {why(error).message}")
                await self.end_step("failed", problems[-1])
        await self.end_step("done")
        return "; ".join(problems)

    def forget_undo(self) -> None:
        """From here on nothing is taken back."""
        self._undo.clear()

    # The end

    async def finish(self, failure: Failure | None = None) -> None:
        """Write the operation's end."""
        state = "done" if failure is None else "cancelled" if failure.cancelled else "failed"
        step_state = "failed" if state == "failed" else "done"
        await self.record(
            operations.finish,
            FinishOperation(
                operation=self.id,
                at=workflow.now(),
                state=state,
                reason=failure.message if failure else "",
                error_code=failure.code if failure else "",
                changes=self.closing(step_state),
            ),
        )


class OperationWorkflow:
    """What callers can ask of every operation's workflow."""

    def __init__(self) -> None:
        self.operation = Operation()
        self._begun = False
        self._refused: Failure | None = None

    @workflow.update(name="accepted")
    async def accepted(self) -> str:
        """Answer once the operation's row is written, or refuse with the reason."""
        await workflow.wait_condition(lambda: self._begun or self._refused is not None)
        if self._refused:
            raise ApplicationError(
                self._refused.message,
                dict(self._refused.details),
                type=self._refused.code,
                non_retryable=True,
            )
        return self.operation.id

    @workflow.query(name="progress")
    def steps(self) -> list[StepProgress]:
        """Tell the steps so far."""
        return self.operation.steps

    async def begin(
        self, region: str, contract: Callable[[Request], Result], request: Request
    ) -> Result:
        """Write the operation's row and all that belongs to it, or refuse and leave nothing."""
        self.operation.region = region
        try:
            result = await self.operation.record(contract, request)
        except FailureError as error:
            self._refused = why(error)
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._begun = True
        return result


def _nobody_came(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, TimedOutError) and cause.type == TimeoutType.SCHEDULE_TO_START
