"""mulligan tag, metadef."""

import json
from pathlib import Path

import pytest

from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2 as pb
from tests.client.conftest import Run
from tests.client.fake_mulligan import IMAGE, MACHINE, PROJECT, FakeMulligan

pytestmark = pytest.mark.usefixtures("logged_in")

TAGGED = pb.TaggedObject(object_id=IMAGE, object_type="image", tags=["spare", "x y"])
RACK = pb.Metadef(
    metadata=common_pb2.Metadata(id=MACHINE, generation=3),
    attribute="rack",
    description="Where it stands",
    object_types=["server"],
    schema="true",
    read_role=common_pb2.ROLE_AUTHENTICATED,
    write_role=common_pb2.ROLE_OPERATOR,
)
GIVEN = pb.Attribute(object_id=IMAGE, object_type="image", attribute="rack", value="7")


def pages(kind: type, **fields: list[object]) -> list[object]:
    """The same rows on two pages, of which the second one is of a later revision."""
    return [kind(**fields, next_page_token="more", revision=5), kind(**fields, revision=9)]


def test_tags_are_given_replaced_and_taken_away(run: Run, fake: FakeMulligan) -> None:
    fake.on("UpdateTags", pb.UpdateTagsResponse())
    fake.on("ListTags", pb.ListTagsResponse(objects=[TAGGED]))
    result = run("tag", "create", "x y", "image:debian-13", "machine:web-1")
    assert result.exit_code == 0, result.stderr
    assert "spare, x y" in result.stdout
    assert run("tag", "set", IMAGE, "a", "b", "--everybody").exit_code == 0
    assert run("tag", "delete", "a", IMAGE, "--yes", "--project", "default").exit_code == 0
    made, put, gone = fake.asked("UpdateTags")
    assert (list(made.object_ids), list(made.add)) == ([IMAGE, MACHINE], ["x y"])
    assert [one.tagged_by for one in (made, put, gone)] == [PROJECT, "", PROJECT]
    assert (list(put.add), put.replace) == (["a", "b"], True)
    assert (list(gone.remove), gone.replace) == (["a"], False)


def test_tags_are_listed_and_looked_for(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListTags", pb.ListTagsResponse(objects=[TAGGED]))
    listed = run("tag", "list", "image:debian-13")
    assert "debian-13" in listed.stdout, listed.stderr
    assert fake.asked("ListTags")[0].tagged_by == PROJECT
    fake.on("ListObjectsByTag", *pages(pb.ListObjectsByTagResponse, objects=[TAGGED]))
    shown = run("tag", "show", "spare", "x y", "--all", "--type", "image", "-o", "json")
    found = json.loads(shown.stdout)
    assert (len(found["objects"]), found["revision"]) == (2, "5")
    first, second = fake.asked("ListObjectsByTag")
    assert (list(first.tags), first.all, first.object_type) == (["spare", "x y"], True, "image")
    assert (second.page.token, second.tagged_by) == ("more", PROJECT)


def test_attributes_are_defined_changed_and_deleted(
    run: Run, fake: FakeMulligan, tmp_path: Path
) -> None:
    for method in ("CreateMetadef", "UpdateMetadef"):
        fake.on(method, RACK)
    fake.on("DeleteMetadef", pb.DeleteMetadefResponse())
    fake.on("ListMetadefs", pb.ListMetadefsResponse(metadefs=[RACK]))
    schema = tmp_path / "rack.json"
    schema.write_text('{"type": "integer"}')
    result = run(
        "metadef", "create", "rack", "--project", "default", "--schema", str(schema),
        "--type", "server", "--write-role", "operator",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    [made] = fake.asked("CreateMetadef")
    assert (made.attribute, made.project, made.schema) == ("rack", PROJECT, schema.read_text())
    assert (list(made.object_types), made.write_role) == (["server"], common_pb2.ROLE_OPERATOR)
    assert run("metadef", "create", "free").exit_code == 0
    assert (fake.asked("CreateMetadef")[1].project, fake.asked("CreateMetadef")[1].schema) == (
        "",
        "true",
    )
    change = ("--any-type", "--read-role", "anybody", "--generation", "3")
    assert run("metadef", "set", "rack", *change).exit_code == 0
    [changed] = fake.asked("UpdateMetadef")
    assert (changed.id, changed.generation, list(changed.object_types)) == (MACHINE, 3, [])
    assert sorted(changed.update_mask.paths) == ["object_types", "read_role"]
    both = run("metadef", "set", "rack", "--any-type", "--type", "server")
    assert both.exit_code == Exit.USAGE
    assert run("metadef", "delete", "rack", "--yes").exit_code == 0
    assert fake.asked("DeleteMetadef")[0].id == MACHINE
    assert run("metadef", "show", "rack", "--project", "default").exit_code == Exit.NOT_FOUND
    for words in (("list",), ("show", "rack")):
        shown = run("metadef", *words).stdout
        for word in ("rack", "Where it stands", "the system", "operator"):
            assert word in shown


def test_values_are_given_taken_away_and_looked_for(run: Run, fake: FakeMulligan) -> None:
    fake.on("SetAttributes", pb.SetAttributesResponse())
    assert run("metadef", "value", "set", "machine:web-1", "rack", "7").exit_code == 0
    assert run("metadef", "value", "delete", IMAGE, "rack", "--yes").exit_code == 0
    assert [list(one.attributes) for one in fake.asked("SetAttributes")] == [
        [pb.Attribute(object_id=MACHINE, attribute="rack", value="7")],
        [pb.Attribute(object_id=IMAGE, attribute="rack")],
    ]
    fake.on("ListAttributes", pb.ListAttributesResponse(attributes=[GIVEN]))
    assert "debian-13" in run("metadef", "value", "list", "image:debian-13").stdout
    answers = pages(pb.ListObjectsByAttributeResponse, attributes=[GIVEN])
    fake.on("ListObjectsByAttribute", *answers)
    shown = run("metadef", "value", "show", "rack", "--value", "7", "-o", "json")
    found = json.loads(shown.stdout)
    assert (len(found["attributes"]), found["revision"]) == (2, "5")
    first, second = fake.asked("ListObjectsByAttribute")
    assert (first.attribute, first.value, second.page.token) == ("rack", "7", "more")
