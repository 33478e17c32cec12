"""Groups of providers, and how far providers and groups are apart."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fakes.caller import refused
from tests.fakes.place import Place, new_name


@pytest.fixture
def racks(place: Place) -> list[str]:
    """Three providers."""
    kind = f"t-{uuid4().hex[:8]}"
    place.operator.CreateProviderType(name=kind)
    new = [{"name": new_name("rack"), "type": kind} for _ in range(3)]
    made = place.operator.CreateProviders(region=place.region, providers=new)
    return [one.id for one in made.providers]


def group(place: Place, **fields: Any) -> Any:
    return place.operator.CreateGroup(
        **{"name": new_name("group"), "region": place.region, **fields}
    )


def test_a_group_is_made_shown_changed_and_deleted(place: Place, racks: list[str]) -> None:
    name = new_name("group")
    made = group(place, name=name, members=racks[:2], sharing=racks[2:])
    one = made.metadata.id
    assert (made.metadata.name, made.members, list(made.sharing)) == (name, 2, racks[2:])
    changed = place.operator.UpdateGroup(
        id=one,
        generation=1,
        members={"add": racks[2:], "remove": racks[:1]},
        sharing={"replace": {"providers": []}},
        update_mask={"paths": ["members", "sharing"]},
    )
    assert (changed.members, list(changed.sharing), changed.metadata.generation) == (2, [], 2)
    listed = place.operator.ListProviders(group=one).providers
    assert {found.metadata.id for found in listed} == set(racks[1:])
    assert list(listed[0].groups) == [one]
    assert place.operator.GetGroup(id=one) == changed
    assert list(place.operator.ListGroups(provider=racks[1]).groups) == [changed]
    assert not place.operator.ListGroups(region=str(uuid4())).groups
    with refused("ABORTED", "STALE_GENERATION", about="generation") as refusal:
        place.operator.UpdateGroup(id=one, generation=1, update_mask={"paths": ["members"]})
    assert "members: 1 added, 1 removed, 2 now" in refusal.message
    place.operator.DeleteGroup(id=one)
    with refused("NOT_FOUND") as refusal:
        place.operator.GetGroup(id=one)
    assert refusal.resource == ("group", one)
    assert group(place, name=name).metadata.name == name


def test_ids_of_groups_are_taken_in_any_form(place: Place, racks: list[str]) -> None:
    fields = {"name": new_name("group"), "region": place.region.upper()}
    one = str(group(place, **fields, members=[racks[0].upper()]).metadata.id)
    other = one.upper()
    changed = place.operator.UpdateGroup(
        id=other, members={"add": racks[1:]}, update_mask={"paths": ["members"]}
    )
    assert changed == place.operator.GetGroup(id=other)
    assert list(place.operator.ListGroups(provider=racks[0].upper()).groups) == [changed]
    with refused("ALREADY_EXISTS", "NAME_TAKEN"):
        group(place, name=fields["name"])
    place.operator.DeleteGroup(id=other)
    assert group(place, **fields)


def test_groups_come_in_pages(place: Place) -> None:
    made = {group(place).metadata.id for _ in range(3)}
    first = place.operator.ListGroups(region=place.region, page={"size": 2})
    page = {"size": 2, "token": first.next_page_token}
    rest = place.operator.ListGroups(region=place.region, page=page)
    assert {one.metadata.id for one in (*first.groups, *rest.groups)} == made
    assert not rest.next_page_token


def test_refusals_of_groups_name_the_field(place: Place, racks: list[str]) -> None:
    name = str(group(place).metadata.name)
    for fields, status, field in (
        ({"name": name}, "ALREADY_EXISTS", "name"),
        ({"name": ""}, "INVALID_ARGUMENT", "name"),
        ({"region": str(uuid4())}, "NOT_FOUND", "region"),
        ({"members": [str(uuid4())]}, "INVALID_ARGUMENT", "members"),
        ({"sharing": ["x"]}, "INVALID_ARGUMENT", "sharing[0]"),
    ):
        with refused(status, about=field):
            group(place, **fields)
    for rpc, mask in (("UpdateGroup", {"update_mask": {"paths": ["name"]}}), ("DeleteGroup", {})):
        with refused("NOT_FOUND"):
            getattr(place.operator, rpc)(id=str(uuid4()), **mask)
    with refused("PERMISSION_DENIED"):
        place.member.CreateGroup(name="x", region=place.region)


def test_distances_are_set_listed_and_taken_back(place: Place, racks: list[str]) -> None:
    team = str(group(place).metadata.id)
    one, two, three = racks
    place.operator.SetDistances(
        type="location",
        set=[{"a": one, "b": two, "code": "rack"}, {"a": team, "b": one, "code": "row"}],
    )

    def said(**narrowed: Any) -> dict[frozenset[str], str]:
        found = place.operator.ListDistances(**narrowed).distances
        return {frozenset((d.a, d.b)): d.code for d in found}

    assert said(object_id=one) == {
        frozenset((one, two)): "rack",
        frozenset((one, team)): "row",
    }
    assert said(object_id=three) == {}
    first = place.operator.ListDistances(object_id=one, page={"size": 1})
    page = {"size": 1, "token": first.next_page_token}
    assert len(place.operator.ListDistances(object_id=one, page=page).distances) == 1
    place.operator.SetDistances(
        type="location", set=[{"a": one, "b": three, "code": "site"}], replace_all_of=one
    )
    assert said(object_id=one) == {frozenset((one, three)): "site"}
    place.operator.SetDistances(type="location", remove=[{"a": three, "b": one}])
    assert said(object_id=one) == {}


def test_refusals_of_distances_name_the_field(place: Place, racks: list[str]) -> None:
    one, two, _ = racks
    pair = {"a": one, "b": two}
    for distances, field in (
        ([{**pair, "code": "near"}], "distances.code"),
        ([{"a": one, "b": str(uuid4()), "code": "rack"}], "distances"),
        ([{"a": one, "b": "x", "code": "rack"}], "set[0].b"),
        ([{**pair, "code": "rack"}, {"a": two, "b": one, "code": "row"}], "distances"),
        ([{**pair, "code": "rack", "type": "wiring"}], "distances.type"),
    ):
        with refused("INVALID_ARGUMENT", about=field):
            place.operator.SetDistances(type="location", set=distances)
    with refused("NOT_FOUND") as refusal:
        place.operator.SetDistances(type="taste")
    assert refusal.resource == ("distance_type", "taste")
    names = place.operator.ListResourceTypes(page={"size": 1})
    with refused("INVALID_ARGUMENT", about="page.token"):
        place.operator.ListDistances(page={"token": names.next_page_token})


def test_a_way_to_measure_is_registered_and_forgotten(place: Place) -> None:
    name = f"wiring-{uuid4().hex[:8]}"
    made = place.operator.CreateDistanceType(name=name, codes=["port", "switch"])
    assert (list(made.codes), made.standard) == (["port", "switch"], False)
    found = place.member.ListDistanceTypes().distance_types
    assert made in found
    assert ["machine", "rack", "row", "site"] in [list(one.codes) for one in found]
    with refused("ALREADY_EXISTS", about="name"):
        place.operator.CreateDistanceType(name=name, codes=["x"])
    with refused("INVALID_ARGUMENT", about="codes"):
        place.operator.CreateDistanceType(name=f"{name}-2")
    place.operator.DeleteDistanceType(name=name)
    with refused("NOT_FOUND"):
        place.operator.DeleteDistanceType(name=name)
    with refused("FAILED_PRECONDITION"):
        place.operator.DeleteDistanceType(name="location")
