"""Decommission: stop → clean → verify → release → available. Forward only.

What can't be done now is tried again; a server that can't be wiped is quarantined with the reason
and the project's claim still ends. Aborted, it stops trying: the machine rests half-ended.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import hypervisor, machines
    from activities.contracts.hypervisor import HostAccess, RemoveMachine
    from activities.contracts.machines import (
        BeginDecommission,
        MachinePlan,
        RecordCleaning,
        RecordGone,
        RecordStoppedEnding,
    )
    from activities.contracts.redfish import BmcAccess, BmcTarget
    from workflows.operation import PROVIDER, STATE, Failure, ended_by, why
    from workflows.ramdisk import HearsRamdisk, keep_bmc_log
    from workflows.wake import wake


@workflow.defn(name="Decommission")
class Decommission(HearsRamdisk):
    """End one machine and give back everything that it had."""

    @workflow.run
    async def run(self, request: BeginDecommission) -> str:
        """Give the machine's id when it is gone."""
        plan = await self.begin(request.asked.region, machines.begin_decommission, request)
        workflow.upsert_search_attributes(
            [PROVIDER.value_set(plan.provider), STATE.value_set("decommissioning")]
        )
        self.operation.deadline = plan.deadline
        try:
            if request.resume == "undo":
                raise asyncio.CancelledError
            problem = await self._end(plan)
        except (FailureError, asyncio.CancelledError) as error:
            await self.operation.to_the_end(self._stop(plan, why(error)))
            raise ended_by(error) from None
        await self.operation.to_the_end(self._record_gone(plan, problem))
        return plan.machine

    async def _end(self, plan: MachinePlan) -> str:
        """End the machine; says why its server could not be cleaned, if it could not."""
        if plan.host is not None:
            await self._remove_virtual(plan, plan.host)
        elif plan.server is not None:
            return await self._clean(plan, plan.server)
        return ""

    async def _remove_virtual(self, plan: MachinePlan, host: HostAccess) -> None:
        operation = self.operation
        await operation.step("remove machine")
        await operation.executor(
            hypervisor.remove,
            RemoveMachine(
                operation=operation.id, fence=plan.fence, access=host, machine=plan.machine
            ),
            summary=f"stop and remove {plan.name}",
        )

    async def _stop(self, plan: MachinePlan, failure: Failure) -> None:
        """Stop trying: the machine keeps its claim, and can be ended again, or by force."""
        operation = self.operation
        await operation.record(
            machines.record_stopped_ending,
            RecordStoppedEnding(
                operation=operation.id,
                machine=plan.machine,
                at=workflow.now(),
                state="cancelled" if failure.cancelled else "failed",
                reason=failure.message,
                error_code=failure.code,
                changes=operation.closing("failed", failure.message),
            ),
        )

    async def _clean(self, plan: MachinePlan, server: BmcAccess) -> str:
        operation = self.operation
        target = BmcTarget(operation=operation.id, fence=plan.fence, access=server)
        try:
            await self.power_off(target)
            await operation.record(
                machines.record_cleaning,
                RecordCleaning(operation=operation.id, machine=plan.machine),
            )
            await self.wipe(server, plan.fence)
        except FailureError as error:
            problem = f"could not be cleaned: {why(error).message}"
            await operation.end_step("failed", problem)
            return problem
        finally:
            await keep_bmc_log(operation, target)
        return ""

    async def _record_gone(self, plan: MachinePlan, problem: str) -> None:
        operation = self.operation
        recorded = await operation.record(
            machines.record_gone,
            RecordGone(
                operation=operation.id,
                machine=plan.machine,
                at=workflow.now(),
                changes=operation.closing("done"),
                provider_state="" if plan.host else "quarantined" if problem else "available",
                provider_reason=problem or "wiped, and read back empty",
                may_answer=bool(problem) and not self.is_off,
            ),
        )
        workflow.upsert_search_attributes([STATE.value_set("gone")])
        await wake(recorded.waiting)
