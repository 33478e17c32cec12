"""Attributes: defined by system or project, protected by role, checked against their schema."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest

from api import metadefs
from mulligan.meta import metadefs as kept
from mulligan.meta import schemas
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site

SHORT, LONG = (json.dumps({"type": "string", "maxLength": most}) for most in (3, 30))


def define(caller: Caller, attribute: str, schema: str = SHORT, **more: Any) -> Any:
    return caller.CreateMetadef(attribute=attribute, schema=schema, **more)


def give(caller: Caller, attribute: str, **values: Any) -> None:
    """Give objects values, by their ids."""
    given = [
        {"object_id": one, "attribute": attribute, "value": json.dumps(value)}
        for one, value in values.items()
    ]
    caller.SetAttributes(attributes=given)


def values_of(caller: Caller, *ids: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in caller.ListAttributes(object_ids=ids).attributes:
        found.setdefault(one.object_id, {})[one.attribute] = json.loads(one.value)
    return found


def found_by(caller: Caller, attribute: str, value: str = "") -> list[str]:
    answer = caller.ListObjectsByAttribute(attribute=attribute, value=value)
    return [one.object_id for one in answer.attributes]


def test_the_most_specific_definition_wins_and_values_must_fit_what_changes(place: Place) -> None:
    name, operator, member = new_name("a"), place.operator, place.member
    below = operator.CreateProject(name=new_name("below"), parent=place.project).metadata.id
    general = define(operator, name, LONG)
    give(member, name, **{place.project: "four", below: "four"})
    with refused("FAILED_PRECONDITION", "VALUES_DO_NOT_FIT") as refusal:
        define(operator, name, project=below)
    assert below in refusal.message
    assert refusal.resource == ("project", below)
    assert "four" not in refusal.message
    assert place.project not in refusal.message
    give(member, name, **{below: "two"})
    special = define(operator, name, project=below)
    with refused("INVALID_ARGUMENT", about="value"):
        give(member, name, **{below: "four"})
    give(member, name, **{place.project: "seven"})
    mask = {"paths": ["schema"]}
    with refused("FAILED_PRECONDITION", "VALUES_DO_NOT_FIT") as refusal:
        operator.UpdateMetadef(id=general.metadata.id, schema=SHORT, update_mask=mask)
    assert place.project in refusal.message
    with refused("FAILED_PRECONDITION", "VALUES_DO_NOT_FIT"):
        operator.DeleteMetadef(id=general.metadata.id)
    changed = operator.UpdateMetadef(id=special.metadata.id, schema="true", update_mask=mask)
    assert (changed.schema, changed.metadata.generation) == ("true", 2)
    with refused("ABORTED", "STALE_GENERATION"):
        operator.UpdateMetadef(id=special.metadata.id, schema=SHORT, update_mask=mask, generation=1)
    give(member, name, **{below: 5})
    with refused("FAILED_PRECONDITION", "VALUES_DO_NOT_FIT"):
        operator.DeleteMetadef(id=special.metadata.id)
    give(member, name, **{below: "seven"})
    operator.DeleteMetadef(id=special.metadata.id)
    assert values_of(member, below, place.project) == {
        one: {name: "seven"} for one in (below, place.project)
    }
    assert sorted(found_by(member, name, ' "seven"')) == sorted([below, place.project])
    assert found_by(member, name, '"four"') == []
    gone = [{"object_id": one, "attribute": name} for one in (below, place.project)]
    member.SetAttributes(attributes=gone)
    operator.DeleteMetadef(id=general.metadata.id)
    with refused("NOT_FOUND"):
        operator.GetMetadef(id=general.metadata.id)


@on_sqlite
def test_roles_protect_reading_and_writing(place: Place) -> None:
    name, site = new_name("a"), place.site
    define(
        place.operator,
        name,
        read_role=common_pb2.ROLE_MEMBER,
        write_role=common_pb2.ROLE_OPERATOR,
        object_types=["project"],
    )
    reader = site.account(common_pb2.ROLE_READER, place.project)
    runs = site.account(common_pb2.ROLE_OPERATOR, place.project)
    with refused("PERMISSION_DENIED"):
        give(place.member, name, **{place.project: "abc"})
    give(runs, name, **{place.project: "abc"})
    assert values_of(place.member, place.project) == {place.project: {name: "abc"}}
    assert values_of(reader, place.project) == {}
    assert found_by(reader, name) == []
    assert found_by(place.member, name, '"abc"') == [place.project]
    with refused("INVALID_ARGUMENT", about="attribute"):
        give(place.operator, name, **{place.image: "abc"})


@on_sqlite
def test_another_projects_definitions_and_values_are_not_there(place: Place, site: Site) -> None:
    stranger, name = Place(site).member, new_name("a")
    admin = site.account(common_pb2.ROLE_ADMIN, place.project)
    made = define(admin, name, project=place.project)
    give(place.member, name, **{place.project: "abc"})
    assert place.member.GetMetadef(id=made.metadata.id) == made
    [listed] = place.member.ListMetadefs(project=place.project, attribute=name).metadefs
    assert listed == made
    with refused("NOT_FOUND"):
        stranger.GetMetadef(id=made.metadata.id)
    for verb in ("UpdateMetadef", "DeleteMetadef"):
        mask = {"update_mask": {"paths": ["schema"]}} if verb == "UpdateMetadef" else {}
        with refused("NOT_FOUND"):
            getattr(stranger, verb)(id=made.metadata.id, **mask)
        with refused("PERMISSION_DENIED"):
            getattr(place.member, verb)(id=made.metadata.id, **mask)
    assert not stranger.ListMetadefs(attribute=name).metadefs
    with refused("PERMISSION_DENIED"):
        stranger.ListMetadefs(project=place.project)
    assert values_of(stranger, place.project) == {}
    assert found_by(stranger, name) == []
    with refused("NOT_FOUND"):
        give(stranger, name, **{place.project: "abc"})
    with refused("PERMISSION_DENIED"):
        define(admin, name)
    with refused("ALREADY_EXISTS"):
        define(admin, name, project=place.project)


@on_sqlite
def test_values_of_what_is_deleted_hold_nothing_up(place: Place) -> None:
    name, image = new_name("a"), place.create_image().metadata.id
    made = define(place.operator, name)
    give(place.operator, name, **{image: "abc"})
    with refused("FAILED_PRECONDITION", "VALUES_DO_NOT_FIT"):
        place.operator.DeleteMetadef(id=made.metadata.id)
    place.operator.DeleteImage(id=image)
    place.operator.DeleteMetadef(id=made.metadata.id)


@on_sqlite
def test_what_can_not_be_an_attribute_or_value_is_refused(place: Place) -> None:
    with refused("INVALID_ARGUMENT", about="attribute"):
        define(place.operator, "Rack No. 1")
    with refused("INVALID_ARGUMENT", about="object_types") as refusal:
        define(place.operator, new_name("a"), object_types=["machnie"])
    assert "machine is meant?" in refusal.message
    with refused("INVALID_ARGUMENT", about="schema"):
        define(place.operator, new_name("a"), '{"$ref": "http://127.0.0.1:1/"}')
    with refused("INVALID_ARGUMENT", about="attribute"):
        give(place.member, f"a{uuid4()}", **{place.project: 1})
    name = new_name("a")
    define(place.operator, name, "true")
    twice = [{"object_id": place.project, "attribute": name, "value": "1"}] * 2
    with refused("INVALID_ARGUMENT", about="attributes"):
        place.member.SetAttributes(attributes=twice)
    with refused("INVALID_ARGUMENT", about="value"):
        place.member.SetAttributes(attributes=[{**twice[0], "value": "{"}])


@on_sqlite
def test_of_three_definitions_above_each_other_the_nearest_holds(place: Place) -> None:
    name, operator = new_name("a"), place.operator
    middle = operator.CreateProject(name=new_name("p"), parent=place.project).metadata.id
    low = operator.CreateProject(name=new_name("p"), parent=middle).metadata.id
    most = {place.project: 5, middle: 4, low: 3}
    made = {
        one: define(operator, name, json.dumps({"maximum": highest}), project=one).metadata.id
        for one, highest in most.items()
    }
    give(place.member, name, **most)
    for one, highest in most.items():
        with refused("INVALID_ARGUMENT", about="value"):
            give(place.member, name, **{one: highest + 1})
    operator.DeleteMetadef(id=made[middle])
    give(place.member, name, **{middle: 5})
    with refused("INVALID_ARGUMENT", about="value"):
        give(place.member, name, **{low: 4})
    with refused("FAILED_PRECONDITION", "VALUES_DO_NOT_FIT") as refusal:
        operator.DeleteMetadef(id=made[place.project])
    assert low not in refusal.message
    operator.DeleteMetadef(id=made[low])
    give(place.member, name, **{low: 5})


@on_sqlite
def test_pages_say_nothing_of_values_that_may_not_be_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadefs, "READ_AT_ONCE", 2)
    name, operator = new_name("a"), place.operator
    define(operator, name, "true", read_role=common_pb2.ROLE_MEMBER)
    below = [
        operator.CreateProject(name=new_name("p"), parent=place.project).metadata.id
        for _ in range(7)
    ]
    give(operator, name, **dict.fromkeys(below, 7))
    reader = place.site.account(common_pb2.ROLE_READER, place.project)
    hidden = reader.ListObjectsByAttribute(attribute=name, value="7", page={"size": 1})
    assert (list(hidden.attributes), hidden.next_page_token) == ([], "")
    its = sorted(below)[2:5]
    for one in its:
        operator.AssignRole(account=reader.account, role=common_pb2.ROLE_MEMBER, project=one)
    reader = place.site.signed_in(reader.account)
    token, found = "", []
    for _ in its:
        page = {"size": 1, "token": token}
        answer = reader.ListObjectsByAttribute(attribute=name, value="7", page=page)
        token = answer.next_page_token
        found += [one.object_id for one in answer.attributes]
    assert (found, token) == (its, "")


@on_sqlite
def test_a_retry_finds_its_answer_though_the_definition_is_gone(place: Place) -> None:
    made = define(place.operator, new_name("a")).metadata.id
    change = {
        "id": made,
        "description": "new",
        "update_mask": {"paths": ["description"]},
        "request_id": str(uuid4()),
    }
    changed = place.operator.UpdateMetadef(**change)
    ended = {"id": made, "request_id": str(uuid4())}
    for _ in range(2):
        place.operator.DeleteMetadef(**ended)
        assert place.operator.UpdateMetadef(**change) == changed
    with refused("NOT_FOUND"):
        place.operator.DeleteMetadef(id=made)


def test_who_gives_values_and_tags_at_once_meets_nothing_but_refusals(place: Place) -> None:
    """A definition is narrowed at the same moment: no value is left that does not fit it."""
    name, operator, start = new_name("a"), place.operator, Barrier(6)
    made = define(operator, name, LONG).metadata.id
    schemas = {"schema": SHORT, "update_mask": {"paths": ["schema"]}}

    def narrow() -> None:
        start.wait()
        operator.UpdateMetadef(id=made, **schemas)

    def say(words: str) -> None:
        start.wait()
        give(place.member, name, **{place.project: words})

    def tag(words: str) -> None:
        start.wait()
        place.member.UpdateTags(object_ids=[place.project], add=[words, "both"])

    with ThreadPoolExecutor(6) as threads:
        tags = [threads.submit(tag, words) for words in ("one", "two")]
        values = [threads.submit(say, words) for words in ("abc", "abcd", "abcde")]
        narrowed = threads.submit(narrow)
    assert [one.exception() for one in tags] == [None, None]
    [tagged] = place.member.ListTags(object_ids=[place.project]).objects
    assert {"one", "two", "both"} <= set(tagged.tags)
    errors: list[Any] = [one.exception() for one in [*values, narrowed]]
    codes = {one.code().name for one in errors if one}
    assert codes <= {"INVALID_ARGUMENT", "FAILED_PRECONDITION"}
    is_narrow = operator.GetMetadef(id=made).schema == json.dumps(
        json.loads(SHORT), sort_keys=True, separators=(",", ":")
    )
    assert is_narrow == (narrowed.exception() is None)
    [value] = values_of(place.member, place.project).values()
    assert not is_narrow or len(value[name]) <= 3


@on_sqlite
def test_a_change_that_would_check_for_long_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = new_name("a")
    made = define(place.operator, name, LONG).metadata.id
    give(place.member, name, **{place.project: "abc"})
    monkeypatch.setattr(kept, "MAX_CHANGE_WORK", 10)
    narrower = {"schema": SHORT, "update_mask": {"paths": ["schema"]}}
    with refused("FAILED_PRECONDITION", "TOO_MANY_VALUES"):
        place.operator.UpdateMetadef(id=made, **narrower)
    said = {"description": "new", "update_mask": {"paths": ["description"]}}
    assert place.operator.UpdateMetadef(id=made, **said).description == "new"


@on_sqlite
def test_values_that_would_take_long_to_check_together_are_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same value is checked once; what is too much alone is told as that."""
    name, operator = new_name("a"), place.operator
    below = [operator.CreateProject(name=new_name("below"), parent=place.project) for _ in "abc"]
    ids = [one.metadata.id for one in below]
    define(operator, name, SHORT)
    work = schemas.work_of(schemas.normal_json(SHORT, "schema"), '"1"')
    monkeypatch.setattr(schemas, "MAX_CALL_WORK", 2 * work)
    with refused("INVALID_ARGUMENT", about="attributes"):
        give(operator, name, **dict(zip(ids, "123", strict=True)))
    assert values_of(operator, *ids) == {}
    give(operator, name, **dict(zip(ids, "121", strict=True)))
    monkeypatch.setattr(schemas, "MAX_WORK", work - 1)
    with refused("INVALID_ARGUMENT", about="value"):
        give(operator, name, **dict(zip(ids, "456", strict=True)))
