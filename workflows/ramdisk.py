"""How a workflow talks with the ramdisk that runs on its server."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import operations, redfish, reports
    from activities.contracts.operations import RecordLog
    from activities.contracts.redfish import (
        BmcAccess,
        BmcTarget,
        BootMedium,
        RamdiskFacts,
        RamdiskProgress,
        RamdiskResult,
        RamdiskTask,
        StageServer,
    )
    from mulligan.values import told
    from workflows.ladder import RUNGS, climb
    from workflows.operation import Operation, OperationWorkflow, why
    from workflows.policies import RAMDISK


class HearsRamdisk(OperationWorkflow):
    """The messages of a ramdisk, for workflows that boot one. `task` is None while none may act."""

    def __init__(self) -> None:
        super().__init__()
        self.task: RamdiskTask | None = None
        self.task_taken = False
        self.was_tasked = False
        """A ramdisk took a task of this operation, and may have written to the disks."""
        self.is_off = False
        """The server was last seen to be off."""
        self.messages = 0
        self.progress: RamdiskProgress | None = None
        self.facts: RamdiskFacts | None = None
        self.result: RamdiskResult | None = None

    @workflow.signal(name=reports.RAMDISK_FACTS)
    def on_facts(self, facts: RamdiskFacts) -> None:
        """Hear what hardware the ramdisk found."""
        self.messages += 1
        self.facts = facts

    @workflow.signal(name=reports.RAMDISK_PROGRESS)
    def on_progress(self, progress: RamdiskProgress) -> None:
        """Hear how far the ramdisk is."""
        self.messages += 1
        self.progress = progress

    @workflow.signal(name=reports.RAMDISK_RESULT)
    def on_result(self, result: RamdiskResult) -> None:
        """Hear how the task ended; only a task that was taken can end, and once."""
        if self.task is not None and self.task_taken and self.result is None:
            self.messages += 1
            self.result = result

    @workflow.update(name=reports.RAMDISK_TASK)
    def take_task(self) -> RamdiskTask:
        """Hand the task to the ramdisk that is about to act."""
        self.messages += 1
        self.task_taken = self.was_tasked = True
        if self.task is None:
            raise ApplicationError("no task", type="NO_TASK", non_retryable=True)
        return self.task

    @take_task.validator
    def validate_take_task(self) -> None:
        """Refuse when this operation no longer has anything to do on the server."""
        if self.task is None or self.result is not None:
            raise ApplicationError(
                "this operation has no task for a ramdisk", type="NO_TASK", non_retryable=True
            )

    async def run_ramdisk(self, access: BmcAccess, fence: int, task: RamdiskTask) -> None:
        """Boot the ramdisk, have it do one task, and power the server off.

        Nothing of a tenant runs meanwhile, so that every rung of the ladder may be climbed.

        Raises:
            ApplicationError: the ramdisk failed, with its code, or was not heard any more.
        """
        operation = self.operation
        target = BmcTarget(operation=operation.id, fence=fence, access=access)
        boot = BootMedium(operation=operation.id, fence=fence, access=access)

        async def boot_and_hear() -> None:
            nonlocal boot
            self.task, self.task_taken, self.result = task, False, None
            try:
                await operation.step(f"boot ramdisk ({task.action})")
                self.is_off = False
                await operation.executor(
                    redfish.boot_medium,
                    boot,
                    summary="insert the ramdisk's medium and boot it once",
                )
                await operation.step(task.action, "waits for the ramdisk")
                await self._hear_out(task)
            finally:
                self.task = None
                # The ramdisk that may run now took a task whose end nobody hears any more.
                boot = boot.model_copy(update={"anew": True})

        await climb(operation, target, boot_and_hear, RUNGS)
        await self.power_off(target)

    async def power_off(self, target: BmcTarget) -> None:
        """Power the server off, by the ladder if need be."""

        async def switch() -> None:
            if self.operation.doing != "power off":
                await self.operation.step("power off")
            await self.operation.executor(redfish.power_off, target)
            self.is_off = True

        await climb(self.operation, target, switch, RUNGS)

    async def _hear_out(self, task: RamdiskTask) -> None:
        shown = 0
        while self.result is None:
            heard = self.messages
            was_heard = await self.operation.until(
                lambda heard=heard: self.messages != heard,  # type: ignore[misc]
                RAMDISK,
            )
            if not was_heard:
                raise ApplicationError(
                    f"the ramdisk was not heard for {RAMDISK}; look at the server's console",
                    type="RAMDISK_SILENT",
                    non_retryable=True,
                )
            if self.progress and self.progress.percent >= shown + 10 and self.result is None:
                shown = self.progress.percent - self.progress.percent % 10
                await self.operation.tell(f"{self.progress.step} {shown} %", shown)
        if not self.result.ok:
            code = self.result.code or "RAMDISK_FAILED"
            raise ApplicationError(
                told.both(
                    f"the ramdisk could not {task.action} the server ({code})",
                    f"the ramdisk could not {task.action}: {self.result.message}",
                ),
                type=code,
                non_retryable=True,
            )

    async def wipe(self, access: BmcAccess, fence: int) -> None:
        """Boot the ramdisk to destroy the data on every local disk, and leave the server off.

        What a BMC lists is not asked: the disk that a tenant wrote may be one that it doesn't know.
        """
        operation = self.operation
        target = BmcTarget(operation=operation.id, fence=fence, access=access)
        await operation.step("stage ramdisk (wipe)")
        try:
            await operation.executor(
                redfish.stage, StageServer(operation=operation.id, fence=fence, access=access)
            )
            await self.run_ramdisk(access, fence, RamdiskTask(action="wipe", server=access.server))
        except FailureError:
            await self._leave_off(target)
            raise
        finally:
            await self.unstage(access, fence)

    async def _leave_off(self, target: BmcTarget) -> None:
        """Power off and eject after a failed wipe, if the BMC still does as asked."""
        try:
            await self.operation.executor(redfish.power_off, target)
            self.is_off = True
        except FailureError as error:
            workflow.logger.warning("the server could not be powered off: %s", error)

    async def unstage(self, access: BmcAccess, fence: int) -> None:
        """Have nothing of the operation served any more.

        What can't be deleted says nothing about the server, and reconcile deletes it by itself.
        """
        operation = self.operation
        try:
            await operation.executor(
                redfish.unstage, BmcTarget(operation=operation.id, fence=fence, access=access)
            )
        except FailureError as error:
            if operation.let_go:
                raise
            words = f"media are still served, until a reconcile: {why(error).message}"
            workflow.logger.warning(words)
            if operation.doing:
                await operation.tell(words)


async def keep_bmc_log(operation: Operation, target: BmcTarget) -> None:
    """Keep what BMC and ramdisk said during an operation; not having it stops nothing."""
    try:
        parts = tuple(await operation.executor(redfish.read_log, target))
        await operation.record(
            operations.record_log, RecordLog(operation=operation.id, parts=parts)
        )
    except FailureError as error:
        workflow.logger.warning("the operation's log could not be read: %s", why(error).message)
