"""Verify and Inspect: what is found is recorded and offered, what is not keeps its reason."""

from google.protobuf.timestamp_pb2 import Timestamp

from activities.contracts import hypervisor, redfish
from mulligan.values.errors import HardwareBusyError
from tests.fakes.executor import SERVER
from tests.fakes.place import Place
from tests.workflows.outcome import cancel


def test_a_new_server_is_verified_inspected_and_offered(place: Place) -> None:
    assert place.executor
    server = place.add_server()
    ended = place.end_of_check(server)
    assert [(step.name, step.state) for step in ended.steps] == [
        ("verify", "done"),
        ("inspect", "done"),
    ]
    shown = place.operator.GetServer(id=server)
    assert shown.status.state == "available"
    assert (shown.inventory.cpus, shown.power) == (16, "off")
    assert [disk.serial for disk in shown.inventory.disks] == ["disk-1", "disk-2"]
    provider = place.operator.GetProvider(id=server)
    assert [(one.resource_type, one.total) for one in provider.inventories] == [("SERVER", 1)]
    assert list(provider.capabilities) == ["arch:x86_64", "firmware:uefi"]


def test_a_new_host_is_inspected_and_offered(place: Place) -> None:
    host = place.host()
    found = place.operator.GetProvider(id=host).inventories
    assert {one.resource_type: one.total for one in found} == {
        "VCPU": 8,
        "MEMORY_MIB": 16384,
        "DISK_GIB": 100,
    }


def test_a_wrong_password_leaves_the_server_enrolled_with_the_reason_and_no_deadline(
    place: Place,
) -> None:
    place.executor.breaks(redfish.verify, "BMC_CREDENTIALS_REFUSED", "the BMC refuses admin")
    server = place.add_server()
    ended = place.end_of_check(server)
    assert (ended.status.state, ended.error_code) == ("failed", "BMC_CREDENTIALS_REFUSED")
    status = place.operator.GetServer(id=server).status
    assert (status.state, status.reason) == ("enrolled", "the BMC refuses admin")
    assert not status.HasField("deadline")
    assert "verify" in status.next_action


def test_a_bmc_that_answers_late_is_asked_again(sqlite_place: Place) -> None:
    busy = HardwareBusyError("not now", code="BMC_UNREACHABLE")
    sqlite_place.executor.stumbles(redfish.verify, busy)
    server = sqlite_place.server()
    assert sqlite_place.executor.called.count("redfish.verify") == 2
    assert sqlite_place.operator.GetServer(id=server).status.state == "available"


def test_a_host_that_does_not_answer_any_more_is_quarantined(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    sqlite_place.executor.breaks(hypervisor.inspect, "HOST_UNREACHABLE", "no route")
    checked = sqlite_place.operator.VerifyHost(id=host)
    assert sqlite_place.site.end_of(checked.metadata.id).status.state == "failed"
    assert sqlite_place.operator.GetHost(id=host).status.state == "quarantined"
    sqlite_place.executor.mends(hypervisor.inspect)
    again = sqlite_place.operator.VerifyHost(id=host)
    assert sqlite_place.site.end_of(again.metadata.id).status.state == "done"
    assert sqlite_place.operator.GetHost(id=host).status.state == "available"


def test_an_inspection_of_a_server_in_use_leaves_it_in_use(sqlite_place: Place) -> None:
    server = sqlite_place.server()
    sqlite_place.machine("baremetal")
    sqlite_place.executor.answers(redfish.inspect, SERVER.model_copy(update={"cpus": 32}))
    operation = sqlite_place.operator.InspectServer(id=server).metadata.id
    assert sqlite_place.site.end_of(operation).status.state == "done"
    shown = sqlite_place.operator.GetServer(id=server)
    assert (shown.status.state, shown.inventory.cpus) == ("in_use", 32)


def test_a_cancelled_inspection_leaves_the_server_as_it_was(sqlite_place: Place) -> None:
    server = sqlite_place.server()
    held = sqlite_place.executor.holds(redfish.inspect)
    operation = sqlite_place.operator.InspectServer(id=server).metadata.id
    held.wait()
    cancel(sqlite_place, operation)
    assert sqlite_place.site.end_of(operation).status.state == "cancelled"
    shown = sqlite_place.operator.GetServer(id=server)
    assert (shown.status.state, shown.operation) == ("available", "")


def test_a_cancelled_enrolment_says_what_to_do(sqlite_place: Place) -> None:
    held = sqlite_place.executor.holds(redfish.verify)
    server = sqlite_place.add_server()
    held.wait()
    operation = sqlite_place.operator.GetServer(id=server).operation
    cancel(sqlite_place, operation)
    assert sqlite_place.site.end_of(operation).status.state == "cancelled"
    status = sqlite_place.operator.GetServer(id=server).status
    assert status.state == "enrolled"
    assert not status.HasField("deadline")


def test_a_waiting_claim_is_woken_by_a_new_host(sqlite_place: Place) -> None:
    until = Timestamp(seconds=4_000_000_000)
    waiting = sqlite_place.claim(wait_until=until)
    assert waiting.status.state == "running"
    sqlite_place.host()
    seen = sqlite_place.member.until(
        lambda event: event.object_type == "claim", object_id=waiting.metadata.id
    )
    assert seen[-1].status.state == "confirmed"
