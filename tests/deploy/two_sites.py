"""An installation of two sites and one iam, each a process with its own database, and a watch.

One site's database is SQLite; the other's, and iam's, are of PostgreSQL.
"""

import asyncio
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy.engine import URL
from temporalio.client import Client as Temporal
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.clients import build
from deploy.dev_server import DevServer
from deploy.ports import free_port
from deploy.temporal import cache_folder, find_temporal
from mulligan.database import Database
from mulligan.iam import keys, tokens
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.databases import PostgreSQL
from tests.fakes.executor import FakeExecutor
from tests.fakes.place import SHA256

PASSWORD, SECRET = "long enough", secrets.token_urlsafe(32)
NAMES = NORTH, SOUTH = "north", "south"
ON_POSTGRESQL = ("iam", SOUTH)
LIMIT_S = 60.0
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

    def serve(self, name: str, region: str) -> FakeExecutor:
        """Have an executor for a region of a site."""
        temporal, fake = self.temporals[name], FakeExecutor(region)

        async def start() -> None:
            client = await Temporal.connect(
                temporal.address,
                namespace=temporal.namespace,
                data_converter=pydantic_data_converter,
            )
            await self._stack.enter_async_context(fake.worker(client))

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(60)
        return fake


class Watching:
    """A watch that is open from now on, read in a thread of its own."""

    def __init__(self, client: Client, after_revision: int | None = None) -> None:
        self.events: list[common_pb2.Event] = []
        self._ended: Future[None] = Future()
        self._told = threading.Condition()
        watch = client.watch(after_revision=after_revision)
        threading.Thread(target=self._read, args=(watch,), daemon=True).start()

    def _read(self, watch: Iterator[common_pb2.Event]) -> None:
        try:
            for event in watch:
                with self._told:
                    self.events.append(event)
                    self._told.notify_all()
        except Exception as error:
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)
        with self._told:
            self._told.notify_all()

    def of(self, operation: str) -> list[common_pb2.Event]:
        """Wait until it has told of an operation's end; gives all that it told of that."""
        self._wait(lambda: bool(up_to_end(self.events, operation)))
        return up_to_end(self.events, operation)

    def tells(self, object_id: str) -> None:
        """Wait until it has told of an object."""
        self._wait(lambda: any(one.object_id == object_id for one in self.events))

    def _wait(self, happened: Callable[[], bool]) -> None:
        with self._told:
            self._told.wait_for(lambda: self._ended.done() or happened(), LIMIT_S)
            if self._ended.done():
                self._ended.result()
            told = [(one.revision, one.region, one.message) for one in self.events]
            assert happened(), f"it told {told}"

    def end(self) -> MulliganCallError:
        """Wait until it ends; gives with what."""
        error = self._ended.exception(LIMIT_S)
        assert isinstance(error, MulliganCallError), f"it ended with {error}"
        return error


def up_to_end(events: Iterable[common_pb2.Event], operation: str) -> list[common_pb2.Event]:
    """What is told of an operation up to its end; empty: it was not told to have ended."""
    found = []
    for event in events:
        if event.operation == operation:
            found.append(event)
            if event.object_id == operation and event.status.state == "done":
                return found
    return []


class Sites:
    """An iam, and a site for each of NAMES that serves a region."""

    def __init__(self, folder: Path, postgresql: PostgreSQL, stack: ExitStack) -> None:
        self.folder = folder
        self.urls = {name: postgresql.url(f"sites_{name}") for name in ON_POSTGRESQL}
        for url in self.urls.values():
            postgresql.administer(f"CREATE DATABASE {url.database}")
            stack.callback(postgresql.administer, f"DROP DATABASE {url.database} WITH (FORCE)")
        self._executors = stack.enter_context(Executors(folder).running())
        self.address = address = f"127.0.0.1:{free_port()}"
        stack.callback(self._kill_all)
        self.processes: dict[str, Process] = {}
        self.processes["iam"] = iam = Process(
            *("iam", "--listen", address, "--state", str(folder / "iam")),
            *("--iam-database-url", words(self.urls["iam"])),
        )
        self.client = stack.enter_context(Client(address))
        self.account = self._bootstrap(iam)
        self.top = self._region("top")
        self.regions = {name: self._region(name, self.top) for name in NAMES}
        project = iam_pb2.CreateProjectRequest(name="ours")
        self.project = self.client.iam.CreateProject(project).metadata.id
        self.listen = {name: f"127.0.0.1:{free_port()}" for name in NAMES}
        self.fakes = {name: self._executors.serve(name, self.regions[name]) for name in NAMES}
        for name in NAMES:
            self._credential(name)
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.start, NAMES))
        until(lambda: self.alive() == set(NAMES))
        # Of one site each; and one for what is watched at all of them, whoever is away.
        self.there = {name: stack.enter_context(self.at(name)) for name in NAMES}
        self.all = stack.enter_context(self.another(away=lambda *_: None))

    def _kill_all(self) -> None:
        for process in self.processes.values():
            process.kill()

    def _bootstrap(self, iam: Process) -> str:
        token = next(one.split()[-1] for one in iam.said if one.startswith("bootstrap token"))
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

    def start(self, name: str) -> None:
        """Start a site, also one that was killed."""
        database = ("--database-url", words(self.urls[name])) if name in self.urls else ()
        self.processes[name] = Process(
            *("meta", "resource", "control", "worker"),
            *("--listen", self.listen[name], "--state", str(self.folder / name), *database),
            *("--iam-address", self.address, "--iam-account", name),
            *("--iam-secret-file", str(self.folder / "secret")),
            *("--temporal-address", self._executors.temporals[name].address),
            *("--temporal-namespace", name),
            *("--serves-region", self.regions[name]),
        )

    def kill(self, name: str) -> None:
        self.processes[name].kill()

    def alive(self) -> set[str]:
        """The sites that are alive, by their regions' names."""
        answer = self.client.iam.ListServices(iam_pb2.ListServicesRequest())
        names = {region: name for name, region in self.regions.items()}
        return {
            names[site.regions[0]]
            for site in answer.sites
            if any(one.alive for one in site.services)
        }

    def another(self, **options: Any) -> Client:
        """A client with the same sign-in, which does not wait for who is away."""
        return Client(self.address, sign_in=self.client.sign_in, attempts=1, **options)

    def at(self, name: str, token: str = "") -> Client:
        """A client of one site, with a token of its own or that of the others."""
        listed = self.client.iam.ListServices(iam_pb2.ListServicesRequest()).sites
        [site] = [one.id for one in listed if self.regions[name] in one.regions]
        return Client(self.address, token=token or self.client.token, site=site)

    def provider(self, name: str, vcpus: int = 100) -> None:
        rack = resource_pb2.CreateProviderTypeRequest(name="rack")
        self.there[name].resource.CreateProviderType(rack)
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

    def claim(
        self, region: str, vcpus: int = 1, *, or_below: bool = False, client: Client | None = None
    ) -> resource_pb2.Claim:
        amount = common_pb2.Amount(resource_type="VCPU", amount=vcpus)
        spec = resource_pb2.ClaimSpec(amounts=[amount], region=region, or_below=or_below)
        return (client or self.client).resource.CreateClaim(
            resource_pb2.CreateClaimRequest(project=self.project, spec=spec)
        )

    def machines(self, client: Client) -> set[str]:
        """The names of those that are not gone."""
        asked = control_pb2.ListMachinesRequest(project=self.project)
        return {one.metadata.name for one in client.control.AllMachines(asked)}

    def are_reached(self) -> bool:
        """Whether the client lists what both have: who failed to connect is slow to try again."""
        try:
            return bool(self.machines(self.client))
        except MulliganCallError as error:
            if error.grpc_status != "UNAVAILABLE":
                raise
            return False

    def equip(self, name: str) -> None:
        """Have a host, an image and a network in a region."""
        control, region = self.client.control, self.regions[name]
        host = control.CreateHost(
            control_pb2.CreateHostRequest(
                name=f"host-{name}",
                region=region,
                spec=control_pb2.HostSpec(uri=f"test:///default?{uuid4()}"),
            )
        )
        assert self.client.wait_for_operation(host.operation).status.state == "done"
        control.CreateImage(
            control_pb2.CreateImageRequest(
                name="image",
                region=region,
                spec=control_pb2.ImageSpec(
                    url="http://images/test.raw", sha256=SHA256, disk_format="raw"
                ),
            )
        )
        self.client.resource.CreateNetwork(
            resource_pb2.CreateNetworkRequest(
                name="lan", region=region, spec=resource_pb2.NetworkSpec(prefix="10.0.2.0/24")
            )
        )

    def provision(self, region: str, machine: str, client: Client | None = None) -> str:
        """Ask for a machine in a region; gives the operation."""
        spec = control_pb2.MachineSpec(
            kind="virtual",
            image="image",
            vcpus=1,
            memory_mib=512,
            disk_gib=1,
            nics=[control_pb2.NicRequest(network="lan")],
            ssh_keys=["ssh-ed25519 AAAA"],
        )
        asked = control_pb2.ProvisionMachineRequest(
            project=self.project, region=self.regions[region], name=machine, spec=spec
        )
        return (client or self.client).control.ProvisionMachine(asked).metadata.id

    def made(self, operation: str, client: Client | None = None) -> control_pb2.Machine:
        """Wait until a machine is active."""
        client = client or self.client
        ended = client.wait_for_operation(operation)
        assert ended.status.state == "done", ended.status.reason
        return client.control.GetMachine(
            control_pb2.GetMachineRequest(project=self.project, id=ended.object_id)
        )

    def happened(self, name: str, operation: str) -> list[common_pb2.Event]:
        """What a site tells of an operation that has ended to who comes later."""
        late = self.there[name].watch(after_revision=0, operation=operation, timeout_s=LIMIT_S)
        return up_to_end(late, operation)

    def there_and_back(self, example: Sequence[str | Path], name: str) -> set[str]:
        """Have an example of a client take a machine there and back; gives the states of that."""
        told = {
            "address": self.address,
            "project": "ours",
            "region": name,
            "image": "image",
            "network": "lan",
            "name": f"by-{Path(example[0]).name}-{name}",
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

    def command(self, *words: str, stdin: str = "") -> str:
        """Run `mulligan` as a person does, each time a process of its own."""
        ended = subprocess.run(
            [Path(sys.executable).with_name("mulligan"), *words],
            env=os.environ | {"MULLIGAN_CONFIG_DIR": str(self.folder / "person")},
            capture_output=True,
            input=stdin,
            text=True,
            timeout=180,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def token(self, lifetime: timedelta, now: datetime | None = None) -> str:
        """Make a token of the administrator's that lives as long as is said, from a time on."""
        issue = partial(tokens.issue, account=self.account, lifetime=lifetime, now=now)
        with closing(Database(words(self.urls["iam"]))) as database:
            return database.write(issue)[0]

    def rotate(self) -> datetime:
        """Have iam make a key, of which each site knows then; gives when it begins to sign."""
        made = self.client.iam.RotateTokenKeys(iam_pb2.RotateTokenKeysRequest())
        for url in (words(self.urls[SOUTH]), f"sqlite:///{self.folder / NORTH}/site.sqlite"):
            with closing(Database(url)) as site:
                until(partial(knows, site, made.key_id))
        return made.signs_at.ToDatetime(UTC)


def knows(site: Database, key: str) -> bool:
    """Whether a site keeps a key of iam's."""
    return key in site.read(keys.kept_published)


def words(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def until(met: Callable[[], bool], within_s: float = 60.0) -> None:
    """Ask until it is so."""
    ends_at = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < ends_at, f"it did not come about within {within_s:.0f} s"
