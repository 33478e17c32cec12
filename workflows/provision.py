"""Provision: from a request to a machine that runs and has said so.

commit claim → stage → boot → wait for activation → record. Each step's undo is registered before
the step; whatever goes wrong, the undos run in reverse, then the claim is released. A server that
was written to is wiped before it is offered again; one that can't be is quarantined.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import hypervisor, machines, operations, redfish, reports
    from activities.contracts.hardware import (
        ConfigDrivePlan,
        GuestReport,
        ImageSource,
        OperationLog,
    )
    from activities.contracts.hypervisor import (
        HostAccess,
        MachineTarget,
        ReadConsole,
        RemoveMachine,
        StageMachine,
        StartMachine,
    )
    from activities.contracts.machines import (
        BeginProvision,
        MachinePlan,
        RecordActive,
        RecordFailed,
    )
    from activities.contracts.operations import RecordLog
    from activities.contracts.redfish import BmcAccess, BmcTarget, RamdiskTask, StageServer
    from workflows.ladder import WITHOUT_POWER, climb
    from workflows.operation import CANCELLED, PROVIDER, REGION, STATE, Failure, ended_by, why
    from workflows.policies import ACTIVATION
    from workflows.ramdisk import HearsRamdisk
    from workflows.wake import wake


@workflow.defn(name="Provision")
class Provision(HearsRamdisk):
    """Make one machine, virtual or baremetal, or leave nothing behind."""

    def __init__(self) -> None:
        super().__init__()
        self._report: GuestReport | None = None
        self._stopped = False

    @workflow.run
    async def run(self, request: BeginProvision) -> str:
        """Give the machine's id when it is active."""
        plan = await self.begin(request.asked.region, machines.begin_provision, request)
        self.operation.region = plan.region  # below the one that was asked for, perhaps
        found = [PROVIDER.value_set(plan.provider), STATE.value_set("provisioning")]
        if plan.region != request.asked.region:
            found.append(REGION.value_set(plan.region))
        workflow.upsert_search_attributes(found)
        self.operation.deadline = plan.deadline
        if request.resume == "undo":
            await self.operation.to_the_end(self._take_everything_back(plan))
            return plan.machine
        try:
            await self._make(plan)
            report = await self._activation(plan)
            await self._record_active(plan, report)
        except (FailureError, asyncio.CancelledError) as error:
            failure = why(error)
            await self.operation.to_the_end(self._take_back(plan, failure))
            raise ended_by(error) from None
        await self.operation.to_the_end(self._tidy(plan))
        return plan.machine

    @workflow.signal(name=reports.GUEST_REPORT)
    def on_guest_report(self, report: GuestReport) -> None:
        """Hear from the machine that it is active; its first word counts."""
        self._report = self._report or report

    @workflow.signal(name=reports.MACHINE_STOPPED)
    def on_machine_stopped(self) -> None:
        """Hear from the hypervisor that the domain stopped."""
        self._stopped = True

    async def _make(self, plan: MachinePlan) -> None:
        config_drive = ConfigDrivePlan(
            hostname=plan.hostname,
            ssh_keys=plan.ssh_keys,
            sealed_user_data=plan.sealed_user_data,
            token_expires_at=workflow.now() + timedelta(hours=24),
        )
        if plan.image is None:
            raise ApplicationError("the plan has no image", type="INTERNAL", non_retryable=True)
        if plan.host is not None:
            await self._make_virtual(plan, plan.host, plan.image, config_drive)
        elif plan.server is not None:
            await self._make_baremetal(plan, plan.server, plan.image, config_drive)

    async def _make_virtual(
        self, plan: MachinePlan, host: HostAccess, image: ImageSource, drive: ConfigDrivePlan
    ) -> None:
        operation = self.operation
        target = MachineTarget(
            operation=operation.id, fence=plan.fence, access=host, machine=plan.machine
        )
        self._will_remove(plan, host)
        await operation.step("stage", f"image {image.name} and config drive")
        volumes = await operation.executor(
            hypervisor.stage,
            StageMachine(
                **dict(target),
                image=image,
                disk_gib=plan.disk_gib,
                nics=plan.nics,
                config_drive=drive,
            ),
            summary=f"volumes of {plan.name}",
        )
        await operation.step("boot")
        await operation.executor(
            hypervisor.start,
            StartMachine(
                **dict(target),
                title=plan.name,
                vcpus=plan.vcpus,
                memory_mib=plan.memory_mib,
                nics=plan.nics,
                volumes=volumes,
            ),
            summary=f"define and start {plan.name}",
        )

    async def _make_baremetal(
        self, plan: MachinePlan, server: BmcAccess, image: ImageSource, drive: ConfigDrivePlan
    ) -> None:
        operation = self.operation
        target = BmcTarget(operation=operation.id, fence=plan.fence, access=server)
        self._will_unstage(plan, server)
        await operation.step("stage", f"image {image.name}, config drive and ramdisk")
        staged = await operation.executor(
            redfish.stage,
            StageServer(
                operation=operation.id,
                fence=plan.fence,
                access=server,
                machine=plan.machine,
                image=image,
                nics=plan.nics,
                config_drive=drive,
            ),
            summary=f"image and boot medium of {plan.name}",
        )
        self._will_power_off(plan, server)
        await self.run_ramdisk(
            server,
            plan.fence,
            RamdiskTask(
                action="deploy",
                server=server.server,
                disk=plan.root_disk,
                image=staged.image,
                config_drive=staged.config_drive,
                after="poweroff",
            ),
        )

        async def boot() -> None:
            await operation.step("boot")
            self.is_off = False
            await operation.executor(redfish.boot_disk, target, summary="boot from the disk")

        await climb(operation, target, boot, WITHOUT_POWER)

    def _will_remove(self, plan: MachinePlan, host: HostAccess) -> None:
        operation = self.operation
        remove = RemoveMachine(
            operation=operation.id, fence=plan.fence, access=host, machine=plan.machine
        )
        operation.undo("remove machine", lambda: operation.executor(hypervisor.remove, remove))

    def _will_unstage(self, plan: MachinePlan, server: BmcAccess) -> None:
        self.operation.undo("unstage", lambda: self.unstage(server, plan.fence))

    def _will_power_off(self, plan: MachinePlan, server: BmcAccess) -> None:
        bmc = BmcTarget(operation=self.operation.id, fence=plan.fence, access=server)
        self.operation.undo("power off", lambda: self.power_off(bmc))

    async def _activation(self, plan: MachinePlan) -> GuestReport:
        if not _reports(plan):
            return GuestReport()
        await self.operation.step("activate", "waits for the machine to phone home")
        came = await self.operation.until(
            lambda: self._report is not None or self._stopped, ACTIVATION
        )
        if not came:
            raise ApplicationError(
                f"machine {plan.name} did not phone home within {ACTIVATION}; see its console "
                "with `mulligan operation log`",
                type="ACTIVATION_TIMED_OUT",
                non_retryable=True,
            )
        if self._report is None:
            raise ApplicationError(
                f"machine {plan.name} stopped before it phoned home; see its console with "
                "`mulligan operation log`",
                type="MACHINE_STOPPED",
                non_retryable=True,
            )
        return self._report

    async def _record_active(self, plan: MachinePlan, report: GuestReport) -> None:
        await self.operation.record(
            machines.record_active,
            RecordActive(
                operation=self.operation.id,
                machine=plan.machine,
                at=workflow.now(),
                report=report,
                changes=self.operation.closing("done"),
            ),
        )
        self.operation.forget_undo()
        workflow.upsert_search_attributes([STATE.value_set("active")])

    async def _tidy(self, plan: MachinePlan) -> None:
        """Keep what was said until the machine was active, and stop serving what it needed.

        A virtual machine for which nobody waited has only just been started: it said nothing yet.
        """
        if plan.server is not None or _reports(plan):
            await self._keep_log(plan)
        if plan.server is None:
            return
        try:
            await self.unstage(plan.server, plan.fence)
        except FailureError as error:
            workflow.logger.warning("media are still served: %s", why(error).message)

    # Taking it back

    async def _take_everything_back(self, plan: MachinePlan) -> None:
        """Take back what a lost workflow of this operation may have done."""
        if plan.host is not None:
            self._will_remove(plan, plan.host)
        elif plan.server is not None:
            self._will_unstage(plan, plan.server)
            self._will_power_off(plan, plan.server)
        await self._take_back(plan, CANCELLED)

    async def _take_back(self, plan: MachinePlan, failure: Failure) -> None:
        """Undo everything, clean what was written to, release the claim, and say why."""
        operation = self.operation
        await operation.end_step("failed", failure.message)
        written = plan.server is not None and (self.was_tasked or plan.may_be_written)
        await self._keep_log(plan)
        problem = await operation.undo_all()
        if written and plan.server is not None and not problem:
            problem = await self._wipe(plan, plan.server)
        recorded = await operation.record(
            machines.record_failed,
            RecordFailed(
                operation=operation.id,
                machine=plan.machine,
                at=workflow.now(),
                state="cancelled" if failure.cancelled else "failed",
                reason=failure.message,
                error_code=failure.code,
                changes=operation.closing("done"),
                provider_state="quarantined" if problem else "available" if plan.server else "",
                provider_reason=problem or "unused: nothing was written to it, or it was wiped",
                may_answer=bool(problem) and not self.is_off,
            ),
        )
        workflow.upsert_search_attributes([STATE.value_set("failed")])
        await wake(recorded.waiting)

    async def _wipe(self, plan: MachinePlan, server: BmcAccess) -> str:
        try:
            await self.wipe(server, plan.fence)
        except FailureError as error:
            problem = f"could not be wiped after a failed provision: {why(error).message}"
            await self.operation.end_step("failed", problem)
            return problem
        await self.operation.end_step("done")
        return ""

    async def _keep_log(self, plan: MachinePlan) -> None:
        """Keep what was said; not having it must not stop the undo."""
        operation = self.operation
        parts: tuple[OperationLog, ...] = ()
        try:
            if plan.host is not None:
                console = ReadConsole(
                    operation=operation.id,
                    fence=plan.fence,
                    access=plan.host,
                    machine=plan.machine,
                )
                parts = (await operation.executor(hypervisor.read_console, console),)
            elif plan.server is not None:
                bmc = BmcTarget(operation=operation.id, fence=plan.fence, access=plan.server)
                parts = tuple(await operation.executor(redfish.read_log, bmc))
            await operation.record(
                operations.record_log, RecordLog(operation=operation.id, parts=parts)
            )
        except FailureError as error:
            workflow.logger.warning("the operation's log could not be read: %s", why(error).message)


def _reports(plan: MachinePlan) -> bool:
    return plan.image is not None and plan.image.activation == "phone-home"
