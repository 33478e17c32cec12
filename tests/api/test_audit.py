"""The audit: who did what and who was refused, for who may know."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from sqlalchemy import select

from api import refusals
from api.call import SECRETS
from mulligan import events
from mulligan.events import EventRow
from mulligan.values.errors import MulliganError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import METHODS, Caller, refused, request_of
from tests.fakes.place import Place, new_name, on_sqlite
from tests.fakes.site import Site

MUTATIONS = [name for name, one in METHODS.items() if "request_id" in one.input_type.fields_by_name]
SECRET = "hunter22-never-shown"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write refusals at once, also where other tests' are many, and none as one with theirs."""
    test, kind = str(uuid4()), refusals.Asking.kind

    def of_this_test(asking: refusals.Asking, error: MulliganError) -> refusals.Kind:
        who, method, code = kind(asking, error)
        return who + test, method, code

    monkeypatch.setattr(refusals.Asking, "kind", of_this_test)
    monkeypatch.setattr(refusals, "BEAT_S", 0.01)
    monkeypatch.setattr(refusals, "ROWS_A_BEAT", 1_000)
    monkeypatch.setattr(refusals, "MOST_KINDS", 1_000_000)


def list_events(caller: Caller, method: str, **narrowed: Any) -> list[Any]:
    """What the service that has a method tells of it."""
    service = METHODS[method].containing_service
    assert service is not None
    listing = "iamListAuditEvents" if service.name == "IamService" else "ListAuditEvents"
    verb = METHODS[method].name
    return list(getattr(caller, listing)(method=f"{service.name}/{verb}", **narrowed).events)


def refusal_of(caller: Caller, method: str, request_id: str = "", **narrowed: Any) -> Any:
    """Wait for the first refusal of a method, or of one call of it, that is written."""
    for _ in range(2_000):
        for told in reversed(list_events(caller, method, kind="refused", **narrowed)):
            if request_id in ("", told.request_id):
                return told
    raise AssertionError(f"{method} told of no refusal")


def test_a_change_tells_who_asked_for_it_how_and_from_where(place: Place) -> None:
    image = place.create_image().metadata.id
    [told] = list_events(place.operator, "CreateImage", object_id=image)
    assert (told.author, told.kind, told.result) == (place.operator.account, "created", "OK")
    assert (told.region, told.address, told.count) == (place.region, "", 1)
    assert len(told.request_id) == 36
    project = place.operator.CreateProject(name=new_name("project"), request_id="my own")
    [told] = list_events(place.operator, "CreateProject", object_id=project.metadata.id)
    assert (told.kept_by, told.request_id) == ("iam", "my own")


def test_the_first_event_of_an_operation_tells_who_asked_for_it(place: Place, site: Site) -> None:
    host = place.add_host(request_id="add-1")
    operation = place.operator.ListOperations(object_id=host).operations[0].metadata.id
    first = place.operator.ListAuditEvents(object_id=operation).events[-1]
    assert (first.kind, first.operation) == ("created", operation)
    assert (first.method, first.request_id) == ("ControlService/CreateHost", "add-1")
    assert first.author == place.operator.account


def test_a_sign_in_tells_its_method(site: Site) -> None:
    account = site.new_account()
    site.signed_in(account)
    [told] = list_events(site.admin, "Login", account=account)
    assert (told.object_type, told.kind) == ("session", "created")


def test_each_refused_mutation_is_told_once_and_watched_by_nobody(site: Site) -> None:
    nobody = site.signed_in(site.new_account())
    databases = (site.database, site.installation)
    begun = [database.read(events.current_revision) for database in databases]
    for name in MUTATIONS:
        with pytest.raises(grpc.RpcError):
            nobody.send(name, request_of(METHODS[name], request_id=f"try-{name}"))
    for name in MUTATIONS:
        # Who spends a refresh token has no token.
        whose = "" if name == "RefreshToken" else nobody.account
        told = refusal_of(site.admin, name, f"try-{name}", account=whose)
        assert (told.kind, told.count) == ("refused", 1)
        assert told.result not in ("", "OK", "INTERNAL")
        assert told.message
    for database, revision in zip(databases, begun, strict=True):
        watched, _ = database.read(partial(events.read_on, revision=revision))
        assert [row for row in watched if row.author == nobody.account] == []


def test_reading_is_told_only_when_it_was_refused_for_who_asked(place: Place, site: Site) -> None:
    nobody = site.signed_in(site.new_account())
    with refused("PERMISSION_DENIED"):
        nobody.ListServers(region=place.region)
    with refused("NOT_FOUND"):
        place.operator.GetServer(id=place.project)
    told = refusal_of(site.admin, "ListServers", account=nobody.account)
    assert (told.result, told.region) == ("PERMISSION_DENIED", place.region)
    assert list_events(site.admin, "GetServer", object_id=place.project) == []
    with refused("UNAUTHENTICATED"):
        site.caller("x.y.z").ListHosts(region=place.region)
    told = refusal_of(site.admin, "ListHosts", region=place.region)
    assert (told.author, told.result) == ("", "UNAUTHENTICATED")


def test_a_failed_sign_in_names_an_account_that_there_is(site: Site) -> None:
    account = site.new_account()
    with refused("UNAUTHENTICATED"):
        site.caller().Login(account=account, password="wrong one")
    told = [one for one in sign_ins(site) if one.object_id == account]
    assert all(one.object_type == "account" for one in told)


def sign_ins(site: Site) -> list[Any]:
    assert refusal_of(site.admin, "Login")
    return list_events(site.admin, "Login", kind="refused")


def test_admins_see_what_is_of_their_places(place: Place, site: Site) -> None:
    other = Place(site)
    child = site.admin.CreateProject(name=new_name("project"), parent=place.project).metadata.id
    mine, theirs = (
        site.account(common_pb2.ROLE_ADMIN, one.project) for one in (place, other)
    )  # fmt: skip
    of_region = site.account(common_pb2.ROLE_ADMIN, region=place.region)
    operator = site.account(common_pb2.ROLE_OPERATOR)
    nobody = site.signed_in(site.new_account())
    for project in (place.project, child, other.project):
        with refused("PERMISSION_DENIED"):
            nobody.DeleteQuota(project=project)
        # One of each minute: the next one has another caller.
        assert refusal_of(operator, "DeleteQuota", account=nobody.account).project == project
        nobody = site.signed_in(site.new_account())
    image = place.create_image().metadata.id

    def seen_by(caller: Caller) -> set[str]:
        answer = caller.ListAuditEvents(page={"size": 1000})
        return {one.project or one.region for one in answer.events}

    assert seen_by(mine) == {place.project, child}
    assert seen_by(theirs) == {other.project}
    assert seen_by(of_region) == {place.region}
    assert list_events(of_region, "CreateImage", object_id=image)
    assert {place.project, child, other.project, place.region} <= seen_by(operator)
    for listing in ("ListAuditEvents", "iamListAuditEvents"):
        for less in (nobody, place.member):
            with refused("PERMISSION_DENIED"):
                getattr(less, listing)()


@on_sqlite
def test_pages_are_read_to_their_end(place: Place) -> None:
    made = [place.create_image().metadata.id for _ in range(3)]
    of_region = {"region": place.region, "method": "CreateImage"}
    first = place.operator.ListAuditEvents(page={"size": 2}, **of_region)
    made.append(place.create_image().metadata.id)
    rest = place.operator.ListAuditEvents(
        page={"size": 2, "token": first.next_page_token}, **of_region
    )
    assert [one.object_id for one in (*first.events, *rest.events)] == made[2::-1]
    assert rest.next_page_token == ""


def test_no_secret_of_a_request_is_ever_written(site: Site) -> None:
    callers = (site.caller(), site.signed_in(site.new_account()), site.admin)
    sent = set()
    for name, method in METHODS.items():
        request = request_of(method)
        fields = set(_fill(request, method.input_type))
        if not fields or method.server_streaming:
            continue
        sent |= fields
        for caller in callers:
            with pytest.raises(grpc.RpcError):
                caller.send(name, request)
    assert {*SECRETS, "token", "refresh_token", "sealed_credentials"} <= sent
    assert refusal_of(site.admin, "CreateServer", account=site.admin.account)
    assert refusal_of(site.admin, "CreateAccount", account=callers[1].account)
    assert refusal_of(site.admin, "Login")
    for database in (site.database, site.installation):
        rows = database.read(lambda session: session.execute(select(EventRow.__table__)).all())
        assert [row for row in rows if SECRET in str(row)] == []


def _fill(request: Any, descriptor: Descriptor) -> Iterator[str]:
    """Put the secret wherever one belongs or is typed by mistake; gives the fields."""
    for field in descriptor.fields:
        typed = descriptor.name == "LoginRequest" and field.name == "account"
        if typed or field.name in refusals.NEVER_SHOWN:
            setattr(request, field.name, SECRET)
            yield field.name
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.name == "spec":
            assert field.message_type is not None
            if not field.is_repeated:
                yield from _fill(getattr(request, field.name), field.message_type)
