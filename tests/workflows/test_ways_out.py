"""Abort, retry, force-release, freeze: an operator can always get out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowExecutionStatus

from activities.contracts import hypervisor, redfish
from activities.contracts.hypervisor import FoundMachine, HostSurvey
from mulligan.events import EventRow
from mulligan.values.errors import HardwareBusyError
from mulligan.values.states import MACHINE
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import SEALED, Place, sealed_text
from tests.workflows.outcome import cancel, names_of, nothing_is_left, used, workflow_status
from workflows import policies
from workflows.operation import LET_GO


@pytest.fixture(autouse=True)
def no_fence_to_wait_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No executor of these tests is frozen: nobody waits for its heartbeats.

    Temporal's sandbox imports a workflow's own module anew; what it passes through is ours.
    """
    monkeypatch.setattr(policies, "BEATS", timedelta(milliseconds=1))


def terminate(place: Place, operation: str) -> None:
    """Terminate an operation's workflow, as Temporal's UI does."""
    place.site.run(place.site.handle(operation).terminate("by hand"))


def abort(place: Place, operation: str) -> None:
    place.member.AbortOperation(id=operation)


def until_said(place: Place, operation: str, words: str) -> None:
    """Wait until an operation says something."""
    place.operator.until(lambda event: words in event.message, operation=operation)


# Abort


@pytest.mark.parametrize("lost", [False, True], ids=["running", "terminated"])
def test_an_aborted_provision_is_undone_also_when_its_workflow_is_lost(
    place: Place, lost: bool
) -> None:
    host = place.host()
    held = place.executor.holds(hypervisor.start)
    operation = place.provision().metadata.id
    held.wait()
    if lost:
        terminate(place, operation)
    place.member.AbortOperation(id=operation)
    [told] = place.operator.ListAuditEvents(object_id=operation, method="AbortOperation").events
    assert (told.author, told.message) == (place.member.account, "asked to abort")
    ended = place.site.end_of(operation)
    assert ended.status.state == "cancelled", ended.status.reason
    assert place.executor.called[-1] == "hypervisor.remove"
    nothing_is_left(place, ended.object_id, host)


def test_a_server_whose_lost_provision_may_have_written_is_wiped(sqlite_place: Place) -> None:
    place = sqlite_place
    server = place.server()
    held = place.executor.holds(redfish.boot_disk)
    operation = place.provision("baremetal").metadata.id
    held.wait()
    terminate(place, operation)
    held.release()
    place.member.AbortOperation(id=operation)
    assert place.site.end_of(operation).status.state == "cancelled"
    assert [task.action for task in place.executor.tasks] == ["deploy", "wipe"]
    assert place.operator.GetServer(id=server).status.state == "available"


@pytest.mark.parametrize("stop", [abort, cancel], ids=["abort", "from Temporal's UI"])
def test_an_aborted_decommission_stops_trying_and_goes_on_when_retried(
    sqlite_place: Place, stop: Callable[[Place, str], None]
) -> None:
    place = sqlite_place
    host = place.host()
    machine = place.machine()
    held = place.executor.holds(hypervisor.remove)
    operation = place.decommission(machine).metadata.id
    held.wait()
    stop(place, operation)
    assert place.site.end_of(operation).status.state == "cancelled"
    resting = place.get(machine).status
    assert (resting.state, resting.HasField("deadline")) == ("decommissioning", False)
    assert "retry" in resting.next_action
    assert used(place, host), "it keeps its claim"
    held.release()
    again = place.member.RetryOperation(id=operation).metadata.id
    assert again != operation
    assert place.site.end_of(again).status.state == "done"
    assert place.get(machine).status.state == "gone"
    assert used(place, host) == {}


def test_a_wipe_of_a_quarantined_server_that_is_aborted_leaves_it_quarantined(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    server = place.server()
    machine = place.machine("baremetal")
    place.operator.ForceRelease(object_id=machine, reason="the rack burns")
    place.end_of_check(machine)
    held = place.executor.holds(redfish.boot_medium)
    operation = place.operator.VerifyServer(id=server).metadata.id
    held.wait()
    assert place.operator.GetServer(id=server).status.state == "cleaning"
    place.operator.AbortOperation(id=operation)
    assert place.site.end_of(operation).status.state == "cancelled"
    assert place.operator.GetServer(id=server).status.state == "quarantined"


def test_what_ended_can_not_be_aborted(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    operation = place.provision().metadata.id
    place.site.end_of(operation)
    with refused("FAILED_PRECONDITION") as refusal:
        place.member.AbortOperation(id=operation)
    assert "done already" in refusal.message


def test_an_abort_that_is_asked_again_is_told_once_and_not_refused(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision().metadata.id
    held.wait()
    asked = {"id": operation, "request_id": str(uuid4())}
    for _ in range(2):
        place.member.AbortOperation(**asked)
    held.release()
    assert place.site.end_of(operation).status.state == "cancelled"
    assert place.member.AbortOperation(**asked).status.state == "cancelled"
    asks = select(EventRow.message).where(EventRow.object_id == operation, EventRow.kind == "asked")
    assert place.site.database.read(lambda session: session.scalars(asks).all()) == [
        "asked to abort"
    ]


def test_only_members_abort_and_only_what_they_can_see(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision().metadata.id
    held.wait()
    reader = place.site.account(common_pb2.ROLE_READER, place.project)
    stranger = Place(place.site).member
    with refused("PERMISSION_DENIED"):
        reader.AbortOperation(id=operation)
    with refused("NOT_FOUND"):
        stranger.AbortOperation(id=operation)
    with refused("NOT_FOUND"):
        stranger.RetryOperation(id=operation)
    with refused("PERMISSION_DENIED"):
        place.member.ForceRelease(object_id=operation, reason="mine")
    held.release()
    assert place.site.end_of(operation).status.state == "done"


# Retry


def test_a_failed_provision_is_asked_for_anew(place: Place) -> None:
    place.host()
    place.executor.breaks(hypervisor.start, "HOST_BROKEN")
    failed = place.site.end_of(place.provision(name="web").metadata.id)
    assert failed.error_code == "HOST_BROKEN"
    place.executor.mends(hypervisor.start)
    again = place.member.RetryOperation(id=failed.metadata.id).metadata.id
    ended = place.site.end_of(again)
    assert ended.status.state == "done", ended.status.reason
    assert ended.object_id != failed.object_id
    assert place.get(ended.object_id).metadata.name == "web"
    with refused("FAILED_PRECONDITION"):
        place.member.RetryOperation(id=again)


def test_a_running_step_is_tried_again_now(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision().metadata.id
    held.wait()
    held.reached.clear()
    place.member.RetryOperation(id=operation)
    held.wait()
    held.release()
    assert place.site.end_of(operation).status.state == "done"
    assert place.executor.called.count("hypervisor.stage") == 2


def test_a_running_step_is_tried_again_with_the_credentials_of_now(sqlite_place: Place) -> None:
    place = sqlite_place
    server = place.server()
    held = place.executor.holds(redfish.inspect)
    operation = place.operator.InspectServer(id=server).metadata.id
    held.wait()
    held.reached.clear()
    fresh = sealed_text("another password")
    spec = {"sealed_credentials": fresh, "insecure_tls": True}
    mask = {"paths": ["spec.sealed_credentials", "spec.insecure_tls"]}
    place.operator.UpdateServer(id=server, spec=spec, update_mask=mask)
    place.operator.RetryOperation(id=operation)
    held.wait()
    held.release()
    assert place.site.end_of(operation).status.state == "done"
    asked = [asked for name, asked in place.executor.asked if name == "redfish.inspect"]
    before, after = (one.access for one in asked[-2:])
    assert (before.sealed_credentials, before.verify_tls) == (SEALED, True)
    changed = {"sealed_credentials": fresh, "verify_tls": False}
    assert after == before.model_copy(update=changed)


def test_a_full_disk_is_told_and_waited_for(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    full = HardwareBusyError("could not write x below /y; make room there", code="DISK_FULL")
    place.executor.stumbles(hypervisor.stage, full)
    operation = place.provision().metadata.id
    until_said(place, operation, "stage running: waits for room: could not write x below /y")
    assert "waits for room" in place.member.GetOperation(id=operation).status.reason
    place.member.RetryOperation(id=operation)
    assert place.site.end_of(operation).status.state == "done"
    assert place.executor.called.count("hypervisor.stage") == 2


def test_a_lost_workflow_goes_on_when_retried(place: Place) -> None:
    place.host()
    held = place.executor.holds(hypervisor.start)
    operation = place.provision().metadata.id
    held.wait()
    terminate(place, operation)
    held.release()
    place.member.RetryOperation(id=operation)
    ended = place.site.end_of(operation)
    assert ended.status.state == "done", ended.status.reason
    assert place.get(ended.object_id).status.state == "active"


# Force-release


def told_last(place: Place, object_id: str) -> str | None:
    """Give what the last event of an object says of its state."""
    its = select(EventRow.reason).where(EventRow.object_id == object_id, EventRow.kind == "state")
    newest = its.order_by(EventRow.revision.desc())
    return place.site.database.read(lambda session: session.scalar(newest))


def test_an_active_machine_is_released_at_once_and_removed_when_its_host_answers(
    place: Place,
) -> None:
    host = place.host()
    machine = place.machine(name="web")
    held = place.executor.holds(hypervisor.remove)
    operation = place.operator.ForceRelease(object_id=machine, reason="the tenant left").metadata.id
    why, ended = "force-released: the tenant left", place.get(machine)
    claim = place.member.GetClaim(project=place.project, id=ended.claim)
    assert (ended.status.state, ended.status.reason) == ("gone", why)
    assert (claim.status.state, claim.status.reason) == ("released", why)
    for one in (machine, ended.claim):
        assert told_last(place, one) == why
    assert used(place, host) == {}
    held.wait()
    addresses = place.operator.GetNetwork(id=place.network).addresses_used
    assert addresses == 1, "something may still answer there"
    for ask in (place.member.AbortOperation, place.member.RetryOperation):
        with refused("PERMISSION_DENIED") as refusal:
            ask(id=operation)
        assert "operator" in refusal.message
    held.release()
    assert place.site.end_of(operation).status.state == "done"
    assert place.operator.GetNetwork(id=place.network).addresses_used == 0
    with refused("FAILED_PRECONDITION"):
        place.operator.ForceRelease(object_id=machine, reason="again")


def test_a_dead_host_is_quarantined_and_its_verification_removes_what_is_left(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    host = place.host()
    machine = place.machine()
    place.executor.breaks(hypervisor.remove, "HOST_UNREACHABLE", "no route")
    operation = place.operator.ForceRelease(object_id=machine, reason="host died").metadata.id
    ended = place.site.end_of(operation)
    assert (ended.status.state, ended.status.reason) == ("done", "no route")
    shown = place.operator.GetHost(id=host).status
    assert shown.state == "quarantined"
    assert machine in shown.reason
    place.executor.mends(hypervisor.remove)
    place.executor.answers(
        hypervisor.survey, HostSurvey(machines=(FoundMachine(machine=machine, has_domain=True),))
    )
    verified = place.site.end_of(place.operator.VerifyHost(id=host).metadata.id)
    assert "remove leftovers" in names_of(verified)
    assert place.executor.request_of(hypervisor.remove).machine == machine
    assert place.operator.GetHost(id=host).status.state == "available"
    assert place.operator.GetNetwork(id=place.network).addresses_used == 0


def test_a_server_with_a_dead_bmc_is_released_and_left_quarantined_and_not_clean(
    place: Place,
) -> None:
    server = place.server()
    machine = place.machine("baremetal")
    place.executor.breaks(redfish.power_off, "BMC_UNREACHABLE", "no answer")
    operation = place.operator.ForceRelease(object_id=server, reason="BMC died").metadata.id
    ended = place.site.end_of(operation)
    assert ended.status.state == "done"
    assert place.get(machine).status.state == "gone"
    assert place.operator.GetServer(id=server).status.state == "quarantined"
    assert place.operator.GetNetwork(id=place.network).addresses_used == 1
    place.executor.mends(redfish.power_off)
    verified = place.site.end_of(place.operator.VerifyServer(id=server).metadata.id)
    assert verified.status.state == "done", verified.status.reason
    assert place.executor.tasks[-1].action == "wipe"
    assert place.operator.GetServer(id=server).status.state == "available"
    assert place.operator.GetNetwork(id=place.network).addresses_used == 0


def test_the_operation_at_work_is_ended_and_touches_no_hardware_any_more(place: Place) -> None:
    host = place.host()
    held = place.executor.holds(hypervisor.start)
    provision = place.provision()
    held.wait()
    operation = place.operator.ForceRelease(object_id=provision.object_id, reason="stuck")
    ended = place.site.end_of(provision.metadata.id)
    assert (ended.status.state, ended.error_code) == ("cancelled", "FORCE_RELEASED")
    assert place.site.end_of(operation.metadata.id).status.state == "done"
    removals = [
        asked.operation for name, asked in place.executor.asked if name == "hypervisor.remove"
    ]
    assert removals == [operation.metadata.id]
    assert place.get(provision.object_id).status.state == "gone"
    assert used(place, host) == {}
    assert workflow_status(place, provision.metadata.id) == WorkflowExecutionStatus.FAILED


def test_a_forced_release_needs_a_reason_and_heeds_protection(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    machine = place.machine()
    with refused("INVALID_ARGUMENT", about="reason"):
        place.operator.ForceRelease(object_id=machine)
    place.operator.SetMark(object_id=machine, kind="protected", reason="production")
    with refused("FAILED_PRECONDITION"):
        place.operator.ForceRelease(object_id=machine, reason="oops")
    assert place.get(machine).status.state == "active"


def test_letting_go_of_something_that_ended_is_fine(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.stage)
    provision = place.provision()
    held.wait()
    terminate(place, provision.metadata.id)
    operation = place.operator.ForceRelease(object_id=provision.object_id, reason="lost")
    assert place.site.end_of(operation.metadata.id).status.state == "done"
    assert place.get(provision.object_id).status.state == "gone"


# Freeze


@pytest.mark.parametrize("whole_site", [False, True], ids=["region", "site"])
def test_a_frozen_operation_waits_visibly_and_goes_on_after_the_thaw(
    sqlite_place: Place, whole_site: bool
) -> None:
    place = sqlite_place
    place.host()
    where = "" if whole_site else place.region
    place.operator.Freeze(region=where, reason="power works")
    try:
        operation = place.provision().metadata.id
        until_said(place, operation, "power works")
        assert "hypervisor.stage" in place.executor.called
        assert "hypervisor.start" not in place.executor.called
        listed = place.operator.ListFreezes().freezes
        [frozen] = [one for one in listed if one.region == where]
        assert (frozen.region, frozen.reason) == (where, "power works")
    finally:
        place.operator.Thaw(region=where)
    assert place.site.end_of(operation).status.state == "done"
    assert where not in [one.region for one in place.operator.ListFreezes().freezes]


def test_a_freeze_stops_a_write_that_is_under_way(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    held = place.executor.holds(hypervisor.start)
    operation = place.provision().metadata.id
    held.wait()
    place.operator.Freeze(region=place.region, reason="fire drill")
    until_said(place, operation, "fire drill")
    held.release()
    assert place.operator.GetOperation(id=operation).status.state == "running"
    place.operator.Thaw(region=place.region)
    assert place.site.end_of(operation).status.state == "done"
    assert place.executor.called.count("hypervisor.start") == 2


def test_a_frozen_operation_can_be_aborted(sqlite_place: Place) -> None:
    """Its undo waits for the thaw too: it deletes."""
    place = sqlite_place
    host = place.host()
    place.operator.Freeze(region=place.region, reason="audit")
    operation = place.provision().metadata.id
    until_said(place, operation, "audit")
    place.member.AbortOperation(id=operation)
    until_said(place, operation, "remove machine")
    assert "hypervisor.remove" not in place.executor.called
    place.operator.Thaw(region=place.region)
    ended = place.site.end_of(operation)
    assert ended.status.state == "cancelled"
    nothing_is_left(place, ended.object_id, host)


def test_another_region_is_not_frozen(sqlite_place: Place) -> None:
    place, other = sqlite_place, Place(sqlite_place.site)
    place.operator.Freeze(region=other.region, reason="theirs")
    place.host()
    assert place.get(place.machine()).status.state == "active"
    with refused("INVALID_ARGUMENT", about="reason"):
        place.operator.Freeze(region=place.region)
    place.operator.Thaw(region=other.region)


# Deadlines


def test_a_provision_that_does_not_end_by_its_deadline_is_undone(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = sqlite_place
    host = place.host()
    soon = replace(MACHINE["provisioning"], lasts=timedelta(seconds=2))
    monkeypatch.setitem(MACHINE, "provisioning", soon)
    held = place.executor.holds(hypervisor.start)
    ended = place.site.end_of(place.provision().metadata.id)
    held.release()
    assert (ended.status.state, ended.error_code) == ("failed", "DEADLINE_EXCEEDED")
    nothing_is_left(place, ended.object_id, host)


def test_words_of_a_forced_end_reach_the_workflow(sqlite_place: Place) -> None:
    """The workflow signal is what ends a wait for a machine that never phones home."""
    place = sqlite_place
    place.host()
    place.executor.guest = None
    operation = place.provision().metadata.id
    until_said(place, operation, "phone home")
    place.site.run(place.site.handle(operation).signal(LET_GO, "enough"))
    ended = place.site.end_of(operation)
    assert ended.error_code == "FORCE_RELEASED"


def test_a_server_that_is_not_clean_is_forgotten_only_when_it_is_retired(
    sqlite_place: Place,
) -> None:
    place = sqlite_place
    server = place.server()
    machine = place.machine("baremetal")
    released = place.operator.ForceRelease(object_id=machine, reason="the tenant left")
    place.site.end_of(released.metadata.id)
    with refused("FAILED_PRECONDITION", "SERVER_NOT_CLEAN"):
        place.operator.DeleteServer(id=server)
    place.operator.SetMark(object_id=server, kind="retired", reason="scrapped")
    place.operator.DeleteServer(id=server)
    with refused("NOT_FOUND"):
        place.operator.GetServer(id=server)
