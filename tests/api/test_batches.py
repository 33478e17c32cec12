"""BatchGet: several objects at once, as Get shows one."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.belongings import belongings, naming
from tests.fakes.caller import METHODS, Caller, refused, request_of
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.rows import write_machine

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


def test_nobody_is_shown_more_at_once_than_one_by_one(place: Place) -> None:
    place.host()
    group = place.operator.CreateGroup(name=new_name("g"), region=place.region)
    known = {
        **belongings(place),
        "Region": place.region,
        "Network": place.network,
        "Image": place.image,
        "Host": place.add_host(),
        "Server": place.add_server(),
        "Group": group.metadata.id,
    }
    known["Provider"] = known["Host"]
    own = str(place.operator.CreateProject(name=new_name("other")).metadata.id)
    stranger = place.site.account(common_pb2.ROLE_ADMIN, own)
    shown = set()
    for caller, project in ((stranger, place.project), (stranger, own), (place.member, own)):
        for name in BATCHES:
            there = known | {"Project": project}
            one, many = (seen(caller, METHODS[each], there) for each in (get_of(name), name))
            assert one == many, name
            if caller is stranger and one:
                shown.add(name)
    # A region's networks and images are for all who see it.
    assert shown == {"BatchGetImages", "BatchGetNetworks", "BatchGetRegions", "BatchGetProjects"}


def get_of(batch: str) -> str:
    """The Get of what a BatchGet shows."""
    (answer,) = METHODS[batch].output_type.fields
    [name] = [
        name
        for name, method in METHODS.items()
        if method.output_type == answer.message_type and name.startswith("Get")
    ]
    return name


def seen(caller: Caller, method: MethodDescriptor, known: dict[str, str]) -> str:
    """The id of the object that a call shows; empty where there is none for the caller."""
    try:
        answer = caller.send(method, request_of(method, **naming(method, known)))
    except grpc.RpcError as error:
        refusal: Any = error
        assert refusal.code().name in ("NOT_FOUND", "PERMISSION_DENIED")
        return ""
    [one] = [answer] if hasattr(answer, "metadata") else answer.ListFields()[0][1]
    return str(one.metadata.id)


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
