"""Decommission: forward only, whatever happens."""

from activities.contracts import hypervisor
from activities.contracts.redfish import RamdiskResult
from tests.fakes.place import Place
from tests.workflows.outcome import used


def claim_of(place: Place, machine: str) -> str:
    claim = place.member.GetClaim(project=place.project, id=place.get(machine).claim)
    return str(claim.status.state)


def test_a_virtual_machine_is_gone_with_all_that_it_had(place: Place) -> None:
    host = place.host()
    machine = place.machine(name="web")
    assert used(place, host) == {"VCPU": 2, "MEMORY_MIB": 2048, "DISK_GIB": 10}
    ended = place.site.end_of(place.decommission(machine).metadata.id)
    assert ended.status.state == "done", ended.status.reason
    assert [(step.name, step.state) for step in ended.steps] == [("remove machine", "done")]
    assert place.get(machine).status.state == "gone"
    assert claim_of(place, machine) == "released"
    assert used(place, host) == {}
    assert place.operator.GetNetwork(id=place.network).addresses_used == 0
    assert place.machine(name="web") != machine


def test_a_server_is_wiped_and_available_again(place: Place) -> None:
    server = place.server()
    machine = place.machine("baremetal")
    ended = place.site.end_of(place.decommission(machine).metadata.id)
    assert ended.status.state == "done", ended.status.reason
    assert [task.action for task in place.executor.tasks] == ["deploy", "wipe"]
    assert all(step.state == "done" for step in ended.steps)
    shown = place.operator.GetServer(id=server)
    assert (shown.status.state, shown.machine, shown.operation) == ("available", "", "")
    assert place.get(machine).status.state == "gone"
    states = [
        event.status.state
        for event in place.operator.until(
            lambda event: event.object_id == server and event.status.state == "available",
            operation=ended.metadata.id,
        )
        if event.object_type == "server"
    ]
    assert states == ["cleaning", "available"]


def test_a_server_that_can_not_be_wiped_is_quarantined_and_the_machine_is_gone(
    place: Place,
) -> None:
    server = place.server()
    machine = place.machine("baremetal")
    place.executor.ramdisk["wipe"] = RamdiskResult(ok=False, code="DISK_FROZEN", message="frozen")
    ended = place.site.end_of(place.decommission(machine).metadata.id)
    assert ended.status.state == "done"
    assert ("wipe", "failed") in [(step.name, step.state) for step in ended.steps]
    shown = place.operator.GetServer(id=server)
    assert shown.status.state == "quarantined"
    assert "frozen" in shown.status.reason
    assert (shown.machine, shown.operation) == ("", "")
    assert place.get(machine).status.state == "gone"
    assert claim_of(place, machine) == "released"
    log = place.operator.GetOperationLog(id=ended.metadata.id)
    assert {part.source for part in log.parts} == {"bmc", "ramdisk"}
    assert not place.member.GetOperationLog(id=ended.metadata.id).parts


def test_a_quarantined_server_with_an_owners_data_is_wiped_before_it_is_offered_again(
    place: Place,
) -> None:
    server = place.server()
    machine = place.machine("baremetal")
    place.executor.ramdisk["wipe"] = RamdiskResult(ok=False, code="DISK_FROZEN", message="frozen")
    place.site.end_of(place.decommission(machine).metadata.id)
    inspected = place.operator.InspectServer(id=server)
    assert place.site.end_of(inspected.metadata.id).status.state == "done"
    assert place.operator.GetServer(id=server).status.state == "quarantined"
    failed = place.site.end_of(place.operator.VerifyServer(id=server).metadata.id)
    assert failed.status.state == "failed"
    assert place.operator.GetServer(id=server).status.state == "quarantined"
    place.executor.ramdisk["wipe"] = RamdiskResult(ok=True)
    wiped = place.site.end_of(place.operator.VerifyServer(id=server).metadata.id)
    assert wiped.status.state == "done"
    assert "wipe" in [step.name for step in wiped.steps]
    assert place.operator.GetServer(id=server).status.state == "available"


def test_a_machine_that_can_not_be_removed_can_be_ended_again(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    machine = sqlite_place.machine()
    sqlite_place.executor.breaks(hypervisor.remove, "VOLUME_STUCK", "a volume stays")
    ended = sqlite_place.site.end_of(sqlite_place.decommission(machine).metadata.id)
    assert (ended.status.state, ended.error_code) == ("failed", "VOLUME_STUCK")
    assert sqlite_place.get(machine).status.state == "decommissioning"
    assert used(sqlite_place, host)["VCPU"] == 2
    sqlite_place.executor.mends(hypervisor.remove)
    again = sqlite_place.site.end_of(sqlite_place.decommission(machine).metadata.id)
    assert again.status.state == "done"
    assert used(sqlite_place, host) == {}
