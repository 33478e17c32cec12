"""A whole Mulligan to be measured: `mulligan up` in a folder of its own, and who asks it."""

import queue
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from deploy.lab import VirtualServer, VirtualServers
from deploy.ports import free_ports
from deploy.session_libvirt import SessionLibvirt
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.e2e import processes
from tests.e2e.stack import environment_in, sha256_of
from tests.e2e.up import Up

Answer = TypeVar("Answer")

TEST_HOST_CPUS = 16
"""What libvirt's test driver says it has; a host holds that many machines of one CPU."""

TEST_MEMORY_MIB = 64


@dataclass
class Site:
    """A running installation; its administrator is signed in."""

    folder: Path
    up: Up
    client: Client
    password: str
    project: str
    region: str
    network: str

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def libvirt_uri(self) -> str:
        """Where the session libvirt of `mulligan up` answers."""
        return SessionLibvirt(self.state / "libvirt").uri

    def serving(self) -> dict[str, int]:
        """Give the processes of Mulligan by their first role: iam, worker, executor."""
        found = {}
        for pid in processes.naming(self.folder):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if "serve" in words:
                found[words[words.index("serve") + 1]] = pid
        return found

    def add_host(self, uri: str, *, name: str = "hypervisor") -> None:
        """Add a host and wait until it can be used."""
        host = self.client.control.CreateHost(
            control_pb2.CreateHostRequest(
                name=name, region=self.region, spec=control_pb2.HostSpec(uri=uri)
            )
        )
        self.done(host.operation)

    def prepare_test_hosts(self, machines: int, uri: str = "test:///default?") -> Path:
        """Add as many hosts of libvirt's test driver as machines need, and the image for them.

        The hosts are one and the same driver, told apart by a query that it doesn't look at. The
        image is never booted. One machine is there already, so that the image is cached and what is
        loaded at first use is loaded. Gives the image's file.
        """
        for number in range(-(-(machines + 1) // TEST_HOST_CPUS)):
            self.add_host(f"{uri}pkipath=/{number}", name=f"test-{number}")
        file = self.folder / "images" / "empty.raw"
        file.write_bytes(bytes(1 << 20))
        image = self.add_image("first", file, activation="none")
        self.done(self.provision("first", image, memory_mib=TEST_MEMORY_MIB).metadata.id)
        return file

    def add_image(self, name: str, file: Path, *, activation: str = "", url: str = "") -> str:
        """Register a raw image below the image folder, or at a URL; gives its id."""
        spec = control_pb2.ImageSpec(
            url=url or file.as_uri(),
            sha256=sha256_of(file),
            disk_format="raw",
            activation=activation,
        )
        request = control_pb2.CreateImageRequest(name=name, region=self.region, spec=spec)
        return self.client.control.CreateImage(request).metadata.id

    def enrol(self, lab: VirtualServers, server: VirtualServer) -> str:
        """Enrol a server of the lab and wait until it is available; gives its id."""
        server_id = str(uuid4())
        sealed = self.client.seal(
            self.region,
            endpoint=server_id,
            address=lab.address,
            username=lab.username,
            password=lab.password,
        )
        spec = control_pb2.ServerSpec(
            address=lab.address, sealed_credentials=sealed, system=server.system
        )
        request = control_pb2.CreateServerRequest(
            id=server_id, name=server.name, region=self.region, spec=spec
        )
        self.done(self.client.control.CreateServer(request).operation)
        return server_id

    def provision(
        self,
        name: str,
        image: str,
        *,
        kind: str = "virtual",
        memory_mib: int = 512,
        disk_gib: int = 1,
        client: Client | None = None,
    ) -> control_pb2.Operation:
        """Ask for a machine; baremetal ones take any server."""
        spec = control_pb2.MachineSpec(
            kind=kind,
            image=image,
            nics=[control_pb2.NicRequest(network=self.network)],
            vcpus=1 if kind == "virtual" else 0,
            memory_mib=memory_mib if kind == "virtual" else 0,
            disk_gib=disk_gib if kind == "virtual" else 0,
        )
        request = control_pb2.ProvisionMachineRequest(
            project=self.project, region=self.region, name=name, spec=spec
        )
        return (client or self.client).control.ProvisionMachine(request)

    def decommission(self, machine: str) -> None:
        """End a machine and wait for it."""
        request = control_pb2.DecommissionMachineRequest(project=self.project, id=machine)
        self.done(self.client.control.DecommissionMachine(request).operation.metadata.id)

    def done(self, operation: str) -> control_pb2.Operation:
        """Wait for an operation that has to succeed."""
        ended = self.client.wait_for_operation(operation)
        if ended.status.state != "done":
            raise RuntimeError(f"operation {operation} ended {ended.status}")
        return ended

    @contextmanager
    def clients(self, count: int) -> Iterator["Clients"]:
        """Make that many clients of the administrator, each with a connection of its own."""
        address, sign_in = self.up.argument("--listen"), self.client.sign_in
        clients = [Client(address, sign_in=sign_in) for _ in range(count)]
        try:
            yield Clients(clients)
        finally:
            for client in clients:
                client.close()

    @contextmanager
    def watching(self) -> Iterator["Watching"]:
        """Hear of this project's machines from now on."""
        request = control_pb2.ListMachinesRequest(project=self.project)
        revision = self.client.control.ListMachines(request).revision
        client = Client(self.up.argument("--listen"), sign_in=self.client.sign_in)
        watching = Watching()
        listener = threading.Thread(
            target=watching.listen, args=(client, self.project, revision), daemon=True
        )
        listener.start()
        try:
            yield watching
        finally:
            client.close()
            listener.join(10)


class Clients:
    """Some clients who ask at the same time, each one thing after another."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._count = len(clients)
        self._idle: queue.SimpleQueue[Client] = queue.SimpleQueue()
        for client in clients:
            self._idle.put(client)

    def ask(self, count: int, ask: Callable[[Client, int], Answer]) -> list[Answer]:
        """Have things 0 to count - 1 asked for; gives the answers when all have answered."""

        def one(number: int) -> Answer:
            client = self._idle.get()
            try:
                return ask(client, number)
            finally:
                self._idle.put(client)

        with ThreadPoolExecutor(self._count) as threads:
            return list(threads.map(one, range(count)))


class Watching:
    """When Watch told of machines' states and of operations' steps (`time.monotonic`)."""

    def __init__(self) -> None:
        self._heard: dict[str, dict[str, float]] = {}
        self._changed = threading.Condition()

    def listen(self, client: Client, project: str, revision: int) -> None:
        """Hear until the client is closed."""
        with suppress(MulliganCallError, ValueError):  # gRPC: a channel that was closed
            for event in client.watch(after_revision=revision, project=project):
                reached = event.status.state if event.object_type == "machine" else ""
                if event.kind == "step":
                    reached = event.message.partition(":")[0].rpartition(" ")[0]
                if not reached:
                    continue
                with self._changed:
                    states = self._heard.setdefault(event.object_id, {})
                    states.setdefault(reached, time.monotonic())
                    self._changed.notify_all()

    def reached(self, machines: Collection[str], *states: str) -> dict[str, float]:
        """Tell which machines have been in one of the states (operations: steps), since when."""
        with self._changed:
            return self._reached(machines, states)

    def wait(
        self, machines: Collection[str], *states: str, timeout_s: float = 300
    ) -> dict[str, float]:
        """Wait until all machines have been in one of the states; gives those that were."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._reached(machines, states)) == len(machines), timeout_s
            )
            return self._reached(machines, states)

    def _reached(self, machines: Collection[str], states: Sequence[str]) -> dict[str, float]:
        found = {}
        for machine in machines:
            heard = self._heard.get(machine, {})
            times = [heard[state] for state in states if state in heard]
            if times:
                found[machine] = min(times)
        return found


@contextmanager
def running_site(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Site]:
    """Run `mulligan up` in a new folder on a disk; afterwards it and its folder are gone."""
    folder = Path(tempfile.mkdtemp(prefix="bench", dir="/tmp"))
    for name in ("home", "tmp", "images"):
        (folder / name).mkdir()
    port = free_ports(5)
    up = Up(
        [
            *("--state", str(folder / "state"), "--listen", f"127.0.0.1:{port}"),
            *("--temporal-port", str(port + 1), "--ui-port", str(port + 2)),
            *("--media-port", str(port + 3), "--image-folder", str(folder / "images")),
            *arguments,
        ],
        {**environment_in(folder), **(environment or {})},
    )
    try:
        token = up.start()
        with Client(up.argument("--listen")) as client:
            yield _bootstrapped(folder, up, client, token)
    finally:
        up.stop()
        processes.kill(*processes.naming(folder))  # guests that are still there
        shutil.rmtree(folder)


def _bootstrapped(folder: Path, up: Up, client: Client, token: str) -> Site:
    password = secrets.token_urlsafe(16)
    asked = iam_pb2.BootstrapRequest(token=token, account="admin", password=password)
    client.signed_in(client.iam.Bootstrap(asked))
    region = client.iam.CreateRegion(iam_pb2.CreateRegionRequest(name="home")).metadata.id
    project = client.iam.CreateProject(iam_pb2.CreateProjectRequest(name="default")).metadata.id
    # QEMU's user-mode network, wide enough for hundreds of machines of the test driver.
    network = resource_pb2.NetworkSpec(
        prefix="10.0.0.0/16",
        gateway="10.0.2.2",
        dns=["10.0.2.3"],
        first_address="10.0.2.15",
        last_address="10.0.5.250",
    )
    lan = client.resource.CreateNetwork(
        resource_pb2.CreateNetworkRequest(name="lan", region=region, spec=network)
    )
    return Site(folder, up, client, password, project, region, lan.metadata.id)
