"""ForceRelease: release → let go → wait out the fence → power off or remove, if that can be done.

The claim ends in the first step, in one transaction. What follows is an attempt: a BMC or host that
is dead stops nothing. A server stays quarantined and not clean; a host that may still have the
machine is quarantined until `mulligan host verify` removed it.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import hypervisor, machines, redfish
    from activities.contracts.hypervisor import RemoveMachine
    from activities.contracts.machines import (
        BeginForceRelease,
        ForceReleased,
        RecordForceReleased,
    )
    from activities.contracts.redfish import BmcTarget
    from mulligan.values import told
    from workflows.operation import LET_GO, STATE, OperationWorkflow, why
    from workflows.policies import BEATS
    from workflows.wake import wake

ATTEMPT = timedelta(minutes=3)
"""How long hardware is asked to follow; it did not need to for the claim to end."""


@workflow.defn(name="ForceRelease")
class ForceRelease(OperationWorkflow):
    """End the claim of a machine or server, whatever state it and its hardware are in."""

    @workflow.run
    async def run(self, request: BeginForceRelease) -> None:
        """End when hardware followed, or was asked for long enough."""
        released = await self.begin(request.asked.region, machines.begin_force_release, request)
        workflow.upsert_search_attributes([STATE.value_set("released")])
        await self.operation.to_the_end(self._follow(request, released))

    async def _follow(self, request: BeginForceRelease, released: ForceReleased) -> None:
        await wake(released.waiting)
        if released.stopped:
            await self._have_it_let_go(released.stopped, request.reason)
        problem = await self._attempt(released)
        await self.operation.record(
            machines.record_force_released,
            RecordForceReleased(
                operation=self.operation.id,
                machine=released.machine,
                at=workflow.now(),
                problem=problem,
                changes=self.operation.closing("failed" if problem else "done", problem),
            ),
        )

    async def _have_it_let_go(self, operation: str, reason: str) -> None:
        """Tell the operation that was at work, and wait until none of its executors writes."""
        await self.operation.step("let go", f"operation {operation} stops")
        try:
            other = workflow.get_external_workflow_handle(operation)
            await other.signal(LET_GO, told.forced(reason))
        except ApplicationError:
            workflow.logger.info("operation %s has no workflow any more", operation)
        await workflow.sleep(BEATS)

    async def _attempt(self, released: ForceReleased) -> str:
        """Have the hardware follow; says why it did not."""
        operation = self.operation
        try:
            if released.host is not None:
                await operation.step("remove machine")
                remove = RemoveMachine(
                    operation=operation.id,
                    fence=released.fence,
                    access=released.host,
                    machine=released.machine,
                )
                await operation.executor(hypervisor.remove, remove, within=ATTEMPT)
            elif released.server is not None:
                await operation.step("power off")
                target = BmcTarget(
                    operation=operation.id, fence=released.fence, access=released.server
                )
                await operation.executor(redfish.power_off, target, within=ATTEMPT)
        except FailureError as error:
            return why(error).message
        return ""
