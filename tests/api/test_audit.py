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
from mulligan import audit, events
from mulligan.audit import Refusal as AuditRefusal
from mulligan.events import EventRow, Origin
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

    def of_this_test(*asked: Any) -> refusals.Kind:
        same = kind(*asked)
        return same._replace(who=same.who + test)

    monkeypatch.setattr(refusals.Asking, "kind", of_this_test)
    monkeypatch.setattr(refusals, "BEAT_S", 0.01)
    monkeypatch.setattr(refusals, "ROWS_A_BEAT", 1_000)
    monkeypatch.setattr(refusals, "MOST_KINDS", 1_000_000)
    monkeypatch.setattr(refusals, "MOST_OF_ONE", 1_000_000)


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
    network = place.create_network().metadata.id
    place.operator.DeleteNetwork(id=network)
    for method in ("CreateNetwork", "DeleteNetwork"):
        [told] = list_events(place.operator, method, object_id=network)
        assert told.author == place.operator.account
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
    written = [
        row.request_id
        for database in databases
        for row in database.read(lambda session: session.scalars(select(EventRow)).all())
    ]
    assert [name for name in MUTATIONS if written.count(f"try-{name}") != 1] == []
    for database, revision in zip(databases, begun, strict=True):
        newest, cursor = database.read(events.current_revision), revision
        while cursor < newest:
            rows, cursor = database.read(partial(events.read_on, revision=cursor))
            tried = [row for row in rows if (row.request_id or "").startswith("try-")]
            assert tried == []


def test_reading_is_told_only_when_it_was_refused_for_who_asked(place: Place, site: Site) -> None:
    nobody = site.signed_in(site.new_account())
    with refused("NOT_FOUND"):
        place.operator.GetServer(id=place.project)
    with refused("PERMISSION_DENIED"):
        nobody.ListServers(region=place.region)
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
    told = refusal_of(site.admin, "Login", object_id=account)
    assert (told.object_type, told.author, told.result) == ("account", "", "LOGIN_REFUSED")


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


def test_admins_see_what_was_refused_about_their_objects(place: Place, site: Site) -> None:
    other = Place(site)
    nobody = site.signed_in(site.new_account())
    images = [one.create_image().metadata.id for one in (place, other)]
    for image in (*images, *images):
        with refused("PERMISSION_DENIED"):
            nobody.DeleteImage(id=image)
    for one, image in zip((place, other), images, strict=True):
        admin = site.account(common_pb2.ROLE_ADMIN, region=one.region)
        told = refusal_of(admin, "DeleteImage", account=nobody.account)
        assert (told.object_id, told.region, told.project) == (image, one.region, "")
        assert {event.region for event in list_events(admin, "DeleteImage")} == {one.region}


def test_admins_learn_nothing_of_others_but_what_they_did_to_them(place: Place, site: Site) -> None:
    admin = site.account(common_pb2.ROLE_ADMIN, place.project)
    stranger, session, request = str(uuid4()), str(uuid4()), str(uuid4())

    def tell(author: str | None, home: str) -> None:
        call = Origin("S/M", "192.0.2.1/32", request, session, lambda _project, _region: home)
        told = AuditRefusal(call, "NO", "my words", author, project=place.project)
        site.database.write(lambda session: audit.record_refusals(session, [(told, 1)]))

    for author, home in (
        (None, ""),
        (stranger, ""),
        (stranger, place.region),
        (stranger, place.project),
    ):
        tell(author, home)

    def shown(reader: Caller) -> list[tuple[str, ...]]:
        found = reader.ListAuditEvents(project=place.project, method="S/M").events
        assert [one.author for one in found] == [stranger, stranger, stranger, ""]
        return [(one.address, one.session, one.request_id, one.message) for one in found]

    all_, nothing = ("192.0.2.1/32", session, request, "my words"), ("", "", "", "")
    assert shown(admin) == [all_, nothing, nothing, ("192.0.2.1/32", "", "", "")]
    assert shown(place.operator) == [all_] * 4


def test_who_is_at_home_is_told_with_its_words(place: Place, site: Site) -> None:
    admin = site.account(common_pb2.ROLE_ADMIN, place.project)
    stranger = site.signed_in(site.new_account())
    for caller, words in ((place.member, "its own"), (place.operator, ""), (stranger, "")):
        with pytest.raises(grpc.RpcError):
            caller.ReleaseClaim(project=place.project, id=str(uuid4()), request_id="its own")
        told = refusal_of(admin, "ReleaseClaim", account=caller.account)
        assert (told.request_id, bool(told.message)) == (words, bool(words))
    place.operator.SetQuota(project=place.project, spec={"claims": 2}, request_id="operator's")
    for reader, words in ((admin, ""), (place.operator, "operator's")):
        [done] = list_events(reader, "SetQuota", project=place.project)
        assert (done.author, done.request_id) == (place.operator.account, words)
        assert done.message


@on_sqlite
def test_a_message_that_is_none_is_of_who_sent_it(place: Place) -> None:
    with refused("INVALID_ARGUMENT"):
        place.member.send("DeleteServer", b"\xff")
    told = refusal_of(place.operator, "DeleteServer", account=place.member.account)
    assert told.result != "UNAUTHENTICATED"


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
