"""Application credentials: accounts for programs that may less than who made them."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from api.hashing import AT_ONCE
from mulligan.iam import credentials, grants, objects, sign_ins
from mulligan.iam.tables import Account, ApplicationCredential
from mulligan.requests import Answer
from mulligan.values.errors import UnauthenticatedError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, at, new_name, on_sqlite
from tests.fakes.site import PASSWORD, Site

READER, MEMBER, ADMIN = common_pb2.ROLE_READER, common_pb2.ROLE_MEMBER, common_pb2.ROLE_ADMIN
SECRET = secrets.token_urlsafe(32)
HIDDEN = {"spec": {"visibility": iam_pb2.VISIBILITY_INTERNAL}}


def make(creator: Caller, project: str, role: int = MEMBER, **more: Any) -> Any:
    fields = {"name": new_name("app"), "secret": SECRET}
    fields["roles"] = [{"role": role, "project": project}]  # type: ignore[assignment]
    return creator.CreateApplicationCredential(**{**fields, **more})


def change(caller: Caller, made: Any, **fields: Any) -> Any:
    paths = [name for name in fields if name not in ("generation", "request_id")]
    mask = {"paths": paths}
    return caller.UpdateApplicationCredential(id=made.metadata.id, update_mask=mask, **fields)


def sign_in(site: Site, made: Any) -> Caller:
    answer = site.caller().Login(account=made.metadata.name, password=SECRET)
    return site.caller(answer.access_token)


def test_a_program_does_what_it_was_given(place: Place) -> None:
    made = make(place.member, place.project, READER)
    program = sign_in(place.site, made)
    assert list(program.ListMachines(project=place.project).machines) == []
    with refused("PERMISSION_DENIED"):
        program.ProvisionMachine(project=place.project)
    by_id = place.site.caller().Login(account=made.metadata.id, password=SECRET)
    assert by_id.account == made.metadata.id


def test_no_program_is_called_as_somebody_else_signs_in(place: Place) -> None:
    person = place.operator.CreateAccount(name=new_name("Bob").replace("-", " "), password=PASSWORD)
    slug = person.metadata.slug
    assert slug != person.metadata.name
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        make(place.member, place.project, name=slug)
    assert place.site.caller().Login(account=slug, password=PASSWORD).account == person.metadata.id


@on_sqlite
def test_secrets_are_hashed_a_few_at_a_time_and_hold_nobody_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    many, member, goes_on = 40, place.member, threading.Event()
    begun, known = threading.Semaphore(0), sign_ins.hasher.hash(SECRET)

    def hashed(secret: str) -> str:
        begun.release()
        assert goes_on.wait(30)
        return known

    monkeypatch.setattr(credentials, "hash_secret", hashed)
    with ThreadPoolExecutor(many) as pool:
        made = [pool.submit(make, member, place.project) for _ in range(many)]
        assert all(begun.acquire(timeout=30) for _ in range(AT_ONCE))
        assert member.GetProject(id=place.project).metadata.id == place.project
        assert not begun.acquire(blocking=False)
        goes_on.set()
        assert len({one.result().metadata.id for one in made}) == many


def test_it_is_shown_without_its_secret_to_who_made_it_and_to_admins(place: Place) -> None:
    request_id = str(uuid4())
    end = at(hours=1)
    fields: dict[str, Any] = {
        "expires_at": end,
        "methods": ["mulligan.control.v1.ControlService.GetMachine"],
    }
    name = new_name("app")
    made = make(place.member, place.project, name=name, request_id=request_id, **fields)
    again = make(place.member, place.project, name=name, request_id=request_id, **fields)
    assert made == again
    assert list(made.methods) == ["ControlService/GetMachine"]
    assert made.expires_at == end
    assert [(one.role, one.project) for one in made.roles] == [(MEMBER, place.project)]
    for reader in (place.member, place.operator):
        assert reader.GetApplicationCredential(id=made.metadata.id) == made
    listed = place.member.ListApplicationCredentials().application_credentials
    assert list(listed) == [made]
    other = place.site.account(READER)
    with refused("NOT_FOUND") as refusal:
        other.GetApplicationCredential(id=made.metadata.id)
    assert refusal.resource == ("account", made.metadata.id)
    with refused("PERMISSION_DENIED"):
        other.ListApplicationCredentials(creator=made.creator)
    assert list(place.operator.ListApplicationCredentials(creator=made.creator)
                .application_credentials) == [made]  # fmt: skip


def test_a_program_that_is_deleted_signs_in_no_more(place: Place) -> None:
    made = make(place.member, place.project)
    signed_in = place.site.caller().Login(account=made.metadata.id, password=SECRET)
    with refused("NOT_FOUND"):
        place.site.account(READER).DeleteApplicationCredential(id=made.metadata.id)
    place.member.DeleteApplicationCredential(id=made.metadata.id)
    with refused("UNAUTHENTICATED", "LOGIN_REFUSED"):
        place.site.caller().Login(account=made.metadata.id, password=SECRET)
    with refused("UNAUTHENTICATED", "SESSION_REVOKED"):
        place.site.caller().RefreshToken(refresh_token=signed_in.refresh_token)
    with refused("NOT_FOUND"):
        place.member.GetApplicationCredential(id=made.metadata.id)


@on_sqlite
@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({"secret": "short"}, "secret"),
        ({"roles": []}, "roles"),
        ({"roles": [{"role": common_pb2.ROLE_ANONYMOUS}]}, "roles"),
        ({"methods": ["ControlService/Explode"]}, "methods"),
        ({"methods": ["ControlService/GetMachine"] * 33}, "methods"),
        ({"expires_at": at(hours=-1)}, "expires_at"),
        ({"name": ""}, "name"),
    ],
)
def test_what_can_not_be_used_is_refused(place: Place, fields: dict[str, Any], about: str) -> None:
    with refused("INVALID_ARGUMENT", about=about):
        make(place.member, place.project, **fields)


def test_nobody_gives_more_than_they_have(place: Place) -> None:
    for more in ({"role": ADMIN}, {"project": str(uuid4())}, {"project": ""}):
        role = {"role": READER, "project": place.project, **more}
        with refused("PERMISSION_DENIED"):
            make(place.member, place.project, roles=[role])


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_one_that_is_deleted_while_it_is_listed_is_left_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sorted(make(place.member, place.project).metadata.id for _ in range(3))
    page_of = objects.page

    def deleted_meanwhile(*asked: Any) -> Any:
        page = page_of(*asked)
        place.member.DeleteApplicationCredential(id=made[1])
        return page

    monkeypatch.setattr(objects, "page", deleted_meanwhile)
    first = place.member.ListApplicationCredentials(page={"size": 2})
    monkeypatch.undo()
    token = first.next_page_token
    rest = place.member.ListApplicationCredentials(page={"size": 2, "token": token})
    assert [one.metadata.id for one in first.application_credentials] == made[:1]
    assert [one.metadata.id for one in rest.application_credentials] == made[2:]


def test_what_its_creator_loses_it_loses_with_the_next_token(place: Place) -> None:
    made = make(place.member, place.project)
    first = place.site.caller().Login(account=made.metadata.id, password=SECRET)
    place.operator.AssignRole(account=made.creator, role=READER, project=place.project)
    second = place.site.caller().RefreshToken(refresh_token=first.refresh_token)
    program = place.site.caller(second.access_token)
    assert list(program.ListMachines(project=place.project).machines) == []
    with refused("PERMISSION_DENIED"):
        program.ProvisionMachine(project=place.project)
    place.operator.RevokeRole(account=made.creator, project=place.project)
    with refused("PERMISSION_DENIED"):
        sign_in(place.site, made).ListMachines(project=place.project)


def test_who_is_disabled_leaves_no_program_behind(place: Place) -> None:
    made = make(place.member, place.project)
    first = place.site.caller().Login(account=made.metadata.id, password=SECRET)
    mask = {"paths": ["disabled"]}
    place.operator.UpdateAccount(id=made.creator, disabled=True, update_mask=mask)
    with refused("UNAUTHENTICATED", "CREDENTIAL_OVER"):
        place.site.caller().Login(account=made.metadata.id, password=SECRET)
    with refused("UNAUTHENTICATED", "CREDENTIAL_OVER"):
        place.site.caller().RefreshToken(refresh_token=first.refresh_token)


def test_who_is_deleted_takes_programs_along(place: Place) -> None:
    made = make(place.member, place.project)
    deleted = make(place.operator, place.project)
    place.operator.DeleteAccount(id=made.creator)
    place.operator.DeleteAccount(id=deleted.metadata.id)
    for program in (made, deleted):
        with refused("UNAUTHENTICATED", "LOGIN_REFUSED"):
            place.site.caller().Login(account=program.metadata.id, password=SECRET)
        with refused("NOT_FOUND"):
            place.operator.GetApplicationCredential(id=program.metadata.id)
    mine = [made.metadata.id, deleted.metadata.id]
    left = select(ApplicationCredential).where(ApplicationCredential.account.in_(mine))
    assert place.site.installation.read(lambda session: session.scalars(left).all()) == []


def test_a_program_ends_when_it_was_said_to(place: Place) -> None:
    made = make(place.member, place.project, expires_at=at(minutes=5))
    answer = place.site.caller().Login(account=made.metadata.id, password=SECRET)
    assert answer.expires_at.ToDatetime() <= made.expires_at.ToDatetime()
    assert answer.lifetime.ToTimedelta() <= timedelta(minutes=5)
    later = datetime.now(UTC) + timedelta(minutes=6)
    with pytest.raises(UnauthenticatedError, match="no longer good"):
        place.site.installation.read(
            lambda session: grants.grant_of(session, made.metadata.id, later)
        )


def test_a_program_calls_the_methods_that_it_is_for(place: Place) -> None:
    made = make(place.member, place.project, methods=["ControlService/ListMachines"])
    program = sign_in(place.site, made)
    assert list(program.ListMachines(project=place.project).machines) == []
    for call in (program.ListClaims, program.ListRegions):
        with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED") as refusal:
            call()
        assert "ControlService/ListMachines" in refusal.message
    program.ListServices()  # It has to find the site that it calls.
    assert program.SignOut().revoked_at


def test_a_program_makes_no_accounts_and_gives_no_roles(place: Place) -> None:
    program = sign_in(place.site, make(place.operator, "", ADMIN))
    calls: list[Callable[[], Any]] = [
        lambda: make(program, place.project),
        lambda: program.CreateAccount(name=new_name("account"), password=SECRET),
        lambda: program.ChangePassword(old_password=SECRET, password=SECRET),
        lambda: program.UpdateAccount(id=str(uuid4())),
        lambda: program.AssignRole(account=str(uuid4()), role=ADMIN),
    ]
    for call in calls:
        with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED"):
            call()


def test_a_program_stays_in_its_region(place: Place) -> None:
    below = place.operator.CreateRegion(name=new_name("region"), parent=place.region).metadata.id
    elsewhere = Place(place.site)
    made = make(place.operator, "", ADMIN, region=place.region)
    assert made.region == place.region
    program = sign_in(place.site, made)
    mine, theirs = place.network, elsewhere.network
    assert program.GetNetwork(id=mine).metadata.id == mine
    assert program.ListRegions() is not None
    assert {mine, theirs} <= {one.metadata.id for one in program.ListNetworks().networks}
    assert place.image in {one.metadata.id for one in program.ListImages().images}
    assert program.CreateNetwork(
        name=new_name("network"), region=below, spec={"prefix": "10.8.0.0/24"}
    )
    program.UpdateTags(object_ids=[mine], add=["seen to"])
    assert list(program.ListTags(object_ids=[mine]).objects[0].tags) == ["seen to"]
    calls: list[Callable[[], Any]] = [
        lambda: program.UpdateTags(object_ids=[mine, theirs], add=["seen to"]),
        lambda: program.GetNetwork(id=theirs),
        lambda: program.ListHosts(region=elsewhere.region),
        lambda: program.CreateNetwork(name="n", region=elsewhere.region),
        lambda: program.ListHosts(),
        lambda: program.CreateProject(name=new_name("project")),
        lambda: next(program.Watch()),
        # Its region's id says nothing where it doesn't say what is meant.
        lambda: program.ListServers(page={"token": place.region}),
        lambda: program.Freeze(reason=place.region),
        lambda: program.CreateProject(name=new_name("project"), request_id=place.region),
        lambda: next(program.Watch(object_types=[place.region])),
        lambda: next(program.iamWatch(object_types=[place.region])),
        lambda: program.ResolveNames(object_type="network", names=[place.region, "a"]),
        lambda: program.DescribeObjects(ids=[mine, str(uuid4())]),
        lambda: program.CancelReservation(
            project=place.project, id=str(uuid4()), request_id=place.region
        ),
    ]
    for call in calls:
        with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED") as refusal:
            call()
        assert place.region in refusal.message


def test_a_program_for_a_region_sees_of_iam_what_is_its_own_there(place: Place) -> None:
    """It was made by an admin of the system, and given that role."""
    parent = place.operator.CreateRegion(name=new_name("region"), **HIDDEN).metadata.id
    region = place.operator.CreateRegion(
        name=new_name("region"), parent=parent, **HIDDEN
    ).metadata.id
    other = place.operator.CreateRegion(name=new_name("region"), **HIDDEN).metadata.id
    account = place.site.account(READER, project=place.project).account
    limited, everywhere = (make(place.operator, "", ADMIN, **to) for to in ({"region": region}, {}))

    def seen(made: Any) -> set[str]:
        program, page = sign_in(place.site, made), {"size": 1000}
        objects = [
            *program.ListProjects(page=page).projects,
            *program.ListRegions(page=page).regions,
        ]
        return {
            *(one.metadata.id for one in objects),
            *(one.account for one in program.ListAssignments(page=page).assignments),
            *(event.object_id for event in program.iamListAuditEvents(page=page).events),
        }

    assert {region, other, place.project, account} <= seen(everywhere)
    assert region in seen(limited)
    assert not {other, place.project, account} & seen(limited)
    program = sign_in(place.site, limited)
    with refused("NOT_FOUND"):
        program.GetAccount(id=account)


def test_a_program_changes_the_reservations_of_its_region_alone(place: Place) -> None:
    elsewhere = Place(place.site)
    program = sign_in(place.site, make(place.operator, "", ADMIN, region=place.region))
    for one in (place, elsewhere):
        one.host()
        [made] = one.operator.CreateReservations(
            project=one.project,
            region=one.region,
            spec={
                "claim": {"amounts": [{"resource_type": "VCPU", "amount": 1}]},
                "window": {"acquire_at": at(hours=1), "release_at": at(hours=2)},
            },
        ).reservations
        which = {"project": one.project, "id": made.metadata.id}
        if one is place:
            assert program.CancelReservation(**which).metadata.id == made.metadata.id
        else:
            with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED"):
                program.CancelReservation(**which, request_id=place.region)


@on_sqlite
def test_a_program_stays_with_the_claims_of_its_region(place: Place) -> None:
    place.host()
    elsewhere = Place(place.site)
    elsewhere.host()
    mine = place.claim().metadata.id
    theirs = elsewhere.claim().metadata.id
    program = sign_in(place.site, make(place.operator, "", ADMIN, region=place.region))
    assert program.GetClaim(project=place.project, id=mine).metadata.id == mine
    with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED"):
        program.GetClaim(project=elsewhere.project, id=theirs)


@on_sqlite
def test_what_a_program_does_not_see_it_is_told_nothing_of(place: Place) -> None:
    beside, elsewhere = Place(place.site), Place(place.site)
    beside.__dict__["region"] = place.region
    for one in (place, elsewhere):
        one.host()
    program = sign_in(place.site, make(place.member, place.project, region=place.region))
    own = place.claim().metadata.id
    assert program.GetClaim(project=place.project, id=own).metadata.id == own
    foreign = [one.claim().metadata.id for one in (beside, elsewhere)]
    hidden = [one.server() for one in (place, elsewhere)]
    said = set()
    for one in (*foreign, *hidden, str(uuid4())):
        calls: list[Callable[[], Any]] = [
            partial(program.GetClaim, project=place.project, id=one),
            partial(program.ReleaseClaim, project=place.project, id=one),
            partial(program.GetOperation, id=one),
            partial(program.DescribeObjects, ids=[own, one]),
            partial(program.ListHosts, region=elsewhere.region),
        ]
        for call in calls:
            with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED") as refusal:
                call()
            said.add(refusal.message)
    assert len(said) == 1


def test_it_is_renamed_and_given_less(place: Place) -> None:
    creator, elsewhere = place.operator, Place(place.site).project
    own = {"role": MEMBER, "project": place.project}
    made = make(creator, place.project, roles=[own, {"role": READER, "project": elsewhere}])
    program = sign_in(place.site, made)
    request_id, name, end = str(uuid4()), new_name("app"), at(hours=1)
    less = {
        "name": name,
        "roles": [own],
        "expires_at": end,
        "methods": ["ControlService/ListMachines", "ControlService/GetMachine"],
    }
    changed = change(creator, made, request_id=request_id, generation=1, **less)
    assert change(creator, made, request_id=request_id, generation=1, **less) == changed
    assert (changed.metadata.name, changed.metadata.generation) == (name, 2)
    assert [(one.role, one.project) for one in changed.roles] == [(MEMBER, place.project)]
    assert changed.expires_at == end
    assert list(changed.methods) == ["ControlService/GetMachine", "ControlService/ListMachines"]
    assert creator.GetApplicationCredential(id=made.metadata.id) == changed
    assert change(creator, made, **less) == changed, "what it has already is no change"
    # The token that it has is as it was; the next one is not.
    assert program.ListClaims(project=place.project) is not None
    program = sign_in(place.site, changed)
    assert list(program.ListMachines(project=place.project).machines) == []
    with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED"):
        program.ListClaims(project=place.project)
    with refused("PERMISSION_DENIED"):
        program.ListMachines(project=elsewhere)
    words = " ".join(
        one.message
        for one in place.operator.iamListAuditEvents(object_id=made.metadata.id).events
        if one.method.endswith("/UpdateApplicationCredential")
    )
    for told in (name, "ControlService/GetMachine", "no longer reader", "ends 20"):
        assert told in words


def test_it_never_gets_more(place: Place) -> None:
    made = make(
        place.member,
        place.project,
        READER,
        expires_at=at(hours=1),
        methods=["ControlService/GetMachine"],
    )
    more: list[dict[str, Any]] = [
        {"expires_at": at(hours=2)},
        {"methods": ["ControlService/GetMachine", "ControlService/ListMachines"]},
        {"roles": [{"role": MEMBER, "project": place.project}]},
        {"roles": [{"role": READER}]},
    ]
    for fields in more:
        with refused("FAILED_PRECONDITION", "CREDENTIAL_WIDENED") as refusal:
            change(place.member, made, **fields)
        assert refusal.resource == ("account", made.metadata.id)
    assert place.member.GetApplicationCredential(id=made.metadata.id) == made


@on_sqlite
def test_a_change_that_is_none_is_refused(place: Place) -> None:
    made = make(place.member, place.project)
    unusable: list[tuple[str, dict[str, Any]]] = [
        ("update_mask", {}),
        ("name", {"name": ""}),
        ("roles", {"roles": []}),
        ("methods", {"methods": []}),
        ("methods", {"methods": ["ControlService/Explode"]}),
        ("expires_at", {"expires_at": at(hours=-1)}),
        ("expires_at", {"expires_at": None}),
    ]
    for about, fields in unusable:
        with refused("INVALID_ARGUMENT", about=about):
            change(place.member, made, **fields)
    for fixed in ("secret", "region"):
        with refused("INVALID_ARGUMENT", about="update_mask") as refusal:
            place.member.UpdateApplicationCredential(
                id=made.metadata.id, update_mask={"paths": [fixed]}
            )
        assert "make another one" in refusal.message
    with refused("ABORTED"):
        change(place.member, made, name=new_name("app"), generation=7)
    with refused("NOT_FOUND"):
        change(place.site.account(READER), made, name=new_name("app"))
    with refused("NOT_FOUND"):
        user = place.operator.GetAccount(id=made.creator)
        change(place.operator, user, name=new_name("app"))
    assert place.member.GetApplicationCredential(id=made.metadata.id) == made


def test_only_a_hash_of_the_secret_is_kept(place: Place) -> None:
    made = make(place.member, place.project)
    account, program, answers = place.site.installation.read(
        lambda session: (
            session.get(Account, made.metadata.id),
            session.get(ApplicationCredential, made.metadata.id),
            session.scalars(select(Answer.response).where(Answer.account == made.creator)).all(),
        )
    )
    assert account is not None
    assert program is not None
    assert program.secret_hash.startswith("$argon2id$")
    # The release before knows no limits: it finds a hash that nothing has.
    assert sign_ins.matches(program.secret_hash, SECRET)
    assert not sign_ins.matches(account.password_hash, SECRET)
    with refused("FAILED_PRECONDITION", "APPLICATION_CREDENTIAL"):
        place.operator.UpdateAccount(
            id=made.metadata.id, password=SECRET, update_mask={"paths": ["password"]}
        )
    assert answers
    assert not any(SECRET.encode() in answer for answer in answers)
