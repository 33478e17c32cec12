"""Servers: enrolled, shown, checked, changed, forgotten; and marks of servers and hosts."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import delete

from activities.contracts import redfish
from mulligan.requests import Answer
from tests.fakes.caller import refused
from tests.fakes.executor import KEY_ID, PUBLIC_KEY, SERVER
from tests.fakes.place import SEALED, Place, new_name, on_sqlite, sealed_text
from tests.workflows.outcome import used


def test_the_keys_of_a_region_come_from_its_executor_and_are_remembered(place: Place) -> None:
    assert place.executor
    for _ in range(2):
        [key] = place.member.ListRegionKeys(region=place.region).keys
        assert (key.key_id, key.public_key) == (KEY_ID, PUBLIC_KEY)
    assert place.executor.called == ["executor.describe"]
    with refused("NOT_FOUND", about="region"):
        place.member.ListRegionKeys(region=str(uuid4()))


# Servers


@on_sqlite
def test_a_server_answers_as_it_is_and_never_gives_its_secret_back(place: Place) -> None:
    server = place.server()
    shown = place.operator.GetServer(id=server)
    assert shown.spec.sealed_credentials == ""
    assert SEALED not in str(shown)
    assert shown.spec.system == "/redfish/v1/Systems/1"
    assert list(place.operator.ListServers(region=place.region).servers) == [shown]


def test_the_same_server_twice_is_one(place: Place) -> None:
    assert place.executor
    fields: dict[str, Any] = {
        "id": str(uuid4()),
        "name": new_name("server"),
        "request_id": str(uuid4()),
        "spec": {"address": f"https://{uuid4()}", "sealed_credentials": SEALED},
    }
    server = place.add_server(**fields)
    place.end_of_check(server)
    assert place.add_server(**fields) == server
    assert len(place.operator.ListOperations(object_id=server).operations) == 1
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        place.add_server(**{**fields, "name": "other"})


def test_a_server_that_is_known_already_is_refused(place: Place) -> None:
    server = place.operator.GetServer(id=place.server())
    fresh = {"address": f"https://{uuid4()}", "sealed_credentials": SEALED}
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        place.add_server(name=server.metadata.name, spec=fresh)
    with refused("ALREADY_EXISTS", about="spec.address"):
        place.add_server(spec={"address": server.spec.address, "sealed_credentials": SEALED})
    with refused("ALREADY_EXISTS") as refusal:
        place.add_server(id=server.metadata.id, spec=fresh)
    assert refusal.resource == ("server", server.metadata.id)
    elsewhere = Place(place.site)
    with refused("ALREADY_EXISTS", about="spec.address") as refusal:
        elsewhere.add_server(spec={"address": server.spec.address, "sealed_credentials": SEALED})
    assert refusal.message.startswith("a server of another region has the BMC at")
    assert refusal.resource == ("", "")
    assert len(place.operator.ListServers(region=place.region).servers) == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"spec": {"address": "https://bmc", "sealed_credentials": ""}}, "spec.sealed_credentials"),
        (
            {"spec": {"address": "https://bmc", "sealed_credentials": "pw"}},
            "spec.sealed_credentials",
        ),
        ({"spec": {"address": "bmc", "sealed_credentials": SEALED}}, "spec.address"),
        ({"spec": {"address": "https://bmc/x", "sealed_credentials": SEALED}}, "spec.address"),
        ({"spec": {"address": "https://a:b@bmc", "sealed_credentials": SEALED}}, "spec.address"),
        ({"id": "server-1"}, "id"),
        ({"name": ""}, "name"),
        ({"region": ""}, "region"),
    ],
)
def test_a_server_that_can_not_be_is_refused(place: Place, more: Any, field: str) -> None:
    with refused("INVALID_ARGUMENT", about=field):
        place.add_server(**more)
    assert not place.operator.ListServers(region=place.region).servers


@on_sqlite
def test_an_unknown_region_is_refused(place: Place) -> None:
    for add in (place.add_server, place.add_host):
        with refused("NOT_FOUND", about="region"):
            add(region=str(uuid4()))


@on_sqlite
def test_a_check_of_a_busy_server_is_refused_and_names_who_has_it(place: Place) -> None:
    held = place.executor.holds(redfish.verify)
    server = place.add_server()
    held.wait()
    holder = place.operator.GetServer(id=server).operation
    with refused("FAILED_PRECONDITION", "ENDPOINT_BUSY") as refusal:
        place.operator.InspectServer(id=server)
    assert holder in refusal.message
    with refused("FAILED_PRECONDITION", "ENDPOINT_BUSY"):
        place.operator.DeleteServer(id=server)
    held.release()
    assert place.site.end_of(holder).status.state == "done"


def test_the_same_check_twice_is_one_operation(place: Place) -> None:
    server, request_id = place.server(), str(uuid4())
    first = place.operator.InspectServer(id=server, request_id=request_id)
    again = place.operator.InspectServer(id=server, request_id=request_id)
    assert first.metadata.id == again.metadata.id
    place.site.end_of(first.metadata.id)
    after = place.operator.InspectServer(id=server, request_id=request_id)
    assert after.status.state == "done"
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        place.operator.VerifyServer(id=server, request_id=request_id)


@on_sqlite
def test_an_inventory_that_is_found_again_is_no_new_generation(place: Place) -> None:
    server, host = place.server(), place.host()
    before = [place.operator.GetServer(id=server), place.operator.GetHost(id=host)]
    place.operator.InspectServer(id=server)
    place.operator.InspectHost(id=host)
    place.end_of_check(server)
    place.end_of_check(host)
    after = [place.operator.GetServer(id=server), place.operator.GetHost(id=host)]
    assert [one.metadata.generation for one in after] == [one.metadata.generation for one in before]
    more = SERVER.model_copy(update={"memory_mib": 2 * SERVER.memory_mib})
    place.executor.answers(redfish.inspect, more)
    place.operator.InspectServer(id=server)
    place.end_of_check(server)
    found = place.operator.GetServer(id=server)
    assert found.metadata.generation == before[0].metadata.generation + 1


def test_a_server_that_nobody_uses_is_forgotten(place: Place) -> None:
    server = place.server()
    name = place.operator.GetServer(id=server).metadata.name
    place.operator.DeleteServer(id=server)
    with refused("NOT_FOUND") as refusal:
        place.operator.GetServer(id=server)
    assert refusal.resource == ("server", server)
    assert not place.operator.ListProviders(region=place.region).providers
    assert place.add_server(name=name)


@on_sqlite
def test_a_server_in_use_is_not_forgotten(place: Place) -> None:
    server = place.server()
    place.machine("baremetal")
    with refused("FAILED_PRECONDITION") as refusal:
        place.operator.DeleteServer(id=server)
    assert "decommission its machine first" in refusal.message


RESEALED = sealed_text("sealed anew")


def update(place: Place, server: str, *paths: str, **more: Any) -> Any:
    """Change what the paths name."""
    spec = {"sealed_credentials": RESEALED, "insecure_tls": True}
    fields = {"id": server, "spec": spec, "update_mask": {"paths": paths}}
    return place.operator.UpdateServer(**fields | more)


def test_new_credentials_are_used_by_the_retry_of_what_the_old_ones_broke(place: Place) -> None:
    place.executor.breaks(redfish.verify, "BMC_CREDENTIALS_REFUSED")
    server = place.add_server()
    failed = place.end_of_check(server)
    was = place.operator.GetServer(id=server)
    now = update(place, server, "spec.sealed_credentials")
    assert now.metadata.generation == was.metadata.generation + 1
    assert now == place.operator.GetServer(id=server)
    assert now.spec == was.spec, "nothing else changed, and no secret is given back"
    *_, event = place.operator.until(
        lambda event: (event.object_type, event.kind) == ("server", "updated"), object_id=server
    )
    assert event.message == "the BMC's credentials were changed"
    assert (event.object_type, event.region, event.status) == ("server", place.region, was.status)
    assert event.author
    assert RESEALED not in f"{now}{event}"
    place.executor.mends(redfish.verify)
    retried = place.operator.RetryOperation(id=failed.metadata.id)
    assert place.site.end_of(retried.metadata.id).status.state == "done"
    assert place.executor.request_of(redfish.verify).access.sealed_credentials == RESEALED


@on_sqlite
def test_a_running_operation_goes_on_with_the_credentials_that_it_began_with(place: Place) -> None:
    held = place.executor.holds(redfish.verify)
    server = place.add_server()
    held.wait()
    holder = place.operator.GetServer(id=server).operation
    assert update(place, server, "spec.sealed_credentials").operation == holder
    held.release()
    assert place.site.end_of(holder).status.state == "done"
    assert place.executor.request_of(redfish.inspect).access.sealed_credentials == SEALED
    place.site.end_of(place.operator.InspectServer(id=server).metadata.id)
    assert place.executor.request_of(redfish.inspect).access.sealed_credentials == RESEALED


def test_only_what_the_mask_names_is_changed(place: Place) -> None:
    server = place.server()
    was = place.operator.GetServer(id=server)
    now = update(place, server, "spec.insecure_tls")
    assert now.spec.insecure_tls
    *_, event = place.operator.until(
        lambda event: (event.object_type, event.kind) == ("server", "updated"), object_id=server
    )
    assert event.message == "the BMC's certificate is no longer verified"
    place.site.end_of(place.operator.VerifyServer(id=server).metadata.id)
    access = place.executor.request_of(redfish.verify).access
    assert (access.sealed_credentials, access.verify_tls) == (SEALED, False)
    again = update(place, server, "spec.insecure_tls")
    assert again.metadata.generation == now.metadata.generation, "it was so already"
    both = update(
        place,
        server,
        "spec.insecure_tls",
        "spec.sealed_credentials",
        spec={"insecure_tls": False, "sealed_credentials": RESEALED},
    )
    assert both.spec == was.spec
    updates = place.operator.until(
        lambda event: event.message.endswith("and the BMC's certificate is now verified"),
        object_id=server,
    )
    told = [event.kind for event in updates if event.object_type == "server"]
    assert told.count("updated") == 2


def test_the_same_update_twice_is_one(place: Place) -> None:
    server, request_id = place.server(), str(uuid4())
    first = update(place, server, "spec.sealed_credentials", request_id=request_id)
    assert update(place, server, "spec.sealed_credentials", request_id=request_id) == first
    assert place.operator.GetServer(id=server) == first
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        update(place, server, "spec.insecure_tls", request_id=request_id)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (
            (),
            "is empty; say what to change, of name, project, spec.sealed",
        ),
        (("spec.insecure_tls", "spec.address"), "delete this one and add that one"),
        (("spec.system",), "delete this one and add that one"),
        (
            ("insecure_tls",),
            "name name, project, spec.sealed_credentials and spec.insecure_tls only",
        ),
        (("*",), "name name, project, spec.sealed_credentials and spec.insecure_tls only"),
    ],
)
@on_sqlite
def test_a_mask_that_names_what_can_not_be_changed_is_refused(
    place: Place, paths: tuple[str, ...], words: str
) -> None:
    server = place.server()
    was = place.operator.GetServer(id=server)
    with refused("INVALID_ARGUMENT", about="update_mask") as refusal:
        update(place, server, *paths)
    assert words in refusal.message
    assert place.operator.GetServer(id=server) == was


@pytest.mark.parametrize("credentials", ["", "s3cret"])
@on_sqlite
def test_new_credentials_that_are_not_sealed_are_refused(place: Place, credentials: str) -> None:
    server = place.server()
    was = place.operator.GetServer(id=server)
    spec = {"sealed_credentials": credentials, "insecure_tls": True}
    with refused("INVALID_ARGUMENT", about="spec.sealed_credentials") as refusal:
        update(place, server, "spec.insecure_tls", "spec.sealed_credentials", spec=spec)
    assert "s3cret" not in str(refusal)
    assert place.operator.GetServer(id=server) == was


@on_sqlite
def test_a_server_that_is_not_there_is_not_updated(place: Place) -> None:
    nothing = str(uuid4())
    with refused("NOT_FOUND") as refusal:
        update(place, nothing, "spec.insecure_tls")
    assert refusal.resource == ("server", nothing)


@on_sqlite
@pytest.mark.parametrize("address", ["https://[::1", "https://bmc:99999999"])
def test_an_address_that_is_no_url_is_refused(place: Place, address: str) -> None:
    with refused("INVALID_ARGUMENT", about="spec.address"):
        place.add_server(spec={"address": address, "sealed_credentials": SEALED})


# Marks


def test_maintenance_withdraws_a_provider_and_says_who_and_why(place: Place) -> None:
    host = place.host()
    [mark] = place.operator.SetMark(object_id=host, kind="maintenance", reason="new memory").marks
    assert (mark.kind, mark.reason) == ("maintenance", "new memory")
    assert (
        mark.author == place.site.caller().Login(account="admin", password="correct horse").account
    )
    assert list(place.operator.GetHost(id=host).marks) == [mark]
    assert list(place.operator.GetProvider(id=host).marks) == [mark]
    with refused("RESOURCE_EXHAUSTED") as refusal:
        place.provision()
    assert "host is marked maintenance" in refusal.message
    assert "new memory" not in refusal.message, "what operators say is not for projects"
    # Operators may look at it all the same.
    checked = place.operator.VerifyHost(id=host)
    assert place.site.end_of(checked.metadata.id).status.state == "done"
    with refused("RESOURCE_EXHAUSTED"):
        place.provision()
    assert not place.operator.ClearMark(object_id=host, kind="maintenance").marks
    assert place.machine()


def test_clearing_maintenance_wakes_who_waits(sqlite_place: Place) -> None:
    host = sqlite_place.host()
    sqlite_place.operator.SetMark(object_id=host, kind="maintenance", reason="new memory")
    waiting = sqlite_place.claim(wait_until=Timestamp(seconds=4_000_000_000)).metadata.id
    [operation] = sqlite_place.member.ListOperations(object_id=waiting).operations
    sqlite_place.operator.ClearMark(object_id=host, kind="maintenance")
    assert sqlite_place.site.end_of(operation.metadata.id).status.state == "done"
    assert used(sqlite_place, host) == {"VCPU": 2}


@on_sqlite
def test_what_is_protected_is_not_ended(place: Place) -> None:
    host = place.host()
    machine = place.machine()
    ends: tuple[tuple[str, Callable[[], Any]], ...] = (
        (machine, lambda: place.decommission(machine)),
        (host, lambda: place.operator.DeleteHost(id=host)),
    )
    for marked, end in ends:
        place.operator.SetMark(object_id=marked, kind="protected", reason="payroll")
        with refused("FAILED_PRECONDITION") as refusal:
            end()
        assert "protected (payroll)" in refusal.message
    with refused("FAILED_PRECONDITION"):
        place.member.DecommissionMachine(project=place.project, id=machine, dry_run=True)
    place.operator.ClearMark(object_id=machine, kind="protected")
    assert place.site.end_of(place.decommission(machine).metadata.id).status.state == "done"


@on_sqlite
def test_a_protected_server_is_not_wiped(place: Place) -> None:
    server = place.server()
    machine = place.machine("baremetal")
    place.operator.SetMark(object_id=server, kind="protected", reason="evidence")
    with refused("FAILED_PRECONDITION") as refusal:
        place.decommission(machine)
    assert "what machine" in refusal.message
    assert "evidence" not in refusal.message, "a reason of who runs the hardware"
    with refused("FAILED_PRECONDITION") as refusal:
        place.site.admin.DecommissionMachine(project=place.project, id=machine)
    assert "evidence" in refusal.message
    assert place.get(machine).status.state == "active"


@on_sqlite
def test_what_is_locked_takes_no_operation(place: Place) -> None:
    host, server = place.host(), place.server()
    for marked in (host, server):
        place.operator.SetMark(object_id=marked, kind="locked", reason="court order")
    asked: tuple[Callable[[], Any], ...] = (
        lambda: place.operator.VerifyHost(id=host),
        lambda: place.operator.InspectServer(id=server),
        lambda: place.operator.DeleteServer(id=server),
        lambda: update(place, server, "spec.insecure_tls"),
    )
    for ask in asked:
        with refused("FAILED_PRECONDITION") as refusal:
            ask()
        assert "locked (court order)" in refusal.message
    with refused("RESOURCE_EXHAUSTED"):
        place.provision()


@on_sqlite
def test_a_mark_needs_an_object_a_kind_and_a_reason(place: Place) -> None:
    host = place.host()
    with refused("INVALID_ARGUMENT", about="reason"):
        place.operator.SetMark(object_id=host, kind="maintenance", reason=" ")
    with refused("INVALID_ARGUMENT", about="kind"):
        place.operator.SetMark(object_id=host, kind="sleepy", reason="x")
    for nothing, status in ((str(uuid4()), "NOT_FOUND"), ("", "INVALID_ARGUMENT")):
        with refused(status):
            place.operator.SetMark(object_id=nothing, kind="locked", reason="x")
        with refused(status):
            place.operator.ClearMark(object_id=nothing, kind="locked")


def test_the_same_mark_twice_is_one_and_other_content_is_refused(place: Place) -> None:
    host, request_id = place.host(), str(uuid4())
    fields = {"object_id": host, "kind": "maintenance", "request_id": request_id}
    first = place.operator.SetMark(reason="new memory", **fields)
    assert place.operator.SetMark(reason="new memory", **fields) == first
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED"):
        place.operator.SetMark(reason="another", **fields)


@on_sqlite
def test_a_retired_host_is_never_offered(place: Place) -> None:
    host = place.host()
    place.operator.SetMark(object_id=host, kind="retired", reason="too old")
    with refused("RESOURCE_EXHAUSTED") as refusal:
        place.provision()
    assert "host is retired" in refusal.message or "marked retired" in refusal.message
    assert place.operator.GetHost(id=host).status.state == "retired"
    place.operator.ClearMark(object_id=host, kind="retired")
    assert place.operator.GetHost(id=host).status.state == "enrolled"
    place.site.end_of(place.operator.VerifyHost(id=host).metadata.id)
    assert place.machine()


@pytest.mark.parametrize("noun", ["Host", "Server"])
def test_whoever_adds_hardware_is_told_the_operation_also_when_that_has_ended(
    place: Place, noun: str
) -> None:
    assert place.executor
    fields = place.asks_for(noun)
    create, get = (getattr(place.operator, f"{verb}{noun}") for verb in ("Create", "Get"))
    first = create(**fields)
    place.site.end_of(first.operation)
    # As where the service died before it answered.
    unanswered = delete(Answer).where(Answer.request_id == fields["request_id"])
    place.site.database.write(lambda session: session.execute(unanswered))
    again = create(**fields)
    assert (again.metadata.id, again.operation) == (first.metadata.id, first.operation)
    assert again.status.state == "available"
    assert get(id=first.metadata.id).operation == ""
