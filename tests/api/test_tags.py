"""Tags: whoever sees an object sees and changes its tags, and nothing that is decided reads one."""

import ast
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import mulligan
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, on_sqlite
from tests.fakes.site import Site

ROOT = Path(mulligan.__file__).parents[1]
SERVED = ("api", "workflows", "activities", "worker", "mulligan", "deploy")


def tags_of(caller: Caller, *ids: str) -> dict[str, list[str]]:
    return {one.object_id: list(one.tags) for one in caller.ListTags(object_ids=ids).objects}


def found_by(caller: Caller, *tags: str, **narrowed: Any) -> list[str]:
    return [one.object_id for one in caller.ListObjectsByTag(tags=tags, **narrowed).objects]


def test_tags_are_added_taken_away_and_replaced(place: Place) -> None:
    reader = place.site.account(common_pb2.ROLE_READER, place.project)
    ids, mark = [place.project, place.image], str(uuid4())
    decomposed = f"cafe\u0301 {mark}"
    answer = reader.UpdateTags(object_ids=ids, add=[decomposed, mark])
    composed = f"café {mark}"
    assert [(one.object_type, list(one.tags)) for one in answer.objects] == [
        ("project", sorted([composed, mark])),
        ("image", sorted([composed, mark])),
    ]
    place.member.UpdateTags(object_ids=[place.image], remove=[decomposed], add=["new"])
    assert tags_of(reader, *ids)[place.image] == sorted([mark, "new"])
    assert found_by(reader, composed) == [place.project]
    assert sorted(found_by(reader, composed, mark)) == sorted(ids)
    assert found_by(reader, composed, mark, all=True) == [place.project]
    assert found_by(reader, mark, object_type="image") == [place.image]
    assert found_by(reader, mark, project=place.project) == [place.project]
    assert found_by(reader, mark, region=place.region) == [place.image]
    first = reader.ListObjectsByTag(tags=[mark], page={"size": 1})
    rest = found_by(reader, mark, page={"token": first.next_page_token})
    assert sorted([first.objects[0].object_id, *rest]) == sorted(ids)
    reader.UpdateTags(object_ids=ids, replace=True)
    assert tags_of(reader, *ids) == {one: [] for one in ids}
    assert found_by(reader, mark) == []


@on_sqlite
def test_objects_of_every_kind_can_be_tagged_by_who_sees_them(place: Place, site: Site) -> None:
    place.host()
    machine = place.machine()
    claim = place.get(machine).claim
    operation = place.decommission(place.machine()).metadata.id
    tenants, mark = [place.project, machine, claim, operation], str(uuid4())
    hardware = [place.host(), place.server()]
    opened = [place.region, place.network, place.image]
    place.member.UpdateTags(object_ids=[*tenants, *opened, place.member.account], add=[mark])
    place.operator.UpdateTags(object_ids=hardware, add=[mark])
    stranger = Place(site).member
    for one in (*tenants, *hardware, place.member.account):
        assert tags_of(stranger, one) == {}
        with refused("NOT_FOUND") as refusal:
            stranger.UpdateTags(object_ids=[place.image, one], add=["theirs"])
        assert refusal.resource[1] == one
    assert "theirs" not in tags_of(place.member, place.image)[place.image]
    assert sorted(found_by(stranger, mark)) == sorted(opened)
    assert sorted(found_by(place.member, mark)) == sorted([*tenants, *opened, place.member.account])
    everything = {*tenants, *hardware, *opened, place.member.account}
    assert set(found_by(place.operator, mark)) == everything


@on_sqlite
def test_what_is_deleted_is_found_by_no_tag(place: Place) -> None:
    image, mark = place.create_image().metadata.id, str(uuid4())
    place.operator.UpdateTags(object_ids=[image], add=[mark])
    place.operator.DeleteImage(id=image)
    assert found_by(place.operator, mark) == []
    with refused("NOT_FOUND"):
        place.operator.UpdateTags(object_ids=[image], add=[mark])


@on_sqlite
@pytest.mark.parametrize("tag", ["a\nb", "\u202egnp", "\x1b[2J"])
def test_a_tag_that_can_not_be_shown_is_refused(place: Place, tag: str) -> None:
    with refused("INVALID_ARGUMENT", about="add"):
        place.member.UpdateTags(object_ids=[place.project], add=[tag])


@on_sqlite
def test_an_object_has_so_many_tags_at_most(place: Place) -> None:
    place.member.UpdateTags(object_ids=[place.project], add=[str(one) for one in range(64)])
    with refused("FAILED_PRECONDITION", "TOO_MANY_TAGS"):
        place.member.UpdateTags(object_ids=[place.project], add=["one more"])
    with refused("INVALID_ARGUMENT", about="add[0]"):
        place.member.UpdateTags(object_ids=[place.project], add=["x" * 256])


@on_sqlite
def test_who_watches_is_told_of_other_tags(place: Place) -> None:
    place.member.UpdateTags(object_ids=[place.project], add=["a"])
    seen = place.member.until(lambda event: event.kind == "tagged", object_id=place.project)
    assert seen[-1].author == place.member.account


def test_no_decision_reads_a_tag() -> None:
    """Only the front door of tags knows them, and what makes the tables."""
    readers = {
        str(path.relative_to(ROOT))
        for folder in SERVED
        for path in (ROOT / folder).rglob("*.py")
        if "mulligan.meta.tags" in imported(path) or '"tags"' in path.read_text()
    }
    assert readers == {
        "api/tags.py",
        "mulligan/meta/tags.py",
        "mulligan/migrations/versions/0016_tags_and_metadefs.py",
        "mulligan/tables.py",
    }


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{one.name}" for one in node.names} | {node.module or ""}
    return found
