"""What a site's credential may say in iam's catalogue, and what it is told of others, over gRPC."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from uuid import uuid4

import pytest

from api.iam_copy import IamCopy
from api.places import Places
from api.registration import Advertised, registered
from mulligan.iam import processes
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.api.test_app_credentials import SECRET, sign_in
from tests.fakes.caller import Caller, refused
from tests.fakes.place import Place, new_name

READER, OPERATOR = common_pb2.ROLE_READER, common_pb2.ROLE_OPERATOR
METHODS = [
    f"IamService/{name}"
    for name in ("RegisterService", "RenewService", "WithdrawService", "ListServices")
]


def credential(
    place: Place, *serves: str, creator: Caller | None = None, methods: Sequence[str] = METHODS
) -> Caller:
    """A site's own: it reads all, and has the role operator on what it is to serve."""
    roles = [{"role": READER}] + [{"role": OPERATOR, "region": one} for one in serves]
    made = (creator or place.site.admin).CreateApplicationCredential(
        name=new_name("site"), secret=SECRET, roles=roles, methods=methods
    )
    return sign_in(place.site, made)


def new_region(place: Place, parent: str = "") -> str:
    made = place.site.admin.CreateRegion(name=new_name("region"), parent=parent)
    return str(made.metadata.id)


def said(site: str, *serves: str, **more: Any) -> dict[str, Any]:
    """What a process says of itself."""
    fields = {"id": str(uuid4()), "site": site, "kinds": ["control"], "regions": serves}
    return {**fields, "address": "https://site:7600", "version": "1", **more}


def sites_of(caller: Caller) -> dict[str, Any]:
    return {one.id: one for one in caller.ListServices().sites}


def test_a_credential_with_the_role_registers_renews_and_withdraws(place: Place) -> None:
    region, site = new_region(place), str(uuid4())
    below = new_region(place, region)
    program = credential(place, region)
    asked = {**said(site, region), "request_id": str(uuid4())}
    answer = program.RegisterService(**asked)
    assert program.RegisterService(**asked) == answer
    service = answer.service
    assert (service.site, service.address, service.alive) == (site, "https://site:7600", True)
    assert (region, site) in [(one.region, one.site) for one in answer.served]
    assert list(program.RenewService(id=service.id).served) == list(answer.served)
    found = sites_of(place.member)[site]
    assert {*found.regions} == {region, below}
    [shown] = found.services
    assert (shown.version, shown.HasField("seen_at")) == ("", False), "who doesn't run it"
    assert sites_of(place.site.admin)[site].services[0].version == "1"
    with refused("FAILED_PRECONDITION", "SITE_ALIVE"):
        place.site.admin.DeleteSite(id=site)
    program.WithdrawService(id=service.id)
    assert not sites_of(place.member)[site].services
    with refused("NOT_FOUND") as refusal:
        program.RenewService(id=service.id)
    assert refusal.resource == ("service", service.id)
    place.site.admin.DeleteSite(id=site)
    with refused("NOT_FOUND"):
        program.WithdrawService(id=service.id)
    # It comes back as what it was.
    assert program.RegisterService(**said(site, region, id=service.id)).service.id == service.id
    assert {*sites_of(place.member)[site].regions} == {region, below}


def test_a_credential_without_the_role_is_refused(place: Place) -> None:
    region, other = new_region(place), new_region(place)
    program, site = credential(place, region), str(uuid4())
    for serves in ((other,), (region, other), ()):
        with refused("PERMISSION_DENIED", about="regions") as refusal:
            program.RegisterService(**said(site, *serves))
        assert "needs the role operator on" in refusal.message
    own = program.RegisterService(**said(site, region)).service
    place.site.admin.AssignRole(account=program.account, role=READER, region=region)
    changed = place.site.caller(place.site.token(program.account, processes.LEASE))
    with refused("PERMISSION_DENIED", about="regions"):
        changed.RenewService(id=own.id)


def test_who_was_not_let_says_nothing_of_services(place: Place) -> None:
    region = new_region(place)
    own = place.site.admin.RegisterService(**said(str(uuid4()), region)).service
    operator = place.site.account(OPERATOR)
    without_methods = credential(place, region, methods=())
    not_by_an_admin = credential(place, region, creator=operator)
    for caller in (place.member, operator, without_methods, not_by_an_admin):
        for call, fields in (
            ("RegisterService", said(str(uuid4()), region)),
            ("RenewService", {"id": own.id}),
            ("WithdrawService", {"id": own.id}),
        ):
            with refused("PERMISSION_DENIED", "NO_REGISTRAR"):
                getattr(caller, call)(**fields)
    renewing = credential(place, region, methods=["IamService/RenewService"])
    with refused("PERMISSION_DENIED", "CREDENTIAL_LIMITED"):
        renewing.RegisterService(**said(str(uuid4()), region))
    other = credential(place, region)
    for call, fields in (
        ("RegisterService", said(own.site, region)),
        ("RenewService", {"id": own.id}),
        ("WithdrawService", {"id": own.id}),
    ):
        with refused("PERMISSION_DENIED", "SITE_OF_ANOTHER"):
            getattr(other, call)(**fields)
    assert [one.id for one in sites_of(place.site.admin)[own.site].services] == [own.id]


def test_processes_of_a_site_serve_the_same_and_two_sites_do_not(place: Place) -> None:
    region, other = new_region(place), new_region(place)
    program, site = credential(place, region, other), str(uuid4())
    old = program.RegisterService(**said(site, region)).service
    new = said(site, other)
    with refused("FAILED_PRECONDITION", "SITE_SERVES_OTHERWISE", about="regions") as refusal:
        program.RegisterService(**new)
    assert refusal.resource == ("site", site)
    assert f"serves region {region}, as 1 of its processes say, such as {old.id}" in refusal.message
    program.WithdrawService(id=old.id)
    served = program.RegisterService(**new).served
    assert [one.region for one in served if one.site == site] == [other]
    with refused("FAILED_PRECONDITION", "REGION_SERVED") as refusal:
        credential(place, other).RegisterService(**said(str(uuid4()), other))
    assert refusal.resource == ("region", other)


def test_a_site_with_too_many_processes_is_told_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    region, site = new_region(place), str(uuid4())
    program = credential(place, region)
    monkeypatch.setattr(processes, "PER_SITE", 2)
    for _ in range(2):
        program.RegisterService(**said(site, region))
    with refused("RESOURCE_EXHAUSTED", "TOO_MANY_SERVICES") as refusal:
        program.RegisterService(**said(site, region))
    assert refusal.resource == ("site", site)
    assert refusal.retry_s == 0


@pytest.mark.parametrize(
    "address", ["ftp://site:1", "site", "http://me:word@site:1", "http://site:1/path"]
)
def test_an_address_that_clients_can_not_read_is_refused(place: Place, address: str) -> None:
    region = new_region(place)
    with refused("INVALID_ARGUMENT", about="address"):
        place.site.admin.RegisterService(**said(str(uuid4()), region, address=address))


class Iam:
    """An iam as a process that registers meets it: it answers as the test says."""

    def __init__(self, *answers: str) -> None:
        self.iam, self.called = self, list[str]()
        self.sites_changed = asyncio.Event()
        self._answers = list(answers)
        self.is_served = asyncio.Event()

    async def ask(self, question: Callable[[Any], Any]) -> Any:
        await asyncio.sleep(0)
        return question(self)

    def _answer(self, method: str, answer: Any) -> Any:
        self.called.append(method)
        code = self._answers.pop(0) if self._answers else ""
        if not self._answers:
            self.is_served.set()
        else:
            # As if a site had changed meanwhile: it does not wait for the next time.
            self.sites_changed.set()
        if code:
            raise MulliganCallError(code, code, f"refused with {code}")
        return answer

    def RegisterService(self, request: iam_pb2.RegisterServiceRequest) -> Any:
        served = [iam_pb2.ServedRegion(region=one, site=request.site) for one in request.regions]
        return self._answer("register", iam_pb2.RegisterServiceResponse(served=served))

    def RenewService(self, request: iam_pb2.RenewServiceRequest) -> Any:
        return self._answer("renew", iam_pb2.RenewServiceResponse())

    def WithdrawService(self, request: iam_pb2.WithdrawServiceRequest) -> None:
        self.called.append("withdraw")

    def ListServices(self, request: iam_pb2.ListServicesRequest) -> Any:
        self.called.append("list")
        sites = [iam_pb2.Site(id="other", regions=["b"])]
        return iam_pb2.ListServicesResponse(sites=sites)


class Taken:
    """What the process is told of who serves what."""

    def __init__(self) -> None:
        self.told = list[dict[str, str]]()

    def take_served(self, own_site: str, served: Mapping[str, str]) -> None:
        self.told.append(dict(served))


async def test_a_process_that_is_refused_or_forgotten_registers_once_it_may() -> None:
    iam = Iam("SITE_SERVES_OTHERWISE", "TOO_MANY_SERVICES", "", "NOT_FOUND", "UNAVAILABLE", "")
    places, advertised = Taken(), Advertised("", ["a"])
    copy, kept = cast(IamCopy, iam), cast(Places, places)
    async with asyncio.timeout(20), registered(copy, kept, "own", ["control"], advertised):
        await iam.is_served.wait()
    assert iam.called[:7] == [
        "register",
        "list",
        "register",
        "list",
        "register",
        "renew",
        "register",
    ]
    assert iam.called[7:9] == ["list", "register"]
    assert iam.called[-1] == "withdraw"
    # What is known of others holds meanwhile: nothing begins in what they serve.
    assert places.told[:5] == [
        {"b": "other"},
        {"b": "other"},
        {"a": "own"},
        {"b": "other"},
        {"a": "own"},
    ]
