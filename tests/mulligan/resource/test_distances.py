"""Distances: said once of a pair, by the ordered codes of a type."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import pytest

from mulligan import events
from mulligan.database import Database
from mulligan.resource import distances, groups, provider_changes, registry
from mulligan.resource.distances import Pair
from mulligan.resource.groups import GroupChange
from mulligan.resource.tables import DistanceTypeRow
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from tests.mulligan.resource.fleet import Fleet, new_id

A, B = str(UUID(int=1)), str(UUID(int=2))


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


def put(
    fleet: Fleet,
    said: Mapping[tuple[str, str], str],
    remove: Collection[tuple[str, str]] = (),
    kind: str = "location",
    **options: Any,
) -> None:
    wanted = {Pair(a, b): code for (a, b), code in said.items()}
    fleet.database.write(
        lambda s: distances.set_distances(
            s, kind, wanted, [Pair(a, b) for a, b in remove], now=fleet.now, **options
        )
    )


def said(fleet: Fleet, **narrowed: Any) -> dict[tuple[str, str], str]:
    found = fleet.database.read(lambda s: distances.list_distances(s, **narrowed))
    return {(one.pair.a, one.pair.b): one.code for one in found.items}


def group(fleet: Fleet) -> str:
    made = fleet.database.write(
        lambda s: groups.create_group(
            s, id=new_id(), region=fleet.region, change=GroupChange(), now=fleet.now
        )
    )
    return made.id


def test_a_pair_is_as_far_apart_in_both_directions(fleet: Fleet) -> None:
    one, two = sorted((fleet.rack(), fleet.rack()))
    put(fleet, {(two, one): "row"})
    assert said(fleet, object_id=one) == said(fleet, object_id=two) == {(one, two): "row"}
    put(fleet, {(one, two): "rack"})
    assert said(fleet) == {(one, two): "rack"}
    put(fleet, {}, remove=[(two, one)])
    put(fleet, {}, remove=[(two, one)])
    assert said(fleet) == {}


def test_providers_and_groups_are_apart_and_members_of_a_group(fleet: Fleet) -> None:
    one, team = fleet.rack(), group(fleet)
    put(fleet, {(one, team): "site", (team, team): "rack"})
    assert said(fleet, object_id=team) == {tuple(sorted((one, team))): "site", (team, team): "rack"}
    with pytest.raises(InvalidArgumentError, match="not apart from itself"):
        put(fleet, {(one, one): "rack"})


def test_all_distances_of_one_are_replaced(fleet: Fleet) -> None:
    one, two, three = (fleet.rack() for _ in range(3))
    put(fleet, {(one, two): "rack", (two, three): "row"})
    put(fleet, {(three, one): "site"}, replace_all_of=one)
    expected = {(one, three): "site", (two, three): "row"}
    assert said(fleet) == {tuple(sorted(pair)): code for pair, code in expected.items()}
    put(fleet, {}, replace_all_of=three)
    assert said(fleet) == {}


def test_a_type_of_ones_own_has_its_codes_in_order(fleet: Fleet) -> None:
    def create(name: str, *codes: str) -> None:
        fleet.database.write(
            lambda s: distances.create_distance_type(s, name, codes, now=fleet.now)
        )

    create("wiring", "port", "switch", "fabric")
    one, two = sorted((fleet.rack(), fleet.rack()))
    put(fleet, {(one, two): "switch"}, kind="wiring")
    put(fleet, {(one, two): "row"})
    assert said(fleet, type="wiring") == {(one, two): "switch"}
    with pytest.raises(FailedPreconditionError, match="in use"):
        fleet.database.write(
            lambda s: registry.unregister(s, DistanceTypeRow, "wiring", now=fleet.now)
        )
    for codes in ((), ("near", "near"), ("a b",), [f"c{n}" for n in range(65)]):
        with pytest.raises(InvalidArgumentError) as caught:
            create("power", *codes)
        assert caught.value.details["field"] == "codes"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"said": {(A, B): "near"}}, "machine, rack, row, site"),
        ({"said": {(A, B): "rack"}}, f"no provider or group {A}"),
        ({"said": {(A, B): "rack"}, "remove": [(B, A)]}, "both set and removed"),
        ({"said": {}, "replace_all_of": "rack-1"}, "not a UUID"),
        ({"said": {}, "replace_all_of": A}, f"no provider or group {A}"),
    ],
)
def test_what_can_not_be_said_is_refused(fleet: Fleet, wrong: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        put(fleet, **wrong)
    with pytest.raises(NotFoundError, match="distance-type list"):
        put(fleet, {}, kind="taste")


def test_a_distance_goes_with_either_of_the_two(fleet: Fleet) -> None:
    one, two, team = fleet.rack(), fleet.rack(), group(fleet)
    put(fleet, {(one, two): "rack", (two, team): "row"})
    fleet.database.write(lambda s: groups.delete_group(s, team, now=fleet.now))
    assert said(fleet) == {tuple(sorted((one, two))): "rack"}
    fleet.database.write(lambda s: provider_changes.delete_providers(s, [one], now=fleet.now))
    assert said(fleet) == {}


def test_distances_come_in_pages_and_are_told(fleet: Fleet) -> None:
    racks = sorted(fleet.rack() for _ in range(3))
    pairs = [(racks[0], racks[1]), (racks[0], racks[2]), (racks[1], racks[2])]
    put(fleet, dict.fromkeys(pairs, "row"))
    first = fleet.database.read(lambda s: distances.list_distances(s, limit=2))
    rest = fleet.database.read(
        lambda s: distances.list_distances(s, after=first.next_token.split("/"))
    )
    assert [(one.pair.a, one.pair.b) for one in (*first.items, *rest.items)] == pairs
    assert not rest.next_token
    told = fleet.database.read(lambda s: events.read_after(s, 0))
    messages = [e.message for e in told if e.object_type == "distance"]
    assert messages == [f"location of {a} and {b}: row" for a, b in pairs]
