"""Claims, machines and reservations in regions below others, apart from what fails with them."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import SEALED, Place, at, new_name, on_sqlite

POWER = common_pb2.DOMAIN_KIND_POWER
VCPU = [{"resource_type": "VCPU", "amount": 1}]


@dataclass
class Building:
    """A region with two rooms below it, each with a power feed and a host of its own."""

    place: Place
    rooms: list[str]
    hosts: list[str]

    def host_in(self, room: str) -> str:
        return self.hosts[self.rooms.index(room)]

    def feed_of(self, room: str) -> str:
        return "feed-" + "ab"[self.rooms.index(room)]

    def claim(self, *limits: Any, **more: Any) -> Any:
        return self.place.claim(spec={"or_below": True, "domains": limits}, **more)

    def machine(self, **spec: Any) -> Any:
        nics: list[Any] = [{"network": self.place.network}]
        return self.place.get(self.place.machine(spec={"or_below": True, "nics": nics, **spec}))


@pytest.fixture
def building(place: Place) -> Building:
    rooms, hosts = [], []
    for feed in ("feed-a", "feed-b"):
        made = place.operator.CreateRegion(
            name=new_name("region"),
            parent=place.region,
            spec={"failure_domains": [{"kind": POWER, "codes": [feed]}]},
        )
        rooms.append(made.metadata.id)
        place.site.executor(rooms[-1])
        hosts.append(place.add_host(region=rooms[-1]))
        place.end_of_check(hosts[-1])
    return Building(place, rooms, hosts)


def test_a_machine_and_its_operation_are_in_the_region_that_was_found_below(
    building: Building,
) -> None:
    place, first = building.place, building.machine()
    room = first.metadata.region
    assert room in building.rooms
    assert place.member.GetOperation(id=first.operation).metadata.region == room
    claim = place.member.GetClaim(project=place.project, id=first.claim)
    assert (claim.metadata.region, claim.spec.region) == (room, place.region)
    operator = place.site.account(common_pb2.ROLE_READER, region=room)
    assert operator.GetHost(id=building.host_in(room)).metadata.region == room
    second = building.machine(domains=[{"kind": POWER, "origin": first.metadata.id}])
    assert {room, second.metadata.region} == set(building.rooms)
    assert place.site.end_of(place.decommission(first.metadata.id).metadata.id).status.state == (
        "done"
    )


def test_a_claim_is_apart_from_a_machine_or_together_with_it_or_says_why_not(
    building: Building,
) -> None:
    place, machine = building.place, building.machine().metadata
    apart: dict[str, Any] = {"kind": POWER, "origin": machine.id}
    other = building.claim(apart)
    assert {machine.region, other.metadata.region} == set(building.rooms)
    shown = place.member.GetClaim(project=place.project, id=other.metadata.id).spec
    assert list(shown.domains) == [common_pb2.DomainLimit(**apart)]
    together = building.claim({**apart, "same": True})
    assert together.metadata.region == machine.region
    with refused("RESOURCE_EXHAUSTED") as refusal:
        building.claim(apart, {**apart, "origin": other.metadata.id})
    words = f"not in power domain {building.feed_of(machine.region)} of machine {machine.id}: 1 rem"
    assert words in refusal.message
    wanted = {"amounts": VCPU, "region": place.region, "or_below": True, "domains": [apart]}
    [proposed] = place.member.ProposeCandidates(project=place.project, spec=wanted)
    assert proposed.parts[0].provider == building.host_in(other.metadata.region)


@on_sqlite
def test_what_the_caller_does_not_see_is_nothing_to_be_apart_from(building: Building) -> None:
    place = building.place
    machine = building.machine().metadata.id
    project = place.operator.CreateProject(name=new_name("project")).metadata.id
    stranger = place.site.account(common_pb2.ROLE_MEMBER, project)
    said = set()
    for origin in (machine, building.hosts[0], str(uuid4())):
        spec = {
            "amounts": VCPU,
            "region": place.region,
            "domains": [{"kind": POWER, "origin": origin}],
        }
        asks: tuple[tuple[Any, dict[str, Any]], ...] = (
            (stranger.CreateClaim, {"spec": spec}),
            (stranger.FindOpenings, {"spec": spec}),
            (
                stranger.CreateReservations,
                {
                    "region": place.region,
                    "spec": {"claim": spec, "window": {"release_at": at(days=1)}},
                },
            ),
        )
        for ask, fields in asks:
            with refused("NOT_FOUND") as refusal:
                ask(project=project, **fields)
            said.add(refusal.message.replace(origin, "X"))
    assert len(said) == 1


@on_sqlite
def test_domains_that_change_count_for_claims_to_come(building: Building) -> None:
    place = building.place
    apart: dict[str, Any] = {"kind": POWER, "origin": building.rooms[0]}
    assert building.claim(apart).metadata.region == building.rooms[1]
    for room in building.rooms:
        place.operator.UpdateRegion(
            id=room,
            update_mask={"paths": ["spec.failure_domains"]},
            spec={"failure_domains": [{"kind": POWER, "codes": ["feed-c"]}]},
        )
    # Who asks for a name that is not there yet has the site catch up with iam.
    place.operator.DescribeObjects(ids=[str(uuid4())])
    with refused("RESOURCE_EXHAUSTED") as refusal:
        building.claim(apart)
    assert "not in power domain feed-c of region" in refusal.message


@on_sqlite
def test_who_waits_for_a_region_or_below_is_told_what_is_released_below(
    building: Building,
) -> None:
    place = building.place
    eight = [{"resource_type": "VCPU", "amount": 8}]
    full = [building.place.claim(spec={"or_below": True, "amounts": eight}) for _ in building.rooms]
    waiting = building.claim(wait_until=Timestamp(seconds=4_000_000_000)).metadata.id
    [operation] = place.member.ListOperations(object_id=waiting).operations
    place.member.ReleaseClaim(project=place.project, id=full[1].metadata.id)
    assert place.site.end_of(operation.metadata.id).status.state == "done"
    found = place.member.GetClaim(project=place.project, id=waiting)
    assert found.metadata.region == full[1].metadata.region


@on_sqlite
def test_a_reservation_below_has_its_machine_made_there(building: Building) -> None:
    place = building.place
    spec = {
        "machine": place.spec(or_below=True),
        "machine_name": new_name("machine"),
        "window": {"release_at": at(days=1)},
    }
    [made] = place.member.CreateReservations(
        project=place.project, region=place.region, spec=spec
    ).reservations
    room = made.metadata.region
    assert room in building.rooms
    assert place.member.GetOperation(id=made.operation).metadata.region == room
    place.operator.until(
        lambda event: event.object_type == "machine" and event.status.state == "active",
        project=place.project,
    )
    [machine] = place.member.ListMachines(project=place.project).machines
    assert (machine.metadata.region, machine.provider) == (room, "")


@on_sqlite
def test_a_machine_is_not_made_on_a_reservation_elsewhere(building: Building) -> None:
    place = building.place
    held = {"claim": {"amounts": VCPU, "or_below": True}, "window": {"release_at": at(days=1)}}
    [made] = place.member.CreateReservations(
        project=place.project, region=place.region, spec=held
    ).reservations
    room = made.metadata.region
    size = {"vcpus": 1, "memory_mib": 1, "disk_gib": 1, "nics": []}
    with refused("INVALID_ARGUMENT", about="region"):
        place.provision(reservation=made.metadata.id, spec=size)
    apart = {"or_below": True, "domains": [{"kind": POWER, "origin": room}]}
    with refused("INVALID_ARGUMENT", about="spec.domains"):
        place.provision(reservation=made.metadata.id, spec={**size, **apart})


def test_what_is_sealed_for_one_region_is_for_no_machine_below(sqlite_place: Place) -> None:
    place = sqlite_place
    with refused("INVALID_ARGUMENT", about="spec.sealed_user_data"):
        place.provision(spec={"or_below": True, "sealed_user_data": SEALED})
    image = str(uuid4())
    place.operator.CreateImage(
        image_id=image,
        name=new_name("image"),
        region=place.region,
        spec={
            "url": "https://images/test.raw",
            "sha256": "0" * 64,
            "disk_format": "raw",
            "sealed_credentials": SEALED,
        },
    )
    with refused("INVALID_ARGUMENT", about="spec.image"):
        place.provision(spec={"or_below": True, "image": image})
