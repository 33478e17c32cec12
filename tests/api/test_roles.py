"""Roles on the system, projects and regions: who gives and sees them, and where they hold."""

from uuid import UUID, uuid4

import pytest

from mulligan import events
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name
from tests.fakes.site import PASSWORD, Site

READER, MEMBER, OPERATOR, ADMIN = (
    common_pb2.ROLE_READER,
    common_pb2.ROLE_MEMBER,
    common_pb2.ROLE_OPERATOR,
    common_pb2.ROLE_ADMIN,
)


def below(place: Place, project: str) -> str:
    made = place.operator.CreateProject(name=new_name("project"), parent=project)
    return str(made.metadata.id)


def test_a_role_is_given_and_replaced(site: Site) -> None:
    project = site.admin.CreateProject(name=new_name("project")).metadata.id
    name = new_name("account")
    account = site.admin.CreateAccount(name=name, password=PASSWORD).metadata.id
    for role in (common_pb2.ROLE_MEMBER, common_pb2.ROLE_READER):
        given = site.admin.AssignRole(account=account, role=role, project=project)
        assert (given.account, given.role, given.project) == (account, role, project)
    token = site.caller().Login(account=name, password=PASSWORD).access_token
    assert list(site.caller(token).ListMachines(project=project).machines) == []
    with refused("PERMISSION_DENIED"):
        site.caller(token).ProvisionMachine(project=project)


@pytest.mark.parametrize("role", [common_pb2.ROLE_UNSPECIFIED, common_pb2.ROLE_ANONYMOUS])
def test_a_role_that_can_not_be_given_is_refused(site: Site, role: int) -> None:
    account = site.admin.CreateAccount(name=new_name("account"), password=PASSWORD).metadata.id
    with refused("INVALID_ARGUMENT", about="role"):
        site.admin.AssignRole(account=account, role=role)


@pytest.mark.parametrize(
    ("account", "status"),
    [(str(UUID(int=1)), "NOT_FOUND"), ("somebody", "INVALID_ARGUMENT"), ("", "INVALID_ARGUMENT")],
)
def test_a_role_for_nobody_is_refused(site: Site, account: str, status: str) -> None:
    with refused(status):
        site.admin.AssignRole(account=account, role=common_pb2.ROLE_READER)


def test_a_role_on_a_project_that_is_not_there_is_refused(site: Site) -> None:
    account = site.admin.CreateAccount(name=new_name("account"), password=PASSWORD).metadata.id
    with refused("NOT_FOUND"):
        site.admin.AssignRole(account=account, role=common_pb2.ROLE_READER, project=str(uuid4()))


def test_a_role_holds_on_all_projects_below(place: Place) -> None:
    deep = below(place, below(place, place.project))
    assert list(place.member.ListMachines(project=deep).machines) == []
    assert place.member.GetProject(id=deep).metadata.id == deep
    with refused("PERMISSION_DENIED"):
        place.site.account(ADMIN, deep).ListMachines(project=place.project)


def test_an_admin_of_a_project_gives_and_takes_roles_up_to_his_own_in_it_and_below(
    place: Place,
) -> None:
    admin, child = place.site.account(ADMIN, place.project), below(place, place.project)
    account = place.site.new_account()
    for project in (place.project, child):
        admin.AssignRole(account=account, role=ADMIN, project=project)
        assert place.site.signed_in(account).GetProject(id=project)
        admin.RevokeRole(account=account, project=project)
    with refused("PERMISSION_DENIED"):
        place.site.signed_in(account).GetProject(id=child)


def test_anybody_gives_a_role_of_his_own_back(place: Place) -> None:
    given: list[dict[str, str]] = [{"project": place.project}, {"region": place.region}, {}]
    one, other = place.site.account(MEMBER, place.project), place.site.account(READER)
    for where in given[1:]:
        place.operator.AssignRole(account=one.account, role=READER, **where)
    for where in given:
        with refused("PERMISSION_DENIED"):
            one.RevokeRole(account=other.account, **where)
        one.RevokeRole(account=one.account, **where)
        with refused("NOT_FOUND"):
            one.RevokeRole(account=one.account, **where)
    assert list(one.ListAssignments().assignments) == []
    assert len(other.ListAssignments().assignments) == 1


@pytest.mark.parametrize("where", ["system", "above", "beside", "region", "both"])
def test_an_admin_of_a_project_gives_no_role_elsewhere(sqlite_place: Place, where: str) -> None:
    place = sqlite_place
    child = below(place, place.project)
    admin = place.site.account(ADMIN, child)
    named = {
        "system": {},
        "above": {"project": place.project},
        "beside": {"project": below(place, place.project)},
        "region": {"region": place.region},
        "both": {"project": child, "region": place.region},
    }[where]
    with refused("PERMISSION_DENIED"):
        admin.AssignRole(account=place.site.new_account(), role=READER, **named)
    with refused("PERMISSION_DENIED"):
        admin.RevokeRole(account=place.member.account, **named)


def test_an_admin_of_a_region_gives_roles_in_it_and_below(place: Place) -> None:
    child = place.operator.CreateRegion(name=new_name("region"), parent=place.region).metadata.id
    admin = place.site.account(ADMIN, region=place.region)
    held = admin.AssignRole(account=place.site.new_account(), role=OPERATOR, region=child)
    assert (held.project, held.region) == ("", child)
    with refused("PERMISSION_DENIED"):
        admin.AssignRole(account=held.account, role=READER, project=place.project)


def test_a_role_is_held_on_one_place(site: Site) -> None:
    for rpc, more in (("AssignRole", {"role": READER}), ("RevokeRole", {})):
        with refused("INVALID_ARGUMENT", about="region"):
            getattr(site.admin, rpc)(
                account=str(uuid4()), project=str(uuid4()), region=str(uuid4()), **more
            )


@pytest.mark.parametrize("field", ["project", "region"])
def test_a_region_is_no_project_and_the_other_way_round(place: Place, field: str) -> None:
    other = {"project": place.region, "region": place.project}[field]
    with refused("NOT_FOUND") as refusal:
        place.operator.AssignRole(account=place.site.new_account(), role=READER, **{field: other})
    assert refusal.resource[0] == field
    operator = place.site.account(OPERATOR, region=place.region)
    with refused("PERMISSION_DENIED"):
        operator.ListMachines(project=place.region)


def test_a_role_that_is_not_held_there_is_not_taken(place: Place) -> None:
    child = below(place, place.project)
    for account in (place.member.account, str(uuid4())):
        with refused("NOT_FOUND"):
            place.operator.RevokeRole(account=account, project=child)


def test_who_has_which_role_is_seen_by_who_gives_it_and_who_has_it(place: Place) -> None:
    child = below(place, place.project)
    admin, member = place.site.account(ADMIN, place.project), place.site.account(MEMBER, child)
    hers, stranger = member.account, place.site.account(ADMIN, below(place, ""))

    def seen(caller: Caller, **narrowed: str) -> list[tuple[str, int, str]]:
        found = caller.ListAssignments(**narrowed).assignments
        assert all(one.account_name.startswith("account-") for one in found)
        return [(one.account, one.role, one.project or one.region) for one in found]

    mine = [(admin.account, ADMIN, place.project), (hers, MEMBER, child)]
    assert sorted(seen(admin)) == sorted(mine)
    assert seen(admin, project=child) == seen(admin, account=hers) == mine[1:]
    assert seen(member) == mine[1:]
    assert seen(member, project=place.project) == seen(stranger, project=child) == []
    assert seen(place.operator, project=child) == mine[1:]


def test_roles_are_listed_in_pages_without_gap(place: Place) -> None:
    account = place.site.new_account()
    projects = {below(place, place.project) for _ in range(3)}
    for project in projects:
        place.operator.AssignRole(account=account, role=READER, project=project)
    place.operator.AssignRole(account=account, role=READER, region=place.region)
    place.operator.AssignRole(account=account, role=READER)
    seen: list[str] = []
    token = ""
    while token or not seen:
        answer = place.operator.ListAssignments(account=account, page={"size": 2, "token": token})
        seen += [one.project or one.region for one in answer.assignments]
        token = answer.next_page_token
    assert seen == sorted({*projects, place.region, ""})


def test_a_revoked_role_is_told(place: Place) -> None:
    account = place.site.new_account()
    place.operator.AssignRole(account=account, role=MEMBER, region=place.region)
    place.operator.RevokeRole(account=account, region=place.region)
    told = place.site.installation.read(
        lambda session: [row.message for row in events.read_after(session, 0, object_id=account)]
    )
    assert told[-2:] == ["is member of the region now", "is no longer member of the region"]
