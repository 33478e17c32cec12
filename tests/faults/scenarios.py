"""What is done on a ground while activities fail: together the scenarios call each of them.

A scenario drives and asserts how each operation ends; it leaves the ground as it found it.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import delete
from sqlalchemy.orm import Session

from activities.contracts import hypervisor
from activities.contracts.operations import Asked
from activities.contracts.reconcile import RunReconcile
from mulligan.control.tables import RegionKey
from tests.fakes.executor import name_of
from tests.faults.ground import Ground
from tests.faults.inject import Fault
from tests.faults.metal import PlayedServer
from tests.workflows.test_claim import claims_of, soon
from tests.workflows.test_keep import begin_keep, begin_restore
from tests.workflows.test_reservation import reserve, span
from tests.workflows.test_reservation_series import begin as begin_series
from tests.workflows.test_reservation_series import look, made_of
from workflows.operation import CONTROL_QUEUE, search_attributes
from workflows.reconcile import Reconcile

Scenario = Callable[[Ground], None]
REMOVE = name_of(hypervisor.remove)


def expect(ended: Any, state: str, code: str = "") -> Any:
    """Expect how an operation ended."""
    assert (ended.status.state, ended.error_code) == (state, code), ended.status.reason
    return ended


def state_of(ground: Ground, object_id: str) -> str:
    """Read the state of a machine, server or host."""
    if object_id == ground.host:
        return str(ground.place.operator.GetHost(id=object_id).status.state)
    if object_id in ground.bmcs:
        return str(ground.place.operator.GetServer(id=object_id).status.state)
    return str(ground.place.get(object_id).status.state)


def mend(ground: Ground) -> None:
    """Do what an operator does: end machines, verify what is quarantined, reconcile."""
    operator = ground.place.operator
    for machine in ground.place.member.ListMachines(project=ground.place.project).machines:
        if machine.status.state in ("active", "decommissioning"):
            expect(ground.end(ground.place.decommission(machine.metadata.id)), "done")
    if state_of(ground, ground.host) == "quarantined":
        expect(ground.end(operator.VerifyHost(id=ground.host)), "done")
    if state_of(ground, ground.server) == "quarantined":
        expect(ground.end(operator.VerifyServer(id=ground.server)), "done")
    if any((ground.settings.state_folder / "media").glob("*")):
        expect(ground.site.end_of(begin_reconcile(ground)), "done")
    assert state_of(ground, ground.host) == state_of(ground, ground.server) == "available"


# Virtual


def a_host_comes_and_goes(ground: Ground) -> None:
    place = ground.place
    host = ground.add_host("&mode=auto").metadata.id
    expect(place.end_of_check(host), "done")
    expect(ground.end(place.operator.InspectHost(id=host)), "done")
    place.operator.DeleteHost(id=host)


def a_virtual_machine_lives_and_ends(ground: Ground) -> None:
    operation = ground.provision(talks=True)
    ground.until_said(operation.metadata.id, "phone home")
    ground.machines.phone_home(operation.metadata.id)
    machine = expect(ground.end(operation), "done").object_id
    assert state_of(ground, machine) == "active"
    expect(ground.end(ground.place.decommission(machine)), "done")
    assert state_of(ground, machine) == "gone"


def a_virtual_machine_stops_and_is_undone(ground: Ground) -> None:
    operation = ground.provision(talks=True)
    ground.until_said(operation.metadata.id, "phone home")
    ground.observer.lookupByUUIDString(operation.object_id).destroy()
    expect(ground.end(operation), "failed", "MACHINE_STOPPED")
    assert state_of(ground, operation.object_id) == "failed"


def a_decommission_is_aborted_and_retried(ground: Ground) -> None:
    place, machine = ground.place, ground.machine()
    place.operator.Freeze(region=ground.region, reason="fire drill")
    try:
        operation = place.decommission(machine)
        ground.until_said(operation.metadata.id, "fire drill")
        place.member.AbortOperation(id=operation.metadata.id)
        expect(ground.end(operation), "cancelled", "CANCELLED")
    finally:
        place.operator.Thaw(region=ground.region)
    assert place.get(machine).status.next_action
    expect(ground.end(place.member.RetryOperation(id=operation.metadata.id)), "done")
    assert state_of(ground, machine) == "gone"


def a_virtual_machine_is_released_by_force(ground: Ground) -> None:
    machine = ground.machine()
    expect(ground.end(ground.place.operator.ForceRelease(object_id=machine, reason="gone")), "done")
    assert state_of(ground, machine) == "gone"


def a_host_dies_and_what_is_left_on_it_is_removed(ground: Ground) -> None:
    place, machine = ground.place, ground.machine()
    with ground.injector.fault(Fault(ground.region, "before", REMOVE, for_good=True)):
        expect(ground.end(place.operator.ForceRelease(object_id=machine, reason="dead")), "done")
    assert state_of(ground, ground.host) == "quarantined"
    expect(ground.end(place.operator.VerifyHost(id=ground.host)), "done")
    assert state_of(ground, ground.host) == "available"


def a_workflow_is_lost_and_reconciled(ground: Ground) -> None:
    operation = ground.provision(talks=True)
    ground.until_said(operation.metadata.id, "phone home")
    ground.site.run(ground.site.handle(operation.metadata.id).terminate("by hand"))
    forgotten = ground.settings.state_folder / "media" / str(uuid4())
    forgotten.mkdir(parents=True)
    _known_and_ended(ground, forgotten)
    expect(ground.site.end_of(begin_reconcile(ground)), "done")
    expect(ground.end(operation), "cancelled", "CANCELLED")
    assert state_of(ground, operation.object_id) == "failed"


def begin_reconcile(ground: Ground) -> str:
    """Begin to compare everything of the region, what changed just now too."""
    asked = Asked(
        operation=str(uuid4()),
        request_id="request",
        account=str(uuid4()),
        region=ground.region,
        digest="digest",
    )

    async def start() -> None:
        await ground.site.client.start_workflow(
            Reconcile.run,
            RunReconcile(asked=asked, quiet_s=0, again_s=0),
            id=asked.operation,
            task_queue=CONTROL_QUEUE,
            search_attributes=search_attributes(region=ground.region),
        )

    ground.site.run(start())
    return asked.operation


def _known_and_ended(ground: Ground, folder: Any) -> None:
    """Have a folder be that of an operation that ended."""
    [check, *_] = ground.place.operator.ListOperations(object_id=ground.server).operations
    folder.rename(folder.with_name(check.metadata.id))


def a_claim_waits_and_is_held(ground: Ground) -> None:
    place = ground.place
    [vcpus] = [
        one.total
        for one in place.operator.GetProvider(id=ground.host).inventories
        if one.resource_type == "VCPU"
    ]
    spec = {"amounts": [{"resource_type": "VCPU", "amount": vcpus}]}
    first = place.claim(spec=spec)
    second = place.claim(spec=spec, wait_until=soon(hours=1), hold_until=soon(hours=2))
    waiting = claims_of(place, second.metadata.id)
    ground.until_said(waiting, "wait for capacity")
    place.member.ReleaseClaim(project=place.project, id=first.metadata.id)
    ground.until_said(waiting, "hold running")
    place.member.ReleaseClaim(project=place.project, id=second.metadata.id)
    expect(ground.site.end_of(waiting), "done")


def a_machine_is_kept_and_restored(ground: Ground) -> None:
    place, site, machine = ground.place, ground.site, ground.machine()
    operation = begin_keep(place, machine)
    ground.observer.lookupByUUIDString(machine).destroy()  # nothing in it heeds being asked
    expect(site.end_of(operation), "done")
    assert state_of(ground, machine) == "kept"
    place.operator.Freeze(region=ground.region, reason="fire drill")
    try:
        operation = begin_restore(place, machine)
        ground.until_said(operation, "fire drill")
        place.member.AbortOperation(id=operation)
        expect(site.end_of(operation), "cancelled", "CANCELLED")
    finally:
        place.operator.Thaw(region=ground.region)
    expect(site.end_of(begin_restore(place, machine)), "done")
    expect(ground.end(place.decommission(machine)), "done")
    assert state_of(ground, machine) == "gone"


def a_reservation_and_a_series_come_and_go(ground: Ground) -> None:
    place = ground.place
    claim = {"amounts": [{"resource_type": "VCPU", "amount": 1}]}
    [made] = reserve(place, None, 2, claim=claim)
    expect(ground.site.end_of(made.operation), "done")
    series = begin_series(place, spec={"claim": claim}, ahead=span(hours=20))
    ground.injector.place(series.metadata.id, ground.region)
    place.operator.until(
        lambda event: (event.object_id, event.kind) == (series.metadata.id, "state"),
        after_revision=1,
    )
    look(place, series)
    [one] = made_of(place, series)
    place.member.CancelReservation(project=place.project, id=one.metadata.id)
    expect(ground.site.end_of(one.operation), "cancelled")
    place.member.EndReservationSeries(project=place.project, id=series.metadata.id)


# Baremetal


def a_server_comes_and_goes(ground: Ground) -> None:
    server = ground.add_server()
    expect(ground.place.end_of_check(server), "done")
    assert state_of(ground, server) == "available"
    expect(ground.end(ground.place.operator.InspectServer(id=server)), "done")
    ground.place.operator.DeleteServer(id=server)


def a_server_that_is_not_there_is_refused(ground: Ground) -> None:
    server = ground.add_server(system="/redfish/v1/Systems/none")
    expect(ground.place.end_of_check(server), "failed", "SYSTEM_NOT_FOUND")
    assert state_of(ground, server) == "enrolled"
    ground.place.operator.DeleteServer(id=server)


def a_baremetal_machine_lives_and_ends(ground: Ground) -> None:
    machine = ground.machine("baremetal")
    assert state_of(ground, ground.server) == "in_use"
    expect(ground.end(ground.place.decommission(machine)), "done")
    assert state_of(ground, ground.server) == "available"


def a_deployment_fails_and_is_undone(ground: Ground) -> None:
    with ramdisk(ground.bmc, "deploy", ok=False, code="CHECKSUM_MISMATCH", message="differs"):
        expect(ground.end(ground.provision("baremetal")), "failed", "CHECKSUM_MISMATCH")
    assert state_of(ground, ground.server) == "available"


def a_server_is_released_by_force_and_wiped(ground: Ground) -> None:
    place, machine = ground.place, ground.machine("baremetal")
    expect(ground.end(place.operator.ForceRelease(object_id=machine, reason="gone")), "done")
    assert state_of(ground, ground.server) == "quarantined"
    expect(ground.end(place.operator.VerifyServer(id=ground.server)), "done")
    assert state_of(ground, ground.server) == "available"


def a_server_that_stays_on_climbs_the_ladder(ground: Ground) -> None:
    machine = ground.machine("baremetal")
    ground.bmc.ignores_resets = 6
    expect(ground.end(ground.place.decommission(machine)), "done")
    assert state_of(ground, ground.server) == "available"


def a_regions_key_is_rotated(ground: Ground) -> None:
    place = ground.place
    ground.site.database.write(lambda session: _forget_keys(session, ground.region))
    [before, *_] = place.operator.ListRegionKeys(region=ground.region).keys
    expect(ground.end(place.operator.RotateRegionKey(region=ground.region)), "done")
    [after, *_] = place.operator.ListRegionKeys(region=ground.region).keys
    assert before.key_id != after.key_id
    expect(ground.end(place.operator.VerifyServer(id=ground.server)), "done")


def _forget_keys(session: Session, region: str) -> None:
    """Have the site ask an executor for the region's keys again."""
    session.execute(delete(RegionKey).where(RegionKey.region == region))


class ramdisk:  # noqa: N801 - it reads as a verb
    """Have the ramdisk's task of one action end otherwise for a while."""

    def __init__(self, bmc: PlayedServer, action: str, **result: Any) -> None:
        self._bmc, self._action, self._result = bmc, action, result

    def __enter__(self) -> None:
        self._usual = self._bmc.ramdisk[self._action]
        self._bmc.ramdisk[self._action] = self._result

    def __exit__(self, *_: object) -> None:
        self._bmc.ramdisk[self._action] = self._usual


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        a_host_comes_and_goes,
        a_virtual_machine_lives_and_ends,
        a_virtual_machine_stops_and_is_undone,
        a_decommission_is_aborted_and_retried,
        a_virtual_machine_is_released_by_force,
        a_host_dies_and_what_is_left_on_it_is_removed,
        a_workflow_is_lost_and_reconciled,
        a_claim_waits_and_is_held,
        a_machine_is_kept_and_restored,
        a_reservation_and_a_series_come_and_go,
        a_server_comes_and_goes,
        a_server_that_is_not_there_is_refused,
        a_baremetal_machine_lives_and_ends,
        a_deployment_fails_and_is_undone,
        a_server_is_released_by_force_and_wiped,
        a_server_that_stays_on_climbs_the_ladder,
        a_regions_key_is_rotated,
    )
}
