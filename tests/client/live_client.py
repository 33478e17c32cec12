"""What the smart client does at a running site, as a member of a project and a person with a shell.

`tests/releases/test_oldest_client.py` runs it, in a process that has the client with the code of a
release: none of ours but the client is imported here, as it would bring today's code along.
"""

import gzip
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import Default

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.exits import Exit
from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.methods import Method
from tests.client.conftest import Run

PLACE = "PLACE_OF_THE_LIVE_CLIENT"
"""The environment variable that says what is tried, as JSON."""

NOUNS = {"common", "iam", "meta", "resource", "control"}
RULES = "buf/validate/validate.proto"


@dataclass(frozen=True)
class Place:
    """What is tried, and where: paths, an address, and UUIDs."""

    # The folder that the client is in, and the descriptors that its code was generated from.
    folder: str
    descriptors: str
    address: str
    # A member of the project.
    account: str
    password: str
    project: str
    region: str
    image: str
    network: str


@pytest.fixture(scope="module")
def place() -> Place:
    return Place(**json.loads(os.environ[PLACE]))


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    """Somebody who has just signed in."""
    with Client(place.address) as found:
        found.log_in(place.account, place.password)
        yield found


def test_all_of_it_is_in_the_folder_and_from_the_descriptors(place: Place, client: Client) -> None:
    elsewhere = {
        name: module.__file__
        for name, module in sys.modules.items()
        if name.partition(".")[0] == "mulligan_client"
        and not Path(str(module.__file__)).is_relative_to(place.folder)
    }
    assert client.token
    assert elsewhere == {}
    compiled = FileDescriptorSet.FromString(gzip.decompress(Path(place.descriptors).read_bytes()))
    files = [file for file in compiled.file if file.package.startswith("mulligan.")]
    assert {file.package.split(".")[1] for file in files} >= NOUNS
    for file in files:
        # Generated code has neither comments nor the file of who checks the rules.
        file.ClearField("source_code_info")
        file.dependency[:] = [name for name in file.dependency if name != RULES]
        loaded = FileDescriptorProto()
        Default().FindFileByName(file.name).CopyToProto(loaded)
        assert loaded == file
    described = [f"/{file.package}.{service.name}/{rpc.name}" for file in files
                 for service in file.service for rpc in service.method]  # fmt: skip
    drawn = [one.path for one in vars(methods).values() if isinstance(one, Method)]
    assert sorted(drawn) == sorted(described)


def test_it_goes_on_with_a_new_token_as_the_old_one_ends(place: Place, client: Client) -> None:
    before = client.token
    assert client.renew(before)
    assert client.token != before
    names = client.names([place.project, place.region])
    assert set(names) == {place.project, place.region}
    with Client(place.address) as nobody, pytest.raises(MulliganCallError) as refused:
        nobody.iam.ListProjects(iam_pb2.ListProjectsRequest())
    assert refused.value.grpc_status == "UNAUTHENTICATED"


def provision(place: Place, client: Client, machine: str) -> control_pb2.ProvisionMachineRequest:
    """What a machine is asked for with, by names."""
    names = client.names([place.project, place.region, place.image, place.network])
    spec = control_pb2.MachineSpec(
        kind="virtual",
        image=names[place.image],
        vcpus=1,
        memory_mib=512,
        disk_gib=1,
        nics=[control_pb2.NicRequest(network=names[place.network])],
    )
    return control_pb2.ProvisionMachineRequest(
        project=names[place.project], region=names[place.region], name=machine, spec=spec
    )


def states_until(last: str, events: Iterable[common_pb2.Event]) -> list[str]:
    """The states that a machine goes through."""
    seen: list[str] = []
    for event in events:
        if event.status.state not in (*seen, ""):
            seen.append(event.status.state)
        if last in seen:
            return seen
    raise AssertionError(f"the watch ended after {seen}")


def test_it_provisions_by_names_watches_and_decommissions(place: Place, client: Client) -> None:
    control, machine = client.control, f"web-{uuid4()}"
    request = provision(place, client, machine)
    request.request_id = str(uuid4())
    before = control.ListMachines(control_pb2.ListMachinesRequest(project=place.project)).revision
    operation = control.ProvisionMachine(request)
    assert control.ProvisionMachine(request).metadata.id == operation.metadata.id
    steps: list[str] = []
    ended = client.wait_for_operation(
        operation.metadata.id, lambda one: steps.extend(step.name for step in one.steps)
    )
    assert (ended.status.state, ended.object_id) == ("done", operation.object_id)
    assert {"stage", "boot"} <= set(steps)
    watched = client.watch(after_revision=before, object_id=operation.object_id)
    assert states_until("active", watched) == ["provisioning", "active"]
    by_name = control_pb2.GetMachineRequest(project=place.project, id=machine)
    found = control.GetMachine(by_name)
    assert (found.metadata.id, found.status.state) == (operation.object_id, "active")
    control.DecommissionMachine(
        control_pb2.DecommissionMachineRequest(project=place.project, id=machine)
    )
    assert states_until("gone", watched) == ["decommissioning", "gone"]


def test_it_claims_proposes_and_reads_lists_to_their_end(place: Place, client: Client) -> None:
    resource = client.resource
    amounts = [common_pb2.Amount(resource_type="VCPU", amount=1)]
    spec = resource_pb2.ClaimSpec(amounts=amounts, region=place.region)
    proposal = resource_pb2.ProposeCandidatesRequest(project=place.project, spec=spec)
    [candidate] = client.propose(proposal)
    asked = resource_pb2.CreateClaimRequest(project=place.project, spec=spec, candidate=candidate)
    made = {resource.CreateClaim(asked).metadata.id for _ in range(3)}
    assert len(made) == 3, "each call has a request id of its own"
    listed = resource_pb2.ListClaimsRequest(project=place.project, page=common_pb2.Page(size=2))
    assert {one.metadata.id for one in resource.AllClaims(listed)} >= made
    for one in made:
        release = resource_pb2.ReleaseClaimRequest(project=place.project, id=one)
        resource.ReleaseClaim(release)
    left = {one.metadata.id for one in client.list_all(resource.ListClaims, listed).claims}
    assert not left & made
    start, end = 4_070_908_800, 4_070_912_400
    window = common_pb2.Window()
    window.acquire_at.seconds, window.release_at.seconds = start, end
    reservation = resource_pb2.ReservationSpec(claim=spec, window=window)
    [reserved] = resource.CreateReservations(
        resource_pb2.CreateReservationsRequest(
            project=place.project, region=place.region, spec=reservation
        )
    ).reservations
    resource.CancelReservation(
        resource_pb2.CancelReservationRequest(project=place.project, id=reserved.metadata.id)
    )


def test_it_says_in_words_what_is_refused(place: Place, client: Client) -> None:
    gone = control_pb2.GetMachineRequest(project=place.project, id=str(uuid4()))
    unnamed = control_pb2.GetMachineRequest(project=place.project, id="no-such-machine")
    many = common_pb2.Amount(resource_type="VCPU", amount=1 << 20)
    claim = resource_pb2.CreateClaimRequest(
        project=place.project, spec=resource_pb2.ClaimSpec(amounts=[many], region=place.region)
    )
    region = iam_pb2.CreateRegionRequest(name="mine")
    bad = control_pb2.ListMachinesRequest(project=place.project, page=common_pb2.Page(size=-1))
    for call, request, code in (
        (client.control.GetMachine, gone, "NOT_FOUND"),
        (client.control.GetMachine, unnamed, "NOT_FOUND"),
        (client.resource.CreateClaim, claim, "NO_CAPACITY"),
        (client.iam.CreateRegion, region, "PERMISSION_DENIED"),
        (client.control.ListMachines, bad, "INVALID_ARGUMENT"),
    ):
        with pytest.raises(MulliganCallError) as refused:
            cast(Any, call)(request)
        assert (refused.value.code, bool(refused.value.message)) == (code, True)


def test_the_command_takes_a_machine_there_and_back(place: Place, client: Client, run: Run) -> None:
    names = client.names([place.project, place.region, place.image, place.network])
    machine = f"db-{uuid4()}"

    def ran(*arguments: str, stdin: str | None = None) -> str:
        result = run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    work_in = ("--project", names[place.project], "--region", names[place.region])
    sign_in = ("--account", place.account, "--password-stdin")
    ran("login", place.address, *sign_in, *work_in, stdin=f"{place.password}\n")
    image, network = ("--image", names[place.image]), ("--network", names[place.network])
    size = ("--kind", "virtual", "--vcpus", "1", "--memory", "512MiB", "--disk", "1GiB")
    ran("machine", "provision", machine, *image, *network, *size, "--wait")
    listed = json.loads(ran("machine", "list", "-o", "json"))
    assert machine in {one["metadata"]["name"] for one in listed["machines"]}
    ran("machine", "decommission", machine, "--yes", "--wait")
    assert machine not in ran("machine", "list")
    assert run("machine", "show", machine).exit_code == Exit.NOT_FOUND
