"""Reservations, RPC by RPC."""

from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import Place, at, new_name

ONE = {"amounts": [{"resource_type": "VCPU", "amount": 1}]}


@pytest.fixture
def place(sqlite_place: Place) -> Place:
    """What is read and written here is proved on both databases below the API."""
    return sqlite_place


def window(start: float | None, end: float | None) -> dict[str, Any]:
    """From so many minutes from now until so many."""
    given = {"acquire_at": start, "release_at": end}
    return {name: at(minutes=one) for name, one in given.items() if one is not None}


def create(place: Place, **more: Any) -> list[Any]:
    """Reserve one VCPU from in an hour until in two."""
    spec = {"claim": ONE, "window": window(60, 120), **more.pop("spec", {})}
    spec = {name: value for name, value in spec.items() if value is not None}
    fields = {"project": place.project, "region": place.region, "spec": spec, **more}
    return list(place.member.CreateReservations(**fields).reservations)


@pytest.fixture
def made(place: Place) -> Any:
    """One VCPU from in an hour until in two."""
    place.host()
    [reservation] = create(place, spec={"purpose": "a rehearsal"})
    return reservation


def listed(place: Place, **more: Any) -> list[str]:
    answer = place.member.ListReservations(project=place.project, **more)
    return [one.metadata.id for one in answer.reservations]


# CreateReservations


def test_what_is_reserved_is_shown_as_it_was_asked_for(place: Place) -> None:
    place.host()
    spec = {
        "purpose": "nightly build",
        "keep_for": Duration(seconds=60),
        "warn_before": Duration(),
        "reclaim_after": Duration(seconds=3600),
        "stays": True,
    }
    [made] = create(place, spec=spec)
    shown = place.member.GetReservation(project=place.project, id=made.metadata.id)
    assert shown == made
    assert (shown.status.state, shown.spec.purpose, shown.spec.stays) == (
        "reserved", "nightly build", True,
    )  # fmt: skip
    spans = (shown.spec.keep_for, shown.spec.warn_before, shown.spec.reclaim_after)
    assert [one.seconds for one in spans] == [60, 0, 3600]
    assert (shown.metadata.project, shown.metadata.region) == (place.project, place.region)
    assert list(shown.spec.claim.amounts) == [common_pb2.Amount(resource_type="VCPU", amount=1)]
    claim = place.member.GetClaim(project=place.project, id=made.claim)
    assert claim.spec.window == shown.spec.window
    assert place.member.GetOperation(id=made.operation).object_id == made.metadata.id


def test_a_machine_that_is_reserved_is_shown_as_it_was_asked_for(place: Place) -> None:
    place.host()
    wanted = place.spec()
    [made] = create(place, spec={"claim": None, "machine": wanted, "machine_name": "web"})
    shown = made.spec
    assert (shown.machine_name, shown.machine.image, shown.machine.vcpus) == (
        "web", wanted["image"], 2,
    )  # fmt: skip
    assert [nic.network for nic in shown.machine.nics] == [place.network]
    assert shown.warn_before.seconds == 900
    assert not shown.HasField("claim")
    assert not shown.HasField("keep_for")


def test_the_same_request_is_answered_with_the_same_reservations(place: Place) -> None:
    place.host()
    spec = {"window": window(60, 120)}
    request = {"request_id": str(uuid4()), "times": 2, "spec": spec}
    first = create(place, **request)
    assert [one.metadata.id for one in create(place, **request)] == [
        one.metadata.id for one in first
    ]
    assert len(listed(place)) == len(first) == 2
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        create(place, **{**request, "times": 3})


def test_no_times_is_one(place: Place, made: Any) -> None:
    assert len(create(place, times=0)) == 1
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY"):
        create(place, times=7)
    assert len(listed(place)) == 2


@pytest.mark.parametrize("times", [-1, 101])
def test_so_many_can_not_be_made_at_once(place: Place, times: int) -> None:
    with refused("INVALID_ARGUMENT", about="times"):
        create(place, times=times)


def machine(**more: Any) -> dict[str, Any]:
    """A machine instead of a claim."""
    spec = {"kind": "virtual", "vcpus": 1, "memory_mib": 1, "disk_gib": 1, **more}
    return {"claim": None, "machine": spec}


NEVER: list[tuple[dict[str, Any], str]] = [
    ({"claim": None}, "spec.machine"),
    ({**machine(), "claim": ONE}, "spec.machine"),
    ({"window": window(120, 60)}, "spec.window.release_at"),
    ({"window": window(60, -60)}, "spec.window.release_at"),
    ({"window": window(-120, -60)}, "spec.window.release_at"),
    ({"claim": {**ONE, "window": window(1, 2)}}, "spec.claim.window"),
    ({"claim": {**ONE, "region": str(uuid4())}}, "spec.claim.region"),
    ({"claim": {}}, "amounts"),
    (machine(window=window(1, 2)), "spec.machine.window"),
    (machine(kind="cloud"), "spec.kind"),
    (machine(image=str(uuid4())), "spec.machine_name"),
    ({"purpose": "p" * 1001}, "spec.purpose"),
    ({"keep_for": Duration(seconds=-1)}, "spec.keep_for"),
    ({"keep_for": Duration(seconds=1, nanos=5)}, "spec.keep_for"),
    ({"keep_for": Duration(seconds=367 * 86_400)}, "spec.keep_for"),
    ({"warn_before": Duration(seconds=-1)}, "spec.warn_before"),
    ({"warn_before": Duration(seconds=367 * 86_400)}, "spec.warn_before"),
    ({"reclaim_after": Duration(nanos=5)}, "spec.reclaim_after"),
    ({"reclaim_after": Duration(seconds=367 * 86_400)}, "spec.reclaim_after"),
]


def test_what_can_never_be_is_refused_at_the_door(place: Place) -> None:
    for spec, field in NEVER:
        with refused("INVALID_ARGUMENT", about=field):
            create(place, spec=spec)


def test_what_is_not_there_is_not_reserved(place: Place, made: Any) -> None:
    image = machine(image=str(uuid4()), nics=[])
    with refused("NOT_FOUND", about="spec.image"):
        create(place, spec={**image, "machine_name": "web"})
    with refused("INVALID_ARGUMENT", about="nics[0].network"):
        create(place, spec=machine(nics=[{"network": str(uuid4())}]))
    with refused("NOT_FOUND", about="region"):
        create(place, region=str(uuid4()))
    with refused("INVALID_ARGUMENT", about="region"):
        create(place, region="")
    assert listed(place) == [made.metadata.id]


def test_only_operators_say_where_a_machine_is_to_be(place: Place) -> None:
    host = place.host()
    with refused("PERMISSION_DENIED"):
        create(place, spec=machine(provider=host))
    request = {"project": place.project, "region": place.region}
    spec = {"window": window(60, 120), "machine": machine(provider=host)["machine"]}
    [made] = place.operator.CreateReservations(**request, spec=spec).reservations
    [allocation, *_] = place.operator.GetClaim(project=place.project, id=made.claim).allocations
    assert allocation.provider == host


# Get and List


def test_reservations_are_listed_page_by_page(place: Place) -> None:
    place.host()
    made = sorted(one.metadata.id for one in create(place, times=3))
    seen, token = [], ""
    while True:
        page = place.member.ListReservations(
            project=place.project, page={"size": 2, "token": token}
        )
        seen.append([one.metadata.id for one in page.reservations])
        token = page.next_page_token
        if not token:
            break
    assert seen == [made[:2], made[2:]]
    assert page.revision > 0
    with refused("INVALID_ARGUMENT", about="page.token"):
        listed(place, page={"token": "nonsense"})
    place.member.CancelReservation(project=place.project, id=made[0])
    assert listed(place) == made[1:]
    assert listed(place, include_ended=True) == made
    assert listed(place, series=str(uuid4())) == []
    with refused("INVALID_ARGUMENT", about="series"):
        listed(place, series="daily")


# UpdateReservation


def change(place: Place, reservation: Any, **more: Any) -> Any:
    fields = {"project": place.project, "id": reservation.metadata.id, **more}
    paths = [field for field in ("window", "keep_for") if field in more]
    return place.member.UpdateReservation(**fields, update_mask={"paths": paths})


def test_a_window_moves_as_a_whole_unless_both_ends_are_said(place: Place, made: Any) -> None:
    before = made.spec.window
    later = window(120, None)
    moved = change(place, made, window=later).spec.window
    spans = [one.release_at.ToSeconds() - one.acquire_at.ToSeconds() for one in (before, moved)]
    assert spans[0] == spans[1]
    assert moved.acquire_at == later["acquire_at"]
    longer = change(place, made, window=window(None, 300)).spec.window
    assert longer.acquire_at == moved.acquire_at
    endless = change(place, made, window={}).spec.window
    assert endless.acquire_at == moved.acquire_at
    assert not endless.HasField("release_at")


def test_what_becomes_of_its_machine_is_changed(place: Place, made: Any) -> None:
    kept = change(place, made, keep_for=Duration(seconds=60))
    assert kept.spec.keep_for.seconds == 60
    assert kept.metadata.generation > made.metadata.generation
    assert not change(place, made, keep_for=Duration()).spec.HasField("keep_for")


NO_CHANGE: list[tuple[dict[str, Any], str]] = [
    ({}, "update_mask"),
    ({"window": window(200, 100)}, "window.release_at"),
    ({"window": window(None, -10)}, "window.release_at"),
    ({"keep_for": Duration(seconds=-1)}, "keep_for"),
    ({"keep_for": Duration(nanos=1)}, "keep_for"),
    ({"keep_for": Duration(seconds=367 * 86_400)}, "keep_for"),
]


def test_a_change_that_can_not_be_is_refused(place: Place, made: Any) -> None:
    for wrong, field in NO_CHANGE:
        with refused("INVALID_ARGUMENT", about=field):
            change(place, made, **wrong)
    shown = place.member.GetReservation(project=place.project, id=made.metadata.id)
    assert shown == made


def test_the_same_change_twice_is_one(place: Place, made: Any) -> None:
    request = {"request_id": str(uuid4()), "window": window(60, 240)}
    assert change(place, made, **request) == change(place, made, **request)
    with refused("ABORTED", "STALE_GENERATION"):
        change(place, made, window=window(60, 90), generation=made.metadata.generation)


# CancelReservation


def test_what_is_cancelled_is_cancelled_once_and_never_changes(place: Place, made: Any) -> None:
    one = {"project": place.project, "id": made.metadata.id}
    with refused("ABORTED", "STALE_GENERATION"):
        place.member.CancelReservation(**one, generation=made.metadata.generation + 1)
    request = {**one, "request_id": str(uuid4())}
    cancelled = place.member.CancelReservation(**request)
    assert (cancelled.status.state, cancelled.status.reason) == (
        "cancelled", "somebody cancelled it",
    )  # fmt: skip
    assert place.member.CancelReservation(**request) == cancelled
    with refused("FAILED_PRECONDITION"):
        place.member.CancelReservation(**one)
    for wrong in ({"window": window(60, 90)}, {"keep_for": Duration(seconds=9)}):
        with refused("FAILED_PRECONDITION"):
            change(place, made, **wrong)
    assert place.site.end_of(made.operation).status.state == "cancelled"


# Who may


MOVED = {"update_mask": {"paths": ["window"]}}


def test_another_projects_reservation_is_not_there(place: Place, made: Any) -> None:
    stranger = Place(place.site)
    assert stranger.member
    one = {"project": stranger.project, "id": made.metadata.id}
    asks: list[tuple[Any, dict[str, Any]]] = [
        (stranger.member.GetReservation, {}),
        (stranger.member.UpdateReservation, MOVED | {"window": window(60, 90)}),
        (stranger.member.CancelReservation, {}),
    ]
    for ask, more in asks:
        with refused("NOT_FOUND") as refusal:
            ask(**one, **more)
        assert refusal.resource == ("reservation", made.metadata.id)
    with refused("NOT_FOUND") as refusal:
        stranger.member.ProvisionMachine(
            project=stranger.project, region=place.region, name=new_name("machine"),
            spec=place.spec(nics=[]), reservation=made.metadata.id,
        )  # fmt: skip
    assert refusal.resource == ("reservation", made.metadata.id)
    assert listed(stranger) == []
    for ask in (stranger.member.ListReservations, stranger.member.CreateReservations):
        with refused("PERMISSION_DENIED"):
            ask(project=place.project)


def test_a_reservation_that_never_was_is_not_found(place: Place) -> None:
    one = {"project": place.project, "id": str(uuid4())}
    for ask in (place.member.GetReservation, place.member.CancelReservation):
        with refused("NOT_FOUND"):
            ask(**one)
    with refused("INVALID_ARGUMENT", about="id"):
        place.member.GetReservation(project=place.project, id="mine")


def test_a_reader_reads_and_no_more(place: Place, made: Any) -> None:
    reader = place.site.account(common_pb2.ROLE_READER, place.project)
    one = {"project": place.project, "id": made.metadata.id}
    assert reader.GetReservation(**one) == made
    for ask in (reader.UpdateReservation, reader.CancelReservation):
        with refused("PERMISSION_DENIED"):
            ask(**one)


def test_who_provisions_on_it_is_seen_at_once(place: Place) -> None:
    place.host()
    [held] = create(place, spec={**machine(nics=[]), "window": window(None, 120)})
    used = place.provision(
        reservation=held.metadata.id, spec={"vcpus": 1, "memory_mib": 1, "disk_gib": 1, "nics": []}
    )
    place.site.end_of(used.metadata.id)
    place.operator.until(
        lambda event: event.status.reason.startswith("its machine"), operation=held.operation
    )
    shown = place.member.GetReservation(project=place.project, id=held.metadata.id)
    assert shown.machine == used.object_id
    place.member.CancelReservation(project=place.project, id=held.metadata.id)
    place.site.end_of(held.operation)
