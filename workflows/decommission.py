"""Decommission: stop → clean → verify → release → available. Forward only.

What can't be done now is tried again; a server that can't be wiped is quarantined with the reason
and the project's claim still ends.
"""

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import hypervisor, machines, operations, redfish
    from activities.contracts.hypervisor import HostAccess, RemoveMachine
    from activities.contracts.machines import (
        BeginDecommission,
        MachinePlan,
        RecordCleaning,
        RecordGone,
    )
    from activities.contracts.operations import RecordLog
    from activities.contracts.redfish import BmcAccess, BmcTarget
    from workflows.operation import PROVIDER, STATE, why
    from workflows.ramdisk import HearsRamdisk
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
        await self.operation.to_the_end(self._end(plan))
        return plan.machine

    async def _end(self, plan: MachinePlan) -> None:
        problem = ""
        if plan.host is not None:
            await self._remove_virtual(plan, plan.host)
        elif plan.server is not None:
            problem = await self._clean(plan, plan.server)
        await self._record_gone(plan, problem)

    async def _remove_virtual(self, plan: MachinePlan, host: HostAccess) -> None:
        """Remove the machine; one that can't be removed keeps its claim and can be ended again."""
        operation = self.operation
        await operation.step("remove machine")
        try:
            await operation.executor(
                hypervisor.remove,
                RemoveMachine(
                    operation=operation.id, fence=plan.fence, access=host, machine=plan.machine
                ),
                summary=f"stop and remove {plan.name}",
            )
        except FailureError as error:
            await operation.finish(why(error))
            raise

    async def _clean(self, plan: MachinePlan, server: BmcAccess) -> str:
        operation = self.operation
        target = BmcTarget(operation=operation.id, fence=plan.fence, access=server)
        try:
            await operation.step("power off")
            await operation.executor(redfish.power_off, target)
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
            await self._keep_log(target)
        return ""

    async def _keep_log(self, target: BmcTarget) -> None:
        operation = self.operation
        try:
            parts = tuple(await operation.executor(redfish.read_log, target))
            await operation.record(
                operations.record_log, RecordLog(operation=operation.id, parts=parts)
            )
        except FailureError as error:
            workflow.logger.warning("the operation's log could not be read: %s", why(error).message)

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
            ),
        )
        workflow.upsert_search_attributes([STATE.value_set("gone")])
        await wake(recorded.waiting)
