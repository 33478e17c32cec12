"""Whatever has a name can be given another one, by its Update; it answers to its old slug."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.api.test_meta import create_providers
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site


def group(place: Place) -> str:
    made = place.operator.CreateGroup(name=new_name("group"), region=place.region)
    return str(made.metadata.id)


def idle_host(place: Place) -> str:
    assert place.executor
    host = place.add_host()
    place.end_of_check(host)
    return host


def machine(place: Place) -> str:
    place.host()
    return place.machine()


MAKES: Mapping[str, Callable[[Place], str]] = {
    "group": group,
    "host": idle_host,
    "image": lambda place: place.image,
    "machine": machine,
    "network": lambda place: place.network,
    "server": Place.server,
}


def update(caller: Caller, object_type: str, object_id: str, name: str, **more: Any) -> Any:
    fields = {"id": object_id, "name": name, "update_mask": {"paths": ["name"]}}
    return getattr(caller, f"Update{object_type.title()}")(**fields | more)


def caller_of(place: Place, object_type: str) -> Caller:
    return place.member if object_type == "machine" else place.operator


def get(place: Place, object_type: str, object_id: str) -> Any:
    return getattr(caller_of(place, object_type), f"Get{object_type.title()}")(
        id=object_id, **in_project(place, object_type)
    )


def in_project(place: Place, object_type: str) -> dict[str, str]:
    return {"project": place.project} if object_type == "machine" else {}


def ids(place: Place, object_type: str, *asked: str) -> list[str]:
    found = place.operator.ResolveNames(
        object_type=object_type,
        names=asked,
        region="" if object_type == "machine" else place.region,
        **in_project(place, object_type),
    )
    return [one.id for one in found.objects]


@pytest.mark.parametrize("object_type", MAKES)
def test_an_object_is_renamed_and_answers_to_its_old_slug(place: Place, object_type: str) -> None:
    one, name = MAKES[object_type](place), f"New {uuid4().hex}"
    was = get(place, object_type, one).metadata
    caller = caller_of(place, object_type)
    where = in_project(place, object_type)
    request_id = str(uuid4())
    more = {**where, "generation": was.generation, "request_id": request_id}
    now = update(caller, object_type, one, name, **more)
    assert (now.metadata.name, now.metadata.generation) == (name, was.generation + 1)
    assert now.metadata.slug == name.lower().replace(" ", "-")
    assert now == get(place, object_type, one)
    assert update(caller, object_type, one, name, **more) == now, "a retry gets the answer again"
    assert ids(place, object_type, name, now.metadata.slug, was.slug) == [one] * 3
    *_, event = place.operator.until(lambda event: event.kind == "named", object_id=one)
    assert (event.object_type, event.project) == (object_type, where.get("project", ""))
    assert event.message == f"named {name!r}; it was {was.name!r}"
    assert event.author
    with refused("ABORTED", "STALE_GENERATION", about="generation") as refusal:
        update(caller, object_type, one, "Other", **where, generation=was.generation)
    assert name in refusal.message


@pytest.mark.parametrize("object_type", MAKES)
@on_sqlite
def test_what_can_not_be_a_name_or_changes_nothing_is_told(place: Place, object_type: str) -> None:
    one, where = MAKES[object_type](place), in_project(place, object_type)
    was = get(place, object_type, one)
    caller = caller_of(place, object_type)
    for name in ("", "a\nb", str(uuid4())):
        with refused("INVALID_ARGUMENT", about="name"):
            update(caller, object_type, one, name, **where)
    for paths in ((), ("id",)):
        with refused("INVALID_ARGUMENT", about="update_mask"):
            mask = {"paths": paths}
            update(caller, object_type, one, "other", **where, update_mask=mask)
    with refused("NOT_FOUND"):
        update(caller, object_type, str(uuid4()), "other", **where)
    assert update(caller, object_type, one, was.metadata.name, **where) == was
    assert get(place, object_type, one) == was


def test_a_name_that_another_one_has_is_refused_and_a_machines_end_frees_it(place: Place) -> None:
    place.host()
    web, other = place.machine(name="web"), place.machine()
    where = {"project": place.project}
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        update(place.member, "machine", other, "web", **where)
    update(place.member, "machine", web, "shop", **where)
    assert ids(place, "machine", "web") == [web]
    update(place.member, "machine", other, "Web", **where)
    assert ids(place, "machine", "web") == [other]
    place.site.end_of(place.decommission(other).metadata.id)
    assert ids(place, "machine", "web", "Web", "shop") == [web]
    with refused("NOT_FOUND"):
        update(place.member, "machine", other, "db", **where)


@on_sqlite
def test_who_may_not_make_it_may_not_rename_it(place: Place, site: Site) -> None:
    place.host()
    web, stranger = place.machine(), Place(site).member
    with refused("PERMISSION_DENIED"):
        update(stranger, "machine", web, "mine", project=place.project)
    for object_type in ("group", "host", "image", "network", "server"):
        with refused("PERMISSION_DENIED"):
            update(place.member, object_type, str(uuid4()), "mine")


def test_providers_are_renamed_with_what_else_changes(place: Place) -> None:
    disk, other = create_providers(place, "disk 1", "disk 2")
    change = {"id": disk, "generation": 1, "name": "Shelf", "properties": {"put": {"bays": 4}}}
    [changed] = place.operator.UpdateProviders(changes=[change]).providers
    found = place.operator.GetProvider(id=disk)
    assert (found.metadata.name, found.properties["bays"]) == ("Shelf", 4)
    assert found.metadata.generation == changed.generation
    assert ids(place, "provider", "Shelf", "disk-1") == [disk] * 2
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        place.operator.UpdateProviders(changes=[{"id": other, "name": "Shelf"}])
    swap = [{"id": disk, "name": "disk 2"}, {"id": other, "name": "Shelf"}]
    place.operator.UpdateProviders(changes=swap)
    assert ids(place, "provider", "disk 2", "disk-2", "Shelf", "shelf") == [disk] * 2 + [other] * 2
    [renamed] = place.operator.until(lambda event: "disk 2" in event.message, object_id=disk)[-1:]
    assert renamed.message == "named 'disk 2'; it was 'Shelf'"
    host = idle_host(place)
    with refused("FAILED_PRECONDITION") as refusal:
        place.operator.UpdateProviders(changes=[{"id": host, "name": "Shelf"}])
    assert "its name follows from that" in refusal.message
