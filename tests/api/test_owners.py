"""Hardware that is a project's: who is given it, who sees it, and when it is given to another."""

from typing import Any
from uuid import uuid4

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, at, new_name, on_sqlite

VCPU = {"amounts": [{"resource_type": "VCPU", "amount": 2}]}
SERVER = {"amounts": [{"resource_type": "SERVER", "amount": 1}]}
TO_NOBODY = {"update_mask": {"paths": ["project"]}}


def given_to(project: str) -> dict[str, Any]:
    """What gives hardware to a project."""
    return {"project": project, **TO_NOBODY}


def stranger(place: Place) -> Place:
    """Another project in the same region."""
    other = Place(place.site)
    shared = ("region", "executor", "network", "image")
    other.__dict__ |= {name: getattr(place, name) for name in shared}
    return other


def below(place: Place) -> Place:
    """A project below a place's, in the same region."""
    child = stranger(place)
    made = place.operator.CreateProject(name=new_name("below"), parent=place.project)
    child.__dict__ |= {"project": str(made.metadata.id)}
    return child


def proposed(place: Place, asked: Any = VCPU) -> set[str]:
    """Who would give a project what it asks for."""
    spec = {**asked, "region": place.region}
    found = place.member.ProposeCandidates(project=place.project, spec=spec)
    return {part.provider for one in found for part in one.parts}


def refusal_to(place: Place, asked: Any = VCPU) -> str:
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        proposed(place, asked)
    return str(refusal.message)


def test_what_is_a_projects_is_given_to_it_and_what_is_below_it(place: Place) -> None:
    other, child = stranger(place), below(place)
    before = refusal_to(other)
    host, server = place.host(project=place.project), place.server(project=place.project)
    assert proposed(place) == proposed(child) == {host}
    assert proposed(place, SERVER) == proposed(child, SERVER) == {server}
    assert refusal_to(other) == before
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        other.claim()
    assert refusal.message == before
    assert child.get(child.machine()).metadata.project == child.project
    assert place.operator.GetHost(id=host).metadata.project == place.project
    assert place.operator.GetServer(id=server).metadata.project == place.project
    place.operator.UpdateHost(id=host, project="", name="for all", update_mask={"paths": ["name"]})
    assert refusal_to(other) == before


def test_an_owner_shuts_out_nobody_who_has_something(place: Place) -> None:
    other, host = stranger(place), place.host()
    machine, generation = other.machine(), place.operator.GetHost(id=host).metadata.generation
    with refused("FAILED_PRECONDITION", "USED_BY_OTHERS", about="project") as refusal:
        place.operator.UpdateHost(id=host, **given_to(place.project))
    assert "1 claim of other projects" in refusal.message
    assert "decommission" in refusal.message
    assert place.operator.GetHost(id=host).metadata.generation == generation
    ended = other.decommission(machine)
    assert place.site.end_of(ended.metadata.id).status.state == "done"
    changed = place.operator.UpdateHost(id=host, generation=generation, **given_to(place.project))
    assert changed.metadata.project == place.project
    assert changed.metadata.generation == generation + 1
    place.operator.UpdateHost(id=host, **given_to(place.project))
    assert place.operator.GetHost(id=host).metadata.generation == generation + 1
    assert place.operator.UpdateHost(id=host, **TO_NOBODY).metadata.project == ""
    assert proposed(other) == {host}


def test_a_reservation_for_later_keeps_an_owner_off_too(place: Place) -> None:
    other, server = stranger(place), place.server()
    window = {"acquire_at": at(hours=1), "release_at": at(hours=2)}
    [later] = other.member.CreateReservations(
        project=other.project, region=other.region, spec={"claim": SERVER, "window": window}
    ).reservations
    with refused("FAILED_PRECONDITION", "USED_BY_OTHERS", about="project"):
        place.operator.UpdateServer(id=server, **given_to(place.project))
    other.member.CancelReservation(project=other.project, id=later.metadata.id)
    place.operator.UpdateServer(id=server, **given_to(place.project))
    assert proposed(place, SERVER) == {server}


def test_who_waits_gets_what_is_its_projects_now(place: Place) -> None:
    other, host = stranger(place), place.host()
    place.operator.UpdateHost(id=host, **given_to(other.project))
    waiting = place.claim(wait_until=at(hours=1))
    assert waiting.status.state != "confirmed"
    place.operator.UpdateHost(id=host, **given_to(place.project))
    [operation] = place.operator.ListOperations(object_id=waiting.metadata.id).operations
    assert place.site.end_of(operation.metadata.id).status.state == "done"


def reader(place: Place) -> Caller:
    return place.site.account(common_pb2.ROLE_READER, place.project)


def test_readers_of_a_project_see_what_is_its_and_no_bmc(place: Place) -> None:
    operator, name = place.operator, new_name("server")
    server = place.server(name=name, project=place.project)
    host = place.host(name=new_name("hypervisor"), project=place.project)
    place.server()
    operator.SetMark(object_id=server, kind="maintenance", reason="its fan rattles")
    shown, of_operator = reader(place), operator.GetServer(id=server)
    [one] = shown.ListProjectServers(project=place.project).servers
    assert (one.metadata.id, one.metadata.name) == (server, name)
    assert (one.metadata.project, one.metadata.region) == (place.project, place.region)
    assert (one.status.state, one.cpus) == ("available", of_operator.inventory.cpus)
    assert one.memory_mib == of_operator.inventory.memory_mib
    [hypervisor] = shown.ListProjectHosts(project=place.project).hosts
    assert (hypervisor.metadata.id, hypervisor.cpus, hypervisor.disk_gib) == (host, 8, 100)
    secret = [
        of_operator.spec.address, of_operator.inventory.serial, "rattles", of_operator.operation,
        operator.GetHost(id=host).spec.uri, operator.GetHost(id=host).inventory.hostname,
        *(nic.mac for nic in of_operator.inventory.nics),
        *(disk.serial for disk in of_operator.inventory.disks),
    ]  # fmt: skip
    for word in filter(None, secret):
        assert word not in f"{one}{hypervisor}"
    for call in (shown.GetServer, shown.GetHost):
        with refused("PERMISSION_DENIED"):
            call(id=server)
    with refused("PERMISSION_DENIED"):
        shown.ListProjectServers(project=stranger(place).project)


def test_changes_of_owned_hardware_are_told_to_its_region_and_not_to_its_owner(
    place: Place,
) -> None:
    of_region = place.site.account(common_pb2.ROLE_READER, region=place.region)
    admin = place.site.account(common_pb2.ROLE_ADMIN, region=place.region)
    before = place.operator.ListHosts(region=place.region).revision
    host = place.host(project=place.project)
    seen = of_region.until(
        lambda event: event.object_type == "provider" and event.message == "available",
        after_revision=before,
        object_id=host,
    )
    kinds = [event.kind for event in seen if event.object_type == "provider"]
    assert (kinds[0], {event.project for event in seen}) == ("created", {""})
    audited = admin.ListAuditEvents(object_id=host).events
    assert set(kinds) <= {event.kind for event in audited if event.object_type == "provider"}
    machine = place.machine()
    of_owner = reader(place).until(
        lambda event: event.object_id == machine and event.status.state == "active",
        after_revision=before,
    )
    assert not any(event.object_type in ("provider", "host") for event in of_owner)


def test_a_projects_servers_are_listed_like_anything_else(place: Place) -> None:
    names = sorted(new_name("server") for _ in range(3))
    for name in names:
        place.server(name=name, project=place.project)
    place.server()
    asked: dict[str, Any] = {"project": place.project, "order_by": common_pb2.ORDER_BY_NAME}
    first = place.member.ListProjectServers(page={"size": 2}, **asked)
    rest = place.member.ListProjectServers(page={"token": first.next_page_token}, **asked)
    assert [one.metadata.name for one in (*first.servers, *rest.servers)] == names
    assert rest.next_page_token == ""
    [last] = place.member.ListProjectServers(
        **asked, filter={"name_prefix": names[2]}, descending=True
    ).servers
    assert last.metadata.name == names[2]


def test_what_is_below_an_owned_rack_is_the_projects(place: Place) -> None:
    other, host, rack = stranger(place), place.host(), str(uuid4())
    kind = f"t-{uuid4().hex[:8]}"
    place.operator.CreateProviderType(name=kind)
    place.operator.CreateProviders(
        region=place.region,
        providers=[{"id": rack, "name": new_name("rack"), "type": kind, "project": place.project}],
    )
    place.operator.UpdateProviders(changes=[{"id": host, "under": rack}])
    assert proposed(place) == {host}
    refusal_to(other)
    assert place.operator.GetProvider(id=host).metadata.project == place.project
    assert place.operator.GetHost(id=host).metadata.project == place.project
    [one] = place.member.ListProjectHosts(project=place.project).hosts
    assert one.metadata.id == host
    with refused("INVALID_ARGUMENT", about="project") as refusal:
        place.operator.UpdateHost(id=host, **given_to(other.project))
    assert "the top of its tree" in refusal.message
    with refused("INVALID_ARGUMENT", about="project"):
        place.operator.UpdateHost(id=host, **TO_NOBODY)
    generation = place.operator.GetHost(id=host).metadata.generation
    same = place.operator.UpdateHost(id=host, **given_to(place.project))
    assert (same.metadata.project, same.metadata.generation) == (place.project, generation)
    place.operator.UpdateProviders(changes=[{"id": rack, "project": ""}])
    assert proposed(other) == {host}


def test_an_owner_is_a_project_that_is_there(place: Place) -> None:
    host = place.host()
    gone = place.operator.CreateProject(name=new_name("project")).metadata.id
    place.operator.DeleteProject(id=gone)
    for call in (
        lambda: place.operator.UpdateHost(id=host, **given_to(gone)),
        lambda: place.add_host(project=gone),
        lambda: place.add_server(project=gone),
        lambda: place.operator.UpdateProviders(changes=[{"id": host, "project": gone}]),
    ):
        with refused("NOT_FOUND"):
            call()
    with refused("FAILED_PRECONDITION") as refusal:
        place.operator.UpdateProviders(changes=[{"id": host, "project": place.project}])
    assert "mulligan host" in refusal.message


def test_hardware_of_a_deleted_project_is_nobodys_to_use_until_it_is_given_away(
    place: Place,
) -> None:
    other, owner = stranger(place), stranger(place)
    host = place.host(project=owner.project)
    place.operator.DeleteProject(id=owner.project)
    refusal_to(other)
    assert place.operator.GetHost(id=host).metadata.project == owner.project
    place.operator.UpdateHost(id=host, **TO_NOBODY)
    assert proposed(other) == {host}


def test_only_operators_of_the_region_say_whose_hardware_is(place: Place) -> None:
    host = place.host()
    admin = place.site.account(common_pb2.ROLE_ADMIN, place.project)
    for caller in (admin, place.member):
        with refused("PERMISSION_DENIED"):
            caller.UpdateHost(id=host, **given_to(place.project))
    operator = place.site.account(common_pb2.ROLE_OPERATOR, region=place.region)
    assert operator.UpdateHost(id=host, **given_to(place.project)).metadata.project == place.project


@on_sqlite
def test_an_owner_is_an_id(place: Place) -> None:
    for call in (
        lambda: place.add_host(project="mine"),
        lambda: place.add_server(project="mine"),
        lambda: place.operator.UpdateHost(id=str(uuid4()), project="mine"),
        lambda: place.operator.UpdateServer(id=str(uuid4()), project="mine"),
    ):
        with refused("INVALID_ARGUMENT", about="project"):
            call()
