"""Machines: asked for once, seen by their project only, ended when asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from activities.contracts import hypervisor
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import SEALED, Place, at, new_name, on_sqlite
from tests.fakes.site import Site
from tests.workflows.outcome import used


def test_a_machine_is_claimed_when_provision_answers(place: Place) -> None:
    host = place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision(name="Web 1")
    assert (operation.type, operation.object_type) == ("provision", "machine")
    assert operation.status.state == "running"
    assert operation.status.HasField("deadline")
    assert operation.status.next_action
    assert operation.workflow_url == ""
    shown = place.site.admin.GetOperation(id=operation.metadata.id)
    assert shown.workflow_url.endswith(f"/namespaces/mulligan/workflows/{shown.metadata.id}")
    machine = place.get(operation.object_id)
    assert machine.status.state == "provisioning"
    assert (machine.metadata.name, machine.metadata.slug) == ("Web 1", "web-1")
    assert used(place, host)["VCPU"] == 2
    held.wait()
    assert place.executor.request_of(hypervisor.stage).config_drive.hostname == "web-1"
    held.release()
    assert place.site.end_of(operation.metadata.id).status.state == "done"


def test_a_machine_is_shown_and_listed(place: Place) -> None:
    host = place.host()
    machine = place.get(place.machine())
    assert (machine.spec.kind, machine.spec.vcpus, machine.spec.image) == (
        "virtual",
        2,
        place.image,
    )
    assert machine.HasField("active_at")
    [address] = machine.addresses
    assert (address.network, address.address) == (place.network, "10.0.2.1")
    listed = place.member.ListMachines(project=place.project)
    assert list(listed.machines) == [machine]
    assert listed.revision > 0
    # Where it runs is for operators to know.
    assert machine.provider == ""
    shown = place.operator.GetMachine(project=place.project, id=machine.metadata.id)
    assert shown.provider == host


def test_the_same_request_twice_is_one_machine(place: Place) -> None:
    place.host()
    fields = {"name": new_name("machine"), "request_id": str(uuid4())}
    first = place.provision(**fields)
    again = place.provision(**fields)
    assert (first.metadata.id, first.object_id) == (again.metadata.id, again.object_id)
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        place.provision(**{**fields, "name": "other"})
    place.site.end_of(first.metadata.id)
    after = place.provision(**fields)
    assert (after.metadata.id, after.status.state) == (first.metadata.id, "done")
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED"):
        place.provision(**fields, spec={"vcpus": 3})
    assert len(place.member.ListMachines(project=place.project).machines) == 1


def test_the_same_request_at_the_same_time_is_one_machine(place: Place) -> None:
    place.host()
    assert place.image
    assert place.network
    assert place.member
    fields = {"name": "web", "request_id": str(uuid4())}
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(place.provision, **fields) for _ in range(6)]
    assert len({one.result().object_id for one in asked}) == 1


@on_sqlite
def test_a_request_that_was_refused_can_be_made_again(place: Place) -> None:
    fields = {"name": "web", "request_id": str(uuid4())}
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY"):
        place.provision(**fields)
    place.host()
    assert place.site.end_of(place.provision(**fields).metadata.id).status.state == "done"


def test_a_name_is_unique_in_a_project_and_nothing_of_a_second_one_stays(
    place: Place, site: Site
) -> None:
    host = place.host()
    place.machine(name="web")
    before = used(place, host)
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        place.provision(name="web")
    assert used(place, host) == before
    assert len(place.member.ListOperations(project=place.project).operations) == 1
    assert place.operator.GetNetwork(id=place.network).addresses_used == 1
    other = Place(site)
    other.__dict__.update(region=place.region, image=place.image, network=place.network)
    assert other.provision(name="web")


def test_no_capacity_is_explained_and_nothing_stays(place: Place) -> None:
    place.host()
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        place.provision(spec={"memory_mib": 999_999})
    assert "999999 MEMORY_MIB when empty: 1 removed, 0 left" in refusal.message
    assert not place.member.ListMachines(project=place.project, include_ended=True).machines
    assert not place.member.ListOperations(project=place.project).operations
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        place.provision("baremetal")
    assert "of type server: 1 removed" in refusal.message


@on_sqlite
def test_no_address_is_explained(place: Place) -> None:
    place.host()
    network = place.create_network(
        spec={"prefix": "10.3.0.0/24", "first_address": "10.3.0.9", "last_address": "10.3.0.9"}
    ).metadata.id
    place.machine(spec={"nics": [{"network": network}]})
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        place.provision(spec={"nics": [{"network": network}]})
    assert refusal.resource == ("network", network)
    with refused("INVALID_ARGUMENT"):
        place.provision(
            spec={"nics": [{"network": network, "mode": "static", "address": "10.4.0.1"}]}
        )


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"kind": "container"}, "spec.kind"),
        ({"kind": ""}, "spec.kind"),
        ({"vcpus": 0}, "spec.vcpus"),
        ({"memory_mib": -1}, "spec.memory_mib"),
        ({"image": ""}, "spec.image"),
        ({"image": "debian"}, "spec.image"),
        ({"nics": [{"network": str(uuid4()), "mode": "magic"}]}, "spec.nics.mode"),
        ({"placement": "PLACEMENT_NEAREST"}, "spec.placement"),
        ({"nics": [{"network": str(uuid4())}]}, "nics[0].network"),
        ({"nics": [{"network": "lan"}]}, "spec.nics[0].network"),
        ({"window": {"acquire_at": at(hours=2), "release_at": at(hours=1)}}, "window.release_at"),
        ({"window": {"release_at": at(hours=-1)}}, "window.release_at"),
        ({"window": {"acquire_at": at(hours=1)}}, "spec.window.acquire_at"),
        ({"sealed_user_data": "x" * (193 << 10)}, "spec.sealed_user_data"),
        ({"sealed_user_data": "#cloud-config. plain"}, "spec.sealed_user_data"),
    ],
)
def test_a_machine_that_can_not_be_is_refused(place: Place, spec: Any, field: str) -> None:
    place.host()
    with refused("INVALID_ARGUMENT", about=field):
        place.provision(spec=spec)
    assert not place.member.ListMachines(project=place.project, include_ended=True).machines
    assert not place.member.ListOperations(project=place.project).operations


@on_sqlite
def test_an_unknown_image_is_refused(place: Place, site: Site) -> None:
    elsewhere = Place(site).image
    for image in (str(uuid4()), elsewhere):
        with refused("NOT_FOUND", about="spec.image") as refusal:
            place.provision(spec={"image": image})
        assert refusal.resource == ("image", image)


@on_sqlite
def test_an_unknown_region_is_refused(place: Place) -> None:
    with refused("NOT_FOUND", about="region"):
        place.provision(region=str(uuid4()))


@on_sqlite
def test_only_operators_choose_the_provider(place: Place) -> None:
    hosts = [place.host() for _ in range(2)]
    with refused("PERMISSION_DENIED"):
        place.provision(spec={"provider": hosts[0]})
    for host in hosts:
        operation = place.operator.ProvisionMachine(
            project=place.project,
            region=place.region,
            name=new_name("machine"),
            spec=place.spec(provider=host),
        )
        place.site.end_of(operation.metadata.id)
        shown = place.operator.GetMachine(project=place.project, id=operation.object_id)
        assert shown.provider == host


@on_sqlite
def test_user_data_travels_sealed_and_is_kept_nowhere(place: Place) -> None:
    place.host()
    machine = place.machine(spec={"sealed_user_data": SEALED})
    asked = place.executor.request_of(hypervisor.stage)
    assert asked.config_drive.sealed_user_data == SEALED
    assert place.get(machine).spec.sealed_user_data == ""


# Tenancy


def test_another_projects_machine_is_not_there(place: Place, site: Site) -> None:
    place.host()
    machine = place.machine()
    other = Place(site)
    calls: tuple[Callable[[], Any], ...] = (
        lambda: other.member.GetMachine(project=other.project, id=machine),
        lambda: other.member.DecommissionMachine(project=other.project, id=machine),
        lambda: other.member.DecommissionMachine(project=other.project, id=machine, dry_run=True),
    )
    for call in calls:
        with refused("NOT_FOUND") as refusal:
            call()
        assert refusal.message.startswith(f"there is no machine {machine}")
        assert refusal.resource == ("machine", machine)
    with refused("PERMISSION_DENIED"):
        other.member.GetMachine(project=place.project, id=machine)
    assert not other.member.ListMachines(project=other.project, include_ended=True).machines
    assert place.get(machine).status.state == "active"


@on_sqlite
def test_a_reader_sees_and_does_not_touch(place: Place, site: Site) -> None:
    place.host()
    machine = place.machine()
    reader = site.account(common_pb2.ROLE_READER, place.project)
    assert reader.GetMachine(project=place.project, id=machine).status.state == "active"
    with refused("PERMISSION_DENIED"):
        reader.DecommissionMachine(project=place.project, id=machine)


# Decommission


@pytest.mark.parametrize("kind", ["virtual", "baremetal"])
@on_sqlite
def test_a_dry_run_lists_what_goes_and_does_nothing(place: Place, kind: str) -> None:
    doomed = {
        "virtual": [("delete", ""), ("delete", "")],
        "baremetal": [("wipe", "disk-1"), ("wipe", "disk-2"), ("wipe", "")],
    }
    add: dict[str, Callable[[], str]] = {"virtual": place.host, "baremetal": place.server}
    add[kind]()
    machine = place.machine(kind)
    answer = place.member.DecommissionMachine(project=place.project, id=machine, dry_run=True)
    assert [(disk.policy, disk.serial) for disk in answer.disks] == doomed[kind]
    assert not answer.HasField("operation")
    assert place.get(machine).status.state == "active"


def test_the_same_decommission_twice_is_one_operation(place: Place) -> None:
    place.host()
    machine, request_id = place.machine(), str(uuid4())
    fields = {"project": place.project, "id": machine, "request_id": request_id}
    first = place.member.DecommissionMachine(**fields).operation
    assert place.member.DecommissionMachine(**fields).operation.metadata.id == first.metadata.id
    place.site.end_of(first.metadata.id)
    after = place.member.DecommissionMachine(**fields).operation
    assert (after.metadata.id, after.status.state) == (first.metadata.id, "done")
    with refused("FAILED_PRECONDITION") as refusal:
        place.decommission(machine)
    assert "gone already" in refusal.message


@on_sqlite
def test_a_machine_that_is_being_made_is_not_decommissioned(place: Place) -> None:
    place.host()
    held = place.executor.holds(hypervisor.stage)
    operation = place.provision()
    with refused("FAILED_PRECONDITION", "ENDPOINT_BUSY") as refusal:
        place.decommission(operation.object_id)
    assert operation.metadata.id in refusal.message
    held.release()
    assert place.site.end_of(operation.metadata.id).status.state == "done"


@on_sqlite
def test_ended_machines_are_listed_when_asked_for(place: Place) -> None:
    place.host()
    machine = place.machine()
    place.site.end_of(place.decommission(machine).metadata.id)
    assert not place.member.ListMachines(project=place.project).machines
    [ended] = place.member.ListMachines(project=place.project, include_ended=True).machines
    assert (ended.metadata.id, ended.status.state) == (machine, "gone")
