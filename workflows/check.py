"""Verify and Inspect: reach a server or host, read it, compare it with the record, record it."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import endpoints, hypervisor, redfish
    from activities.contracts.endpoints import (
        BeginCheck,
        CheckPlan,
        ListLeftovers,
        RecordCheckFailed,
        RecordHostInventory,
        RecordLeftoverRemoved,
        RecordServerCleaning,
        RecordServerInventory,
        RecordVerified,
    )
    from activities.contracts.hypervisor import HostAccess, InspectHost, RemoveMachine
    from activities.contracts.operations import Recorded
    from activities.contracts.redfish import BmcAccess, InspectServer, VerifyServer
    from workflows.operation import STATE, Failure, ended_by, why
    from workflows.ramdisk import HearsRamdisk
    from workflows.wake import wake


class _Check(HearsRamdisk):
    async def check(self, request: BeginCheck) -> None:
        """Do what was asked and record what was found, or why it could not be."""
        plan = await self.begin(request.asked.region, endpoints.begin_check, request)
        self.operation.deadline = plan.deadline
        inspects = request.check == "inspect" or plan.needs_cleaning or not plan.is_offered
        recorded = Recorded()
        try:
            if request.resume == "undo":
                raise asyncio.CancelledError
            if plan.server is not None:
                access = plan.server
                if request.check == "verify":
                    access = await self._verify_server(plan, access)
                    if plan.needs_cleaning:
                        await self._clean(plan, access)
                if inspects:
                    recorded = await self._inspect_server(plan, access)
            elif plan.host is not None:
                recorded = await self._inspect_host(plan, plan.host)
        except (FailureError, asyncio.CancelledError) as error:
            await self.operation.to_the_end(self._record_failed(request, plan, why(error)))
            raise ended_by(error) from None
        await self.operation.finish()
        workflow.upsert_search_attributes([STATE.value_set("done")])
        await wake(recorded.waiting)

    async def _verify_server(self, plan: CheckPlan, access: BmcAccess) -> BmcAccess:
        operation = self.operation
        await operation.step("verify", f"signs in to the BMC at {access.address}")
        found = await operation.executor(
            redfish.verify,
            VerifyServer(operation=operation.id, fence=plan.fence, access=access),
            summary=f"verify {plan.name}",
        )
        await operation.record(
            endpoints.record_verified,
            RecordVerified(operation=operation.id, server=plan.id, found=found),
        )
        return access.model_copy(update={"system": found.system})

    async def _clean(self, plan: CheckPlan, access: BmcAccess) -> None:
        """Wipe a server that may have its last owner's data: the way out of quarantine."""
        cleaning = RecordServerCleaning(operation=self.operation.id, server=plan.id)
        await self.operation.record(endpoints.record_cleaning, cleaning)
        await self.wipe(access, plan.fence)
        await self.operation.record(endpoints.record_cleaned, cleaning)

    async def _inspect_server(self, plan: CheckPlan, access: BmcAccess) -> Recorded:
        operation = self.operation
        await operation.step("inspect", "reads the inventory")
        found = await operation.executor(
            redfish.inspect,
            InspectServer(operation=operation.id, fence=plan.fence, access=access),
            summary=f"inspect {plan.name}",
        )
        return await operation.record(
            endpoints.record_server_inventory,
            RecordServerInventory(operation=operation.id, server=plan.id, found=found),
        )

    async def _inspect_host(self, plan: CheckPlan, access: HostAccess) -> Recorded:
        operation = self.operation
        await operation.step("inspect", f"connects to {access.uri}")
        found = await operation.executor(
            hypervisor.inspect,
            InspectHost(operation=operation.id, fence=plan.fence, access=access),
            summary=f"inspect {plan.name}",
        )
        await self._remove_leftovers(plan, access)
        return await operation.record(
            endpoints.record_host_inventory,
            RecordHostInventory(operation=operation.id, host=plan.id, found=found),
        )

    async def _remove_leftovers(self, plan: CheckPlan, access: HostAccess) -> None:
        """Remove what is left on a host of machines that ended: its way out of quarantine."""
        operation = self.operation
        target = InspectHost(operation=operation.id, fence=plan.fence, access=access)
        survey = await operation.executor(hypervisor.survey, target)
        found = tuple(one.machine for one in survey.machines)
        leftovers = await operation.record(
            endpoints.list_leftovers,
            ListLeftovers(operation=operation.id, host=plan.id, found=found),
        )
        for machine, fence in leftovers.machines:
            await operation.step("remove leftovers", f"of machine {machine}, which has ended")
            await operation.executor(
                hypervisor.remove,
                RemoveMachine(operation=operation.id, fence=fence, access=access, machine=machine),
            )
            await operation.record(
                endpoints.record_leftover_removed,
                RecordLeftoverRemoved(operation=operation.id, machine=machine),
            )

    async def _record_failed(self, request: BeginCheck, plan: CheckPlan, failure: Failure) -> None:
        enrols = request.enrol_server is not None or request.enrol_host is not None
        # A check that somebody cancelled says nothing of what was known before.
        if enrols or plan.needs_cleaning or not failure.cancelled:
            await self.operation.record(
                endpoints.record_check_failed,
                RecordCheckFailed(
                    operation=self.operation.id,
                    type=request.type,
                    id=request.id,
                    reason=failure.message,
                ),
            )
        await self.operation.finish(failure)


@workflow.defn(name="Verify")
class Verify(_Check):
    """Check that a server or host can be driven; one that is new is inspected and offered too."""

    @workflow.run
    async def run(self, request: BeginCheck) -> None:
        """End when everything is recorded."""
        await self.check(request)


@workflow.defn(name="Inspect")
class Inspect(_Check):
    """Read what a server or host has, and offer it."""

    @workflow.run
    async def run(self, request: BeginCheck) -> None:
        """End when everything is recorded."""
        await self.check(request)
