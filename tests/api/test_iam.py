"""Bootstrap, sign-in, and what creating an account, a project or a region has in common."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.addresses import address_of
from mulligan.iam import sign_ins
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.fakes.caller import refused
from tests.fakes.place import new_name
from tests.fakes.site import PASSWORD, Site


def test_the_bootstrap_token_is_good_for_one_use(site: Site) -> None:
    with refused("FAILED_PRECONDITION", "ALREADY_BOOTSTRAPPED"):
        site.caller().Bootstrap(token=site.bootstrap_token, account="second", password=PASSWORD)


def test_a_password_signs_in(site: Site) -> None:
    answer = site.caller().Login(account="admin", password=PASSWORD)
    assert answer.HasField("expires_at")
    assert site.caller(answer.access_token).ListRegions() is not None


@pytest.mark.parametrize(("account", "password"), [("admin", "wrong"), ("nobody", PASSWORD)])
def test_account_and_password_that_do_not_go_together_are_refused_alike(
    site: Site, account: str, password: str
) -> None:
    with refused("UNAUTHENTICATED", "LOGIN_REFUSED") as refusal:
        site.caller().Login(account=account, password=password)
    assert refusal.message == "account and password don't go together"


def test_who_fails_too_often_is_told_how_long_to_wait(site: Site) -> None:
    name = new_name("account")
    site.admin.CreateAccount(name=name, password="long enough")
    soon = datetime.now(UTC) + timedelta(seconds=40)
    for _ in range(sign_ins.RULES["both"].free + 1):
        site.installation.write(lambda session: sign_ins.begin(session, name, "", soon))
    with refused("UNAUTHENTICATED", "SIGN_IN_SLOWED") as refusal:
        site.caller().Login(account=name, password="long enough")
    assert 1 < refusal.retry_s <= 61


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.1.2.3:4711", "10.1.2.3/32"),
        ("ipv6:[2001:db8::1]:4711", "2001:db8::/64"),
        ("ipv6:%5Bfe80::1%25eth0%5D:4711", "fe80::/64"),
        ("ipv6:[::ffff:10.1.2.3]:4711", "10.1.2.3/32"),
        ("unix:/run/api", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_caller_is_read(peer: str, address: str) -> None:
    assert address_of(peer) == address


def test_the_keys_are_published(site: Site) -> None:
    assert "PUBLIC KEY" in site.caller().ListTokenKeys().keys[0].public_key


def test_a_project_below_one_that_is_not_there_is_refused(site: Site) -> None:
    with refused("NOT_FOUND") as refusal:
        site.admin.CreateProject(name=new_name("project"), parent=str(uuid4()))
    assert refusal.resource[0] == "project"


@pytest.mark.parametrize("rpc", ["CreateProject", "CreateRegion", "CreateAccount"])
def test_a_name_is_unique(site: Site, rpc: str) -> None:
    name = new_name("name")
    more = {"password": PASSWORD} if rpc == "CreateAccount" else {}
    getattr(site.admin, rpc)(name=name, **more)
    with refused("ALREADY_EXISTS", "NAME_TAKEN", about="name"):
        getattr(site.admin, rpc)(name=name, **more)


@pytest.mark.parametrize("name", ["", " ", "a\nb", str(UUID(int=1)), "x" * 256, "zero\u200bwidth"])
def test_a_name_that_can_not_be_used_is_refused(site: Site, name: str) -> None:
    with refused("INVALID_ARGUMENT", about="name"):
        site.admin.CreateProject(name=name)


def test_the_same_request_gets_the_same_answer(site: Site) -> None:
    request_id, name = str(uuid4()), new_name("region")
    first = site.admin.CreateRegion(name=name, request_id=request_id)
    assert site.admin.CreateRegion(name=name, request_id=request_id) == first
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", about="request_id"):
        site.admin.CreateRegion(name=new_name("region"), request_id=request_id)
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED"):
        site.admin.CreateProject(name=name, request_id=request_id)


def test_the_same_request_at_the_same_time_gets_the_same_answer(site: Site) -> None:
    fields = {"name": new_name("region"), "request_id": str(uuid4())}
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(site.admin.CreateRegion, **fields) for _ in range(6)]
    assert len({answer.result().metadata.id for answer in answers}) == 1


def test_a_name_wanted_by_many_at_the_same_time_goes_to_one(site: Site) -> None:
    name, refusals = new_name("region"), 0
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(site.admin.CreateRegion, name=name) for _ in range(6)]
    for answer in answers:
        if answer.exception():
            refusals += 1
            with refused("ALREADY_EXISTS", "NAME_TAKEN"):
                answer.result()
    assert refusals == 5


def test_another_account_may_use_the_same_request_id(site: Site) -> None:
    request_id = str(uuid4())
    other = site.account(common_pb2.ROLE_ADMIN)
    mine = site.admin.CreateRegion(name=new_name("region"), request_id=request_id)
    theirs = other.CreateRegion(name=new_name("region"), request_id=request_id)
    assert mine.metadata.id != theirs.metadata.id


def test_a_short_password_is_refused(site: Site) -> None:
    with refused("INVALID_ARGUMENT", about="password"):
        site.admin.CreateAccount(name=new_name("account"), password="short")


def test_a_region_below_one_that_is_not_there_is_refused(site: Site) -> None:
    with refused("NOT_FOUND") as refusal:
        site.admin.CreateRegion(name=new_name("region"), parent=str(uuid4()))
    assert refusal.resource[0] == "region"
