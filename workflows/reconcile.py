"""Reconcile: compare database ↔ Temporal ↔ hosts and BMCs → write the differences → mend.

What is found is only believed when it is found again some seconds later. No end-point's slot is
taken, and what an operation works on is left out. What may be mended by itself stands in the rules
(docs/reconcile.md): nothing that powers, wipes or deletes.

On a schedule only the records and Temporal are compared (ReconcileRecords, which has no row), so
that hardware is left alone while nobody asks for anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import executor, hypervisor, reconcile, redfish, temporal_view
    from activities.contracts.executor import DescribeExecutor, StopServing
    from activities.contracts.hypervisor import HostAccess, InspectHost
    from activities.contracts.reconcile import (
        CompareHardware,
        CompareRecords,
        DifferenceFound,
        HostSeen,
        LookPlan,
        MendDifference,
        PlanLooks,
        RecordFound,
        RunReconcile,
        RunReconcileRecords,
        ServerSeen,
    )
    from activities.contracts.redfish import BmcAccess, InspectServer
    from activities.contracts.temporal_view import (
        DescribeWorkflows,
        ListWorkflows,
        WorkflowSeen,
    )
    from workflows.operation import (
        STATE,
        Operation,
        OperationWorkflow,
        Request,
        Result,
        ended_by,
        why,
    )
    from workflows.policies import RECORD, TEMPORAL_ENDS, TEMPORAL_TAKES
    from workflows.wake import wake

LOOKS_AT_ONCE = 4
"""So many hosts and BMCs are looked at together: executors have other work to do."""

MENDED_AT_ONCE = 1000
"""What more there is waits for the next run: a history has an end."""

TRIED_FOR_LONG = ("HOST_UNREACHABLE", "BMC_UNREACHABLE", "REGION_WITHOUT_EXECUTOR")
"""Kinds that need no second look: the first one was tried again and again."""


class Comparison:
    """One run over a region, or over the whole site (""): what it found, and what it compared."""

    def __init__(
        self, operation: Operation, region: str, request: RunReconcile | RunReconcileRecords
    ) -> None:
        self.found: list[DifferenceFound] = []
        self.mended = 0
        self._operation = operation
        self._region = region
        self._again = timedelta(seconds=request.again_s)
        self._quiet = timedelta(seconds=request.quiet_s)
        self._workflow_states: dict[str, str] = {}
        self._turns = asyncio.Semaphore(LOOKS_AT_ONCE)

    @property
    def _quiet_since(self) -> datetime:
        return workflow.now() - self._quiet

    # The records

    async def compare_records(self) -> None:
        """Compare the database with itself and with Temporal."""
        listed = await _ask(temporal_view.list_workflows, ListWorkflows(region=self._region))
        first = await self._compare_records(listed.running, ())
        if not first:
            return
        await workflow.sleep(self._again)
        operations = [one.object_id for one in first if one.object_type == "operation"]
        described = await _ask(
            temporal_view.describe_workflows, DescribeWorkflows(workflows=tuple(operations))
        )
        self._workflow_states = {one.id: one.state for one in described.seen}
        self._believe(first, await self._compare_records(listed.running, described.seen))

    async def _compare_records(
        self, running: tuple[str, ...], seen: tuple[WorkflowSeen, ...]
    ) -> tuple[DifferenceFound, ...]:
        request = CompareRecords(
            region=self._region, quiet_since=self._quiet_since, running=running, seen=seen
        )
        return (await self._operation.record(reconcile.compare_records, request)).found

    def _believe(
        self, first: Collection[DifferenceFound], second: Collection[DifferenceFound]
    ) -> None:
        seen = {(one.kind, one.object_id) for one in first}
        self.found += [one for one in second if (one.kind, one.object_id) in seen]

    # The hardware

    async def compare_hardware(self, plan: LookPlan) -> bool:
        """Compare with hosts, BMCs and what executors serve; False: no executor answers."""
        request = DescribeExecutor(region=self._region)
        try:
            first = await self._look(plan, request)
            tried = [one for one in first if one.kind in TRIED_FOR_LONG]
            self.found += tried
            if len(tried) < len(first):
                await workflow.sleep(self._again)
                places = {one.place for one in first} - {one.place for one in tried}
                again = LookPlan(
                    hosts=tuple(host for host in plan.hosts if host.host in places),
                    servers=tuple(server for server in plan.servers if server.server in places),
                )
                self._believe(first, await self._look(again, request))
        except FailureError as error:
            self.found += await self._compare_hardware(LookPlan(), (), why(error).message)
            return False
        return True

    async def _look(self, plan: LookPlan, request: DescribeExecutor) -> tuple[DifferenceFound, ...]:
        served = await self._operation.executor(executor.list_served, request)
        return await self._compare_hardware(plan, served.operations)

    async def _compare_hardware(
        self, plan: LookPlan, served: tuple[str, ...], problem: str = ""
    ) -> tuple[DifferenceFound, ...]:
        quiet_since = self._quiet_since
        hosts = await asyncio.gather(*map(self._look_at_host, plan.hosts))
        servers = await asyncio.gather(*map(self._look_at_server, plan.servers))
        request = CompareHardware(
            region=self._region,
            quiet_since=quiet_since,
            hosts=tuple(hosts),
            servers=tuple(servers),
            served=served,
            problem=problem,
        )
        return (await self._operation.record(reconcile.compare_hardware, request)).found

    async def _look_at_host(self, access: HostAccess) -> HostSeen:
        request = InspectHost(operation=self._operation.id, fence=0, access=access)
        try:
            async with self._turns:
                survey = await self._operation.executor(hypervisor.survey, request)
        except FailureError as error:
            return HostSeen(host=access.host, problem=why(error).message)
        return HostSeen(host=access.host, survey=survey)

    async def _look_at_server(self, access: BmcAccess) -> ServerSeen:
        request = InspectServer(operation=self._operation.id, fence=0, access=access)
        try:
            async with self._turns:
                look = await self._operation.executor(redfish.look, request)
        except FailureError as error:
            return ServerSeen(server=access.server, problem=why(error).message)
        return ServerSeen(server=access.server, look=look)

    # What follows

    async def record(self, found: RecordFound) -> None:
        """Write what was found."""
        await self._operation.record(reconcile.record_found, found)

    async def mend(self, operation: str = "") -> None:
        """Mend what is safe; what can't be mended now is tried by the next run."""
        for one in [one for one in self.found if one.mends_itself][:MENDED_AT_ONCE]:
            request = MendDifference(
                found=one,
                at=workflow.now(),
                operation=operation,
                workflow=self._workflow_states.get(one.object_id, ""),
            )
            try:
                self.mended += await self._mend(request)
            except FailureError as error:
                if why(error).cancelled:
                    raise
                workflow.logger.warning("%s was not mended: %s", one.kind, why(error).message)

    async def _mend(self, request: MendDifference) -> bool:
        one, record = request.found, self._operation.record
        if one.kind == "MEDIA_SERVED_FOR_ENDED_OPERATION":
            stop = StopServing(region=one.region, operation=one.object_id)
            await self._operation.executor(executor.stop_serving, stop)
            await record(reconcile.record_mended, request)
            return True
        mended = await record(reconcile.mend, request)
        if mended.resume is not None:
            await _ask(temporal_view.resume_operation, mended.resume)
            await record(reconcile.record_mended, request)
        await wake(mended.waiting)
        return mended.is_done or mended.resume is not None

    @property
    def outcome(self) -> str:
        """What was found and mended, in words."""
        if not self.found:
            return "nothing differs"
        words = f"{len(self.found)} differences, {self.mended} of them mended"
        return f"{words}; see `mulligan reconcile show`"


async def _ask(contract: Callable[[Request], Awaitable[Result]], request: Request) -> Result:
    """Ask Temporal itself, through the control worker."""
    return await workflow.execute_activity(
        contract,
        request,
        start_to_close_timeout=TEMPORAL_TAKES,
        schedule_to_close_timeout=TEMPORAL_ENDS,
        retry_policy=RECORD,
    )


@workflow.defn(name="Reconcile")
class Reconcile(OperationWorkflow):
    """Compare everything of a region, because somebody asked for it."""

    @workflow.run
    async def run(self, request: RunReconcile) -> str:
        """Give what was found and mended, in words."""
        region = request.asked.region
        await self.begin(region, reconcile.begin, request)
        comparison = Comparison(self.operation, region, request)
        try:
            if request.resume == "undo":
                raise asyncio.CancelledError
            await self._compare(comparison, request)
        except (FailureError, asyncio.CancelledError) as error:
            await self.operation.to_the_end(self.operation.finish(why(error)))
            raise ended_by(error) from None
        await self.operation.end_step("done", comparison.outcome)
        await self.operation.finish()
        workflow.upsert_search_attributes([STATE.value_set("done")])
        return comparison.outcome

    async def _compare(self, comparison: Comparison, request: RunReconcile) -> None:
        operation, region = self.operation, request.asked.region
        await operation.step("compare records", "the database with itself and with Temporal")
        await comparison.compare_records()
        quiet_since = workflow.now() - timedelta(seconds=request.quiet_s)
        plan = await operation.record(
            reconcile.plan_looks, PlanLooks(region=region, quiet_since=quiet_since)
        )
        hosts, servers = len(plan.hosts), len(plan.servers)
        await operation.step("look at hardware", f"{hosts} hosts and {servers} servers")
        looked = await comparison.compare_hardware(plan)
        await operation.step("mend", "what is safe to mend")
        places = (*(one.host for one in plan.hosts), *(one.server for one in plan.servers))
        await comparison.record(
            RecordFound(
                region=region,
                at=workflow.now(),
                operation=operation.id,
                found=tuple(comparison.found),
                compared=("records", "hardware", *(("executor",) if looked else ())),
                looked_at=places if looked else (),
            )
        )
        await comparison.mend(operation.id)


@workflow.defn(name="ReconcileRecords")
class ReconcileRecords:
    """Compare the database with itself and with Temporal, because it is time."""

    @workflow.run
    async def run(self, request: RunReconcileRecords) -> str:
        """Give what was found and mended, in words."""
        comparison = Comparison(Operation(), request.region, request)
        await comparison.compare_records()
        await comparison.record(
            RecordFound(region=request.region, at=workflow.now(), found=tuple(comparison.found))
        )
        await comparison.mend()
        return comparison.outcome
