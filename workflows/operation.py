"""What every operation's workflow does the same way: steps, records, executors, undo, its end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

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
    from activities.contracts.configuration import Configured, ForExecutor
    from activities.contracts.operations import (
        FinishOperation,
        FreshAccess,
        RecordSteps,
        StepChange,
    )
    from activities.contracts.payload import Payload
    from mulligan.values import told
    from workflows.policies import (
        PICKED_UP,
        POLICIES,
        RECORD,
        RECORD_TAKES,
        ROOM_IS_LOOKED_FOR,
        THAW_IS_LOOKED_FOR,
    )

Request = TypeVar("Request", bound=Payload)
Result = TypeVar("Result")

CONTROL_QUEUE = "control"

FREEZE_CHANGED = "freeze_changed"
"""Workflow signal with the reason of a freeze; an empty one is a thaw."""

LET_GO = "let_go"
"""Workflow signal with the reason why another operation ends this one."""

TRY_AGAIN = "try_again"
"""Workflow signal: try the failing step again now, with a `FreshAccess` to its server, if any."""

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


CANCELLED = Failure("CANCELLED", "somebody cancelled it", cancelled=True)


def why(error: BaseException) -> Failure:
    """Find the words in what a step raised."""
    cause: BaseException = error
    while isinstance(cause, ActivityError) and cause.cause is not None:
        cause = cause.cause
    if isinstance(cause, (CancelledError, asyncio.CancelledError)):
        return CANCELLED
    if isinstance(cause, ApplicationError):
        details = dict(cause.details[0]) if cause.details else {}
        return Failure(cause.type or "INTERNAL", cause.message, details=details)
    if isinstance(cause, TimedOutError):
        return Failure("TIMED_OUT", f"no answer in time ({cause.message})")
    return Failure("INTERNAL", str(cause))


def ended_by(error: BaseException) -> BaseException:
    """Give what a workflow ends with: our sentence comes first where people look at Temporal."""
    failure = why(error)
    if failure.cancelled:
        return error
    return ApplicationError(failure.message, type=failure.code, non_retryable=True)


class Operation:
    """One operation at work: it records steps, calls executors, and takes back what it did."""

    def __init__(self) -> None:
        self.region = ""
        self.steps: list[StepProgress] = []
        self.deadline: datetime | None = None
        """When the way forward ends, and the way back begins."""
        self.frozen = ""
        """Why nothing may power, wipe, delete or start now; empty when it may."""
        self.let_go = ""
        """Why no hardware may be touched any more; empty when it may."""
        self.try_again = False
        """Somebody asked to try the failing step again now."""
        self.fresh_access: FreshAccess | None = None
        """How the server is reached by now, when that was told since the operation began."""
        self.configured: Configured | None = None  # how executors are, if that was ever set
        self.may_have_written = False
        """An executor was asked for something that powers, wipes, deletes or starts."""
        self._undo: list[tuple[str, Callable[[], Awaitable[object]]]] = []
        self._cancelled = False
        self._can_be_cancelled = True

    @property
    def id(self) -> str:
        """The operation's id, which is the workflow's."""
        return workflow.info().workflow_id

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody cancelled it, heeded or not."""
        return self._cancelled

    # Steps

    @property
    def doing(self) -> str:
        """The running step's name, if one runs."""
        return self.steps[-1].name if self.steps and self.steps[-1].state == "running" else ""

    async def step(self, name: str, message: str = "") -> None:
        """Begin a step; the one before it is done."""
        changes = (*self.closing("done"), StepChange(name=name, state="running", message=message))
        self.steps.append(StepProgress(name, "running", workflow.now(), message=message))
        await self._record_steps(changes)
        if self._can_be_cancelled:
            self._heed()

    def closing(self, state: str, message: str = "") -> tuple[StepChange, ...]:
        """End the running step, if there is one, and give the change to be recorded with others."""
        if not self.doing:
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
        last = changes[-1]
        workflow.set_current_details(
            told.read(f"{last.name}: {last.message or last.state}", operators=True)
        )
        recorded = await self.record(
            operations.record_steps,
            RecordSteps(operation=self.id, at=workflow.now(), changes=changes),
            summary=f"{last.name}: {last.state}",
        )
        self.frozen, self.configured = recorded.frozen, recorded.configured

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
        self,
        contract: Callable[[Request], Result],
        request: Request,
        *,
        summary: str = "",
        within: timedelta | None = None,
    ) -> Result:
        """Have an executor of the region do it, waiting visibly while there is none, or no room.

        What powers, wipes, deletes or starts waits for a thaw, and is stopped by a freeze.
        """
        policy = POLICIES[contract]
        ends_at = self._ends_at(within or policy.ends)
        while True:
            self._heed()
            if policy.writes:
                await self._until_thawed()
                self.may_have_written = True
            left = max(ends_at - workflow.now(), timedelta(seconds=1))
            activity = workflow.start_activity(
                contract,
                self._reaching(request),
                task_queue=executor_queue(self.region),
                schedule_to_start_timeout=min(PICKED_UP, left),
                schedule_to_close_timeout=left,
                start_to_close_timeout=policy.takes,
                heartbeat_timeout=policy.beats,
                retry_policy=policy.retry,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=summary or self.doing or None,
            )
            was_stopped = await self._until_it_ended(activity, policy.writes)
            try:
                result = await activity
            except (ActivityError, asyncio.CancelledError) as error:
                self._heed()
                if was_stopped:
                    self.try_again = False
                    ends_at = self._ends_at(within or policy.ends)
                    continue
                if workflow.now() >= ends_at or not await self._waits_out(error):
                    raise
            else:
                self._heed()
                return result

    async def _waits_out(self, error: BaseException) -> bool:
        """Say what an activity waits for, if it does: an executor, or room on a disk."""
        is_full = why(error).code == "DISK_FULL"
        if not is_full and not _nobody_came(error):
            return False
        if self.steps:
            no_executor = f"waits for an executor of region {self.region}; none answers"
            await self.tell(f"waits for room: {why(error).message}" if is_full else no_executor)
        if is_full:
            with suppress(TimeoutError):
                await self._note_cancellation(
                    workflow.wait_condition(
                        lambda: self._is_stopped(writes=False), timeout=ROOM_IS_LOOKED_FOR
                    )
                )
            self.try_again = False
        return True

    def _reaching(self, request: Request) -> Request:
        """Say how executors are configured, and how the server is reached by now if that is new."""
        changed: dict[str, object] = {}
        if self.configured is not None and isinstance(request, ForExecutor):
            changed["configured"] = self.configured
        fresh, access = self.fresh_access, getattr(request, "access", None)
        if fresh is not None and getattr(access, "server", "") == fresh.server:
            changed["access"] = cast("Payload", access).model_copy(update=fresh.model_dump())
        return request.model_copy(update=changed) if changed else request

    def _ends_at(self, span: timedelta) -> datetime:
        ends_at = workflow.now() + span
        return min(ends_at, self.deadline) if self.deadline and self._can_be_cancelled else ends_at

    async def _until_it_ended(self, activity: asyncio.Task[Any], writes: bool) -> bool:
        """Wait for an activity, asking it to stop when it should; says whether it was asked.

        One that succeeds all the same would swallow a cancellation: that is heeded afterwards.
        """
        while not activity.done() and not self._is_stopped(writes):
            await self._note_cancellation(
                workflow.wait_condition(lambda: activity.done() or self._is_stopped(writes))
            )
        if activity.done():
            return False
        activity.cancel()
        while not activity.done():
            await self._note_cancellation(workflow.wait([activity]))
        return True

    def _is_stopped(self, writes: bool) -> bool:
        is_over = self.let_go or self.try_again or (self._cancelled and self._can_be_cancelled)
        return bool(is_over or (writes and self.frozen))

    async def _until_thawed(self) -> None:
        while self.frozen:
            await self.tell(f"waits, because {self.frozen}")
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: not self.frozen or self._is_stopped(writes=False),
                    timeout=THAW_IS_LOOKED_FOR,
                )
            self.try_again = False
            self._heed()

    async def until(self, happened: Callable[[], bool], within: timedelta) -> bool:
        """Wait for something to happen; says whether it did in time."""
        span = max(self._ends_at(within) - workflow.now(), timedelta(seconds=1))
        try:
            await workflow.wait_condition(lambda: happened() or bool(self.let_go), timeout=span)
        except TimeoutError:
            self._heed()
            return False
        self._heed()
        return True

    # Cancellation

    async def to_the_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do what nobody can cancel any more: taking back, ending."""
        self._can_be_cancelled = False
        return await self._shielded(work)

    async def _shielded(self, work: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.create_task(work)
        while not task.done():
            await self._note_cancellation(workflow.wait([task]))
        return task.result()

    async def _note_cancellation(self, wait: Awaitable[object]) -> None:
        """Wait; a cancellation meanwhile is for `_heed`."""
        try:
            await wait
        except asyncio.CancelledError:
            self._cancelled = True

    def _heed(self) -> None:
        """Stop here if somebody said so, or if the time is over."""
        if self.let_go:
            raise ApplicationError(self.let_go, type="FORCE_RELEASED", non_retryable=True)
        if not self._can_be_cancelled:
            return
        if self._cancelled:
            raise asyncio.CancelledError
        if self.deadline is not None and workflow.now() >= self.deadline:
            raise ApplicationError(
                f"it did not end until its deadline, {self.deadline:%Y-%m-%d %H:%M:%S} UTC",
                type="DEADLINE_EXCEEDED",
                non_retryable=True,
            )

    # Undo

    def undo(self, name: str, action: Callable[[], Awaitable[object]]) -> None:
        """Register what takes the next step back; it must tolerate that the step never happened."""
        self._undo.append((name, action))

    async def undo_all(self) -> str:
        """Take back what was done, last first; gives why something could not be, or nothing."""
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

    @workflow.signal(name=FREEZE_CHANGED)
    def on_freeze_changed(self, frozen: str) -> None:
        """Hear that the region was frozen, with the reason, or thawed."""
        self.operation.frozen = frozen

    @workflow.signal(name=LET_GO)
    def on_let_go(self, reason: str) -> None:
        """Hear that somebody else ends this: no hardware is touched any more."""
        self.operation.let_go = reason

    @workflow.signal(name=TRY_AGAIN)
    def on_try_again(self, access: FreshAccess | None = None) -> None:
        """Hear that the failing step should be tried again now, and how its server is reached."""
        self.operation.fresh_access = access or self.operation.fresh_access
        self.operation.try_again = True

    @workflow.query(name="progress")
    def steps(self) -> list[StepProgress]:
        """Tell the steps so far."""
        return self.operation.steps

    async def begin(
        self,
        region: str,
        contract: Callable[[Request], Result],
        request: Request,
        *,
        is_accepted: bool = True,
    ) -> Result:
        """Write the operation's row and all that belongs to it, or refuse and leave nothing."""
        self.operation.region = region
        try:
            result = await self.operation.record(contract, request)
        except FailureError as error:
            self._refused = why(error)
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        self._begun = is_accepted  # if it isn't, who asked goes on waiting for its answer
        return result


def _nobody_came(error: BaseException) -> bool:
    cause = error.cause if isinstance(error, ActivityError) else None
    return isinstance(cause, TimedOutError) and cause.type == TimeoutType.SCHEDULE_TO_START
