"""Provision of a virtual machine: active, or as if it had never been asked for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from activities.contracts import hypervisor
from activities.contracts.hardware import GuestReport
from activities.contracts.machines import BeginProvision, MachineWish
from activities.contracts.operations import Asked
from mulligan.control.tables import Machine, Operation
from tests.fakes.place import Place
from tests.workflows.outcome import cancel, nothing_is_left, workflow_status
from workflows import operation as operation_module
from workflows import policies
from workflows.provision import Provision

Contract = Callable[[Any], Any]


def test_a_machine_becomes_active_step_by_step(place: Place) -> None:
    host = place.host()
    operation = place.provision(name="web")
    ended = place.site.end_of(operation.metadata.id)
    assert ended.status.state == "done", ended.status.reason
    assert [(step.name, step.state) for step in ended.steps] == [
        ("stage", "done"),
        ("boot", "done"),
        ("activate", "done"),
    ]
    machine = place.get(ended.object_id)
    assert machine.status.state == "active"
    assert (machine.reported_hostname, machine.reported_address) == ("web", "10.0.2.2")
    assert [address.address for address in machine.addresses] == ["10.0.2.1"]
    assert place.operator.GetHost(id=host).operation == ""


@pytest.mark.parametrize("came_from", ["192.0.2.7", "nowhere"])
def test_an_address_outside_of_its_networks_is_not_the_machines(
    sqlite_place: Place, came_from: str
) -> None:
    sqlite_place.host()
    sqlite_place.executor.guest = GuestReport(hostname="web", address=came_from)
    machine = sqlite_place.get(sqlite_place.machine())
    assert (machine.reported_hostname, machine.reported_address) == ("web", "")


def test_a_stage_that_fails_for_good_is_taken_back_in_reverse(place: Place) -> None:
    host = place.host()
    place.executor.breaks(hypervisor.stage, "IMAGE_CHECKSUM_MISMATCH", "it has another checksum")
    operation = place.provision(name="web")
    ended = place.site.end_of(operation.metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", "IMAGE_CHECKSUM_MISMATCH")
    assert "another checksum" in ended.status.reason
    assert [(step.name, step.state) for step in ended.steps] == [
        ("stage", "failed"),
        ("remove machine", "done"),
    ]
    assert place.executor.called[-3:] == [
        "hypervisor.stage",
        "hypervisor.read_console",
        "hypervisor.remove",
    ]
    nothing_is_left(place, ended.object_id, host)
    log = place.member.GetOperationLog(id=operation.metadata.id)
    assert [(part.source, part.text) for part in log.parts] == [("console", "login:")]
    place.executor.mends(hypervisor.stage)
    assert place.machine(name="web") != ended.object_id


def test_a_start_that_fails_removes_the_machine(place: Place) -> None:
    host = place.host()
    place.executor.breaks(hypervisor.start, "DOMAIN_REFUSED")
    ended = place.site.end_of(place.provision().metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", "DOMAIN_REFUSED")
    assert place.executor.called[-1] == "hypervisor.remove"
    nothing_is_left(place, ended.object_id, host)


def test_a_machine_that_stops_before_it_phones_home_is_removed(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    sqlite_place.executor.stops = True
    ended = sqlite_place.site.end_of(sqlite_place.provision().metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", "MACHINE_STOPPED")
    nothing_is_left(sqlite_place, ended.object_id, host)


def test_a_machine_that_never_phones_home_is_removed(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "ACTIVATION", timedelta(seconds=1))
    host = sqlite_place.host()
    sqlite_place.executor.guest = None
    ended = sqlite_place.site.end_of(sqlite_place.provision().metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", "ACTIVATION_TIMED_OUT")
    nothing_is_left(sqlite_place, ended.object_id, host)


def test_an_image_that_is_not_waited_for_is_active_once_it_is_started(
    sqlite_place: Place,
) -> None:
    sqlite_place.host()
    sqlite_place.executor.guest = None
    image = sqlite_place.create_image(activation="power-on").metadata.id
    machine = sqlite_place.machine(spec={"image": image})
    assert sqlite_place.get(machine).status.state == "active"


def test_what_can_not_be_removed_is_told_and_quarantines_the_host(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    sqlite_place.executor.breaks(hypervisor.start, "DOMAIN_REFUSED")
    sqlite_place.executor.breaks(hypervisor.remove, "VOLUME_STUCK", "a volume stays")
    ended = sqlite_place.site.end_of(sqlite_place.provision().metadata.id)
    assert ended.status.state == "failed"
    assert (ended.steps[-1].name, ended.steps[-1].state) == ("remove machine", "failed")
    shown = sqlite_place.operator.GetHost(id=host)
    assert shown.status.state == "quarantined"
    assert "a volume stays" in shown.status.reason


def test_work_without_an_executor_waits_and_says_so(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation_module, "PICKED_UP", timedelta(seconds=1))
    host = sqlite_place.add_host()
    checks = sqlite_place.operator.ListOperations(object_id=host).operations
    sqlite_place.operator.until(
        lambda event: "waits for an executor of region" in event.message,
        operation=checks[0].metadata.id,
    )
    assert sqlite_place.executor
    assert sqlite_place.site.end_of(checks[0].metadata.id).status.state == "done"


@pytest.mark.parametrize("at", [hypervisor.stage, hypervisor.start], ids=["stage", "start"])
def test_a_cancellation_takes_back_what_was_done(sqlite_place: Place, at: Contract) -> None:
    host = sqlite_place.host()
    held = sqlite_place.executor.holds(at)
    operation = sqlite_place.provision().metadata.id
    held.wait()
    cancel(sqlite_place, operation)
    ended = sqlite_place.site.end_of(operation)
    assert ended.status.state == "cancelled", ended.status.reason
    assert ended.error_code == "CANCELLED"
    assert sqlite_place.executor.called[-1] == "hypervisor.remove"
    nothing_is_left(sqlite_place, ended.object_id, host)
    assert workflow_status(sqlite_place, operation) is WorkflowExecutionStatus.CANCELED


def test_a_cancellation_while_it_waits_for_the_machine_takes_everything_back(
    sqlite_place: Place,
) -> None:
    host = sqlite_place.host()
    sqlite_place.executor.guest = None
    operation = sqlite_place.provision().metadata.id
    sqlite_place.operator.until(
        lambda event: event.message.startswith("activate running"), operation=operation
    )
    cancel(sqlite_place, operation)
    ended = sqlite_place.site.end_of(operation)
    assert ended.status.state == "cancelled"
    nothing_is_left(sqlite_place, ended.object_id, host)


def test_a_cancellation_during_the_undo_changes_nothing(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    sqlite_place.executor.breaks(hypervisor.start, "DOMAIN_REFUSED")
    held = sqlite_place.executor.holds(hypervisor.remove)
    operation = sqlite_place.provision().metadata.id
    held.wait()
    cancel(sqlite_place, operation)
    held.release()
    ended = sqlite_place.site.end_of(operation)
    assert (ended.status.state, ended.error_code) == ("failed", "DOMAIN_REFUSED")
    nothing_is_left(sqlite_place, ended.object_id, host)


def test_a_refused_begin_is_an_update_failure_and_leaves_no_row(place: Place) -> None:
    """NO_CAPACITY: nobody has a host here."""
    wish = MachineWish(kind="virtual", image=place.image, vcpus=1, memory_mib=512, disk_gib=1)
    operation, machine = str(uuid4()), str(uuid4())
    asked = Asked(
        operation=operation,
        request_id="r",
        account=str(uuid4()),
        project=place.project,
        region=place.region,
        digest="d",
    )

    async def accept() -> None:
        start = WithStartWorkflowOperation(
            Provision.run,
            BeginProvision(asked=asked, machine=machine, name="web", wish=wish),
            id=operation,
            task_queue="control",
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        accepted: Any = Provision.accepted
        await place.site.client.execute_update_with_start_workflow(
            accepted, start_workflow_operation=start
        )

    with pytest.raises(WorkflowUpdateFailedError) as raised:
        place.site.run(accept())
    assert isinstance(raised.value.cause, ApplicationError)
    assert raised.value.cause.type == "NO_CAPACITY"
    tables = (Operation, Machine)
    left = place.site.read(
        lambda session: [
            session.get(table, row) for table, row in zip(tables, (operation, machine), strict=True)
        ]
    )
    assert left == [None, None]
