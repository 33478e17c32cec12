"""A role on a region: it reaches the hardware that lives there and below, and nothing else."""

import asyncio
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from api.access import Access, Method, methods_of
from api.places import Places
from api.server import SERVICES
from mulligan.database import Database
from mulligan.iam import objects
from mulligan.meta import names
from mulligan.values.caller import Caller
from mulligan.values.errors import PermissionDeniedError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.databases import create_tables
from tests.fakes.caller import METHODS, refused
from tests.fakes.place import SEALED, Place, new_name

OF_REGIONS = [
    pytest.param(method, id=name)
    for name, method in METHODS.items()
    if method.GetOptions().Extensions[common_pb2.access].scope == common_pb2.SCOPE_REGION
    and not method.GetOptions().Extensions[common_pb2.access].field
]
TOP, HERE, ELSEWHERE = (str(uuid4()) for _ in range(3))
MINE, THEIRS = (str(uuid4()) for _ in range(2))


class Ruling:
    """What the interceptor says to callers, with regions of which one is below a top."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(1)
        self._places = Places(self._read)
        for region, parent in ((TOP, None), (HERE, TOP), (ELSEWHERE, None)):
            self._places.regions.add(region, parent)
        self._access = Access(self._places, self._threads)

    async def _read(self, ids: Collection[str]) -> list[objects.Place]:
        return self._database.read(partial(objects.chains, ids=ids))

    def allows(self, name: str, role: str, place: str, **fields: Any) -> bool:
        """Say whether who has a role on a place gets through."""
        caller = Caller(
            str(uuid4()),
            {place: role},
            project_tree=self._places.projects,
            region_tree=self._places.regions,
        )
        descriptor = METHODS[name]
        request = GetMessageClass(descriptor.input_type)(**fields)
        try:
            asyncio.run(self._access.check(caller, request, self._method(descriptor)))
        except PermissionDeniedError:
            return False
        return True

    def _method(self, method: MethodDescriptor) -> Method:
        service = method.containing_service
        assert service in SERVICES.values()
        return methods_of(service, self._database)[f"/{service.full_name}/{method.name}"]


@pytest.fixture(scope="module")
def ruling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ruling]:
    folder: Path = tmp_path_factory.mktemp("ruling")
    database = Database(f"sqlite:///{folder}/site.sqlite")
    create_tables(database)
    for server, region in ((MINE, HERE), (THEIRS, ELSEWHERE)):
        database.write(
            lambda session, server=server, region=region: names.give_name(  # type: ignore[misc]
                session, "server", server, new_name("server"), region=region
            )
        )
    yield Ruling(database)
    database.close()


def about(method: MethodDescriptor, region: str, server: str) -> dict[str, Any]:
    """The fields with which a request says what it is about."""
    ways: dict[str, Any] = {
        "region": region,
        "id": server,
        "object_id": server,
        "ids": [server],
        "changes": [{"id": server}],
    }
    [said] = [name for name in ways if name in method.input_type.fields_by_name][:1]
    return {said: ways[said]}


@pytest.mark.parametrize("method", OF_REGIONS)
def test_a_role_holds_in_its_region_and_below_and_nowhere_else(
    ruling: Ruling, method: MethodDescriptor
) -> None:
    access = method.GetOptions().Extensions[common_pb2.access]
    needed, below = {
        common_pb2.ROLE_READER: ("reader", ""),
        common_pb2.ROLE_OPERATOR: ("operator", "member"),
    }[access.role]
    mine, theirs = about(method, HERE, MINE), about(method, ELSEWHERE, THEIRS)
    for place in (HERE, TOP, ""):
        assert ruling.allows(method.name, needed, place, **mine)
        assert not below or not ruling.allows(method.name, below, place, **mine)
    assert not ruling.allows(method.name, "admin", HERE, **theirs)
    assert not ruling.allows(method.name, "admin", HERE)
    assert not ruling.allows(method.name, "admin", str(uuid4()), **mine)
    assert ruling.allows(method.name, needed, "")


NOWHERE = str(uuid4())


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        pytest.param("ListServers", {"page": {"token": MINE}}, id="an id in a page token"),
        pytest.param("Freeze", {"reason": MINE}, id="an id as a reason"),
        pytest.param("DeleteProviders", {"ids": [MINE, THEIRS]}, id="one that is elsewhere"),
        pytest.param("DeleteProviders", {"ids": [MINE, THEIRS.upper()]}, id="written otherwise"),
        pytest.param("DeleteProviders", {"ids": [MINE, NOWHERE]}, id="one that nobody knows"),
        pytest.param("ListProviders", {"region": HERE, "parent": THEIRS}, id="beside the region"),
        pytest.param(
            "UpdateGroup", {"id": MINE, "members": {"add": [THEIRS]}}, id="deep in the message"
        ),
        pytest.param("UpdateProviders", {"changes": [{"id": MINE, "under": THEIRS}]}, id="a move"),
        pytest.param("CreateHost", {"region": NOWHERE}, id="a region that is not there"),
    ],
)
def test_what_reaches_beyond_the_region_is_refused(
    ruling: Ruling, name: str, fields: dict[str, Any]
) -> None:
    assert not ruling.allows(name, "admin", HERE, **fields)
    assert ruling.allows(name, "admin", "", **fields)


def test_an_operator_of_a_region_runs_its_hardware_and_sees_no_other(place: Place) -> None:
    assert place.executor
    here = place.site.account(common_pb2.ROLE_OPERATOR, region=place.region)
    other = place.operator.CreateRegion(name=new_name("region")).metadata.id
    elsewhere = place.site.account(common_pb2.ROLE_OPERATOR, region=other)
    made = here.CreateServer(
        id=str(uuid4()),
        name=new_name("server"),
        region=place.region,
        spec={"address": f"https://{uuid4()}", "sealed_credentials": SEALED},
    )
    server = made.metadata.id
    place.site.end_of(made.operation)
    assert here.GetServer(id=server).status.state == "available"
    assert here.GetOperation(id=made.operation).status.state == "done"
    assert [one.metadata.id for one in here.ListServers(region=place.region).servers] == [server]
    told = here.until(lambda event: event.kind == "state", object_id=server)
    assert told[0].region == place.region
    [found] = here.ResolveNames(object_type="server", names=[made.metadata.name]).objects
    assert found.id == server
    # Nothing of it is seen from elsewhere.
    for rpc, fields in (
        ("GetServer", {"id": server}),
        ("DeleteServer", {"id": server}),
        ("ListServers", {"region": place.region}),
        ("ListServers", {}),
    ):
        with refused("PERMISSION_DENIED"):
            getattr(elsewhere, rpc)(**fields)
    with refused("NOT_FOUND"):
        elsewhere.GetOperation(id=made.operation)
    assert list(elsewhere.ListOperations(object_id=server).operations) == []
    names_asked = {"object_type": "server", "names": [made.metadata.name]}
    assert list(elsewhere.ResolveNames(**names_asked).objects) == []
    assert list(elsewhere.DescribeObjects(ids=[server]).objects) == []


def test_who_has_no_role_in_the_region_is_told_to_name_one(place: Place) -> None:
    here = place.site.account(common_pb2.ROLE_READER, region=place.region)
    with refused("PERMISSION_DENIED") as refusal:
        here.ListServers()
    assert "name it if you have the role there" in refusal.message
    assert list(here.ListServers(region=place.region).servers) == []


def test_who_runs_a_region_marks_no_machine_of_a_project_that_is_not_theirs(place: Place) -> None:
    place.host()
    machine = place.machine()
    operator = common_pb2.ROLE_OPERATOR
    here = place.site.account(operator, region=place.region)
    for rpc, more in (("SetMark", {"reason": "mine"}), ("ClearMark", {})):
        with refused("PERMISSION_DENIED") as refusal:
            getattr(here, rpc)(object_id=machine, kind="protected", **more)
        assert "project" in refusal.message
    place.operator.AssignRole(account=here.account, role=operator, project=place.project)
    both = place.site.signed_in(here.account)
    [mark] = both.SetMark(object_id=machine, kind="protected", reason="ours").marks
    assert mark.kind == "protected"
