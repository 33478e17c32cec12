"""What tests do with an installation whose administrator is signed in, however it was started."""

import asyncio
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.client import Client as Temporal
from temporalio.client import WorkflowFailureError

from deploy.demo import leftovers
from deploy.lab import VirtualServer, VirtualServers
from mulligan_client.client import Client
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.store import Login
from mulligan_client.tokens import Tokens


class ReachedError(Exception):
    """What was waited for is there; ends `wait_for_operation` early."""


@dataclass(frozen=True)
class Tenant:
    """What a new installation got first: an administrator, a region, a project and a network."""

    login: Login
    password: str
    network: str


def bootstrap(client: Client, address: str, token: str) -> Tenant:
    """Use the one-time token; the client is signed in afterwards."""
    password = secrets.token_urlsafe(16)
    asked = iam_pb2.BootstrapRequest(token=token, account="admin", password=password)
    client.signed_in(client.iam.Bootstrap(asked))
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
    login = Login(address, account="admin", project=project, region=region)
    return Tenant(login.with_tokens(_more_tokens(address, password)), password, lan.metadata.id)


def _more_tokens(address: str, password: str) -> Tokens:
    """Sign in for the command: its session is not the client's, which renews its own tokens."""
    with Client(address) as client:
        client.log_in("admin", password)
        return client.sign_in.tokens


@dataclass
class Installation(ABC):
    """A running Mulligan with a host, and the lab whose servers it may enrol."""

    folder: Path
    state: Path
    client: Client
    login: Login
    password: str
    uri: str
    lab: VirtualServers
    network: str
    image: str

    @property
    @abstractmethod
    def temporal_address(self) -> str:
        """Where its Temporal listens."""

    def add_host(self, name: str, uri: str, *, pool: str = "") -> str:
        """Add a hypervisor host and wait until it is offered; gives its id."""
        spec = control_pb2.HostSpec(uri=uri, pool=pool)
        host = self.client.control.CreateHost(
            control_pb2.CreateHostRequest(name=name, region=self.login.region, spec=spec)
        )
        assert self.wait(host.operation).status.state == "done"
        return host.metadata.id

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
        self,
        name: str,
        file: Path,
        *,
        disk_format: str = "raw",
        sha256: str = "",
        activation: str = "",
    ) -> str:
        """Register an image; its true checksum is stated unless another one is given."""
        spec = control_pb2.ImageSpec(
            url=file.as_uri(),
            sha256=sha256 or sha256_of(file),
            disk_format=disk_format,
            activation=activation,
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
        memory_mib: int = 512,
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
            memory_mib=memory_mib if virtual else 0,
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
        temporal = await Temporal.connect(self.temporal_address, namespace="mulligan")
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
