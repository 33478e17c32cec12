"""The rules that stand in the protos: checked at the door, and told all at once."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message_factory import GetMessageClass
from protovalidate import collect_violations

from api.rules import MOST_TOLD, lower_ids, refuse_broken_rules
from deploy import protos
from mulligan.values.errors import InvalidArgumentError
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.fakes.caller import METHODS, refused, request_of
from tests.fakes.place import Place, on_sqlite


@on_sqlite
def test_everything_that_is_wrong_is_told_at_once(place: Place) -> None:
    new = [
        {"name": "a" * 1025, "properties": {"cpus": -1}},
        {"name": "b", "parent": "rack-1", "inventories": [{"allocation_ratio": 1001}]},
    ]
    with refused("INVALID_ARGUMENT", about="region") as refusal:
        place.operator.CreateProviders(providers=new)
    most = 2**53 - 1
    assert refusal.violations == {
        "region": "say which region: region is empty",
        "providers[0].name": "providers[0].name has 1025 characters; give 1024 at most",
        'providers[0].properties["cpus"]': (
            f'providers[0].properties["cpus"] -1 can\'t be used; it must be at least 0 and at most '
            f"{most}"
        ),
        "providers[1].parent": (
            "providers[1].parent 'rack-1' is not an id; give the object's UUID"
        ),
        "providers[1].inventories[0].allocation_ratio": (
            "providers[1].inventories[0].allocation_ratio 1001.0 can't be used; it must be at "
            "least 0 and at most 1000"
        ),
    }


@on_sqlite
def test_what_is_missing_or_unknown_is_told_with_what_there_is(place: Place) -> None:
    with refused("INVALID_ARGUMENT", about="spec") as refusal:
        list(place.member.ProposeCandidates(project=place.project, limit=1001))
    assert refusal.violations["spec"] == "spec is missing; say it"
    assert refusal.violations["limit"].endswith("it must be at least 0 and at most 1000")
    with refused("INVALID_ARGUMENT", about="by") as refusal:
        place.operator.ListUsage(by=99)
    assert "not one of UsageBy" in refusal.message
    assert "USAGE_BY_GROUP" in refusal.message


def test_of_very_many_broken_rules_some_are_told() -> None:
    request = resource_pb2.DeleteProvidersRequest(request_id="1", ids=["x" * 1_000] * 10_001)
    with pytest.raises(InvalidArgumentError) as raised:
        refuse_broken_rules(request)
    assert raised.value.message == "ids has 10001 entries; give 10000 at most"
    assert len(raised.value.others) == MOST_TOLD - 1
    assert all(len(words) < 200 for _, words in raised.value.others)


@pytest.mark.parametrize("name", METHODS)
def test_the_rules_of_each_request_can_be_checked(name: str) -> None:
    request = request_of(METHODS[name])
    lower_ids(request)
    broken = collect_violations(request)
    assert {one.proto.rule_id for one in broken} <= {
        "string.uuid_empty", "string.min_len", "repeated.min_items", "required"
    }  # fmt: skip


def test_what_is_said_to_be_a_uuid_or_request_id_is_checked_as_one() -> None:
    asked = _asked(method.input_type for method in METHODS.values())
    unchecked = []
    for message, field, said in _strings_with_comments():
        is_id = re.search(r"\bUUIDs?\b", said) is not None
        if message not in asked or not (is_id or field.name == "request_id"):
            continue
        kind = GetMessageClass(asked[message])
        wrong = "x" * 65 if field.name == "request_id" else str(uuid4())[1:]
        is_list = field.label == FieldDescriptorProto.LABEL_REPEATED
        broken = collect_violations(kind(**{field.name: [wrong] if is_list else wrong}))
        paths = [one.proto.field for one in broken]
        if field.name not in {path.elements[0].field_name for path in paths if path}:
            unchecked.append(f"{message}.{field.name}")
    assert unchecked == [], "give each its rule, as the other fields of such have it"


def test_ids_are_read_in_lower_case_wherever_the_rules_name_them() -> None:
    one, two, three = (str(uuid4()) for _ in range(3))
    request = resource_pb2.UpdateProvidersRequest(
        request_id=one.upper(),
        changes=[
            resource_pb2.ProviderChange(id=one.upper(), under=two.upper(), name=three.upper()),
            resource_pb2.ProviderChange(id="RACK"),
        ],
    )
    lower_ids(request)
    assert request.request_id == one.upper(), "it is a word of the caller's"
    first, second = request.changes
    assert (first.id, first.under, first.name, second.id) == (one, two, three.upper(), "RACK")
    assert not second.HasField("under")
    removed = resource_pb2.DeleteProvidersRequest(ids=[one.upper(), two])
    lower_ids(removed)
    assert list(removed.ids) == [one, two]


def test_an_enum_of_a_request_takes_only_what_it_has() -> None:
    unchecked = []
    for name, message in _asked(method.input_type for method in METHODS.values()).items():
        for field in message.fields:
            if field.enum_type:
                assert not field.is_repeated, "the rule of such a field's items is another one"
                broken = collect_violations(GetMessageClass(message)(**{field.name: 1 << 20}))
                if "enum.defined_only" not in {one.proto.rule_id for one in broken}:
                    unchecked.append(f"{name}.{field.name}")
    assert unchecked == [], "give each its rule, as the other fields of such have it"


def _asked(todo: Iterator[Descriptor]) -> dict[str, Descriptor]:
    """The messages that requests are made of, by their full names."""
    found: dict[str, Descriptor] = {}
    left = list(todo)
    while left:
        one = left.pop()
        if one.full_name.startswith("mulligan.") and one.full_name not in found:
            found[one.full_name] = one
            left += [field.message_type for field in one.fields if field.message_type]
    return found


def _strings_with_comments() -> Iterator[tuple[str, FieldDescriptorProto, str]]:
    for file in protos.descriptors().file:
        said = {tuple(one.path): one.leading_comments for one in file.source_code_info.location}
        for number, message in enumerate(file.message_type):
            for index, field in enumerate(message.field):
                if field.type == FieldDescriptorProto.TYPE_STRING:
                    comment = said.get((4, number, 2, index), "")
                    yield f"{file.package}.{message.name}", field, comment
