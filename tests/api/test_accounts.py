"""Accounts: read, changed, disabled and deleted, and passwords that people change themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mulligan.iam import sign_ins
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name
from tests.fakes.site import PASSWORD, Site


def update(caller: Caller, account: str, generation: int = 0, **changes: Any) -> Any:
    mask = {"paths": list(changes)}
    return caller.UpdateAccount(id=account, generation=generation, update_mask=mask, **changes)


def test_accounts_are_seen_by_themselves_and_by_readers_of_the_system(place: Place) -> None:
    site = place.site
    mine, other = site.new_account(), site.new_account()
    me = site.signed_in(mine)
    assert me.GetAccount(id=mine).metadata.id == mine
    with refused("NOT_FOUND") as refusal:
        me.GetAccount(id=other)
    assert refusal.resource == ("account", other)
    reader = site.account(common_pb2.ROLE_READER)
    assert [one.metadata.id for one in reader.BatchGetAccounts(ids=[other, mine]).accounts] == [
        other,
        mine,
    ]
    seen: list[str] = []
    token = ""
    while token or not seen:
        answer = reader.ListAccounts(page={"size": 1000, "token": token})
        seen += [one.metadata.id for one in answer.accounts]
        token = answer.next_page_token
    assert {mine, other} <= set(seen)
    assert seen == sorted(seen)
    with refused("NOT_FOUND"):
        reader.BatchGetAccounts(ids=[mine, str(uuid4())])
    for rpc in (place.member.ListAccounts, place.member.BatchGetAccounts):
        with refused("PERMISSION_DENIED"):
            rpc()


def test_an_admin_changes_name_and_password(site: Site) -> None:
    account, name = site.new_account(), new_name("account")
    changed = update(site.admin, account, generation=1, name=name, password="new password")
    assert (changed.metadata.name, changed.metadata.generation) == (name, 2)
    assert site.signed_in(name, "new password")
    with refused("UNAUTHENTICATED", "LOGIN_REFUSED"):
        site.signed_in(name)
    with refused("ABORTED", "STALE_GENERATION"):
        update(site.admin, account, generation=1, disabled=True)
    with refused("INVALID_ARGUMENT", about="password"):
        update(site.admin, account, password="short")
    with refused("INVALID_ARGUMENT", about="update_mask"):
        update(site.admin, account)
    with refused("NOT_FOUND"):
        update(site.admin, str(uuid4()), disabled=True)
    with refused("PERMISSION_DENIED"):
        update(site.signed_in(name, "new password"), account, name=new_name("account"))


def test_an_account_says_whether_it_is_a_users_or_a_programs(site: Site) -> None:
    user = site.new_account()
    program = site.admin.CreateApplicationCredential(
        name=new_name("program"), secret="s" * 32, roles=[{"role": common_pb2.ROLE_READER}]
    ).metadata.id
    wanted = {user: iam_pb2.ACCOUNT_TYPE_USER, program: iam_pb2.ACCOUNT_TYPE_APPLICATION}
    assert {one: site.admin.GetAccount(id=one).type for one in wanted} == wanted
    found = site.admin.BatchGetAccounts(ids=list(wanted)).accounts
    assert {one.metadata.id: one.type for one in found} == wanted


def test_old_slugs_are_shown_until_others_take_them(site: Site) -> None:
    first, second, third = (new_name("account") for _ in range(3))
    account = site.admin.CreateAccount(name=first, password=PASSWORD).metadata.id
    update(site.admin, account, name=second)
    mask = {"paths": ["name"]}
    last = {"id": account, "name": third, "request_id": str(uuid4()), "update_mask": mask}
    changed = site.admin.UpdateAccount(**last)
    assert changed.metadata.old_slugs == [first, second]
    assert site.admin.GetAccount(id=account) == changed
    other = site.admin.CreateAccount(name=first, password=PASSWORD).metadata.id
    assert site.admin.GetAccount(id=account).metadata.old_slugs == [second]
    again = site.admin.UpdateAccount(**last)
    assert again.metadata.old_slugs == [second], "as it is now"
    assert list(site.admin.GetAccount(id=other).metadata.old_slugs) == []


def test_a_disabled_account_can_not_sign_in_until_it_is_enabled(site: Site) -> None:
    account = site.new_account()
    assert update(site.admin, account, disabled=True).disabled
    with refused("UNAUTHENTICATED", "ACCOUNT_DISABLED"):
        site.signed_in(account)
    with refused("UNAUTHENTICATED", "LOGIN_REFUSED"):
        site.signed_in(account, "wrong password")
    assert not update(site.admin, account, disabled=False).disabled
    assert site.signed_in(account)


def test_a_deleted_account_is_gone_with_its_roles(place: Place) -> None:
    site, name = place.site, new_name("account")
    account = site.admin.CreateAccount(name=name, password=PASSWORD).metadata.id
    site.admin.AssignRole(account=account, role=common_pb2.ROLE_ADMIN, project=place.project)
    site.admin.DeleteAccount(id=account)
    for asked in (name, account):
        with refused("UNAUTHENTICATED", "LOGIN_REFUSED"):
            site.signed_in(asked)
    assert list(site.admin.ListAssignments(account=account).assignments) == []
    with refused("NOT_FOUND"):
        site.admin.GetAccount(id=account)
    with refused("NOT_FOUND"):
        site.admin.DeleteAccount(id=account)
    [known] = site.admin.DescribeObjects(ids=[account]).objects
    assert known.name == name
    again = site.admin.CreateAccount(name=name, password=PASSWORD).metadata.id
    assert again != account


def test_nobody_deletes_or_disables_oneself(site: Site) -> None:
    admin = site.account(common_pb2.ROLE_ADMIN)
    mine = admin.account
    with refused("FAILED_PRECONDITION", "OWN_ACCOUNT"):
        admin.DeleteAccount(id=mine)
    with refused("FAILED_PRECONDITION", "OWN_ACCOUNT"):
        update(admin, mine, disabled=True)


def test_people_change_their_own_password(site: Site) -> None:
    account, request_id = site.new_account(), str(uuid4())
    me = site.signed_in(account)
    fields = {"old_password": PASSWORD, "password": "brand new", "request_id": request_id}
    me.ChangePassword(**fields)
    me.ChangePassword(**fields)
    assert site.signed_in(account, "brand new")
    with refused("UNAUTHENTICATED", "LOGIN_REFUSED", about="password"):
        me.ChangePassword(old_password=PASSWORD, password="another one")
    with refused("INVALID_ARGUMENT", about="password"):
        me.ChangePassword(old_password="brand new", password="short")
    assert site.signed_in(account, "brand new")


def test_guessing_the_old_password_is_slowed_down(site: Site) -> None:
    me, soon = site.signed_in(site.new_account()), datetime.now(UTC) + timedelta(seconds=40)
    for _ in range(sign_ins.RULES["both"].free + 1):
        site.installation.write(lambda session: sign_ins.begin(session, me.account, "", soon))
    with refused("UNAUTHENTICATED", "SIGN_IN_SLOWED"):
        me.ChangePassword(old_password=PASSWORD, password="brand new")


@pytest.mark.parametrize("rpc", ["CreateAccount", "UpdateAccount", "DeleteAccount"])
def test_accounts_are_for_admins_of_the_system(place: Place, rpc: str) -> None:
    admin = place.site.account(common_pb2.ROLE_ADMIN, place.project)
    with refused("PERMISSION_DENIED"):
        getattr(admin, rpc)()
