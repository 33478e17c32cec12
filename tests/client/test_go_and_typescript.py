"""The Go and TypeScript clients: what is wrong on the way, and a machine there and back."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from bench.site import Site, running_site
from deploy.clients import build
from deploy.toolchains import cache_folder
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from tests.client.fake_mulligan import (
    IMAGE,
    MACHINE,
    NETWORK,
    PROJECT,
    REGION,
    FakeMulligan,
    RefusalError,
    an_event,
    an_operation,
)

LIMIT_S = 120
AWAY = RefusalError("UNAVAILABLE", "UNAVAILABLE", "the database is away")


@dataclass(frozen=True)
class Client:
    """The example and the tests of a client, and where they run."""

    example: list[str | Path]
    tests: list[str | Path]
    there: Mapping[str, str]

    def there_and_back(self, address: str, password: str, **named: str) -> "Ran":
        """Have the example provision a machine and decommission it."""
        told = {"address": address, **named}
        return self.run(
            [*self.example, *(f"--{name}={value}" for name, value in told.items())], password
        )

    def run(self, command: list[str | Path], password: str = "") -> "Ran":
        """Run a command to its end."""
        ended = subprocess.run(
            command,
            cwd=build.GO_CLIENT,
            env={**self.there, "MULLIGAN_PASSWORD": password},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        states = [line.partition(" ")[0] for line in ended.stdout.splitlines()]
        return Ran(ended.returncode, ended.stdout, ended.stderr, states)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and which states it told."""

    code: int
    said: str
    failed: str
    states: list[str]


@pytest.fixture(scope="module")
def built() -> Mapping[str, str]:
    """The environment in which both clients run, which are built by then."""
    return build.build(cache_folder(os.environ))


@pytest.fixture(params=["go", "typescript"])
def client(request: pytest.FixtureRequest, built: Mapping[str, str]) -> Client:
    """One client after the other."""
    if request.param == "go":
        return Client([build.GO_EXAMPLE], ["go", "test", "./..."], built)
    return Client(
        ["node", build.TYPESCRIPT_EXAMPLE], ["node", "--test", *build.TYPESCRIPT_TESTS], built
    )


def test_its_own_tests_pass(client: Client) -> None:
    ran = client.run(client.tests)
    assert ran.code == 0, ran.said + ran.failed


def tokens(number: int) -> iam_pb2.SignedIn:
    """What a sign-in or a renewal gives."""
    return iam_pb2.SignedIn(
        access_token=f"access-{number}",
        refresh_token=f"refresh-{number}",
        lifetime=Duration(seconds=900),
    )


def ended(**metadata: str) -> RefusalError:
    """The token is over."""
    return RefusalError("UNAUTHENTICATED", "TOKEN_EXPIRED", "sign in again", metadata=metadata)


def now(revision: int, state: str) -> common_pb2.Event:
    """The machine is in a state."""
    return an_event(revision, status=common_pb2.Status(state=state))


def test_it_goes_on_whatever_breaks(client: Client, fake: FakeMulligan) -> None:
    fake.on("Login", tokens(1))
    fake.on("ListMachines", AWAY, control_pb2.ListMachinesResponse(revision=5))
    fake.on("ListImages", AWAY, control_pb2.ListImagesResponse(revision=5))
    fake.on("ProvisionMachine", ended(), an_operation("running"))
    fake.on("RefreshToken", AWAY, tokens(2), tokens(3))
    fake.on(
        "Watch",
        [now(6, "provisioning"), grpc.StatusCode.INTERNAL],
        [now(6, "provisioning"), now(7, "active")],
        [ended(revision="9")],
        [AWAY],
        [now(10, "gone")],
    )
    fake.on("DecommissionMachine", AWAY, control_pb2.DecommissionMachineResponse())

    ran = client.there_and_back(fake.address, "secret", name="web-1", image="debian-13")

    assert (ran.code, ran.states) == (0, ["provisioning", "active", "gone"]), ran.failed
    first, again = fake.asked("ProvisionMachine")
    assert first == again
    assert (first.project, first.region, first.spec.image) == (PROJECT, REGION, IMAGE)
    assert ([nic.network for nic in first.spec.nics], len(first.request_id)) == ([NETWORK], 36)
    assert len({one.request_id for one in fake.asked("DecommissionMachine")}) == 1
    assert {one.id for one in fake.asked("DecommissionMachine")} == {MACHINE}
    renewals = fake.asked("RefreshToken")
    assert [one.refresh_token for one in renewals] == ["refresh-1", "refresh-1", "refresh-2"]
    assert renewals[0].request_id == renewals[1].request_id
    assert [one.after_revision for one in fake.asked("Watch")] == [5, 6, 7, 9, 9]
    carried = [call.metadata.get("authorization") for call in fake.calls]
    assert list(dict.fromkeys(carried)) == [None, *(f"Bearer access-{one}" for one in (1, 2, 3))]


def test_what_went_wrong_is_told_in_our_words(client: Client, fake: FakeMulligan) -> None:
    fake.on("Login", tokens(1))
    fake.on("ListMachines", control_pb2.ListMachinesResponse(revision=5))
    fake.on("ListImages", control_pb2.ListImagesResponse(revision=5))
    ran = client.there_and_back(fake.address, "secret", image="nothing")
    assert ran.code != 0
    assert "no image is called" in ran.failed
    fake.on("Login", RefusalError("UNAUTHENTICATED", "WRONG_PASSWORD", "the password is wrong"))
    ran = client.there_and_back(fake.address, "wrong")
    assert "the password is wrong" in ran.failed
    assert len(fake.asked("Login")) == 2


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """An installation with a host of libvirt's test driver and an image that nobody boots."""
    with running_site() as running:
        running.add_host("test:///default", name="test")
        file = running.folder / "images" / "empty.raw"
        file.write_bytes(bytes(1 << 20))
        running.add_image("empty", file, activation="none")
        yield running


def test_a_machine_is_provisioned_watched_and_decommissioned_by_name(
    client: Client, site: Site
) -> None:
    address = site.up.argument("--listen")
    ran = client.there_and_back(address, site.password, image="empty", name="web-1")
    assert (ran.code, ran.failed) == (0, "")
    assert list(dict.fromkeys(ran.states)) == ["provisioning", "active", "decommissioning", "gone"]
