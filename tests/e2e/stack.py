"""A whole Mulligan in a folder of its own: `mulligan up`, a host, servers, an image, a tenant."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.client import Client as Temporal
from temporalio.client import WorkflowFailureError

from deploy.demo import Built, leftovers
from deploy.lab import VirtualServer, VirtualServers, some_servers
from deploy.session_libvirt import SessionLibvirt
from mulligan_client.client import Client
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.store import Login, Store
from tests.e2e import processes
from tests.e2e.up import MULLIGAN, Up

DISK_MIB = 128
"""A wipe takes its time for each MiB; the image has 48."""


class ReachedError(Exception):
    """What was waited for is there; ends `wait_for_operation` early."""


@dataclass(frozen=True)
class Said:
    """What a command of `mulligan` answered."""

    code: int
    out: str
    errors: str


@dataclass
class Stack:
    """Everything that runs, and the ways to drive it. The administrator is signed in."""

    folder: Path
    state: Path
    built: Built
    up: Up
    client: Client
    login: Login
    password: str
    uri: str
    lab: VirtualServers
    network: str
    image: str
    unreachable: control_pb2.Server = field(default_factory=control_pb2.Server)
    """A server whose BMC does not answer; that this is given up takes minutes."""
    _unused: list[VirtualServer] = field(default_factory=list)

    def mulligan(
        self, *words: str | Path, token: str = "", config: Path | None = None, given: str = ""
    ) -> Said:
        """Run the `mulligan` command as an operator does."""
        environment = environment_in(self.folder)
        environment["MULLIGAN_CONFIG_DIR"] = str(config or self.folder / "client")
        if token:
            environment["MULLIGAN_TOKEN"] = token
        done = subprocess.run(
            [MULLIGAN, *(str(word) for word in words)],
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def start_again(self) -> None:
        """Start it after a stop or a kill; the servers' BMC finds the new libvirt."""
        self.up.start()
        self.lab.start()

    def new_server(self) -> tuple[VirtualServer, str]:
        """Enrol a server of the lab that nobody had yet; gives it and its id when available."""
        server = self._unused.pop(0)
        enrolled = self.enrol(server)
        assert self.wait(enrolled.operation).status.state == "done"
        assert self.server(enrolled.metadata.id).status.state == "available"
        return server, enrolled.metadata.id

    def enrol(
        self, server: VirtualServer, *, address: str = "", password: str = "", name: str = ""
    ) -> control_pb2.Server:
        """Enrol a server, as it is or with something wrong."""
        server_id, bmc = str(uuid4()), address or self.lab.address
        sealed = self.client.seal(
            self.login.region,
            endpoint=server_id,
            address=bmc,
            username=self.lab.username,
            password=password or self.lab.password,
        )
        spec = control_pb2.ServerSpec(address=bmc, sealed_credentials=sealed, system=server.system)
        return self.client.control.CreateServer(
            control_pb2.CreateServerRequest(
                id=server_id, name=name or server.name, region=self.login.region, spec=spec
            )
        )

    def add_image(
        self, name: str, file: Path, *, disk_format: str = "raw", sha256: str = ""
    ) -> str:
        """Register an image; its true checksum is stated unless another one is given."""
        spec = control_pb2.ImageSpec(
            url=file.as_uri(), sha256=sha256 or sha256_of(file), disk_format=disk_format
        )
        request = control_pb2.CreateImageRequest(name=name, region=self.login.region, spec=spec)
        return self.client.control.CreateImage(request).metadata.id

    def offer(self, file: Path, name: str) -> Path:
        """Put a copy of a file where the executor takes images from."""
        return Path(shutil.copyfile(file, self.folder / "images" / name))

    def provision(
        self,
        name: str,
        kind: str,
        *,
        image: str = "",
        provider: str = "",
        ssh_keys: Sequence[str] = (),
    ) -> control_pb2.Operation:
        """Ask for a machine in our network."""
        virtual = kind == "virtual"
        spec = control_pb2.MachineSpec(
            kind=kind,
            image=image or self.image,
            nics=[control_pb2.NicRequest(network=self.network)],
            provider=provider,
            ssh_keys=ssh_keys,
            vcpus=1 if virtual else 0,
            memory_mib=512 if virtual else 0,
            disk_gib=1 if virtual else 0,
        )
        return self.client.control.ProvisionMachine(
            control_pb2.ProvisionMachineRequest(
                project=self.login.project, region=self.login.region, name=name, spec=spec
            )
        )

    def decommission(self, machine: str) -> str:
        """Ask for a machine's end; gives the operation."""
        request = control_pb2.DecommissionMachineRequest(project=self.login.project, id=machine)
        return self.client.control.DecommissionMachine(request).operation.metadata.id

    def end(self, machine: str) -> None:
        """End a machine."""
        assert self.wait(self.decommission(machine)).status.state == "done"

    def wait(self, operation: str) -> control_pb2.Operation:
        """Wait until an operation has ended, and what it tidies up after its end is done too."""
        ended = self.client.wait_for_operation(operation)
        asyncio.run(self._workflow_end(operation))
        return ended

    async def _workflow_end(self, operation: str) -> None:
        temporal = await Temporal.connect(self.up.temporal_address, namespace="mulligan")
        with suppress(WorkflowFailureError):
            await temporal.get_workflow_handle(operation).result()

    def wait_for_step(self, operation: str, step: str) -> None:
        """Wait until an operation has come to a step."""

        def look(found: control_pb2.Operation) -> None:
            if step in [one.name for one in found.steps]:
                raise ReachedError

        try:
            ended = self.client.wait_for_operation(operation, look)
        except ReachedError:
            return
        raise AssertionError(f"it ended before {step!r}: {ended}")

    def machine(self, machine: str) -> control_pb2.Machine:
        """Show a machine."""
        request = control_pb2.GetMachineRequest(id=machine, project=self.login.project)
        return self.client.control.GetMachine(request)

    def operations(self, object_id: str) -> list[control_pb2.Operation]:
        """Give the operations of an object, newest first."""
        request = control_pb2.ListOperationsRequest(object_id=object_id)
        return list(self.client.control.ListOperations(request).operations)

    def machines(self, name: str) -> list[control_pb2.Machine]:
        """Give all machines, ended ones included, that were ever called so."""
        request = control_pb2.ListMachinesRequest(project=self.login.project, include_ended=True)
        found = self.client.list_all(self.client.control.ListMachines, request).machines
        return [one for one in found if one.metadata.name == name]

    def server(self, server: str) -> control_pb2.Server:
        """Show a server."""
        return self.client.control.GetServer(control_pb2.GetServerRequest(id=server))

    def log(self, operation: str) -> str:
        """Read what was said during an operation."""
        said = self.mulligan("operation", "log", operation)
        assert said.code == 0, said.errors
        return said.out

    def in_use(self) -> dict[str, Any]:
        """Tell everything that a machine takes, from libvirt, the disk and the services."""
        self.lab.remove_ejected_media()
        resource = self.client.resource
        providers = self.client.list_all(
            resource.ListProviders, resource_pb2.ListProvidersRequest()
        ).providers
        networks = resource.ListNetworks(resource_pb2.ListNetworksRequest()).networks
        claims = resource_pb2.ListClaimsRequest(project=self.login.project)
        machines = control_pb2.ListMachinesRequest(project=self.login.project)
        used = {
            one.metadata.id: {kind.resource_type: kind.used for kind in one.inventories}
            for one in providers
        }
        return {
            **leftovers(self.uri, self.state),
            "capacity": used,
            "addresses": [one.addresses_used for one in networks],
            "claims": [one.metadata.id for one in resource.ListClaims(claims).claims],
            "machines": [
                one.metadata.id for one in self.client.control.ListMachines(machines).machines
            ],
        }


def sha256_of(path: Path) -> str:
    """Give a file's checksum."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def environment_in(folder: Path) -> dict[str, str]:
    """Give an environment in which whatever is written outside of the state folder shows."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("MULLIGAN_", "XDG_", "TEMPORAL_"))
    }
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    return {**kept, **places, "MULLIGAN_CACHE": f"{cache}/mulligan"}


def free_ports(count: int) -> int:
    """Find free ports in a row, where the kernel takes none for outgoing connections (ip(7)).

    They have to be free again after a stop; a connection that somebody opens meanwhile may not
    take them.
    """
    while True:
        first = secrets.randbelow(10_000) + 20_000
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


@contextmanager
def running_stack(built: Built, *arguments: str, servers: int = 0) -> Iterator[Stack]:
    """Run a stack with a host; afterwards nothing of it runs, and nothing is outside its state.

    The ports stay the same when it is started again, because guests know them.
    """
    folder = Path(tempfile.mkdtemp(prefix="e2e", dir="/tmp"))
    for name in ("home", "tmp", "images"):
        (folder / name).mkdir()
    state, uri = folder / "state", SessionLibvirt(folder / "state" / "libvirt").uri
    port = free_ports(5)
    address = f"127.0.0.1:{port}"
    up = Up(
        [
            *("--state", str(state), "--listen", address),
            *("--temporal-port", str(port + 1), "--ui-port", str(port + 2)),
            *("--media-port", str(port + 3)),
            *("--image-folder", str(folder / "images"), "--ramdisk", str(built.ramdisk)),
            *arguments,
        ],
        environment_in(folder),
    )
    try:
        token = up.start()
        with (
            Client(address) as client,
            VirtualServers(
                state / "lab", uri, some_servers(servers, prefix="e2e", disk_mib=DISK_MIB)
            ) as lab,
        ):
            stack = _bootstrapped(folder, built, up, client, lab, address, token)
            yield stack
            _end_virtual_machines(stack)
    finally:
        up.stop()
        left = processes.naming(folder)
        processes.kill(*left)  # what a failed test has left would disturb others
    assert left == {}
    assert {name: list((folder / name).iterdir()) for name in ("home", "tmp")} == {
        "home": [],
        "tmp": [],
    }
    shutil.rmtree(folder)


def _bootstrapped(
    folder: Path,
    built: Built,
    up: Up,
    client: Client,
    lab: VirtualServers,
    address: str,
    token: str,
) -> Stack:
    password = secrets.token_urlsafe(16)
    asked = iam_pb2.BootstrapRequest(token=token, account="admin", password=password)
    client.token = client.iam.Bootstrap(asked).access_token
    region = client.iam.CreateRegion(iam_pb2.CreateRegionRequest(name="home")).metadata.id
    project = client.iam.CreateProject(iam_pb2.CreateProjectRequest(name="default")).metadata.id
    network = resource_pb2.NetworkSpec(
        prefix="10.0.2.0/24",
        gateway="10.0.2.2",
        dns=["10.0.2.3"],
        first_address="10.0.2.100",
        last_address="10.0.2.199",
    )
    lan = client.resource.CreateNetwork(
        resource_pb2.CreateNetworkRequest(name="lan", region=region, spec=network)
    )
    login = Login(address, client.token, "admin", project, region)
    Store(folder / "client").write(login)
    state = folder / "state"
    stack = Stack(
        folder=folder,
        state=state,
        built=built,
        up=up,
        client=client,
        login=login,
        password=password,
        uri=SessionLibvirt(state / "libvirt").uri,
        lab=lab,
        network=lan.metadata.id,
        image="",
        _unused=list(lab.servers[:-1]),
    )
    host = client.control.CreateHost(
        control_pb2.CreateHostRequest(
            name="hypervisor", region=region, spec=control_pb2.HostSpec(uri="qemu:///session")
        )
    )
    assert stack.wait(host.operation).status.state == "done"
    stack.image = stack.add_image("tiny", stack.offer(built.image, "tiny.raw"))
    return stack


def _end_virtual_machines(stack: Stack) -> None:
    """End what a failed test left; servers are ended by the lab."""
    request = control_pb2.ListMachinesRequest(project=stack.login.project)
    for machine in stack.client.control.ListMachines(request).machines:
        if machine.spec.kind == "virtual" and machine.status.state == "active":
            stack.end(machine.metadata.id)
