"""Reconcile: what was ended from outside is brought to its end, and what differs is told."""

from typing import Any
from uuid import uuid4

from sqlalchemy import update
from sqlalchemy.orm import Session
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus

from activities.contracts import executor, hypervisor, redfish
from activities.contracts.executor import Served
from activities.contracts.hypervisor import FoundMachine, HostSurvey
from activities.contracts.operations import WORKFLOW_OF, Asked
from activities.contracts.reconcile import RunReconcile, RunReconcileRecords
from activities.contracts.redfish import ServerLook
from activities.contracts.temporal_view import DescribeWorkflows, ListWorkflows
from mulligan.control.tables import Machine, Operation
from mulligan.resource import providers
from tests.fakes.place import Place
from tests.fakes.site import Site
from tests.workflows.outcome import cancel, used
from tests.workflows.test_claim import all_vcpus, claims_of, soon
from worker.control import WORKFLOWS
from worker.schedule import EVERY, RECONCILE, keep_schedule
from worker.temporal_view import TemporalView
from workflows.operation import CONTROL_QUEUE, OperationWorkflow, search_attributes
from workflows.reconcile import Reconcile, ReconcileRecords


def reconcile(place: Place) -> Any:
    """Compare everything of the place, what changed just now too; give the operation's end."""
    return place.site.end_of(begin_reconciliation(place))


def begin_reconciliation(place: Place) -> str:
    """Begin to compare everything of the place."""
    asked = Asked(
        operation=str(uuid4()),
        request_id="request",
        account=str(uuid4()),
        region=place.region,
        digest="digest",
    )
    request = RunReconcile(asked=asked, quiet_s=0, again_s=0)

    async def start() -> None:
        await place.site.client.start_workflow(
            Reconcile.run,
            request,
            id=asked.operation,
            task_queue=CONTROL_QUEUE,
            search_attributes=search_attributes(region=place.region),
        )

    place.site.run(start())
    return asked.operation


def reconcile_records(place: Place, workflow: str = "") -> str:
    """Compare the place's records as the schedule does; give the outcome."""
    return place.site.run(
        place.site.client.execute_workflow(
            ReconcileRecords.run,
            RunReconcileRecords(region=place.region, quiet_s=0, again_s=0),
            id=workflow or f"reconcile-{uuid4()}",
            task_queue=CONTROL_QUEUE,
        )
    )


def differing(place: Place, *, mended: bool = False) -> dict[str, Any]:
    """What differs, or did, by kind."""
    listed = place.operator.ListDifferences(region=place.region).differences
    return {one.kind: one for one in listed if one.HasField("mended_at") == mended}


def terminate(place: Place, operation: str) -> None:
    """Terminate an operation's workflow, as Temporal's UI does."""
    place.site.run(place.site.handle(operation).terminate())


def delete(place: Place, operation: str) -> None:
    """Have Temporal forget a workflow, which it does in its own time."""
    client = place.site.client
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=operation)
    )
    place.site.run(client.workflow_service.delete_workflow_execution(request))
    view, asked = TemporalView(client), DescribeWorkflows(workflows=(operation,))
    while place.site.run(view.describe_workflows(asked)).seen[0].state != "unknown":
        pass


def test_where_nothing_differs_nothing_is_told(place: Place) -> None:
    host, server = place.host(), place.server()
    machine = place.machine()
    found = FoundMachine(machine=machine, has_domain=True, running=True)
    place.executor.answers(hypervisor.survey, HostSurvey(machines=(found,)))
    ended = reconcile(place)
    assert (ended.type, ended.status.state) == ("reconcile", "done")
    assert [(step.name, step.state) for step in ended.steps] == [
        ("compare records", "done"),
        ("look at hardware", "done"),
        ("mend", "done"),
    ]
    assert ended.steps[-1].message == "nothing differs"
    assert ended.steps[1].message == "1 hosts and 1 servers"
    assert place.executor.request_of(hypervisor.survey).access.host == host
    assert place.executor.request_of(redfish.look).access.server == server
    assert differing(place) == {}


def test_a_terminated_claim_is_brought_to_its_end(place: Place) -> None:
    assert place.executor
    waiting = all_vcpus(place, wait_until=soon(hours=1))
    operation = claims_of(place, waiting.metadata.id)
    terminate(place, operation)
    assert reconcile(place).steps[-1].message.startswith("1 differences, 1 of them mended")
    assert place.site.end_of(operation).status.state == "cancelled"
    mended = differing(place, mended=True)["OPERATION_WITHOUT_WORKFLOW"]
    assert (mended.object_type, mended.object_id) == ("operation", operation)
    assert mended.message.endswith("its workflow is terminated in Temporal")
    assert mended.mends_itself


def test_a_terminated_verification_frees_its_server(place: Place) -> None:
    server = place.server()
    held = place.executor.holds(redfish.verify)
    operation = place.operator.VerifyServer(id=server).metadata.id
    held.wait()
    terminate(place, operation)
    held.release()
    assert "1 of them mended" in reconcile_records(place)
    assert place.site.end_of(operation).status.state == "cancelled"
    shown = place.operator.GetServer(id=server)
    assert (shown.status.state, shown.operation) == ("available", "")


def test_a_workflow_that_temporal_lost_goes_on(sqlite_place: Place) -> None:
    server = sqlite_place.server()
    held = sqlite_place.executor.holds(redfish.verify)
    operation = sqlite_place.operator.VerifyServer(id=server).metadata.id
    held.wait()
    delete(sqlite_place, operation)
    held.release()
    assert "1 of them mended" in reconcile_records(sqlite_place)
    assert sqlite_place.site.end_of(operation).status.state == "done"
    mended = differing(sqlite_place, mended=True)["OPERATION_WITHOUT_WORKFLOW"]
    assert "its workflow is unknown in Temporal" in mended.message


def test_a_workflow_that_outlived_its_operation_waits_for_an_operator(
    sqlite_place: Place,
) -> None:
    waiting = all_vcpus(sqlite_place, wait_until=soon(hours=1))
    operation = claims_of(sqlite_place, waiting.metadata.id)
    ended = update(Operation).where(Operation.id == operation).values(state="failed")
    sqlite_place.site.database.write(lambda session: session.execute(ended))
    # Temporal's list is some seconds late at times.
    while not differing(sqlite_place):
        reconcile_records(sqlite_place)
    found = differing(sqlite_place)["WORKFLOW_WITHOUT_OPERATION"]
    assert f"terminate --workflow-id {operation}" in found.action
    assert not found.mends_itself
    described = sqlite_place.site.run(sqlite_place.site.handle(operation).describe())
    assert described.status is WorkflowExecutionStatus.RUNNING
    terminate(sqlite_place, operation)
    assert reconcile_records(sqlite_place) == "nothing differs"
    assert list(differing(sqlite_place, mended=True)) == ["WORKFLOW_WITHOUT_OPERATION"]


def test_a_released_claim_wakes_who_waits(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    machine = sqlite_place.machine(spec={"vcpus": 8})
    waiting = all_vcpus(sqlite_place, wait_until=soon(hours=1))
    gone = update(Machine).where(Machine.id == machine).values(state="gone")
    sqlite_place.site.database.write(lambda session: session.execute(gone))
    assert "1 of them mended" in reconcile_records(sqlite_place)
    ended = sqlite_place.site.end_of(claims_of(sqlite_place, waiting.metadata.id))
    assert ended.status.state == "done"
    assert used(sqlite_place, host) == {"VCPU": 8}


def test_a_wrong_offer_is_taken_back(sqlite_place: Place) -> None:
    server = sqlite_place.server()

    def withdraw(session: Session) -> None:
        providers.set_availability(session, server, False, "a bug")

    sqlite_place.site.database.write(withdraw)
    reconcile_records(sqlite_place)
    offered = sqlite_place.site.read(lambda session: providers.get_provider(session, server))
    assert offered.available
    told = sqlite_place.operator.until(
        lambda event: event.kind == "difference" and "mended" in event.message, object_id=server
    )
    assert "OFFER_WRONG" in told[-1].message


def test_hardware_is_looked_at_and_nothing_of_it_is_touched(place: Place) -> None:
    host, server = place.host(), place.server()
    place.machine()
    place.executor.answers(redfish.look, ServerLook(power="on", has_our_medium=True))
    stranger = FoundMachine(machine="nobody", volumes=("root-nobody",))
    place.executor.answers(hypervisor.survey, HostSurvey(machines=(stranger,)))
    before = len(place.executor.asked)
    ended = reconcile(place)
    found = differing(place)
    assert set(found) == {"MACHINE_NOT_ON_HOST", "UNKNOWN_ON_HOST", "SERVER_POWERED", "MEDIUM_LEFT"}
    assert found["UNKNOWN_ON_HOST"].object_id == host
    assert found["SERVER_POWERED"].object_id == server
    assert not any(one.mends_itself for one in found.values())
    assert "4 differences, 0 of them mended" in ended.steps[-1].message
    # Twice, because one flaky reading decides nothing.
    assert sorted(place.executor.called[before:]) == sorted(
        2 * ["executor.list_served", "hypervisor.survey", "redfish.look"]
    )


def test_one_flaky_reading_decides_nothing(sqlite_place: Place) -> None:
    sqlite_place.server()
    looks = iter([ServerLook(power="on"), ServerLook(power="off")])
    sqlite_place.executor.does[redfish.look] = lambda _: next(looks)
    assert reconcile(sqlite_place).steps[-1].message == "nothing differs"
    assert next(looks, None) is None


def test_a_dead_bmc_is_a_difference_and_no_error(sqlite_place: Place) -> None:
    sqlite_place.server()
    sqlite_place.host()
    sqlite_place.executor.breaks(redfish.look, "BMC_UNREACHABLE", "nobody at the BMC")
    sqlite_place.executor.breaks(hypervisor.survey, "HOST_UNREACHABLE", "no route")
    assert reconcile(sqlite_place).status.state == "done"
    found = differing(sqlite_place)
    assert set(found) == {"HOST_UNREACHABLE", "BMC_UNREACHABLE"}
    assert found["BMC_UNREACHABLE"].message.endswith("can't be reached: nobody at the BMC")
    assert "mulligan server verify server-" in found["BMC_UNREACHABLE"].action
    assert sqlite_place.executor.called.count("redfish.look") == 1
    sqlite_place.executor.mends(redfish.look)
    sqlite_place.executor.mends(hypervisor.survey)
    reconcile(sqlite_place)
    assert differing(sqlite_place) == {}


def test_media_of_an_ended_operation_are_not_served_any_more(sqlite_place: Place) -> None:
    sqlite_place.host()
    machine = sqlite_place.machine()
    [ended] = sqlite_place.operator.ListOperations(object_id=machine).operations
    found = FoundMachine(machine=machine, has_domain=True, running=True)
    sqlite_place.executor.answers(hypervisor.survey, HostSurvey(machines=(found,)))
    sqlite_place.executor.answers(executor.list_served, Served(operations=(ended.metadata.id,)))
    reconcile(sqlite_place)
    stopped = sqlite_place.executor.request_of(executor.stop_serving)
    assert stopped.operation == ended.metadata.id
    assert "MEDIA_SERVED_FOR_ENDED_OPERATION" in differing(sqlite_place, mended=True)


def test_a_busy_server_is_left_alone(sqlite_place: Place) -> None:
    server = sqlite_place.server()
    held = sqlite_place.executor.holds(redfish.inspect)
    operation = sqlite_place.operator.InspectServer(id=server).metadata.id
    held.wait()
    assert reconcile(sqlite_place).steps[-1].message == "nothing differs"
    assert "redfish.look" not in sqlite_place.executor.called
    held.release()
    assert sqlite_place.site.end_of(operation).status.state == "done"


def test_a_region_whose_executor_does_not_answer_is_told(sqlite_place: Place) -> None:
    sqlite_place.executor.breaks(executor.list_served, "HARDWARE", "the executor is broken")
    assert reconcile(sqlite_place).status.state == "done"
    found = differing(sqlite_place)["REGION_WITHOUT_EXECUTOR"]
    assert f"serve executor --region {sqlite_place.region}" in found.action


def test_a_cancelled_reconciliation_ends_as_cancelled(sqlite_place: Place) -> None:
    sqlite_place.server()
    held = sqlite_place.executor.holds(redfish.look)
    operation = begin_reconciliation(sqlite_place)
    held.wait()
    cancel(sqlite_place, operation)
    assert sqlite_place.site.end_of(operation).status.state == "cancelled"


def test_on_a_schedule_no_hardware_is_called(sqlite_place: Place) -> None:
    sqlite_place.host()
    sqlite_place.server()
    before = sqlite_place.executor.called
    assert reconcile_records(sqlite_place) == "nothing differs"
    assert sqlite_place.executor.called == before


def test_the_whole_site_has_one_schedule_however_often_it_is_kept(sqlite_site: Site) -> None:
    handle = sqlite_site.client.get_schedule_handle(RECONCILE)
    try:
        sqlite_site.run(keep_schedule(sqlite_site.client))
        sqlite_site.run(handle.pause())
        sqlite_site.run(keep_schedule(sqlite_site.client))
        schedule = sqlite_site.run(handle.describe()).schedule
        assert [interval.every for interval in schedule.spec.intervals] == [EVERY]
        assert schedule.state.paused
    finally:
        sqlite_site.run(handle.delete())


def test_all_regions_are_listed_at_once(sqlite_place: Place) -> None:
    waiting = all_vcpus(sqlite_place, wait_until=soon(hours=1))
    operation = claims_of(sqlite_place, waiting.metadata.id)
    view = TemporalView(sqlite_place.site.client)
    for region in ("", sqlite_place.region):
        while True:
            found = sqlite_place.site.run(view.list_workflows(ListWorkflows(region=region)))
            if operation in found.running:
                break
    terminate(sqlite_place, operation)
    reconcile_records(sqlite_place)


def test_every_operation_can_be_started_again_from_its_row() -> None:
    operations = {one.__name__ for one in WORKFLOWS if issubclass(one, OperationWorkflow)}
    assert operations == set(WORKFLOW_OF.values())
