"""A program made for the oldest release does its work with today's services.

Its messages come from that release's descriptors: a field that is newer can't be said here. So
does the generated code of the smart client, which is tried in a process of its own; what of it is
written by hand is today's, as releases keep their descriptors only.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.descriptor_pool import DescriptorPool

from api.server import SERVICES, Backends, running_server
from deploy import protos
from deploy.releases import DESCRIPTORS, RELEASES, Release, releases
from tests.fakes.caller import Caller, Methods, methods_of, refused
from tests.fakes.place import SHA256, new_name
from tests.fakes.site import PASSWORD, Site

ITS_TESTS = ("live_client.py", "test_client_calls.py", "test_smart_calls.py", "test_tokens.py")
"""Below tests/client: what it does with today's services, and with answers made by hand."""

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
LIMIT_S = 240


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
def sqlite_site(_sites: Callable[..., Site]) -> Site:
    """A running site of its own: other tests take more sites up in the catalogue of theirs."""
    return _sites("sqlite", "oldest client")


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


@contextmanager
def at_a_port(site: Site) -> Iterator[str]:
    """Serve at one, too: the smart client takes no socket of Unix."""
    stop, ready = asyncio.Event(), Future[int]()

    async def serve() -> None:
        backends = Backends(site.database, site.installation, site.client, "http://temporal")
        async with running_server(tuple(SERVICES), backends, listen="127.0.0.1:0") as port:
            ready.set_result(port)
            await stop.wait()

    serving = asyncio.run_coroutine_threadsafe(serve(), site.loop)
    serving.add_done_callback(lambda _: ready.cancel())
    try:
        yield f"127.0.0.1:{ready.result(LIMIT_S)}"
    finally:
        site.loop.call_soon_threadsafe(stop.set)
        serving.result(LIMIT_S)


def put_together(release: Release, folder: Path) -> Path:
    """The smart client with a release's code: its package, in a folder."""
    package, generated = protos.OUT.parent, protos.OUT.name
    ours = shutil.ignore_patterns(generated, "__pycache__")
    made = Path(shutil.copytree(package, folder / package.name, ignore=ours))
    protos.generate(made / generated, release.descriptors())
    return made


def test_the_smart_client_with_its_code_passes_its_tests(
    sqlite_site: Site, where: Where, member: Any, tmp_path: Path
) -> None:
    oldest = releases()[0]
    client = put_together(oldest, tmp_path)
    with at_a_port(sqlite_site) as address:
        place = {
            "folder": str(client),
            "descriptors": str(oldest.folder / DESCRIPTORS),
            "address": address,
            "account": member.account,
            "password": PASSWORD,
            **vars(where),
        }
        tests = RELEASES.with_name("tests") / "client"
        environment = {
            **{name: said for name, said in os.environ.items() if not name.startswith("PYTEST_")},
            "PYTHONPATH": str(client.parent),
            "PLACE_OF_THE_LIVE_CLIENT": json.dumps(place),
        }
        ran = subprocess.run(
            [*PYTEST, *(tests / name for name in ITS_TESTS)],
            cwd=RELEASES.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
