"""Two sites and one iam: each goes on without the other, and without iam until tokens end."""

import asyncio
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client as Temporal
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.clients import build
from deploy.dev_server import DevServer
from deploy.ports import free_port
from deploy.temporal import cache_folder, find_temporal
from mulligan.database import Database
from mulligan.iam import tokens
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.fakes.executor import FakeExecutor
from tests.fakes.place import SHA256

PASSWORD, SECRET = "long enough", secrets.token_urlsafe(32)
NAMES = ("north", "south")
METHODS = [
    f"IamService/{name}"
    for name in (
        *("ListAccounts", "ListProjects", "ListRegions", "GetAccount", "GetProject", "GetRegion"),
        *("Watch", "RegisterService", "RenewService", "WithdrawService", "ListServices"),
    )
]
"""What a site calls at iam, as docs/sites.md says."""


class Process:
    """A `mulligan serve`, ready."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "deploy.commands", "serve", *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.said: list[str] = []
        for line in self._process.stdout or ():
            self.said.append(line.strip())
            if line.startswith("ready"):
                return
        raise AssertionError(f"it ended and said {self.said}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)


class Executors:
    """A Temporal for each site, of a namespace of its own, and executors without hardware."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        command = find_temporal(cache_folder(os.environ))
        self.temporals = {
            name: DevServer(
                command, folder / f"{name}.db", log=folder / f"{name}.log", namespace=name
            )
            for name in NAMES
        }

    @contextmanager
    def running(self) -> Iterator["Executors"]:
        """Run in a thread of its own."""
        ready: Future[None] = Future()
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(ready),))
        thread.start()
        try:
            ready.result(120)
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stopping.set)
            thread.join(60)

    async def _run(self, ready: "Future[None]") -> None:
        try:
            async with AsyncExitStack() as self._stack:
                for temporal in self.temporals.values():
                    await self._stack.enter_async_context(temporal)
                ready.set_result(None)
                await self._stopping.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    def serve(self, name: str, region: str) -> None:
        """Have an executor for a region of a site."""
        temporal = self.temporals[name]

        async def start() -> None:
            client = await Temporal.connect(
                temporal.address,
                namespace=temporal.namespace,
                data_converter=pydantic_data_converter,
            )
            await self._stack.enter_async_context(FakeExecutor(region).worker(client))

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(60)


class Sites:
    """An iam, and a site for each of NAMES that serves a region."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.executors = stack.enter_context(Executors(folder).running())
        self.address = address = f"127.0.0.1:{free_port()}"
        self.iam = Process("iam", "--listen", address, "--state", str(folder / "iam"))
        stack.callback(self.iam.kill)
        self.client = stack.enter_context(Client(address, attempts=2, pause=lambda _: None))
        self.account = self._bootstrap()
        self.top = self._region("top")
        self.regions = {name: self._region(name, self.top) for name in NAMES}
        project = iam_pb2.CreateProjectRequest(name="ours")
        self.project = self.client.iam.CreateProject(project).metadata.id
        self.processes = {name: self._site(name, address) for name in NAMES}
        for process in self.processes.values():
            stack.callback(process.kill)

    def _bootstrap(self) -> str:
        token = next(one.split()[-1] for one in self.iam.said if one.startswith("bootstrap token"))
        asked = iam_pb2.BootstrapRequest(token=token, account="admin", password=PASSWORD)
        signed_in = self.client.iam.Bootstrap(asked)
        self.client.signed_in(signed_in)
        (self.folder / "secret").write_text(SECRET)
        return signed_in.account

    def _credential(self, name: str) -> None:
        reader = iam_pb2.GivenRole(role=common_pb2.ROLE_READER)
        serving = iam_pb2.GivenRole(role=common_pb2.ROLE_OPERATOR, region=self.regions[name])
        self.client.iam.CreateApplicationCredential(
            iam_pb2.CreateApplicationCredentialRequest(
                name=name, secret=SECRET, roles=[reader, serving], methods=METHODS
            )
        )

    def _region(self, name: str, parent: str = "") -> str:
        asked = iam_pb2.CreateRegionRequest(name=name, parent=parent)
        return self.client.iam.CreateRegion(asked).metadata.id

    def _site(self, name: str, iam: str) -> Process:
        self._credential(name)
        process = Process(
            *("meta", "resource", "control", "worker"),
            *("--listen", f"127.0.0.1:{free_port()}", "--state", str(self.folder / name)),
            *("--iam-address", iam, "--iam-account", name),
            *("--iam-secret-file", str(self.folder / "secret")),
            *("--temporal-address", self.executors.temporals[name].address),
            *("--temporal-namespace", name),
            *("--serves-region", self.regions[name]),
        )
        self.executors.serve(name, self.regions[name])
        return process

    def states(self) -> dict[str, bool]:
        """Which site is alive, by its region's name."""
        answer = self.client.iam.ListServices(iam_pb2.ListServicesRequest())
        names = {region: name for name, region in self.regions.items()}
        return {
            names[site.regions[0]]: any(one.alive for one in site.services) for site in answer.sites
        }

    def wait_until(self, states: dict[str, bool]) -> None:
        until(lambda: self.states() == states)

    def provider(self, name: str, vcpus: int = 100) -> None:
        listed = self.client.iam.ListServices(iam_pb2.ListServicesRequest()).sites
        [site] = [one.id for one in listed if self.regions[name] in one.regions]
        with Client(self.address, token=self.client.token, site=site) as there:
            rack = resource_pb2.CreateProviderTypeRequest(name="rack")
            there.resource.CreateProviderType(rack)
        inventory = resource_pb2.Inventory(resource_type="VCPU", total=vcpus)
        self.client.resource.CreateProviders(
            resource_pb2.CreateProvidersRequest(
                region=self.regions[name],
                providers=[
                    resource_pb2.NewProvider(
                        name=f"rack-{name}", type="rack", inventories=[inventory]
                    )
                ],
            )
        )

    def claim(self, region: str, vcpus: int = 1, *, or_below: bool = False) -> resource_pb2.Claim:
        amount = common_pb2.Amount(resource_type="VCPU", amount=vcpus)
        spec = resource_pb2.ClaimSpec(amounts=[amount], region=region, or_below=or_below)
        return self.client.resource.CreateClaim(
            resource_pb2.CreateClaimRequest(project=self.project, spec=spec)
        )

    def provision(self, name: str) -> control_pb2.Machine:
        """Have a machine in a region, on a host that is made for it."""
        control, region = self.client.control, self.regions[name]
        host = control.CreateHost(
            control_pb2.CreateHostRequest(
                name=f"host-{name}",
                region=region,
                spec=control_pb2.HostSpec(uri=f"test:///default?{uuid4()}"),
            )
        )
        assert self.client.wait_for_operation(host.operation).status.state == "done"
        image = control.CreateImage(
            control_pb2.CreateImageRequest(
                name="image",
                region=region,
                spec=control_pb2.ImageSpec(
                    url="http://images/test.raw", sha256=SHA256, disk_format="raw"
                ),
            )
        )
        network = self.client.resource.CreateNetwork(
            resource_pb2.CreateNetworkRequest(
                name="lan", region=region, spec=resource_pb2.NetworkSpec(prefix="10.0.2.0/24")
            )
        )
        machine = control_pb2.MachineSpec(
            kind="virtual",
            image=image.metadata.id,
            vcpus=1,
            memory_mib=512,
            disk_gib=1,
            nics=[control_pb2.NicRequest(network=network.metadata.id)],
            ssh_keys=["ssh-ed25519 AAAA"],
        )
        operation = control.ProvisionMachine(
            control_pb2.ProvisionMachineRequest(
                project=self.project, region=region, name=f"web-{name}", spec=machine
            )
        )
        ended = self.client.wait_for_operation(operation.metadata.id)
        assert ended.status.state == "done", ended.status.reason
        return control.GetMachine(
            control_pb2.GetMachineRequest(project=self.project, id=ended.object_id)
        )

    def there_and_back(self, name: str, machine: str, *example: str | Path) -> set[str]:
        """Have an example of a client take a machine there and back; gives the states of that."""
        told = {
            "address": self.address,
            "project": "ours",
            "region": name,
            "image": "image",
            "network": "lan",
            "name": machine,
        }
        ended = subprocess.run(
            [*example, *(f"--{key}={said}" for key, said in told.items())],
            env={**build.build(cache_folder(os.environ)), "MULLIGAN_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert ended.returncode == 0, ended.stderr
        return {line.partition(" ")[0] for line in ended.stdout.splitlines()}

    def token(self, lifetime: timedelta) -> str:
        """Make a token of the administrator's that lives as long as is said."""
        database = Database(f"sqlite:///{self.folder}/iam/iam.sqlite")
        try:
            return database.write(
                lambda session: tokens.issue(session, self.account, lifetime=lifetime)
            )[0]
        finally:
            database.close()


def until(met: Callable[[], bool], within_s: float = 60.0) -> None:
    """Ask until it is so."""
    ends_at = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < ends_at, f"it did not come about within {within_s:.0f} s"


def refusal(call: Callable[[], object]) -> MulliganCallError:
    with pytest.raises(MulliganCallError) as refused:
        call()
    return refused.value


def test_each_site_goes_on_without_the_other_and_without_iam(tmp_path: Path) -> None:
    build.build(cache_folder(os.environ))
    with ExitStack() as stack:
        sites = Sites(tmp_path, stack)
        client, (north, south) = sites.client, NAMES
        sites.wait_until({north: True, south: True})

        # One client, two sites: what it asks for goes where it belongs.
        machines = {name: sites.provision(name) for name in NAMES}
        assert {one.metadata.region for one in machines.values()} == set(sites.regions.values())
        listed = control_pb2.ListMachinesRequest(project=sites.project)
        found = client.list_all(client.control.ListMachines, listed).machines
        assert {one.metadata.name for one in found} == {"web-north", "web-south"}
        by_name = control_pb2.GetMachineRequest(project=sites.project, id="web-south")
        assert client.control.GetMachine(by_name).metadata.id == machines[south].metadata.id
        for name in NAMES:
            for example in ([build.GO_EXAMPLE], ["node", build.TYPESCRIPT_EXAMPLE]):
                states = sites.there_and_back(name, f"with-{len(example)}-{name}", *example)
                assert states == {"provisioning", "active", "decommissioning", "gone"}
            sites.provider(name)
        claimed = {sites.claim(sites.top, 60, or_below=True).metadata.region for _ in NAMES}
        assert claimed == set(sites.regions.values()), "the second did not fit where the first is"
        assert refusal(lambda: sites.claim(sites.top, 60, or_below=True)).code == "NO_CAPACITY"

        # One site is killed: the other does not notice, and who lists is told.
        sites.processes[north].kill()
        assert sites.claim(sites.regions[south]).metadata.region == sites.regions[south]
        assert refusal(lambda: sites.claim(sites.regions[north])).grpc_status == "UNAVAILABLE"
        away: list[str] = []
        with Client(
            sites.address, token=client.token, away=lambda site, _: away.extend(site.regions)
        ) as other:
            listed = control_pb2.ListMachinesRequest(project=sites.project)
            left = other.list_all(other.control.ListMachines, listed).machines
        assert [one.metadata.name for one in left] == ["web-south"]
        assert set(away) == {sites.regions[north]}

        assert client.control.GetMachine(by_name).metadata.id == machines[south].metadata.id

        # iam is killed: the site goes on with the tokens that there are, until they end.
        client.token = sites.token(timedelta(seconds=20))
        sites.iam.kill()
        claim = sites.claim(sites.regions[south])
        assert claim.metadata.region == sites.regions[south]
        assert sites.claim(sites.top, or_below=True).metadata.region == sites.regions[south]
        again = resource_pb2.GetClaimRequest(project=sites.project, id=claim.metadata.id)

        def has_ended() -> bool:
            try:
                return client.resource.GetClaim(again).metadata.id != claim.metadata.id
            except MulliganCallError as error:
                if error.grpc_status != "UNAUTHENTICATED":
                    raise
                return True

        until(has_ended)
        assert refusal(lambda: sites.claim(sites.regions[south])).grpc_status == "UNAUTHENTICATED"
