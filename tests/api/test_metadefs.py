"""Attributes: defined by system or project, protected by role, checked against their schema."""

import json
from typing import Any
from uuid import uuid4

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
