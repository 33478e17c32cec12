"""A whole Mulligan as in production, each part a process that may die: what chaos happens to."""

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import libvirt
from temporalio.client import Client as Temporal

from deploy.demo import Built
from deploy.lab import VirtualServers, some_servers
from deploy.ports import free_ports
from deploy.temporal import cache_folder, find_temporal
from mulligan_client.client import Client
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.tokens import SignIn
from tests.chaos.parts import Bmc, Database, Libvirt, Part, Served, TemporalServer
from tests.e2e import processes
from tests.e2e.installation import Installation, bootstrap
from tests.e2e.stack import DISK_MIB, environment_in

POOL = "chaos"
SERVICES = ("iam", "meta", "resource", "control")
PATIENT_ATTEMPTS = 30
"""A client of chaos asks until the services are there again."""


@dataclass
class Site(Installation):
    """A running site; the administrator is signed in. `image` needs no phone-home.

    Virtual machines belong to the project of `login`, servers' machines to `metal_project`, so
    that each event tells which kind it is about.
    """

    environment: Mapping[str, str]
    temporal: TemporalServer
    database: Database
    services: Served
    worker: Served
    executors: list[Served]
    hosts: list[Libvirt]
    bmc: Bmc
    metal_project: str = ""
    metal_image: str = ""

    @property
    def temporal_address(self) -> str:
        return self.temporal.server.address

    @property
    def parts(self) -> list[Part]:
        """Everything that may die."""
        return [
            *(self.services, self.worker, *self.executors),
            *(self.temporal, self.database, *self.hosts, self.bmc),
        ]

    def dead(self) -> dict[Part, str]:
        """Give the parts that do not run, with what they said last."""
        return {part: part.last_words() for part in self.parts if not part.pids()}

    @contextmanager
    def another_client(self) -> Iterator[Client]:
        """Make another client of the administrator, with a connection of its own."""
        with patient_client(self.login.address, self.client.sign_in) as client:
            yield client

    async def holder(self, operation: str) -> Served | None:
        """Find the executor that works on an operation now, as Temporal knows it."""
        temporal = await Temporal.connect(self.temporal_address, namespace="mulligan")
        described = await temporal.get_workflow_handle(operation).describe()
        by_identity = {f"{one.process.pid}@{socket.gethostname()}": one for one in self.executors}
        at_work = [
            by_identity.get(one.last_worker_identity)
            for one in described.raw_description.pending_activities
            if one.last_worker_identity in by_identity
        ]
        return at_work[0] if at_work else None


def patient_client(address: str, sign_in: SignIn | None = None) -> Client:
    """Make a client that waits for services that are being started again."""
    return Client(address, sign_in=sign_in, attempts=PATIENT_ATTEMPTS, timeout_s=60)


@contextmanager
def running_site(
    *,
    hosts: int = 1,
    servers: int = 1,
    executors: int = 1,
    built: Built | None = None,
    keep_logs: Path | None = None,
    own: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[Site]:
    """Run a site in a folder of its own; afterwards nothing of it runs, and the folder is gone.

    With `keep_logs` what its parts wrote is kept there. `own` is what the environment of each kind
    of part has besides.
    """
    folder = Path(tempfile.mkdtemp(prefix="chaos", dir="/tmp"))
    state = folder / "state"
    for path in (folder / "home", folder / "tmp", folder / "images", state):
        path.mkdir()
    try:
        with ExitStack() as stack:
            site = _start(stack, folder, state, hosts, servers, executors, built, own or {})
            yield site
    finally:
        processes.kill(*processes.naming(folder))  # guests, and what a failed test has left
        if keep_logs is not None:
            _keep_logs(state, keep_logs)
        shutil.rmtree(folder)


def _start(
    stack: ExitStack,
    folder: Path,
    state: Path,
    hosts: int,
    servers: int,
    executors: int,
    built: Built | None,
    own: Mapping[str, Mapping[str, str]],
) -> Site:
    port = free_ports(4)
    base = environment_in(folder)
    temporal = TemporalServer(find_temporal(cache_folder(base)), state, port + 1, port + 2)
    database = Database(own.get("postgresql"))
    libvirts = [Libvirt(state / f"hv{number}", own.get("libvirt")) for number in range(hosts)]
    _start_together(stack, temporal, database, *libvirts)
    for name in ("site", "iam"):
        database.server.administer(f"CREATE DATABASE {name}")
    environment = base | {
        "MULLIGAN_STATE": str(state),
        "MULLIGAN_LISTEN": f"127.0.0.1:{port}",
        "MULLIGAN_IMAGE_FOLDER": str(folder / "images"),
        **_backends(temporal, database),
        **({"MULLIGAN_RAMDISK": str(built.ramdisk)} if built else {}),
    }
    environments = {
        kind: environment | dict(own.get(kind, {})) for kind in ("services", "worker", "executor")
    }
    services = Served("services", SERVICES, environments["services"], state / "services.log")
    worker = Served("worker", ["worker"], environments["worker"], state / "worker.log")
    served = [_executor(environments["executor"], state, n + 1) for n in range(executors)]
    _start_together(stack, services, worker, *served)
    client = stack.enter_context(patient_client(f"127.0.0.1:{port}"))
    tenant = bootstrap(client, f"127.0.0.1:{port}", services.token)
    bmc = _bmc(stack, state / "lab", libvirts[0], servers)
    metal = client.iam.CreateProject(iam_pb2.CreateProjectRequest(name="metal")).metadata.id
    site = Site(
        folder=folder,
        state=state,
        client=client,
        login=tenant.login,
        password=tenant.password,
        uri=libvirts[0].session.uri,
        lab=bmc.lab,
        network=tenant.network,
        image="",
        environment=environment,
        temporal=temporal,
        database=database,
        services=services,
        worker=worker,
        executors=served,
        hosts=libvirts,
        bmc=bmc,
        metal_project=metal,
    )
    _furnish(site, built)
    return site


def _backends(temporal: TemporalServer, database: Database) -> dict[str, str]:
    return {
        "MULLIGAN_DATABASE_URL": database.server.url("site").render_as_string(),
        "MULLIGAN_IAM_DATABASE_URL": database.server.url("iam").render_as_string(),
        "MULLIGAN_TEMPORAL_ADDRESS": temporal.server.address,
        "MULLIGAN_REGION": str(uuid4()),
    }


def _bmc(stack: ExitStack, folder: Path, host: Libvirt, servers: int) -> Bmc:
    """Put servers behind a BMC that runs."""
    some = some_servers(servers, prefix="chaos", disk_mib=DISK_MIB)
    bmc = Bmc(VirtualServers(folder, host.session.uri, some), folder)
    stack.callback(bmc.stop)
    bmc.start()
    return bmc


def _furnish(site: Site, built: Built | None) -> None:
    """Offer the hosts, and images to make machines of."""
    for host in site.hosts:
        _make_pool(host)
        site.add_host(host.folder.name, host.session.uri, pool=POOL)
    empty = site.folder / "images" / "empty.raw"
    empty.write_bytes(bytes(1 << 20))
    site.image = site.add_image("empty", empty, activation="none")
    if built:
        site.metal_image = site.add_image("tiny", site.offer(built.image, "tiny.raw"))


def _keep_logs(state: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for log in state.glob("*.log"):
        shutil.copy(log, folder)


def _start_together(stack: ExitStack, *parts: Part) -> None:
    for part in parts:
        stack.callback(part.stop)
    with ThreadPoolExecutor(len(parts)) as threads:
        for started in [threads.submit(part.start) for part in parts]:
            started.result()


def _executor(environment: Mapping[str, str], state: Path, number: int) -> Served:
    """Describe an executor with ports of its own, which guests see at the user-mode gateway."""
    port = free_ports(2)
    own = {
        "MULLIGAN_MEDIA_URL": f"http://127.0.0.1:{port}",
        "MULLIGAN_RAMDISK_URL": f"https://10.0.2.2:{port + 1}",
        "MULLIGAN_REPORT_URL": f"http://10.0.2.2:{port}",
    }
    name = f"executor-{number}"
    return Served("executor", ["executor"], {**environment, **own}, state / f"{name}.log", name)


def _make_pool(host: Libvirt) -> None:
    """Give a host a pool of its own: several session daemons would share Mulligan's."""
    folder = host.folder / "pool"
    folder.mkdir()
    connection = libvirt.open(host.session.uri)
    try:
        pool = connection.storagePoolDefineXML(
            f"<pool type='dir'><name>{POOL}</name><target><path>{folder}</path></target></pool>"
        )
        pool.setAutostart(True)
        pool.create()
    finally:
        connection.close()
