"""Trees of places, and what a role that is held on one of them reaches."""

from hypothesis import given
from hypothesis import strategies as st

from mulligan.values.caller import Caller
from mulligan.values.places import PlaceTree, RegionTree


@given(st.lists(st.integers(-1, 30), max_size=30), st.sets(st.integers(0, 30)))
def test_what_is_below_and_above_is_what_a_search_through_all_finds(
    above: list[int], asked: set[int]
) -> None:
    parents = {str(n): str(p) if 0 <= p < n else None for n, p in enumerate(above)}
    tree = PlaceTree()
    for place, parent in parents.items():
        tree.add(place, parent)

    def chain(place: str) -> list[str]:
        parent = parents.get(place)
        return [place, *chain(parent)] if parent else [place]

    places = {str(one) for one in asked}
    assert all(tree.chain(one) == chain(one) for one in places)
    found = tree.below(places)
    assert len(found) == len(set(found))
    assert set(found) == places | {one for one in parents if places & set(chain(one))}


def test_a_role_reaches_what_is_below_its_place_and_only_places_of_its_kind() -> None:
    projects, regions = PlaceTree(), RegionTree()
    for tree, noun in ((projects, "project"), (regions, "region")):
        tree.add(noun, None)
        tree.add(f"{noun} below", noun)
    roles = {"project": "member", "region": "operator"}
    caller = Caller("a", roles, project_tree=projects, region_tree=regions)
    assert caller.has("member", "project below")
    assert caller.has_in("operator", "region below")
    assert not caller.has("operator", "project below")
    assert not caller.has("reader", "region")
    assert not caller.has_in("reader", "project")
    assert not caller.has_in("reader", "elsewhere")
    assert not caller.has("reader")
    assert caller.projects == ["project", "project below"]
    assert caller.regions == ["region", "region below"]
    assert caller.places_with("operator") == caller.regions
    before = caller.version
    projects.add("project", None)
    assert caller.version == before
    projects.add("project new", "project")
    assert caller.version != before
    assert caller.has("member", "project new")
    everywhere = Caller("b", {"": "reader"}, project_tree=projects, region_tree=regions)
    assert (everywhere.projects, everywhere.regions) == (None, None)
    assert everywhere.places_with("admin") == []
