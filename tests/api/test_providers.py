"""Providers and the registered names that they are described with."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name, on_sqlite

NAMES = pytest.mark.parametrize(
    ("noun", "plural", "own", "bad"),
    [
        ("ProviderType", "ProviderTypes", "t-{}", "No!"),
        ("ResourceType", "ResourceTypes", "T_{}", "no"),
        ("Capability", "Capabilities", "t:{}", "n o"),
    ],
)


def margin(seconds: int) -> dict[str, Any]:
    """What changes how long a provider of a type stays free."""
    return {"cleaning_margin_s": seconds, "update_mask": {"paths": ["cleaning_margin_s"]}}


def rack_type(place: Place) -> str:
    name = f"t-{uuid4().hex[:8]}"
    place.operator.CreateProviderType(name=name, cleaning_margin_s=60)
    return name


def create(place: Place, *providers: dict[str, Any], **fields: Any) -> list[str]:
    new = [{"name": new_name("provider"), **one} for one in providers]
    answer = place.operator.CreateProviders(**{"region": place.region, "providers": new, **fields})
    assert all(one.generation == 1 for one in answer.providers)
    return [one.id for one in answer.providers]


def vcpus(total: int, **more: Any) -> dict[str, Any]:
    return {"resource_type": "VCPU", "total": total, **more}


# Names


@NAMES
def test_a_name_is_registered_listed_and_forgotten(
    place: Place, noun: str, plural: str, own: str, bad: str
) -> None:
    call = place.operator
    name = own.format(uuid4().hex[:8].upper() if noun == "ResourceType" else uuid4().hex[:8])
    made = getattr(call, f"Create{noun}")(name=name, description="ours")
    assert (made.name, made.description, made.standard) == (name, "ours", False)
    fields = {"ProviderType": "provider_types", "ResourceType": "resource_types"}
    listed, token = [], ""
    while True:
        answer = getattr(place.member, f"List{plural}")(page={"size": 3, "token": token})
        listed += getattr(answer, fields.get(noun, "capabilities"))
        token = answer.next_page_token
        if not token:
            break
    assert made in listed
    assert [one.name for one in listed] == sorted(one.name for one in listed)
    with refused("ALREADY_EXISTS", about="name"):
        getattr(call, f"Create{noun}")(name=name)
    with refused("INVALID_ARGUMENT", about="name"):
        getattr(call, f"Create{noun}")(name=bad)
    getattr(call, f"Delete{noun}")(name=name)
    with refused("NOT_FOUND") as refusal:
        getattr(call, f"Delete{noun}")(name=name)
    assert refusal.resource[1] == name
    standard = next(one.name for one in listed if one.standard)
    with refused("FAILED_PRECONDITION"):
        getattr(call, f"Delete{noun}")(name=standard)


def test_a_provider_type_has_a_cleaning_margin(place: Place) -> None:
    name = rack_type(place)
    changed = place.operator.UpdateProviderType(name=name, generation=1, **margin(0))
    assert (changed.cleaning_margin_s, changed.generation) == (0, 2)
    with refused("ABORTED", "STALE_GENERATION", about="generation"):
        place.operator.UpdateProviderType(name=name, generation=1, **margin(1))
    with refused("INVALID_ARGUMENT", about="cleaning_margin_s"):
        place.operator.UpdateProviderType(name=name, **margin(-1))
    with refused("INVALID_ARGUMENT", about="cleaning_margin_s"):
        place.operator.CreateProviderType(name=f"{name}-2"[-16:], cleaning_margin_s=-1)
    with refused("NOT_FOUND"):
        place.operator.UpdateProviderType(name="nothing", **margin(1))


# Providers


def test_providers_are_made_shown_changed_and_deleted(place: Place) -> None:
    kind, top, leaf = rack_type(place), str(uuid4()), str(uuid4())
    name = new_name("rack")
    made = create(
        place,
        {"id": leaf, "type": kind, "parent": top, "inventories": [vcpus(8)],
         "capabilities": ["storage:ssd"], "properties": {"cpus": 8}},
        {"id": top, "type": kind, "name": name},
    )  # fmt: skip
    assert made == [leaf, top]
    shown = place.operator.GetProvider(id=leaf)
    assert (shown.type, shown.parent, shown.root) == (kind, top, top)
    assert (shown.status.state, shown.metadata.generation) == ("available", 1)
    assert [(i.resource_type, i.total, i.step_size) for i in shown.inventories] == [("VCPU", 8, 1)]
    assert (list(shown.capabilities), dict(shown.properties)) == (["storage:ssd"], {"cpus": 8})
    assert place.operator.GetProvider(id=top).metadata.name == name
    place.claim()
    answer = place.operator.UpdateProviders(
        changes=[
            {
                "id": leaf,
                "generation": 1,
                "under": "",
                "inventories": {"modify": [vcpus(4)]},
                "capabilities": {"replace": {"capabilities": []}},
                "properties": {"put": {"cpus": 4, "nics": 1}},
            }
        ]
    )
    assert [(one.id, one.generation) for one in answer.providers] == [(leaf, 2)]
    shown = place.operator.GetProvider(id=leaf)
    assert (shown.parent, shown.inventories[0].total, shown.inventories[0].used) == ("", 4, 2)
    assert (list(shown.capabilities), dict(shown.properties)) == ([], {"cpus": 4, "nics": 1})
    for narrowed, found in (
        ({"type": kind}, {top, leaf}),
        ({"tree": top}, {top}),
        ({"parent": top}, set()),
        ({"region": str(uuid4())}, set()),
    ):
        fields = {"region": place.region, **narrowed}
        listed = place.operator.ListProviders(**fields).providers
        assert {one.metadata.id for one in listed} == found
    place.operator.DeleteProviders(ids=[top])
    with refused("NOT_FOUND"):
        place.operator.GetProvider(id=top)
    with refused("ALREADY_EXISTS", about="id"):
        create(place, {"id": top, "type": kind})
    assert create(place, {"type": kind, "name": name})


def test_refusals_name_the_field(place: Place) -> None:
    kind = rack_type(place)
    for fields, field in (
        ({"type": "nothing"}, "type"),
        ({"type": "host"}, "type"),
        ({"id": "rack-1"}, "providers[0].id"),
        ({"parent": str(uuid4())}, "parent"),
        ({"inventories": [vcpus(1, reserved=2)]}, "inventories.reserved"),
        ({"inventories": [{"resource_type": "NOTHING", "total": 1}]}, "inventories.resource_type"),
        ({"capabilities": ["nothing:at_all"]}, "capabilities"),
        ({"name": ""}, "providers[0].name"),
    ):
        with refused("INVALID_ARGUMENT", about=field):
            create(place, {"type": kind, **fields})
    with refused("NOT_FOUND", about="region"):
        create(place, {"type": kind}, region=str(uuid4()))
    with refused("NOT_FOUND", about="project"):
        create(place, {"type": kind, "project": str(uuid4())})
    for rpc, field in (
        ("CreateProviders", "providers"),
        ("UpdateProviders", "changes"),
        ("ReshapeProviders", "changes"),
        ("DeleteProviders", "ids"),
        ("UnmarkProviders", "ids"),
    ):
        more = {"CreateProviders": {"region": place.region}, "UnmarkProviders": {"kind": "retired"}}
        with refused("INVALID_ARGUMENT", about=field):
            getattr(place.operator, rpc)(**more.get(rpc, {}))
    assert not place.operator.ListProviders(region=place.region).providers


def test_a_name_is_taken_once(place: Place) -> None:
    kind, name = rack_type(place), new_name("rack")
    create(place, {"type": kind, "name": name})
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        create(place, {"type": kind, "name": name})
    with refused("INVALID_ARGUMENT", about="name"):
        create(place, {"type": kind, "name": "twice"}, {"type": kind, "name": "twice"})


def test_the_same_call_twice_is_one(place: Place) -> None:
    new = [{"type": rack_type(place), "name": "one"}]
    fields = {"request_id": str(uuid4()), "region": place.region, "providers": new}
    assert place.operator.CreateProviders(**fields) == place.operator.CreateProviders(**fields)
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        place.operator.CreateProviders(**{**fields, "providers": [*new, *new]})


def test_ids_are_taken_in_any_form(place: Place) -> None:
    kind, name = rack_type(place), new_name("rack")
    fields = {"type": kind, "name": name}
    [one] = create(place, fields, region=place.region.upper())
    assert place.operator.GetProvider(id=one.upper()).metadata.id == one
    with refused("ALREADY_EXISTS", "NAME_TAKEN"):
        create(place, fields)
    place.operator.DeleteProviders(ids=[one.upper()])
    assert create(place, fields)
    with refused("INVALID_ARGUMENT", about="ids[0]"):
        place.operator.DeleteProviders(ids=["rack-1"])


def test_a_stale_write_says_what_changed(place: Place) -> None:
    [one] = create(place, {"type": rack_type(place)})
    change = {"id": one, "generation": 1, "inventories": {"add": [vcpus(4)]}}
    place.operator.UpdateProviders(changes=[change])
    with refused("ABORTED", "STALE_GENERATION", about="generation") as refusal:
        place.operator.UpdateProviders(changes=[{**change, "properties": {"put": {"cpus": 1}}}])
    assert "VCPU 4 added" in refusal.message
    assert refusal.metadata["generation"] == "2"
    assert refusal.resource == ("provider", one)
    assert not refusal.retry_s


def test_a_provider_in_use_stays(place: Place) -> None:
    [one] = create(place, {"type": rack_type(place), "inventories": [vcpus(4)]})
    claim = place.claim().metadata.id
    with refused("FAILED_PRECONDITION") as refusal:
        place.operator.DeleteProviders(ids=[one])
    assert claim in refusal.message
    with refused("FAILED_PRECONDITION", about="inventories") as refusal:
        place.operator.UpdateProviders(
            changes=[{"id": one, "inventories": {"replace": {"inventories": []}}}]
        )
    assert f"2 by claim {claim} without end" in refusal.message
    with refused("NOT_FOUND"):
        place.operator.UpdateProviders(changes=[{"id": str(uuid4())}])


@on_sqlite
def test_another_projects_provider_is_not_offered(place: Place) -> None:
    owner = str(place.operator.CreateProject(name=new_name("project")).metadata.id)
    create(place, {"type": rack_type(place), "project": owner, "inventories": [vcpus(4)]})
    with refused("RESOURCE_EXHAUSTED") as refusal:
        place.claim()
    assert refusal.metadata["last_straw"] == "in the region"
    with refused("PERMISSION_DENIED"):
        place.member.CreateProviders(region=place.region)


@on_sqlite
def test_a_host_is_put_under_a_provider_but_not_filled(place: Place) -> None:
    host = place.host()
    [top] = create(place, {"type": rack_type(place)})
    place.operator.UpdateProviders(changes=[{"id": host, "under": top}])
    assert place.operator.GetProvider(id=host).root == top
    with refused("FAILED_PRECONDITION") as refusal:
        place.operator.UpdateProviders(changes=[{"id": host, "inventories": {"add": [vcpus(4)]}}])
    assert "mulligan host" in refusal.message


def test_a_tree_is_reshaped(place: Place) -> None:
    top, card = str(uuid4()), str(uuid4())
    kind = rack_type(place)
    create(
        place,
        {"id": top, "type": kind, "inventories": [vcpus(4)]},
        {"id": card, "type": kind, "parent": top},
    )
    claim = place.claim()
    changes = [
        {"id": top, "generation": 1, "inventories": {"remove": ["VCPU"]}},
        {"id": card, "inventories": {"add": [vcpus(4)]}},
    ]
    move = {"resource_type": "VCPU", "from_provider": top, "to_provider": card}
    with refused("FAILED_PRECONDITION", about="inventories") as refusal:
        place.operator.ReshapeProviders(changes=changes)
    assert f"2 by claim {claim.metadata.id} without end" in refusal.message
    for wrong, field in (
        ({"to_provider": top}, "moves.to_provider"),
        ({"amount": 3, "claims": [claim.metadata.id]}, "moves.claims"),
    ):
        with refused("INVALID_ARGUMENT", about=field):
            place.operator.ReshapeProviders(changes=changes, moves=[{**move, **wrong}])
    with refused("NOT_FOUND"):
        place.operator.ReshapeProviders(moves=[{**move, "to_provider": str(uuid4())}])
    answer = place.operator.ReshapeProviders(changes=changes, moves=[move])
    assert [(one.id, one.generation) for one in answer.providers] == [(top, 2), (card, 2)]
    moved = place.member.GetClaim(id=claim.metadata.id, project=place.project)
    assert [(part.provider, part.amount) for part in moved.allocations] == [(card, 2)]
    with refused("ABORTED", "STALE_GENERATION", about="generation") as refusal:
        place.member.ReleaseClaim(id=claim.metadata.id, project=place.project, generation=1)
    assert f"2 VCPU moved from provider {top} to provider {card}" in refusal.message
    with refused("ABORTED", "STALE_GENERATION"):
        place.member.ConfirmClaim(id=claim.metadata.id, project=place.project, generation=1)
    place.member.ReleaseClaim(id=claim.metadata.id, project=place.project, generation=2)


# Waiting claims


def waiting_claim(place: Place) -> tuple[str, str]:
    """A claim that waits for two VCPU; gives its id and its operation."""
    until = Timestamp(seconds=int(time.time()) + 3600)
    claim = str(place.claim(wait_until=until).metadata.id)
    [operation] = place.member.ListOperations(object_id=claim).operations
    return claim, str(operation.metadata.id)


def make(place: Place, kind: str) -> None:
    create(place, {"type": kind, "inventories": [vcpus(4)]})


def fill(place: Place, kind: str) -> None:
    change = {"id": create(place, {"type": kind})[0], "inventories": {"add": [vcpus(4)]}}
    place.operator.UpdateProviders(changes=[change])


def reshape(place: Place, kind: str) -> None:
    change = {"id": create(place, {"type": kind})[0], "inventories": {"add": [vcpus(4)]}}
    place.operator.ReshapeProviders(changes=[change])


def withdraw_and_offer(place: Place, kind: str) -> None:
    [one] = create(place, {"type": kind})
    place.operator.MarkProviders(ids=[one], kind="maintenance", reason="x")
    change = {"id": one, "inventories": {"add": [vcpus(4)]}}
    place.operator.UpdateProviders(changes=[change])
    place.operator.UnmarkProviders(ids=[one], kind="maintenance")


@on_sqlite
@pytest.mark.parametrize("make_room", [make, fill, reshape, withdraw_and_offer])
def test_a_claim_that_waits_is_woken_by_what_makes_room(
    place: Place, make_room: Callable[[Place, str], None]
) -> None:
    kind = rack_type(place)
    claim, operation = waiting_claim(place)
    make_room(place, kind)
    assert place.site.end_of(operation).status.state == "done"
    assert place.member.GetClaim(id=claim, project=place.project).status.state == "confirmed"


@on_sqlite
def test_a_claim_that_waits_hears_of_a_provider_that_is_gone(place: Place) -> None:
    [one] = create(place, {"type": rack_type(place), "inventories": [vcpus(1)]})
    _, operation = waiting_claim(place)

    def waits(event: Any) -> bool:
        return bool(event.kind == "step" and "no capacity" in event.message)

    before = place.operator.until(waits, operation=operation)[-1]
    place.operator.DeleteProviders(ids=[one])
    after = place.operator.until(waits, operation=operation, after_revision=before.revision)[-1]
    assert after.message != before.message


def test_inventories_come_back_as_they_were_given(place: Place) -> None:
    given = [vcpus(4, min_unit=2, max_unit=8), {"resource_type": "GPU", "total": 2}]
    [one] = create(place, {"type": rack_type(place), "inventories": given})
    shown = place.operator.GetProvider(id=one).inventories
    again = {"id": one, "inventories": {"replace": {"inventories": shown}}}
    [same] = place.operator.UpdateProviders(changes=[again]).providers
    assert same.generation == 1
    place.operator.UpdateProviders(
        changes=[{"id": one, "inventories": {"modify": [{"resource_type": "GPU", "total": 8}]}}]
    )
    gpus, cpus = place.operator.GetProvider(id=one).inventories
    assert (cpus.max_unit, gpus.max_unit) == (8, 2**53 - 1)


def test_what_a_change_of_an_inventory_does_not_say_stays(place: Place) -> None:
    limits = {"reserved": 2, "min_unit": 2, "max_unit": 4, "step_size": 2, "allocation_ratio": 2.0}
    [one] = create(place, {"type": rack_type(place), "inventories": [vcpus(8, **limits)]})

    def modify(**said: Any) -> dict[str, Any]:
        wanted = {"resource_type": "VCPU", **said}
        place.operator.UpdateProviders(changes=[{"id": one, "inventories": {"modify": [wanted]}}])
        [shown] = place.operator.GetProvider(id=one).inventories
        return {field.name: value for field, value in shown.ListFields()}

    has = {"resource_type": "VCPU", "total": 16, **limits}
    assert modify(total=16) == has
    unlimited = modify(reserved=0, step_size=0)
    del has["reserved"]
    assert unlimited == {**has, "step_size": 1}
    with refused("INVALID_ARGUMENT", about="resource_type"):
        modify(resource_type="")


# Marks


def test_providers_are_marked_and_unmarked(place: Place) -> None:
    one, other = create(
        place, *[{"type": rack_type(place), "inventories": [vcpus(4)]} for _ in range(2)]
    )
    marked = place.operator.MarkProviders(ids=[one, other], kind="quarantined", reason="smoke")
    assert [(p.id, p.generation) for p in marked.providers] == [(one, 2), (other, 2)]
    shown = place.operator.GetProvider(id=one)
    assert (shown.status.state, shown.status.reason) == ("quarantined", "smoke")
    assert [(m.kind, m.reason) for m in shown.marks] == [("quarantined", "smoke")]
    assert shown.marks[0].author
    with refused("RESOURCE_EXHAUSTED", "NO_CAPACITY") as refusal:
        place.claim()
    assert "2 because provider is marked quarantined" in refusal.message
    place.operator.UnmarkProviders(ids=[one], kind="quarantined")
    assert place.claim().allocations[0].provider == one
    with refused("INVALID_ARGUMENT", about="kind"):
        place.operator.MarkProviders(ids=[one], kind="tired", reason="x")
    with refused("INVALID_ARGUMENT", about="kind"):
        place.operator.UnmarkProviders(ids=[one], kind="tired")
    with refused("INVALID_ARGUMENT", about="reason"):
        place.operator.MarkProviders(ids=[one], kind="maintenance")
    with refused("INVALID_ARGUMENT", about="expires_at"):
        place.operator.MarkProviders(ids=[one], kind="unhealthy", reason="x")
    for rpc, more in (("MarkProviders", {"reason": "x"}), ("UnmarkProviders", {})):
        with refused("NOT_FOUND"):
            getattr(place.operator, rpc)(ids=[str(uuid4())], kind="maintenance", **more)


@on_sqlite
def test_a_host_is_called_unhealthy_for_a_while(place: Place) -> None:
    host = place.host()
    until = Timestamp(seconds=int(time.time()) + 3600)
    place.operator.MarkProviders(ids=[host], kind="unhealthy", reason="lost", expires_at=until)
    shown = place.operator.GetProvider(id=host)
    assert (shown.status.state, shown.status.deadline) == ("unhealthy", until)
    assert place.operator.GetHost(id=host).marks[0].expires_at == until
    with refused("RESOURCE_EXHAUSTED"):
        place.claim()
    with refused("FAILED_PRECONDITION"):
        place.operator.MarkProviders(ids=[host], kind="maintenance", reason="x")
    with refused("INVALID_ARGUMENT", about="kind"):
        place.operator.ClearMark(object_id=host, kind="unhealthy")
    place.operator.UnmarkProviders(ids=[host], kind="unhealthy")
    assert place.claim().allocations[0].provider == host
