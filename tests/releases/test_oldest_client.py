"""A program made for the oldest release does its work with today's services.

Its messages come from that release's descriptors: a field that is newer can't be said here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.descriptor_pool import DescriptorPool

from api.server import SERVICES
from deploy.releases import releases
from tests.fakes.caller import Caller, Methods, methods_of, refused
from tests.fakes.place import SHA256, new_name
from tests.fakes.site import PASSWORD, Site


@pytest.fixture(scope="module")
def methods() -> Methods:
    """What the oldest release's services had."""
    pool = DescriptorPool()
    for file in releases()[0].descriptors().file:
        pool.Add(file)
    return methods_of(
        {noun: pool.FindServiceByName(one.full_name) for noun, one in SERVICES.items()}
    )


@pytest.fixture
def sign_in(sqlite_site: Site, methods: Methods) -> Callable[[str], Any]:
    """Sign an account in and give what it calls, by messages of the oldest release only."""

    def signed_in(account: str) -> Any:
        nobody = Caller(sqlite_site.address, "", methods)
        answer = nobody.Login(account=account, password=PASSWORD)
        renewed = nobody.RefreshToken(refresh_token=answer.refresh_token)
        return Caller(sqlite_site.address, renewed.access_token, methods)

    return signed_in


@dataclass
class Where:
    """Where a program works, and what with."""

    project: str
    region: str
    image: str
    network: str


@pytest.fixture
def where(sqlite_site: Site, sign_in: Callable[[str], Any]) -> Where:
    """A region with a host, an image and a network, and a project."""
    operator = sign_in("admin")
    region = operator.CreateRegion(name=new_name("region")).metadata.id
    assert sqlite_site.executor(region)
    at = {"region": region}
    image = {"url": "http://images/test.raw", "sha256": SHA256, "disk_format": "raw"}
    host = operator.CreateHost(
        name=new_name("host"), spec={"uri": f"test:///default?{uuid4()}"}, **at
    ).metadata.id
    [check] = operator.ListOperations(object_id=host).operations
    sqlite_site.end_of(check.metadata.id)
    assert operator.GetHost(id=host).status.state == "available"
    return Where(
        project=operator.CreateProject(name=new_name("project")).metadata.id,
        region=region,
        image=operator.CreateImage(name=new_name("image"), spec=image, **at).metadata.id,
        network=operator.CreateNetwork(
            name=new_name("network"), spec={"prefix": "10.0.2.0/24"}, **at
        ).metadata.id,
    )


@pytest.fixture
def member(sign_in: Callable[[str], Any], where: Where) -> Any:
    """A member of the project."""
    operator, name = sign_in("admin"), new_name("account")
    account = operator.CreateAccount(name=name, password=PASSWORD).metadata.id
    operator.AssignRole(account=account, role="ROLE_MEMBER", project=where.project)
    return sign_in(name)


def states(member: Any, machine: str, after_revision: int, last: str) -> list[str]:
    """The states of a machine after a revision, up to one of them."""
    watched = member.Watch(object_id=machine, after_revision=after_revision)
    seen: list[str] = []
    for event in watched:
        seen += [event.status.state] if event.status.state not in (*seen, "") else []
        if last in seen:
            watched.cancel()
            return seen
    raise AssertionError("the watch ended")


def test_it_finds_claims_and_releases(where: Where, member: Any) -> None:
    named = member.ListImages(region=where.region).images[0].metadata.name
    [resolved] = member.ResolveNames(
        object_type="image", names=[named], region=where.region
    ).objects
    assert resolved.id == where.image
    of_project = {"project": where.project}
    spec = {"amounts": [{"resource_type": "VCPU", "amount": 2}], "region": where.region}
    claim = member.CreateClaim(spec=spec, **of_project)
    assert claim.status.state == "confirmed"
    assert list(member.ListClaims(**of_project).claims) == [claim]
    member.ReleaseClaim(id=claim.metadata.id, **of_project)
    assert list(member.ListClaims(**of_project).claims) == []
    window = {"acquire_at": {"seconds": 4_070_908_800}, "release_at": {"seconds": 4_070_912_400}}
    [reserved] = member.CreateReservations(
        region=where.region, spec={"claim": spec, "window": window}, **of_project
    ).reservations
    member.CancelReservation(id=reserved.metadata.id, **of_project)


def test_it_provisions_watches_and_decommissions(where: Where, member: Any) -> None:
    before = member.ListMachines(project=where.project)
    asked = {
        "request_id": str(uuid4()),
        "project": where.project,
        "region": where.region,
        "name": "web-1",
        "spec": {
            "kind": "virtual",
            "image": where.image,
            "vcpus": 2,
            "memory_mib": 2048,
            "disk_gib": 10,
            "nics": [{"network": where.network}],
        },
    }
    operation = member.ProvisionMachine(**asked)
    assert member.ProvisionMachine(**asked).metadata.id == operation.metadata.id
    machine = operation.object_id
    assert states(member, machine, before.revision, "active")[-2:] == ["provisioning", "active"]
    active = member.ListMachines(project=where.project)
    assert [one.metadata.name for one in active.machines] == ["web-1"]
    member.DecommissionMachine(project=where.project, id=machine)
    assert states(member, machine, active.revision, "gone")[-2:] == ["decommissioning", "gone"]
    assert not member.ListMachines(project=where.project).machines


def test_what_it_is_refused_for_has_the_code_that_it_knows(where: Where, member: Any) -> None:
    with refused("NOT_FOUND", "NOT_FOUND"):
        member.GetMachine(project=where.project, id=str(uuid4()))
    with refused("PERMISSION_DENIED", "PERMISSION_DENIED"):
        member.CreateRegion(name=new_name("region"))
