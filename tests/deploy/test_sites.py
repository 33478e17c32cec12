"""Two sites and one iam: each goes on without the other, and without iam until tokens end."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from activities.contracts import hypervisor
from deploy.clients import build
from deploy.temporal import cache_folder
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.databases import PostgreSQL
from tests.deploy.two_sites import NAMES, NORTH, PASSWORD, SOUTH, Sites, Watching, until

EXAMPLES: Sequence[Sequence[str | Path]] = (
    [build.GO_EXAMPLE],
    ["node", build.TYPESCRIPT_EXAMPLE],
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHqR1s9rV0c3mYQZ0tZpZkqk0aaaaaaaaaaaaaaaaaaa ann"
BRIEF = timedelta(seconds=20)
"""So long the token is good that ends while iam is away: ten times what is done with it before."""


def refusal(call: Callable[[], object]) -> MulliganCallError:
    with pytest.raises(MulliganCallError) as refused:
        call()
    return refused.value


def one_client_serves_itself_at_both(sites: Sites) -> None:
    """What it asks for goes where it belongs."""
    client, machines = sites.client, {}
    for name in NAMES:
        sites.equip(name)
        machines[name] = sites.made(sites.provision(name, f"web-{name}"))
    assert {one.metadata.region for one in machines.values()} == set(sites.regions.values())
    assert sites.machines(client) == {"web-north", "web-south"}
    by_name = control_pb2.GetMachineRequest(project=sites.project, id="web-south")
    assert client.control.GetMachine(by_name).metadata.id == machines[SOUTH].metadata.id
    with ThreadPoolExecutor() as pool:
        for example in EXAMPLES:
            for states in pool.map(partial(sites.there_and_back, example), NAMES):
                assert states == {"provisioning", "active", "decommissioning", "gone"}
    for name in NAMES:
        sites.provider(name)
    claimed = {sites.claim(sites.top, 60, or_below=True).metadata.region for _ in NAMES}
    assert claimed == set(sites.regions.values()), "the second did not fit where the first is"
    assert refusal(lambda: sites.claim(sites.top, 60, or_below=True)).code == "NO_CAPACITY"


def one_site_is_killed(sites: Sites, everything: Watching) -> None:
    """The other does not notice, nor does what is under way there; who lists is told."""
    held = sites.fakes[SOUTH].holds(hypervisor.start)
    under_way = sites.provision(SOUTH, "meanwhile")
    held.wait()
    for region in sites.regions.values():
        everything.tells(sites.claim(region).metadata.id)
    away: list[str] = []
    with sites.another(away=lambda site, _: away.extend(site.regions)) as other:
        assert sites.machines(other) >= {"web-north", "web-south", "meanwhile"}
        sites.kill(NORTH)
        claimed = sites.claim(sites.regions[SOUTH], client=other)
        assert claimed.metadata.region == sites.regions[SOUTH]
        refused = refusal(lambda: sites.claim(sites.regions[NORTH], client=other))
        assert refused.grpc_status == "UNAVAILABLE"
        assert away == []
        assert sites.machines(other) == {"web-south", "meanwhile"}
        assert set(away) == {sites.regions[NORTH]}
        by_name = control_pb2.GetMachineRequest(project=sites.project, id="web-south")
        assert other.control.GetMachine(by_name).metadata.name == "web-south"
    held.release()
    assert sites.made(under_way).metadata.name == "meanwhile"
    assert everything.of(under_way) == sites.happened(SOUTH, under_way)


def it_comes_back(sites: Sites, everything: Watching) -> None:
    """It goes on as before, and a watch that was open takes it up."""
    sites.start(NORTH)
    operation = sites.provision(NORTH, "back", sites.there[NORTH])
    assert sites.made(operation, sites.there[NORTH]).metadata.region == sites.regions[NORTH]
    assert everything.of(operation) == sites.happened(NORTH, operation)
    assert sites.alive() == set(NAMES)
    until(sites.are_reached)


def iam_is_killed(sites: Sites, everything: Watching, stack: ExitStack) -> None:
    """Both go on with the tokens and watches that there are, until a token ends."""
    sites.command("login", sites.address, "--password-stdin", stdin=PASSWORD)
    sites.command("machine", "list", "--project", "ours")
    with_new_key = sites.token(timedelta(minutes=5), sites.rotate())
    others = [stack.enter_context(sites.at(name)) for name in NAMES]
    ends = sites.token(BRIEF)
    brief = {name: stack.enter_context(sites.at(name, ends)) for name in NAMES}
    watches = {name: Watching(one, revision(one)) for name, one in brief.items()}
    assert all(sites.machines(one) for one in others)
    claims = {name: sites.claim(sites.regions[name], client=one) for name, one in brief.items()}
    for name, claim in claims.items():
        watches[name].tells(claim.metadata.id)
        everything.tells(claim.metadata.id)
    sites.kill("iam")
    for client in others:
        client.token = with_new_key  # of which neither site has met a token
        assert sites.machines(client)
    for name, client in brief.items():
        operation = sites.provision(name, f"without-iam-{name}", client)
        assert sites.made(operation, client).metadata.region == sites.regions[name]
        told = sites.happened(name, operation)
        assert watches[name].of(operation) == told
        assert everything.of(operation) == told
    assert sites.machines(sites.client) >= {f"without-iam-{name}" for name in NAMES}
    assert sites.claim(sites.top, or_below=True).metadata.region in sites.regions.values()

    for name, client in brief.items():
        until(partial(has_ended, client, claims[name]))
        late = refusal(partial(sites.provision, name, "late", client))
        assert (late.grpc_status, late.code) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
        assert "the token is expired; sign in again" in late.message
        # Who has another token goes on; the watch of this one ends at the next change.
        sites.claim(sites.regions[name])
        assert watches[name].end().code == "TOKEN_EXPIRED"
    a_person_goes_on(sites)


def a_person_goes_on(sites: Sites) -> None:
    """Each command is a process that begins without iam."""
    key = sites.folder / "key.pub"
    key.write_text(KEY)
    wanted = ("--image", "image", "--network", "lan", "--memory", "512MiB", "--disk", "1GiB")
    for name in NAMES:
        machine, place = f"by-hand-{name}", ("--project", "ours", "--region", name)
        there = f"without-iam-{name}"  # The host has no room for both.
        sites.command("machine", "decommission", there, "--project", "ours", "--yes")
        sites.command("machine", "provision", machine, *wanted, "--ssh-key", str(key), *place)
        assert machine in sites.command("machine", "list", "--project", "ours")
        sites.command("machine", "decommission", machine, "--project", "ours", "--yes")


def revision(client: Client) -> int:
    return client.control.ListImages(control_pb2.ListImagesRequest()).revision


def has_ended(client: Client, claim: resource_pb2.Claim) -> bool:
    """Say whether the client's token has; as long as it is good its claim can be read."""
    asked = resource_pb2.GetClaimRequest(project=claim.metadata.project, id=claim.metadata.id)
    try:
        assert client.resource.GetClaim(asked).metadata.id == claim.metadata.id
    except MulliganCallError as error:
        if error.grpc_status != "UNAUTHENTICATED":
            raise
        return True
    return False


def test_each_site_goes_on_without_the_other_and_both_without_iam(
    tmp_path: Path, postgresql_server: PostgreSQL
) -> None:
    build.build(cache_folder(os.environ))
    with ExitStack() as stack:
        sites = Sites(tmp_path, postgresql_server, stack)
        one_client_serves_itself_at_both(sites)
        everything = Watching(sites.all)
        one_site_is_killed(sites, everything)
        it_comes_back(sites, everything)
        iam_is_killed(sites, everything, stack)
