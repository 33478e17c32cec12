"""Networks, providers, claims."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import Place, at, new_name, on_sqlite
from tests.fakes.site import Site

# Networks


def test_a_network_is_created_shown_listed_and_deleted(place: Place) -> None:
    made = place.create_network(
        "10.0.2.0/24", spec={"prefix": "10.0.2.0/24", "gateway": "10.0.2.254", "vlan": 7}
    )
    assert place.member.GetNetwork(id=made.metadata.id) == made
    assert (made.spec.vlan, made.addresses, made.addresses_used) == (7, 253, 0)
    assert list(place.member.ListNetworks(region=place.region).networks) == [made]
    place.operator.DeleteNetwork(id=made.metadata.id)
    with refused("NOT_FOUND") as refusal:
        place.member.GetNetwork(id=made.metadata.id)
    assert refusal.resource == ("network", made.metadata.id)
    assert not place.member.ListNetworks(region=place.region).networks


def test_a_network_that_can_not_be_is_refused(place: Place) -> None:
    with refused("INVALID_ARGUMENT", about="spec.prefix"):
        place.create_network("10.0.2.0/33")
    place.create_network("10.0.2.0/24")
    with refused("INVALID_ARGUMENT", about="spec.prefix") as refusal:
        place.create_network("10.0.0.0/16")
    assert "overlaps" in refusal.message
    with refused("NOT_FOUND", about="region"):
        place.create_network(region=str(uuid4()))
    with refused("INVALID_ARGUMENT", about="region"):
        place.create_network(region="")


def test_a_networks_name_is_unique_in_its_region_and_nothing_of_a_second_one_stays(
    place: Place,
) -> None:
    name = new_name("network")
    place.create_network(name=name)
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        place.create_network("10.7.0.0/24", name=name)
    assert len(place.operator.ListNetworks(region=place.region).networks) == 1


def test_the_same_network_twice_is_one(place: Place) -> None:
    fields = {"name": new_name("network"), "request_id": str(uuid4())}
    assert place.create_network(**fields) == place.create_network(**fields)
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        place.create_network("10.8.0.0/24", **fields)


@on_sqlite
def test_a_network_in_use_is_not_deleted(place: Place) -> None:
    place.host()
    place.machine()
    with refused("FAILED_PRECONDITION") as refusal:
        place.operator.DeleteNetwork(id=place.network)
    assert refusal.resource == ("network", place.network)


# Providers


@on_sqlite
def test_a_provider_shows_what_is_used_of_it(place: Place) -> None:
    host = place.host()
    place.claim()
    shown = place.operator.GetProvider(id=host)
    vcpus = next(one for one in shown.inventories if one.resource_type == "VCPU")
    assert (shown.type, vcpus.total, vcpus.used, vcpus.max_unit) == ("host", 8, 2, 2**53 - 1)
    assert list(place.operator.ListProviders(region=place.region).providers) == [shown]
    with refused("PERMISSION_DENIED"):
        place.member.ListProviders(region=place.region)


# Claims


def test_a_claim_is_committed_shown_listed_and_released(place: Place) -> None:
    host = place.host()
    claim = place.claim()
    assert claim.status.state == "confirmed"
    assert [(a.provider, a.resource_type, a.amount) for a in claim.allocations] == [
        (host, "VCPU", 2)
    ]
    assert place.member.GetClaim(project=place.project, id=claim.metadata.id) == claim
    assert list(place.member.ListClaims(project=place.project).claims) == [claim]
    released = place.member.ReleaseClaim(project=place.project, id=claim.metadata.id)
    assert released.status.state == "released"
    assert not place.member.ListClaims(project=place.project).claims
    ended = place.member.ListClaims(project=place.project, include_ended=True).claims
    assert [one.metadata.id for one in ended] == [claim.metadata.id]


def test_the_same_claim_twice_is_one(place: Place) -> None:
    place.host()
    request_id = str(uuid4())
    first = place.claim(request_id=request_id)
    assert place.claim(request_id=request_id).metadata.id == first.metadata.id
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        place.claim(request_id=request_id, spec={"required_capabilities": ["gpu"]})
    assert len(place.member.ListClaims(project=place.project).claims) == 1


def test_no_capacity_names_every_constraint_and_what_it_removed(place: Place) -> None:
    place.host()
    marked = place.host()
    place.operator.SetMark(object_id=marked, kind="maintenance", reason="new memory")
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        place.claim(spec={"amounts": [{"resource_type": "VCPU", "amount": 9}]})
    assert "1 because host is marked maintenance" in refusal.message
    assert "9 VCPU" in refusal.message
    assert "The last straw" in refusal.message
    assert refusal.metadata["earliest"] == "never"
    assert "grpc_status" not in refusal.metadata
    with refused("RESOURCE_EXHAUSTED") as refusal:
        place.claim(spec={"required_capabilities": ["gpu"]})
    assert "with capability gpu: 1 removed" in refusal.message
    place.claim(spec={"window": {"release_at": at(hours=2)}, "amounts": [
        {"resource_type": "VCPU", "amount": 8}]})  # fmt: skip
    with refused("RESOURCE_EXHAUSTED") as refusal:
        place.claim()
    assert "with 2 VCPU free in the window: 1 removed" in refusal.message
    assert datetime.fromisoformat(refusal.metadata["earliest"]) > datetime.now(UTC)
    assert not place.member.ListOperations(project=place.project).operations[1:]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"window": {"acquire_at": at(hours=2), "release_at": at(hours=1)}}, "window.release_at"),
        ({"window": {"release_at": at(hours=-1)}}, "window.release_at"),
        ({"amounts": [{"resource_type": "VCPU", "amount": 0}]}, "spec.amounts[0].amount"),
        ({"amounts": [{"resource_type": "v cpu", "amount": 1}]}, "amounts.resource_type"),
        ({"amounts": []}, ""),
        ({"region": ""}, "region"),
        ({"provider": "host-1"}, "spec.provider"),
    ],
)
def test_a_claim_that_can_not_be_is_refused(place: Place, spec: Any, field: str) -> None:
    with refused("INVALID_ARGUMENT", about=field):
        place.claim(spec=spec)
    assert not place.member.ListOperations(project=place.project).operations


def test_a_hold_in_the_past_is_refused(place: Place) -> None:
    place.host()
    with refused("INVALID_ARGUMENT", about="hold_until"):
        place.claim(hold_until=at(hours=-1))


@pytest.mark.parametrize("first", ["hold_until", "wait_until", ""])
@pytest.mark.parametrize("then", ["hold_until", "wait_until", ""])
def test_a_request_id_stands_for_one_way_to_claim(place: Place, first: str, then: str) -> None:
    place.host()
    asked = {name: {name: at(hours=1)} for name in ("hold_until", "wait_until")} | {"": {}}
    request_id = str(uuid4())
    claim = place.claim(request_id=request_id, **asked[first])
    if first == then:
        assert place.claim(request_id=request_id, **asked[then]).metadata.id == claim.metadata.id
    else:
        with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
            place.claim(request_id=request_id, **asked[then])
    assert len(place.member.ListClaims(project=place.project).claims) == 1


def test_an_unknown_region_is_refused(place: Place) -> None:
    with refused("NOT_FOUND", about="region"):
        place.claim(spec={"region": str(uuid4())})


def test_another_projects_claim_is_not_there(place: Place, site: Site) -> None:
    place.host()
    claim = place.claim().metadata.id
    other = Place(site)
    for rpc in ("GetClaim", "ConfirmClaim", "ReleaseClaim"):
        with refused("NOT_FOUND") as refusal:
            getattr(other.member, rpc)(project=other.project, id=claim)
        assert refusal.resource == ("claim", claim)
    assert not other.member.ListClaims(project=other.project).claims


@on_sqlite
def test_a_claim_that_changed_since_it_was_read_is_not_changed(place: Place) -> None:
    place.host()
    claim = {"project": place.project, "id": place.claim().metadata.id}
    place.member.ReleaseClaim(**claim, generation=1)
    for rpc in ("ConfirmClaim", "ReleaseClaim"):
        with refused("ABORTED", "STALE_GENERATION", about="generation") as refusal:
            getattr(place.member, rpc)(**claim, generation=1)
        assert "somebody released it" in refusal.message


@on_sqlite
def test_a_claim_that_a_machine_uses_is_not_released(place: Place) -> None:
    place.host()
    machine = place.get(place.machine())
    with refused("FAILED_PRECONDITION") as refusal:
        place.member.ReleaseClaim(project=place.project, id=machine.claim)
    assert "decommission the machine" in refusal.message


def test_spread_takes_the_emptiest_and_pack_the_fullest(sqlite_place: Place) -> None:
    hosts = {sqlite_place.host(), sqlite_place.host()}
    first = sqlite_place.claim().allocations[0].provider
    packed = sqlite_place.claim(spec={"placement": common_pb2.PLACEMENT_PACK})
    spread = sqlite_place.claim(spec={"placement": common_pb2.PLACEMENT_SPREAD})
    assert packed.allocations[0].provider == first
    assert {spread.allocations[0].provider} == hosts - {first}
