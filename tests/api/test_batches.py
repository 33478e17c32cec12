"""BatchGet: several objects at once, as Get shows one."""

from typing import Any
from uuid import uuid4

import pytest

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import METHODS, refused
from tests.fakes.machine_rows import write_machine
from tests.fakes.place import Place, new_name, on_sqlite

BATCHES = [name for name in METHODS if name.startswith("BatchGet")]
NOT_ALONE = {
    "GetOperationLog",
    "GetQuota",
    "GetControlConfiguration",
    "GetExecutorConfiguration",
    "GetIamConfiguration",
    "GetMetaConfiguration",
    "GetResourceConfiguration",
}
"""What is a part of an object, found by a project, or there but once."""


def needed(name: str, place: Place) -> dict[str, str]:
    has_project = "project" in METHODS[name].input_type.fields_by_name
    return {"project": place.project} if has_project else {}


def test_whatever_has_a_get_has_a_batch_get() -> None:
    gets = {name for name in METHODS if name.startswith("Get")} - NOT_ALONE
    of_one = {METHODS[name].output_type.full_name for name in gets}
    of_many = set()
    for name in BATCHES:
        method = METHODS[name]
        assert method.input_type.fields_by_name["ids"].is_repeated
        (answer,) = method.output_type.fields
        assert answer.message_type is not None
        of_many.add(answer.message_type.full_name)
    assert of_many == of_one


@pytest.mark.parametrize("name", BATCHES)
def test_what_is_not_there_is_named(place: Place, name: str) -> None:
    wanted = str(uuid4())
    with refused("NOT_FOUND") as refusal:
        getattr(place.operator, name)(ids=[wanted], **needed(name, place))
    assert refusal.resource[1] == wanted


@on_sqlite
@pytest.mark.parametrize("name", BATCHES)
def test_at_most_a_thousand_are_shown_at_once(place: Place, name: str) -> None:
    many = [str(uuid4()) for _ in range(1001)]
    with refused("INVALID_ARGUMENT", about="ids"):
        getattr(place.operator, name)(ids=many, **needed(name, place))
    assert len(getattr(place.operator, name)(**needed(name, place)).ListFields()) == 0


def test_objects_come_in_the_order_of_their_ids_as_get_shows_them(place: Place) -> None:
    host = place.host()
    made = {
        "Host": [host, place.add_host()],
        "Server": [place.add_server(), place.add_server()],
        "Provider": [host],
        "Image": [place.create_image().metadata.id, place.image],
        "Network": [place.network, place.create_network("10.0.9.0/24").metadata.id],
        "Machine": [place.machine()],
        "Claim": [place.claim().metadata.id, place.claim().metadata.id],
        "Group": [
            place.operator.CreateGroup(name=new_name("g"), region=place.region).metadata.id
            for _ in range(2)
        ],
        "Operation": [
            one.metadata.id for one in place.operator.ListOperations(object_id=host).operations
        ],
    }
    for noun, ids in made.items():
        asked = sorted(ids, reverse=True)
        caller: Any = place.member if noun in ("Machine", "Claim") else place.operator
        more = needed(f"BatchGet{noun}s", place)
        answer = getattr(caller, f"BatchGet{noun}s")(ids=asked, **more)
        ((_, shown),) = answer.ListFields()
        assert [one.metadata.id for one in shown] == asked
        if noun not in ("Operation", "Server", "Host"):  # These go on meanwhile.
            get = getattr(caller, f"Get{noun}")
            assert list(shown) == [get(id=one, **more) for one in asked]


def test_another_projects_objects_look_as_if_they_were_not_there(place: Place) -> None:
    place.host()
    claim = place.claim()
    other = str(place.operator.CreateProject(name=new_name("other")).metadata.id)
    reader = place.site.account(common_pb2.ROLE_READER, other)
    operation = place.operator.ListOperations().operations[0].metadata.id
    with refused("NOT_FOUND") as refusal:
        reader.BatchGetClaims(project=other, ids=[claim.metadata.id])
    assert refusal.resource[1] == claim.metadata.id
    with refused("NOT_FOUND"):
        reader.BatchGetOperations(ids=[operation])
    with refused("PERMISSION_DENIED"):
        reader.BatchGetHosts(ids=[])


def test_what_an_answer_can_not_have_is_refused_at_once_and_listed_in_shorter_pages(
    place: Place,
) -> None:
    # As long as a request may make them: 128 KiB each.
    keys = ("k" * 4096,) * 32
    ids = [write_machine(place, name=f"long-{n}", ssh_keys=keys) for n in range(40)]
    project = place.project
    assert len(place.member.BatchGetMachines(project=project, ids=ids[:30]).machines) == 30
    with refused("INVALID_ARGUMENT", about="ids") as refusal:
        place.member.BatchGetMachines(project=project, ids=ids)
    assert "ask for fewer" in refusal.message
    with refused("INVALID_ARGUMENT", about="ids") as refusal:
        place.member.BatchGetMachines(project=project, ids=[ids[0], ids[0].upper()])
    assert "the same entry twice" in refusal.message
    first = place.member.ListMachines(project=project, include_ended=True, page={"size": 40})
    rest = place.member.ListMachines(
        project=project,
        include_ended=True,
        page={"size": 40, "token": first.next_page_token},
    )
    assert len(first.machines) >= 30
    assert [one.metadata.id for one in [*first.machines, *rest.machines]] == sorted(ids)
    assert rest.next_page_token == ""
