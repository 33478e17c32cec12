"""Keep and Restore: off and on again with all that it has; what goes wrong changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.contracts import hypervisor, redfish
from activities.contracts.machines import BeginKeep, BeginRestore
from activities.contracts.operations import Asked
from mulligan.control.tables import Machine, Operation
from mulligan.values import told
from mulligan.values.errors import HardwareBusyError
from tests.fakes.place import Place
from tests.workflows.outcome import cancel, used
from tests.workflows.test_reconcile import terminate
from workflows import operation as operation_module
from workflows.keep import GRACE_S, Keep, Restore
from workflows.operation import CONTROL_QUEUE

UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)


def asked_by(place: Place) -> Asked:
    return Asked(
        operation=str(uuid4()),
        request_id="request",
        account=str(uuid4()),
        project=place.project,
        region=place.region,
        digest="digest",
    )


def begin(place: Place, run: Any, request: BeginKeep | BeginRestore) -> str:
    operation = request.asked.operation
    start = place.site.client.start_workflow(run, request, id=operation, task_queue=CONTROL_QUEUE)

    async def started() -> None:
        await start

    place.site.run(started())
    return operation


def begin_keep(place: Place, machine: str, until: datetime = UNTIL) -> str:
    """Have a machine kept; gives the operation."""
    request = BeginKeep(asked=asked_by(place), machine=machine, until=until)
    return begin(place, Keep.run, request)


def begin_restore(place: Place, machine: str) -> str:
    """Have a machine restored; gives the operation."""
    return begin(place, Restore.run, BeginRestore(asked=asked_by(place), machine=machine))


def kept(place: Place, kind: str = "virtual") -> str:
    """A machine that is kept."""
    machine = place.machine(kind)
    ended = place.site.end_of(begin_keep(place, machine))
    assert ended.status.state == "done", ended.status.reason
    return machine


def steps_of(ended: Any) -> list[tuple[str, str]]:
    return [(step.name, step.state) for step in ended.steps]


def status_of(place: Place, machine: str) -> tuple[str, datetime | None]:
    status = place.get(machine).status
    has_deadline = status.HasField("deadline")
    return status.state, status.deadline.ToDatetime(UTC) if has_deadline else None


def refusal_of(place: Place, operation: str) -> ApplicationError:
    """Say why an operation was refused, and see that it left no row."""
    with pytest.raises(WorkflowFailureError) as raised:
        place.site.run(place.site.handle(operation).result())
    assert isinstance(raised.value.cause, ApplicationError)
    assert place.site.read(lambda session: session.get(Operation, operation)) is None
    return raised.value.cause


def test_a_virtual_machine_is_shut_off_and_started_again_with_what_it_has(place: Place) -> None:
    host = place.host()
    machine = place.machine()
    before = used(place, host)
    ended = place.site.end_of(begin_keep(place, machine))
    assert (ended.type, ended.status.state) == ("keep", "done"), ended.status.reason
    assert steps_of(ended) == [("power off", "done")]
    assert place.executor.request_of(hypervisor.stop).grace_s == GRACE_S
    assert status_of(place, machine) == ("kept", UNTIL)
    assert place.get(machine).operation == ended.metadata.id
    assert used(place, host) == before
    fence = place.executor.request_of(hypervisor.stop).fence

    ended = place.site.end_of(begin_restore(place, machine))
    assert (ended.type, ended.status.state) == ("restore", "done"), ended.status.reason
    assert steps_of(ended) == [("start", "done")]
    assert place.executor.request_of(hypervisor.start_again).fence == fence + 1
    assert status_of(place, machine) == ("active", None)
    assert used(place, host) == before
    assert place.executor.called[-2:] == ["hypervisor.stop", "hypervisor.start_again"]

    place.operator.SetMark(object_id=machine, kind="protected", reason="production")
    assert place.site.end_of(begin_keep(place, machine)).status.state == "done"
    place.operator.ClearMark(object_id=machine, kind="protected")
    released = place.operator.ForceRelease(object_id=machine, reason="the tenant left")
    assert place.site.end_of(released.metadata.id).status.state == "done"
    assert place.get(machine).status.state == "gone"
    assert used(place, host) == {}


def test_a_server_is_powered_off_and_on_and_never_wiped(place: Place) -> None:
    server = place.server()
    machine = place.machine("baremetal")
    ended = place.site.end_of(begin_keep(place, machine))
    assert ended.status.state == "done", ended.status.reason
    assert steps_of(ended) == [("power off", "done")]
    assert status_of(place, machine) == ("kept", UNTIL)
    shown = place.operator.GetServer(id=server)
    assert (shown.status.state, shown.machine, shown.operation) == ("in_use", machine, "")

    ended = place.site.end_of(begin_restore(place, machine))
    assert ended.status.state == "done", ended.status.reason
    assert steps_of(ended) == [("start", "done")]
    assert status_of(place, machine) == ("active", None)
    assert [task.action for task in place.executor.tasks] == ["deploy"]
    assert place.executor.called[-4:] == [
        "redfish.power_off",
        "redfish.read_log",
        "redfish.boot_disk",
        "redfish.read_log",
    ]
    log = place.operator.GetOperationLog(id=ended.metadata.id)
    assert {part.source for part in log.parts} == {"bmc", "ramdisk"}

    assert place.site.end_of(begin_keep(place, machine)).status.state == "done"
    ended = place.site.end_of(place.decommission(machine).metadata.id)
    assert ended.status.state == "done", ended.status.reason
    assert [task.action for task in place.executor.tasks] == ["deploy", "wipe"]
    assert place.operator.GetServer(id=server).status.state == "available"


# Refused


@contextmanager
def locked(place: Place, object_id: str) -> Iterator[None]:
    place.operator.SetMark(object_id=object_id, kind="locked", reason="an audit")
    yield
    place.operator.ClearMark(object_id=object_id, kind="locked")


def test_what_can_not_be_kept_or_restored_is_refused_with_the_reason(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    machine = place.machine()
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    stranger = asked_by(place).model_copy(update={"project": str(uuid4())})
    foreign = begin(place, Keep.run, BeginKeep(asked=stranger, machine=machine, until=UNTIL))
    assert "there is no machine" in refusal_of(place, foreign).message
    assert "which is over" in refusal_of(place, begin_keep(place, machine, past)).message
    refused = refusal_of(place, begin_restore(place, machine))
    assert "is active (" in refused.message
    assert "only one that is kept can be restored" in refused.message
    with locked(place, machine):
        assert "marked locked" in refusal_of(place, begin_keep(place, machine)).message

    held = place.executor.holds(hypervisor.stop)
    operation = begin_keep(place, machine)
    held.wait()
    for busy in (begin_keep(place, machine), begin_restore(place, machine)):
        assert refusal_of(place, busy).type == "ENDPOINT_BUSY"
    held.release()
    assert place.site.end_of(operation).status.state == "done"

    refused = refusal_of(place, begin_keep(place, machine))
    assert "only one that is active can be kept" in refused.message
    with locked(place, machine):
        assert "marked locked" in refusal_of(place, begin_restore(place, machine)).message
    passed = update(Machine).where(Machine.id == machine).values(deadline=past)
    place.site.database.write(lambda session: session.execute(passed))
    assert "can't be restored any more" in refusal_of(place, begin_restore(place, machine)).message
    assert status_of(place, machine) == ("kept", past)


# What goes wrong


def test_a_machine_that_can_not_be_shut_off_stays_active_and_may_be_off(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    place.host()
    machine = place.machine()
    place.executor.breaks(hypervisor.stop, "LIBVIRT_REFUSED", "the host said no")
    operation = begin_keep(place, machine)
    ended = place.site.end_of(operation)
    assert (ended.status.state, ended.error_code) == ("failed", "LIBVIRT_REFUSED")
    assert ended.status.reason.startswith("the host said no; the machine may be off already")
    assert steps_of(ended) == [("power off", "failed")]
    assert status_of(place, machine) == ("active", None)
    shown = place.operator.GetMachine(project=place.project, id=machine)
    assert shown.status.reason == f"keep failed: {ended.status.reason}"
    with pytest.raises(WorkflowFailureError) as raised:
        place.site.run(place.site.handle(operation).result())
    assert isinstance(raised.value.cause, ApplicationError)
    assert told.read(raised.value.cause.message, operators=True) == ended.status.reason
    place.executor.mends(hypervisor.stop)
    assert place.site.end_of(begin_keep(place, machine)).status.state == "done"


def test_a_server_that_stays_on_is_not_forced_further_and_one_that_is_locked_not_asked(
    sqlite_place: Place,
) -> None:
    """No rung of the ladder is climbed to power an active machine off."""
    place = sqlite_place
    server = place.server()
    machine = place.machine("baremetal")
    for one in (machine, server):
        with locked(place, one):
            assert "marked locked" in refusal_of(place, begin_keep(place, machine)).message
    place.executor.breaks(redfish.power_off, "POWER_NOT_CHANGED", "it stays on")
    ended = place.site.end_of(begin_keep(place, machine))
    assert ended.error_code == "POWER_NOT_CHANGED"
    assert steps_of(ended) == [("power off", "failed")]
    assert status_of(place, machine) == ("active", None)
    assert place.executor.called[-2:] == ["redfish.power_off", "redfish.read_log"]


def test_a_machine_that_can_not_be_started_stays_kept_until_its_deadline(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    place.host()
    machine = kept(place)
    place.executor.breaks(hypervisor.start_again, "LIBVIRT_REFUSED", "the host said no")
    ended = place.site.end_of(begin_restore(place, machine))
    assert (ended.status.state, ended.error_code) == ("failed", "LIBVIRT_REFUSED")
    assert ended.status.reason == "the host said no; the machine may run already"
    assert status_of(place, machine) == ("kept", UNTIL)
    shown = place.operator.GetMachine(project=place.project, id=machine)
    assert shown.status.reason == f"restore failed: {ended.status.reason}"
    place.executor.mends(hypervisor.start_again)
    assert place.site.end_of(begin_restore(place, machine)).status.state == "done"


def test_starting_a_server_again_never_cycles_its_power(sqlite_place: Place) -> None:
    place = sqlite_place
    place.server()
    machine = kept(place, "baremetal")
    place.executor.breaks(redfish.boot_disk, "BOOT_OVERRIDE_REFUSED", "no")
    ended = place.site.end_of(begin_restore(place, machine))
    assert ended.error_code == "BOOT_OVERRIDE_REFUSED"
    assert [name for name, _ in steps_of(ended)] == [
        *("start", "retry", "start", "restart the BMC", "start")
    ]
    assert "redfish.power_cycle" not in place.executor.called
    assert status_of(place, machine) == ("kept", UNTIL)


def test_another_executor_goes_on_where_one_died(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    machine = place.machine()
    died = HardwareBusyError("its heartbeats were not heard", code="FENCED_OFF")
    place.executor.stumbles(hypervisor.stop, died)
    assert place.site.end_of(begin_keep(place, machine)).status.state == "done"
    assert place.executor.called.count("hypervisor.stop") == 2


# Cancelled


def test_a_cancelled_operation_leaves_the_machine_as_it_was_and_says_what_it_may_be(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    place.host()
    machine = place.machine()
    keep, start = (place.executor.holds(one) for one in (hypervisor.stop, hypervisor.start_again))
    operation = begin_keep(place, machine)
    keep.wait()
    cancel(place, operation)
    ended = place.site.end_of(operation)
    assert ended.status.state == "cancelled"
    assert "may be off already" in ended.status.reason
    assert status_of(place, machine) == ("active", None)
    keep.release()
    assert place.site.end_of(begin_keep(place, machine)).status.state == "done"
    operation = begin_restore(place, machine)
    start.wait()
    cancel(place, operation)
    ended = place.site.end_of(operation)
    start.release()
    assert ended.status.state == "cancelled"
    assert "may run already" in ended.status.reason
    assert status_of(place, machine) == ("kept", UNTIL)


def test_a_keep_that_waited_for_a_thaw_touched_nothing(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation_module, "THAW_IS_LOOKED_FOR", timedelta(seconds=1))
    place = sqlite_place
    place.host()
    machine = place.machine()
    place.operator.Freeze(region=place.region, reason="power works")
    operation = begin_keep(place, machine)
    place.operator.until(lambda event: "power works" in event.message, operation=operation)
    place.member.AbortOperation(id=operation)
    ended = place.site.end_of(operation)
    assert (ended.status.state, ended.status.reason) == ("cancelled", "somebody cancelled it")
    assert "hypervisor.stop" not in place.executor.called
    assert status_of(place, machine) == ("active", None)
    soon = datetime.now(UTC) + timedelta(seconds=2)
    ended = place.site.end_of(begin_keep(place, machine, soon))
    assert (ended.status.state, ended.error_code) == ("failed", "DEADLINE_EXCEEDED")
    assert "may be off" not in ended.status.reason
    assert status_of(place, machine) == ("active", None)


def test_a_lost_workflow_goes_on_when_retried_and_is_ended_when_aborted(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    place.host()
    machine = place.machine()
    held = place.executor.holds(hypervisor.stop)
    lost = begin_keep(place, machine)
    held.wait()
    terminate(place, lost)
    place.member.AbortOperation(id=lost)
    ended = place.site.end_of(lost)
    assert ended.status.state == "cancelled"
    assert "may be off already" in ended.status.reason
    assert status_of(place, machine) == ("active", None)
    held.reached.clear()
    lost = begin_keep(place, machine)
    held.wait()
    terminate(place, lost)
    held.release()
    place.member.RetryOperation(id=lost)
    assert place.site.end_of(lost).status.state == "done"
    assert status_of(place, machine) == ("kept", UNTIL)


def test_a_machine_that_is_released_by_force_meanwhile_stays_gone(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.policies.BEATS", timedelta(milliseconds=1))
    place = sqlite_place
    place.host()
    machine = place.machine()
    held = place.executor.holds(hypervisor.stop)
    operation = begin_keep(place, machine)
    held.wait()
    released = place.operator.ForceRelease(object_id=machine, reason="the tenant left")
    ended = place.site.end_of(operation)
    held.release()
    assert (ended.status.state, ended.error_code) == ("cancelled", "FORCE_RELEASED")
    assert place.site.end_of(released.metadata.id).status.state == "done"
    assert place.get(machine).status.state == "gone"
