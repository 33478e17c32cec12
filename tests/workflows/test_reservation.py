"""Reservation: wait for the start, hold or provision, warn, hand over, end; heal and give up."""

from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from activities.contracts import hypervisor, redfish
from mulligan.values.errors import HardwareError
from tests.fakes.caller import refused
from tests.fakes.place import Place, at, new_name
from tests.workflows.outcome import used

ALL = {"VCPU": 8}
MOVED = {"update_mask": {"paths": ["window"]}}


def span(**of: float) -> Duration:
    found = Duration()
    found.FromTimedelta(timedelta(**of))
    return found


def window(start: float | None, end: float | None) -> dict[str, Any]:
    """From so many seconds from now until so many."""
    found = {}
    if start is not None:
        found["acquire_at"] = at(seconds=start)
    if end is not None:
        found["release_at"] = at(seconds=end)
    return found


def reserve(
    place: Place, start: float | None, end: float | None, *, times: int = 1, **spec: Any
) -> list[Any]:
    """Reserve a machine, or what is said."""
    if "claim" not in spec and "machine" not in spec:
        spec = {"machine": place.spec(), "machine_name": new_name("machine"), **spec}
    return list(
        place.member.CreateReservations(
            project=place.project, region=place.region, times=times,
            spec={"window": window(start, end), **spec},
        ).reservations
    )  # fmt: skip


def all_vcpus(place: Place, start: float | None, end: float | None, **more: Any) -> Any:
    claim = {"amounts": [{"resource_type": "VCPU", "amount": 8}]}
    [made] = reserve(place, start, end, claim=claim, **more)
    return made


def get(place: Place, reservation: Any) -> Any:
    return place.member.GetReservation(project=place.project, id=reservation.metadata.id)


def reached(place: Place, reservation: Any, state: str, said: str = "") -> Any:
    """Wait until a reservation is in a state, for a reason; gives it."""
    place.operator.until(
        lambda event: (
            event.object_id == reservation.metadata.id
            and event.status.state == state
            and said in event.status.reason
        ),
        operation=reservation.operation,
        after_revision=1,
    )
    return get(place, reservation)


def test_a_machine_is_provisioned_at_the_start_and_decommissioned_at_the_end(
    place: Place,
) -> None:
    host = place.host()
    [made] = reserve(place, 1, 6, purpose="nightly build", warn_before=span(seconds=2))
    assert made.status.state in ("reserved", "starting"), "as fast as it was asked and answered"
    assert made.spec.purpose == "nightly build"
    active = reached(place, made, "active")
    assert active.status.next_action == "its machine is decommissioned"
    machine = place.get(active.machine)
    assert (machine.status.state, machine.claim) == ("active", made.claim)
    assert used(place, host)["VCPU"] == 2
    ended = place.site.end_of(made.operation)
    assert (ended.status.state, ended.type) == ("done", "reservation")
    assert get(place, made).status.state == "ended"
    assert place.get(active.machine).status.state == "gone"
    assert used(place, host) == {}
    [*_, warned] = place.operator.until(
        lambda event: event.kind == "ends_soon", operation=made.operation, after_revision=1
    )
    assert warned.object_id == made.metadata.id


def test_five_are_five_or_none(sqlite_place: Place) -> None:
    place = sqlite_place
    host = place.host()
    with refused("RESOURCE_EXHAUSTED"):
        reserve(place, 60, 120, times=5)
    assert not place.member.ListReservations(project=place.project).reservations
    assert not place.member.ListClaims(project=place.project).claims
    made = reserve(place, 60, 120, times=4)
    assert len({one.metadata.id for one in made}) == 4
    assert [one.spec.machine_name.rpartition("-")[2] for one in made] == list("1234")
    assert used(place, host) == {}
    for one in made:
        place.member.CancelReservation(project=place.project, id=one.metadata.id)
        assert place.site.end_of(one.operation).status.state == "cancelled"
    assert not place.member.ListClaims(project=place.project).claims


def test_what_is_held_is_used_by_the_projects_machine(sqlite_place: Place) -> None:
    place = sqlite_place
    host = place.host()
    held = all_vcpus(place, 3, 60, reclaim_after=span(minutes=5))
    wanted = {"vcpus": 8, "nics": [], "memory_mib": 1, "disk_gib": 1}
    with refused("FAILED_PRECONDITION") as refusal:
        place.provision(reservation=held.metadata.id, spec=wanted)
    assert "begins at" in refusal.message
    active = reached(place, held, "active")
    assert active.status.reason == "it is held for the project"
    assert active.status.next_action == "given up unless a machine uses it"
    with refused("INVALID_ARGUMENT") as refusal:
        place.provision(reservation=held.metadata.id, spec=wanted)
    assert "0 MEMORY_MIB" in refusal.message
    other = Place(place.site)
    with refused("NOT_FOUND"):
        other.member.GetReservation(project=other.project, id=held.metadata.id)
    with refused("FAILED_PRECONDITION") as refusal:
        place.member.ReleaseClaim(project=place.project, id=held.claim)
    assert "cancel the reservation" in refusal.message
    place.member.CancelReservation(project=place.project, id=held.metadata.id)
    assert place.site.end_of(held.operation).status.state == "cancelled"
    assert used(place, host) == {}


def test_a_machine_of_the_projects_own_gives_back_what_is_held(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    [held] = reserve(place, None, 60, machine=place.spec(image="", nics=[]), machine_name="")
    reached(place, held, "active")
    machine = place.machine(reservation=held.metadata.id, spec={"nics": []})
    assert place.get(machine).claim == held.claim
    with refused("FAILED_PRECONDITION") as refusal:
        place.provision(reservation=held.metadata.id, spec={"nics": []})
    assert machine in refusal.message
    place.site.end_of(place.decommission(machine).metadata.id)
    reached(place, held, "active", "held for the project")
    claim = place.member.GetClaim(project=place.project, id=held.claim)
    assert (claim.status.state, claim.consumer) == ("confirmed", "")
    again = place.machine(reservation=held.metadata.id, spec={"nics": []})
    place.member.CancelReservation(project=place.project, id=held.metadata.id)
    assert place.site.end_of(held.operation).status.state == "cancelled"
    assert place.get(again).status.state == "gone"


def test_back_to_back_reservations_hand_over(place: Place) -> None:
    server = place.server()
    metal = place.spec("baremetal")
    [first] = reserve(place, None, 6, machine=metal, machine_name="metal")
    reached(place, first, "active")
    powered_off = place.executor.holds(redfish.power_off)
    end = get(place, first).spec.window.release_at
    [second] = place.member.CreateReservations(
        project=place.project,
        region=place.region,
        spec={
            "window": {"acquire_at": end, "release_at": at(minutes=5)},
            "machine": place.spec("baremetal"),
            "machine_name": new_name("machine"),
        },
    ).reservations
    waits = reached(place, second, "handover")
    assert waits.status.HasField("deadline")
    assert "still used past its plan" in waits.status.reason
    powered_off.release()
    active = reached(place, second, "active")
    assert place.operator.GetServer(id=server).machine == active.machine
    assert place.site.end_of(first.operation).status.state == "done"


def test_a_reservation_is_extended_shortened_and_moved(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    later = all_vcpus(place, 600, 1200)
    fields = {"project": place.project, "id": later.metadata.id}
    moved = place.member.UpdateReservation(**fields, **MOVED, window=window(300, 500))
    assert moved.status.state == "reserved"
    assert moved.metadata.generation > later.metadata.generation
    first = all_vcpus(place, 500, 900)
    with refused("RESOURCE_EXHAUSTED") as refusal:
        place.member.UpdateReservation(**fields, **MOVED, window=window(300, 501))
    assert "VCPU" in refusal.message
    with refused("ABORTED", reason="STALE_GENERATION"):
        place.member.UpdateReservation(
            **fields, **MOVED, generation=later.metadata.generation, window=window(300, 400)
        )
    with refused("INVALID_ARGUMENT"):
        place.member.UpdateReservation(**fields)
    now = place.member.UpdateReservation(**fields, **MOVED, window=window(None, 400))
    assert now.spec.window.acquire_at.ToSeconds() == moved.spec.window.acquire_at.ToSeconds()
    begins = place.member.UpdateReservation(**fields, **MOVED, window=window(0, 400))
    reached(place, begins, "active", "it is held for the project")
    for one in (first, later):
        place.member.CancelReservation(project=place.project, id=one.metadata.id)
        place.site.end_of(one.operation)


def test_what_nobody_uses_is_given_to_others(sqlite_place: Place) -> None:
    place = sqlite_place
    host = place.host()
    unused = all_vcpus(place, None, 600, reclaim_after=span(seconds=1))
    waiting = place.claim(
        spec={"amounts": [{"resource_type": "VCPU", "amount": 8}]}, wait_until=at(minutes=5)
    )
    assert waiting.status.state == "running"
    assert place.site.end_of(unused.operation).status.state == "done"
    ended = get(place, unused)
    assert (ended.status.state, ended.status.reason) == (
        "reclaimed", "nobody used it for 0:00:01",
    )  # fmt: skip
    [operation] = place.member.ListOperations(object_id=waiting.metadata.id).operations
    assert place.site.end_of(operation.metadata.id).status.state == "done"
    assert used(place, host) == ALL


def test_a_reservation_goes_elsewhere_when_its_provider_fails(sqlite_place: Place) -> None:
    place = sqlite_place
    first = place.host()
    later = all_vcpus(place, 600, 1200)
    second = place.host()
    place.operator.SetMark(object_id=first, kind="maintenance", reason="a fan is loud")
    place.operator.until(
        lambda event: event.object_id == later.claim and event.kind == "moved", after_revision=1
    )
    [allocation] = place.member.GetClaim(project=place.project, id=later.claim).allocations
    assert allocation.provider == second
    place.operator.SetMark(object_id=second, kind="maintenance", reason="so is this one")
    degraded = reached(place, later, "degraded")
    assert "host is marked maintenance" in degraded.status.reason
    place.operator.ClearMark(object_id=second, kind="maintenance")
    reached(place, later, "reserved")


def test_a_machine_that_can_not_be_made_is_tried_elsewhere(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    place.host()
    place.executor.stumbles(hypervisor.start, HardwareError("it broke", code="DOMAIN_BROKEN"))
    [made] = reserve(place, None, 600)
    tried = reached(place, made, "starting", "try 1 of 3 failed")
    assert "it broke" not in tried.status.reason, "what hardware says is for who runs it"
    of = {"project": place.project, "id": made.metadata.id}
    assert "it broke" in place.site.admin.GetReservation(**of).status.reason
    active = reached(place, made, "active")
    place.operator.until(
        lambda event: event.object_id == made.claim and event.kind == "moved", after_revision=1
    )
    assert place.get(active.machine).status.state == "active"


def test_a_machine_that_somebody_ends_ends_its_reservation(sqlite_place: Place) -> None:
    place = sqlite_place
    host = place.host()
    [made] = reserve(place, None, 600)
    active = reached(place, made, "active")
    place.site.end_of(place.decommission(active.machine).metadata.id)
    assert place.site.end_of(made.operation).status.state == "done"
    assert "its machine ended" in get(place, made).status.reason
    assert used(place, host) == {}


def test_what_is_cancelled_while_it_starts_is_undone(sqlite_place: Place) -> None:
    place = sqlite_place
    host = place.host()
    staging = place.executor.holds(hypervisor.stage)
    [made] = reserve(place, None, 600)
    staging.wait()
    place.member.CancelReservation(project=place.project, id=made.metadata.id)
    ended = place.site.end_of(made.operation)
    assert ended.status.state == "cancelled"
    assert get(place, made).status.state == "cancelled"
    assert used(place, host) == {}


def test_who_aborts_its_operation_cancels_it(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    made = all_vcpus(place, 600, 1200)
    place.member.AbortOperation(id=made.operation)
    assert place.site.end_of(made.operation).status.state == "cancelled"
    assert get(place, made).status.reason == "somebody aborted it"


def test_a_machine_is_kept_restored_and_then_gone(place: Place) -> None:
    host = place.host()
    [made] = reserve(place, None, 8, keep_for=span(minutes=10))
    active = reached(place, made, "active")
    assert active.status.next_action == "its machine is powered off and kept"
    kept = reached(place, made, "kept", "can be restored")
    assert place.get(active.machine).status.state == "kept"
    assert kept.kept_until.seconds - made.spec.window.release_at.seconds == 600
    assert used(place, host)["VCPU"] == 2
    fields = {"project": place.project, "id": made.metadata.id}
    place.member.UpdateReservation(**fields, **MOVED, window=window(None, 900))
    place.operator.until(
        lambda event: event.object_id == active.machine and "it was restored" in event.message,
        after_revision=1,
    )
    reached(place, made, "active", "runs")
    place.member.UpdateReservation(**fields, **MOVED, window=window(None, 1))
    reached(place, made, "kept", "can be restored")
    place.member.CancelReservation(**fields)
    assert place.site.end_of(made.operation).status.state == "cancelled"
    assert place.get(active.machine).status.state == "gone"
    assert used(place, host) == {}


def test_a_machine_is_not_kept_where_the_next_reservation_needs_it(sqlite_place: Place) -> None:
    place = sqlite_place
    place.host()
    [made] = reserve(place, None, 8, keep_for=span(minutes=10))
    reached(place, made, "active")
    later = all_vcpus(place, 60, 120)
    gone = reached(place, made, "ending")
    assert "could not be kept" in gone.status.reason
    assert place.site.end_of(made.operation).status.state == "done"
    place.member.CancelReservation(project=place.project, id=later.metadata.id)


def test_a_machine_that_is_still_made_at_the_end_is_undone(sqlite_place: Place) -> None:
    place = sqlite_place
    host = place.host()
    place.executor.guest = None
    [made] = reserve(place, None, 3)
    ended = place.site.end_of(made.operation)
    assert ended.status.state == "done", ended.status.reason
    assert get(place, made).status.state == "ended"
    assert used(place, host) == {}
