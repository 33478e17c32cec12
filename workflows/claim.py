"""Claim: wait for capacity → commit → hold until confirmed or lapsed.

The claim itself is one database transaction; this workflow only waits, and says how it ended.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import claims
    from activities.contracts.claims import ClaimTried, EndHold, TryClaim
    from workflows.operation import STATE, Failure, OperationWorkflow, ended_by, why
    from workflows.wake import CAPACITY_CHANGED


@workflow.defn(name="Claim")
class Claim(OperationWorkflow):
    """Claim resources when they become free, and hold them until somebody confirms."""

    def __init__(self) -> None:
        super().__init__()
        self._capacity_changed = False
        self._hold_changed = False

    @workflow.run
    async def run(self, request: TryClaim) -> str:
        """Give the state in which the claim ended: confirmed, lapsed or released."""
        request = request.model_copy(update={"at": workflow.now()})
        tried = await self.begin(request.asked.region, claims.try_claim, request)
        return await self._to_its_end(request, tried)

    async def _to_its_end(self, request: TryClaim, tried: ClaimTried) -> str:
        try:
            if request.resume == "undo":
                raise asyncio.CancelledError
            await self._wait_for_capacity(request, tried)
            state = "confirmed"
            if request.hold_until is not None:
                state = await self._hold(request, request.hold_until)
        except FailureError as error:
            await self.operation.finish(why(error))
            raise ended_by(error) from None
        except asyncio.CancelledError as error:
            state = await self.operation.to_the_end(self._give_up(request, why(error)))
            if state != "confirmed":
                raise
            return state
        await self.operation.finish()
        return state

    @workflow.signal(name=CAPACITY_CHANGED)
    def on_capacity_changed(self) -> None:
        """Hear that something was released."""
        self._capacity_changed = True

    @workflow.signal(name="hold_changed")
    def on_hold_changed(self) -> None:
        """Hear that the hold was confirmed or released."""
        self._hold_changed = True

    async def _wait_for_capacity(self, request: TryClaim, tried: ClaimTried) -> None:
        if not tried.committed:
            await self.operation.step("wait for capacity", tried.explanation)
        while not tried.committed:
            waits_until = _last_chance(request)
            if workflow.now() >= waits_until:
                raise ApplicationError(tried.explanation, type="NO_CAPACITY", non_retryable=True)
            next_try = min(tried.fits_at or waits_until, waits_until)
            await self._wait_until(lambda: self._capacity_changed, next_try - workflow.now())
            self._capacity_changed = False
            request = request.model_copy(update={"at": workflow.now()})
            tried = await self.operation.record(claims.try_claim, request)
            await self.operation.tell(tried.explanation)
        workflow.upsert_search_attributes([STATE.value_set("committed")])

    async def _hold(self, request: TryClaim, until: datetime) -> str:
        await self.operation.step("hold", f"until {until.isoformat()}")
        await self._wait_until(lambda: self._hold_changed, until - workflow.now())
        return await self._end_hold(request)

    async def _end_hold(self, request: TryClaim) -> str:
        ended = await self.operation.record(
            claims.end_hold,
            EndHold(operation=self.operation.id, claim=request.claim, at=workflow.now()),
        )
        return ended.state

    async def _give_up(self, request: TryClaim, failure: Failure) -> str:
        """Release what is held; what was confirmed before the cancellation stays."""
        state = await self._end_hold(request)
        await self.operation.finish(None if state == "confirmed" else failure)
        return state

    async def _wait_until(self, happened: Callable[[], bool], span: timedelta) -> None:
        try:
            await workflow.wait_condition(happened, timeout=max(span, timedelta(seconds=1)))
        except TimeoutError:
            return


def _last_chance(request: TryClaim) -> datetime:
    """Until when waiting makes sense: afterwards the window or the hold would be over."""
    if request.wait_until is None:
        return workflow.now()
    ends = (request.wait_until, request.wish.release_at, request.hold_until)
    return min(end for end in ends if end is not None)
