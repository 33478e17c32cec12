"""Provision on a server: the ramdisk writes it; when that goes wrong it is wiped, or stays out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.contracts import redfish, reports
from activities.contracts.redfish import RamdiskProgress, RamdiskResult, RamdiskTask
from tests.fakes.place import Place
from tests.workflows.outcome import cancel, nothing_is_left
from workflows import ramdisk

Contract = Callable[[Any], Any]


def ask_for_task(place: Place, operation: str) -> RamdiskTask:
    """Ask as the ramdisk does."""
    handle = place.site.handle(operation)
    asking = handle.execute_update(reports.RAMDISK_TASK, result_type=RamdiskTask)
    task: RamdiskTask = place.site.run(asking)
    return task


def test_a_server_becomes_a_machine_step_by_step(place: Place) -> None:
    server = place.server()
    ended = place.site.end_of(place.provision("baremetal", name="db").metadata.id)
    assert ended.status.state == "done", ended.status.reason
    assert [(step.name, step.state) for step in ended.steps] == [
        ("stage", "done"),
        ("boot ramdisk (deploy)", "done"),
        ("deploy", "done"),
        ("power off", "done"),
        ("boot", "done"),
        ("activate", "done"),
    ]
    assert place.get(ended.object_id).status.state == "active"
    shown = place.operator.GetServer(id=server)
    assert (shown.status.state, shown.machine, shown.operation) == ("in_use", ended.object_id, "")
    [task] = place.executor.tasks
    assert task.action == "deploy"
    assert task.disk.min_bytes == 10 << 30
    assert task.image is not None
    assert place.executor.called[-1] == "redfish.unstage"


def test_an_image_that_arrives_wrong_is_wiped_off_and_the_server_is_available(
    place: Place,
) -> None:
    server = place.server()
    place.executor.ramdisk["deploy"] = RamdiskResult(
        ok=False, code="CHECKSUM_MISMATCH", message="sha256 differs"
    )
    ended = place.site.end_of(place.provision("baremetal").metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", "CHECKSUM_MISMATCH")
    assert [task.action for task in place.executor.tasks] == ["deploy", "wipe"]
    assert place.executor.tasks[1].disks == (), "every local disk, whatever the BMC lists"
    assert ("deploy", "failed") in [(step.name, step.state) for step in ended.steps]
    assert place.operator.GetServer(id=server).status.state == "available"
    nothing_is_left(place, ended.object_id, server)
    place.executor.ramdisk["deploy"] = RamdiskResult(ok=True)
    assert place.machine("baremetal")


def test_a_server_that_can_not_be_wiped_is_quarantined_with_the_reason(
    sqlite_place: Place,
) -> None:
    server = sqlite_place.server()
    for action, code in (("deploy", "CHECKSUM_MISMATCH"), ("wipe", "DISK_FROZEN")):
        sqlite_place.executor.ramdisk[action] = RamdiskResult(ok=False, code=code, message=code)
    ended = sqlite_place.site.end_of(sqlite_place.provision("baremetal").metadata.id)
    assert ended.error_code == "CHECKSUM_MISMATCH"
    shown = sqlite_place.operator.GetServer(id=server)
    assert shown.status.state == "quarantined"
    assert "DISK_FROZEN" in shown.status.reason
    assert shown.machine == ""
    nothing_is_left(sqlite_place, ended.object_id, server)


def test_a_server_that_was_not_written_to_is_not_wiped(sqlite_place: Place) -> None:
    server = sqlite_place.server()
    sqlite_place.executor.breaks(redfish.stage, "IMAGE_TOO_LARGE")
    ended = sqlite_place.site.end_of(sqlite_place.provision("baremetal").metadata.id)
    assert ended.error_code == "IMAGE_TOO_LARGE"
    assert sqlite_place.executor.tasks == []
    assert sqlite_place.operator.GetServer(id=server).status.state == "available"


def test_a_server_that_can_not_be_powered_off_is_quarantined(sqlite_place: Place) -> None:
    server = sqlite_place.server()
    sqlite_place.executor.breaks(redfish.boot_medium, "CAPABILITY_NOT_OFFERED")
    sqlite_place.executor.breaks(redfish.power_off, "BMC_BROKEN", "it stays on")
    ended = sqlite_place.site.end_of(sqlite_place.provision("baremetal").metadata.id)
    assert ended.error_code == "CAPABILITY_NOT_OFFERED"
    shown = sqlite_place.operator.GetServer(id=server)
    assert shown.status.state == "quarantined"
    assert "it stays on" in shown.status.reason
    # The undo of the step before it ran all the same.
    assert "redfish.unstage" in sqlite_place.executor.called


def test_a_task_is_refused_before_it_is_offered_and_after_its_result(
    sqlite_place: Place,
) -> None:
    sqlite_place.server()
    staging = sqlite_place.executor.holds(redfish.stage)
    ending = sqlite_place.executor.holds(redfish.boot_disk)
    operation = sqlite_place.provision("baremetal").metadata.id
    for held in (staging, ending):
        held.wait()
        with pytest.raises(WorkflowUpdateFailedError) as raised:
            ask_for_task(sqlite_place, operation)
        assert getattr(raised.value.cause, "type", "") == "NO_TASK"
        held.release()
    assert sqlite_place.site.end_of(operation).status.state == "done"


def test_progress_of_the_ramdisk_is_told_in_steps_of_ten(sqlite_place: Place) -> None:
    sqlite_place.server()
    del sqlite_place.executor.ramdisk["deploy"]
    operation = sqlite_place.provision("baremetal").metadata.id
    sqlite_place.operator.until(
        lambda event: "waits for the ramdisk" in event.message, operation=operation
    )
    handle = sqlite_place.site.handle(operation)
    progress = RamdiskProgress(step="write", percent=47)
    sqlite_place.site.run(handle.signal(reports.RAMDISK_PROGRESS, progress))
    sqlite_place.operator.until(lambda event: "write 40 %" in event.message, operation=operation)
    sqlite_place.site.run(handle.signal(reports.RAMDISK_RESULT, RamdiskResult(ok=True)))
    ended = sqlite_place.site.end_of(operation)
    assert ended.status.state == "done"
    assert all(step.percent == 100 for step in ended.steps)


def test_a_result_without_task_counts_for_nothing(sqlite_place: Place) -> None:
    sqlite_place.server()
    held = sqlite_place.executor.holds(redfish.stage)
    operation = sqlite_place.provision("baremetal").metadata.id
    held.wait()
    early = RamdiskResult(ok=False, code="TOO_EARLY")
    sqlite_place.site.run(sqlite_place.site.handle(operation).signal(reports.RAMDISK_RESULT, early))
    held.release()
    assert sqlite_place.site.end_of(operation).status.state == "done"


def test_a_ramdisk_that_falls_silent_is_given_up(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ramdisk, "RAMDISK", timedelta(seconds=1))
    server = sqlite_place.server()
    del sqlite_place.executor.ramdisk["deploy"]
    ended = sqlite_place.site.end_of(sqlite_place.provision("baremetal").metadata.id)
    assert ended.error_code == "RAMDISK_SILENT"
    assert [task.action for task in sqlite_place.executor.tasks] == [*["deploy"] * 4, "wipe"]
    assert sqlite_place.operator.GetServer(id=server).status.state == "available"


@pytest.mark.parametrize(
    "at",
    [redfish.stage, redfish.boot_medium, redfish.power_off, redfish.boot_disk],
    ids=["stage", "boot_medium", "power_off", "boot_disk"],
)
def test_a_cancellation_takes_back_what_was_done(sqlite_place: Place, at: Contract) -> None:
    server = sqlite_place.server()
    held = sqlite_place.executor.holds(at)
    operation = sqlite_place.provision("baremetal").metadata.id
    held.wait()
    cancel(sqlite_place, operation)
    sqlite_place.operator.until(
        lambda event: "somebody cancelled it" in event.message, operation=operation
    )
    held.release()
    ended = sqlite_place.site.end_of(operation)
    assert ended.status.state == "cancelled", ended.status.reason
    shown = sqlite_place.operator.GetServer(id=server)
    assert shown.status.state == "available", shown.status.reason
    written = "deploy" in [task.action for task in sqlite_place.executor.tasks]
    wiped = "wipe" in [task.action for task in sqlite_place.executor.tasks]
    assert written == wiped
    nothing_is_left(sqlite_place, ended.object_id, server)


def test_a_cancellation_while_the_ramdisk_writes_wipes_the_server(sqlite_place: Place) -> None:
    server = sqlite_place.server()
    del sqlite_place.executor.ramdisk["deploy"]
    operation = sqlite_place.provision("baremetal").metadata.id
    sqlite_place.operator.until(
        lambda event: "waits for the ramdisk" in event.message, operation=operation
    )
    cancel(sqlite_place, operation)
    ended = sqlite_place.site.end_of(operation)
    assert ended.status.state == "cancelled"
    assert [task.action for task in sqlite_place.executor.tasks] == ["deploy", "wipe"]
    assert sqlite_place.operator.GetServer(id=server).status.state == "available"
    nothing_is_left(sqlite_place, ended.object_id, server)
