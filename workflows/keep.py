"""Keep: power off → record. Restore: start → record. Nothing is ever wiped by them.

Neither takes anything back: what fails or is aborted leaves the machine in the state in which it
was, and the reason says so when its power may have changed already. Both can be asked for again.
"""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import hypervisor, machines, redfish
    from activities.contracts.hypervisor import (
        HostAccess,
        MachineTarget,
        StartMachineAgain,
        StopMachine,
    )
    from activities.contracts.machines import (
        BeginKeep,
        BeginRestore,
        MachinePlan,
        RecordKept,
        RecordRestored,
        RecordUnchanged,
    )
    from activities.contracts.operations import Resume
    from activities.contracts.redfish import BmcAccess, BmcTarget
    from workflows.ladder import WITHOUT_POWER, climb
    from workflows.operation import PROVIDER, STATE, OperationWorkflow, why
    from workflows.ramdisk import keep_bmc_log

GRACE_S = 60
"""How long a virtual machine has to power off when asked, before it is stopped."""


class ChangesPower(OperationWorkflow):
    """What both do the same way; `may_be` says how the power may be when that was cut short."""

    may_be: str

    async def _change(
        self, plan: MachinePlan, resume: Resume, work: Callable[[MachinePlan], Awaitable[None]]
    ) -> None:
        """Change the power, or say why the machine stays as it was."""
        self.operation.deadline = plan.deadline
        # An earlier workflow of the same operation may have asked for it.
        self.operation.may_have_written = resume != ""
        try:
            if resume == "undo":
                raise asyncio.CancelledError
            await work(plan)
        except (FailureError, asyncio.CancelledError) as error:
            reason = await self.operation.to_the_end(self._stay(plan, error))
            failure = why(error)
            if failure.cancelled:
                raise
            raise ApplicationError(reason, type=failure.code, non_retryable=True) from None
        await self.operation.to_the_end(self._keep_log(plan))

    async def _stay(self, plan: MachinePlan, error: BaseException) -> str:
        """Leave the machine in its state; gives the reason."""
        operation, failure = self.operation, why(error)
        reason = failure.message + (f"; {self.may_be}" if operation.may_have_written else "")
        changes = operation.closing("failed", failure.message)
        await self._keep_log(plan)
        await operation.record(
            machines.record_unchanged,
            RecordUnchanged(
                operation=operation.id,
                machine=plan.machine,
                at=workflow.now(),
                state="cancelled" if failure.cancelled else "failed",
                reason=reason,
                error_code=failure.code,
                changes=changes,
            ),
        )
        return reason

    async def _keep_log(self, plan: MachinePlan) -> None:
        if plan.server is not None:
            await keep_bmc_log(self.operation, self._bmc(plan, plan.server))

    def _domain(self, plan: MachinePlan, host: HostAccess) -> MachineTarget:
        return MachineTarget(
            operation=self.operation.id, fence=plan.fence, access=host, machine=plan.machine
        )

    def _bmc(self, plan: MachinePlan, server: BmcAccess) -> BmcTarget:
        return BmcTarget(operation=self.operation.id, fence=plan.fence, access=server)


@workflow.defn(name="Keep")
class Keep(ChangesPower):
    """Power one machine off and keep all that it has, until it is restored or its time is over."""

    may_be = "the machine may be off already: keep it and restore it, and it runs"

    @workflow.run
    async def run(self, request: BeginKeep) -> str:
        """Give the machine's id when it is kept."""
        plan = await self.begin(request.asked.region, machines.begin_keep, request)
        workflow.upsert_search_attributes(
            [PROVIDER.value_set(plan.provider), STATE.value_set("active")]
        )
        await self._change(plan, request.resume, self._power_off)
        await self.operation.to_the_end(self._record_kept(plan, request))
        return plan.machine

    async def _power_off(self, plan: MachinePlan) -> None:
        """Power it off: no rung of the ladder is climbed, because a tenant's machine is active."""
        operation = self.operation
        await operation.step("power off")
        if plan.host is not None:
            stop = StopMachine(**dict(self._domain(plan, plan.host)), grace_s=GRACE_S)
            await operation.executor(hypervisor.stop, stop, summary=f"shut {plan.name} off")
        elif plan.server is not None:
            target = self._bmc(plan, plan.server)
            await operation.executor(redfish.power_off, target, summary=f"power {plan.name} off")

    async def _record_kept(self, plan: MachinePlan, request: BeginKeep) -> None:
        await self.operation.record(
            machines.record_kept,
            RecordKept(
                operation=self.operation.id,
                machine=plan.machine,
                at=workflow.now(),
                until=request.until,
                changes=self.operation.closing("done"),
            ),
        )
        workflow.upsert_search_attributes([STATE.value_set("kept")])


@workflow.defn(name="Restore")
class Restore(ChangesPower):
    """Start a kept machine again, from the disk that it had."""

    may_be = "the machine may run already"

    @workflow.run
    async def run(self, request: BeginRestore) -> str:
        """Give the machine's id when it was started."""
        plan = await self.begin(request.asked.region, machines.begin_restore, request)
        workflow.upsert_search_attributes(
            [PROVIDER.value_set(plan.provider), STATE.value_set("kept")]
        )
        await self._change(plan, request.resume, self._start)
        await self.operation.to_the_end(self._record_restored(plan))
        return plan.machine

    async def _start(self, plan: MachinePlan) -> None:
        operation = self.operation
        if plan.host is not None:
            await operation.step("start")
            again = StartMachineAgain(**dict(self._domain(plan, plan.host)))
            await operation.executor(hypervisor.start_again, again, summary=f"start {plan.name}")
        elif plan.server is not None:
            target = self._bmc(plan, plan.server)

            async def start() -> None:
                await operation.step("start")
                await operation.executor(redfish.boot_disk, target, summary="boot from the disk")

            await climb(operation, target, start, WITHOUT_POWER)

    async def _record_restored(self, plan: MachinePlan) -> None:
        await self.operation.record(
            machines.record_restored,
            RecordRestored(
                operation=self.operation.id,
                machine=plan.machine,
                at=workflow.now(),
                changes=self.operation.closing("done"),
            ),
        )
        workflow.upsert_search_attributes([STATE.value_set("active")])
