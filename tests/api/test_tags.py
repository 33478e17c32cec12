"""Tags: whoever sees an object sees and changes its tags, and nothing that is decided reads one."""

import ast
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

import mulligan
from mulligan.meta.attributes import AttributeRow
from mulligan.meta.metadefs import MetadefRow
from mulligan.meta.tags import TagRow
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site

ROOT = Path(mulligan.__file__).parents[1]
SERVED = ("api", "workflows", "activities", "worker", "mulligan", "deploy")


def tags_of(caller: Caller, *ids: str, **more: Any) -> dict[str, list[str]]:
    found = caller.ListTags(object_ids=ids, **more).objects
    return {one.object_id: list(one.tags) for one in found}


def found_by(caller: Caller, *tags: str, **narrowed: Any) -> list[str]:
    return [one.object_id for one in caller.ListObjectsByTag(tags=tags, **narrowed).objects]


def test_tags_are_added_taken_away_and_replaced(place: Place) -> None:
    reader = place.site.account(common_pb2.ROLE_READER, place.project)
    ids, mark = [place.project, place.image], str(uuid4())
    own = {"tagged_by": place.project}
    decomposed = f"cafe\u0301 {mark}"
    reader.UpdateTags(object_ids=ids, add=[decomposed, mark], **own)
    composed = f"café {mark}"
    assert [
        (one.object_type, list(one.tags)) for one in reader.ListTags(object_ids=ids, **own).objects
    ] == [("project", sorted([composed, mark])), ("image", sorted([composed, mark]))]
    place.member.UpdateTags(object_ids=[place.image], remove=[decomposed], add=["new"], **own)
    assert tags_of(reader, *ids, **own)[place.image] == sorted([mark, "new"])
    assert found_by(reader, composed, **own) == [place.project]
    assert sorted(found_by(reader, composed, mark, **own)) == sorted(ids)
    assert found_by(reader, composed, mark, all=True, **own) == [place.project]
    assert found_by(reader, mark, object_type="image", **own) == [place.image]
    assert found_by(reader, mark, project=place.project, **own) == [place.project]
    assert found_by(reader, mark, region=place.region, **own) == [place.image]
    first = reader.ListObjectsByTag(tags=[mark], page={"size": 1}, **own)
    rest = found_by(reader, mark, page={"token": first.next_page_token}, **own)
    assert sorted([first.objects[0].object_id, *rest]) == sorted(ids)
    reader.UpdateTags(object_ids=ids, replace=True, **own)
    assert tags_of(reader, *ids, **own) == {one: [] for one in ids}
    assert found_by(reader, mark, **own) == []


@on_sqlite
def test_a_projects_tags_on_what_all_see_are_its_own(place: Place, site: Site) -> None:
    stranger, mark = Place(site), str(uuid4())
    place.operator.UpdateTags(object_ids=[place.image], add=[mark, "from the operator"])
    own = {"tagged_by": place.project}
    place.member.UpdateTags(object_ids=[place.image], replace=True, add=[mark, "ours"], **own)
    everybodys = sorted([mark, "from the operator"])
    for one in (stranger.member, place.member):
        assert tags_of(one, place.image) == {place.image: everybodys}
    assert tags_of(place.member, place.image, **own)[place.image] == sorted([*everybodys, "ours"])
    assert found_by(place.member, mark, "ours", all=True, **own) == [place.image]
    assert found_by(stranger.member, "ours", mark, all=True) == []
    for verb, words in (
        ("UpdateTags", {"add": ["theirs"]}),
        ("UpdateTags", {"add": ["theirs"], **own}),
        ("ListTags", own),
    ):
        with refused("PERMISSION_DENIED"):
            getattr(stranger.member, verb)(object_ids=[place.image], **words)
    with refused("PERMISSION_DENIED"):
        stranger.member.ListObjectsByTag(tags=[mark], **own)
    with refused("FAILED_PRECONDITION", "TOO_MANY_TAGS"):
        many = [str(one) for one in range(63)]
        place.member.UpdateTags(object_ids=[place.image], add=many, **own)
    stranger.member.UpdateTags(
        object_ids=[place.image], add=[*many, "one"], tagged_by=stranger.project
    )


@on_sqlite
def test_objects_of_every_kind_can_be_tagged_by_who_sees_them(place: Place, site: Site) -> None:
    place.host()
    machine = place.machine()
    claim = place.get(machine).claim
    operation = place.decommission(place.machine()).metadata.id
    tenants, mark = [place.project, machine, claim, operation], str(uuid4())
    hardware = [place.host(), place.server()]
    opened = [place.region, place.network, place.image]
    own = {"tagged_by": place.project}
    place.member.UpdateTags(object_ids=[*tenants, *opened, place.member.account], add=[mark], **own)
    place.operator.UpdateTags(object_ids=hardware, add=[mark])
    stranger = Place(site)
    for one in (*tenants, *hardware, place.member.account):
        assert tags_of(stranger.member, one) == {}
        with refused("NOT_FOUND") as refusal:
            stranger.member.UpdateTags(
                object_ids=[place.image, one], add=["theirs"], tagged_by=stranger.project
            )
        assert refusal.resource[1] == one
    assert found_by(stranger.member, "theirs", tagged_by=stranger.project) == []
    assert found_by(stranger.member, mark) == []
    assert sorted(found_by(place.member, mark, **own)) == sorted(
        [*tenants, *opened, place.member.account]
    )
    assert set(found_by(place.operator, mark)) == {*tenants, *hardware}


@on_sqlite
def test_of_what_is_deleted_nothing_is_kept(place: Place) -> None:
    image, mark, name = place.create_image().metadata.id, str(uuid4()), new_name("a")
    place.operator.UpdateTags(object_ids=[image], add=[mark])
    project = place.operator.CreateProject(name=new_name("project")).metadata.id
    place.operator.UpdateTags(object_ids=[place.image], add=[mark], tagged_by=project)
    for owner in ("", project):
        place.operator.CreateMetadef(attribute=name, schema="true", project=owner)
    place.operator.SetAttributes(
        attributes=[{"object_id": one, "attribute": name, "value": "1"} for one in (image, project)]
    )
    place.operator.DeleteProject(id=project)
    place.operator.DeleteImage(id=image)
    assert found_by(place.operator, mark) == []

    def is_kept(session: Session) -> bool:
        return any(
            session.scalars(select(column).where(column.in_((image, project)))).first()
            for column in (TagRow.object_id, TagRow.owner, AttributeRow.object_id, MetadefRow.owner)
        )

    # For what it does not know the site catches up with iam, and takes in that the project ended.
    place.operator.ResolveNames(object_type="project", names=[new_name("none")])
    assert not place.site.read(is_kept)
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
        if {"mulligan.meta.tags", "api.tags"} & imported(path) or '"tags"' in path.read_text()
    }
    assert readers == {
        "api/meta.py",
        "api/tags.py",
        "mulligan/meta/said.py",
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
