"""A seeded mixed load: clients who ask for machines of both kinds, end them, and change their mind.

Each client tells its stories one after another, through the Python client. What was asked, and how
it has to end, is noted; `wrong` says what ended otherwise.
"""

import random
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, TypeVar

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from tests.chaos.movements import Movements
from tests.chaos.site import Site

Answer = TypeVar("Answer")

REFUSALS = ("ENDPOINT_BUSY", "NO_CAPACITY", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED")
"""Answers that say no for good reasons: somebody else has it now, or it is over already."""

GUEST_MEMORY_MIB = 128


class RefusedError(Exception):
    """The story ends here: what was asked is not possible now."""


@dataclass
class Asked:
    """One operation that was asked for: how it may end, and how it did."""

    id: str
    type: str
    kind: str
    may_end: tuple[str, ...] = ("done",)
    state: str = ""
    reason: str = ""


@dataclass
class Load:
    """Everything that is asked, until there is enough of it or the time is over.

    There is not enough while something else, `wants_more`, needs operations to go on.
    """

    site: Site
    movements: Movements
    seed: int
    operations: int
    ends_at: float
    wants_more: Callable[[], bool] = lambda: False
    asked: dict[str, Asked] = field(default_factory=dict)
    refused: int = 0
    complaints: list[str] = field(default_factory=list)
    """Calls that were answered as they never should be."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def goes_on(self) -> bool:
        """Say whether another story may begin."""
        enough = len(self.asked) >= self.operations and not self.wants_more()
        return not enough and time.monotonic() < self.ends_at

    def note(self, operation: control_pb2.Operation, kind: str) -> Asked:
        """Note what was asked; the same operation is noted once."""
        one = Asked(operation.metadata.id, operation.type, kind)
        with self._lock:
            return self.asked.setdefault(one.id, one)

    def refuse(self) -> None:
        """Count a refusal."""
        with self._lock:
            self.refused += 1

    def complain(self, words: str) -> None:
        """Note an answer that should never be given."""
        with self._lock:
            self.complaints.append(words)

    def settle(self) -> None:
        """Wait for what a story that broke off had asked for, and end the machines that it left."""
        client = self.site.client
        project = self.site.login.project
        reserved = resource_pb2.ListReservationsRequest(project=project)
        for left in client.list_all(client.resource.ListReservations, reserved).reservations:
            client.resource.CancelReservation(
                resource_pb2.CancelReservationRequest(project=project, id=left.metadata.id)
            )
        for one in [one for one in self.asked.values() if not one.state]:
            ended = client.wait_for_operation(one.id)
            one.state, one.reason = ended.status.state, ended.status.reason
        for project in (self.site.login.project, self.site.metal_project):
            request = control_pb2.ListMachinesRequest(project=project)
            for machine in client.list_all(client.control.ListMachines, request).machines:
                ending = client.control.DecommissionMachine(
                    control_pb2.DecommissionMachineRequest(project=project, id=machine.metadata.id)
                )
                self.site.wait(ending.operation.metadata.id)

    def wrong(self) -> Iterator[str]:
        """Say which operations did not end as they should."""
        for one in self.asked.values():
            if one.state not in one.may_end:
                ended = f"ended {one.state}: {one.reason}" if one.state else "has not ended"
                yield f"{one.kind} {one.type} {one.id} {ended}; it had to be {one.may_end}"

    @contextmanager
    def running(
        self, *, virtual: int, metal: int, others: Sequence[type["VirtualClient"]] = ()
    ) -> Iterator[None]:
        """Run so many clients of each kind, and an operator; leaving waits for their last story."""
        servers = self._servers()
        clients = [
            *(partial(other, number=virtual + number) for number, other in enumerate(others)),
            *(partial(VirtualClient, number=number) for number in range(virtual)),
            *(partial(MetalClient, server=server) for server in servers[1 : 1 + metal]),
            partial(Operator, server=servers[0]),
        ]
        threads = [
            threading.Thread(target=self._tell, args=(number, client), name=f"client-{number}")
            for number, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join()

    def _servers(self) -> list[str]:
        request = control_pb2.ListServersRequest()
        return [one.metadata.id for one in self.site.client.control.ListServers(request).servers]

    def _tell(self, number: int, make: Callable[..., "Storyteller"]) -> None:
        with self.site.another_client() as client:
            dice = random.Random(f"{self.seed} client {number}")
            teller = make(load=self, client=client, dice=dice)
            while self.goes_on():
                try:
                    teller.tell_one()
                except RefusedError:
                    self.refuse()
                    time.sleep(dice.random())  # people who are refused come again a little later
                except MulliganCallError as error:
                    self.complain(f"a call was answered {error.code}: {error.message}")
                    time.sleep(1)
                except Exception as error:
                    self.complain(f"a client could not go on: {error!r}")
                    raise


@dataclass
class Storyteller:
    """One client with its dice."""

    load: Load
    client: Client
    dice: random.Random

    kind: ClassVar[str] = ""
    stories: ClassVar[tuple[tuple[str, int], ...]] = ()
    """Names of methods, and how often each is told."""

    def tell_one(self) -> None:
        """Tell a seeded story to its end."""
        names, weights = zip(*self.stories, strict=True)
        getattr(self, self.dice.choices(names, weights)[0])()

    def ask(self, call: Callable[[Any], Answer], request: Any) -> Answer:
        """Ask; a no for good reasons ends the story."""
        try:
            return call(request)
        except MulliganCallError as error:
            if error.code in REFUSALS or error.grpc_status in REFUSALS:
                raise RefusedError from error
            raise

    def begin(self, operation: control_pb2.Operation, *may_end: str) -> Asked:
        """Note an operation that began."""
        asked = self.load.note(operation, self.kind)
        asked.may_end = may_end or asked.may_end
        return asked

    def end(self, asked: Asked) -> str:
        """Wait until an operation has ended; gives its state."""
        ended = self.client.wait_for_operation(asked.id)
        asked.state, asked.reason = ended.status.state, ended.status.reason
        return asked.state

    def abort(self, asked: Asked, *steps: str) -> None:
        """Abort an operation at one of its steps, or at once."""
        step = self.dice.choice(("", *steps))
        if step:
            moving = partial(self.load.movements.of, asked.id)
            self.load.movements.wait(
                lambda: moving().step == step or moving().state != "running", timeout_s=300
            )
        asked.may_end = ("cancelled", "done")
        try:
            self.ask(
                self.client.control.AbortOperation,
                control_pb2.AbortOperationRequest(id=asked.id),
            )
        except RefusedError:
            self.load.refuse()  # it has ended already


class Maker(Storyteller, ABC):
    """Who asks for machines."""

    steps: ClassVar[tuple[str, ...]] = ()
    _number = 0

    @abstractmethod
    def request(self) -> control_pb2.ProvisionMachineRequest:
        """Write the request for one more machine, with a request id of its own."""

    def provision(self) -> tuple[Asked, str]:
        """Ask for a machine."""
        asked = self.ask(self.client.control.ProvisionMachine, self.request())
        return self.begin(asked), asked.object_id

    def decommission(self, machine: str) -> Asked:
        """Ask for its end."""
        request = control_pb2.DecommissionMachineRequest(project=self.project, id=machine)
        return self.begin(self.ask(self.client.control.DecommissionMachine, request).operation)

    @property
    def project(self) -> str:
        """Whose the machines are."""
        return self.load.site.login.project

    def there_and_back(self) -> None:
        made, machine = self.provision()
        if self.end(made) == "done":
            self.end(self.decommission(machine))

    def aborted(self) -> None:
        made, machine = self.provision()
        self.abort(made, *self.steps)
        if self.end(made) == "done":
            self.end(self.decommission(machine))


class VirtualClient(Maker):
    """Asks for virtual machines."""

    kind: ClassVar[str] = "virtual"
    steps: ClassVar = ("stage", "boot")
    stories: ClassVar[tuple[tuple[str, int], ...]] = (
        ("there_and_back", 50),
        ("aborted", 20),
        ("stopped_ending", 8),
        ("asked_twice", 6),
        ("asked_again", 6),
        ("forced", 6),
        ("forced_while_made", 2),
    )

    def __init__(self, number: int, load: Load, client: Client, dice: random.Random) -> None:
        super().__init__(load, client, dice)
        self._name = f"virtual-{number}"

    def request(self) -> control_pb2.ProvisionMachineRequest:
        site = self.load.site
        self._number += 1
        return control_pb2.ProvisionMachineRequest(
            request_id=str(uuid.uuid4()),
            project=self.project,
            region=site.login.region,
            name=f"{self._name}-{self._number}",
            spec=control_pb2.MachineSpec(
                kind="virtual",
                image=site.image,
                nics=[control_pb2.NicRequest(network=site.network)],
                vcpus=1,
                memory_mib=GUEST_MEMORY_MIB,
                disk_gib=1,
            ),
        )

    def stopped_ending(self) -> None:
        made, machine = self.provision()
        if self.end(made) != "done":
            return
        ending = self.decommission(machine)
        self.abort(ending, "remove machine")
        if self.end(ending) != "done":
            self.end(self.decommission(machine))

    def asked_twice(self) -> None:
        request = self.request()
        operations = {
            self.ask(self.client.control.ProvisionMachine, request).metadata.id for _ in range(2)
        }
        if len(operations) != 1:
            self.load.complain(f"one request id became operations {operations}")
        made = self.begin(self.ask(self.client.control.ProvisionMachine, request))
        if self.end(made) == "done":
            (operation,) = operations
            found = self.client.control.GetOperation(control_pb2.GetOperationRequest(id=operation))
            self.end(self.decommission(found.object_id))

    def asked_again(self) -> None:
        made, machine = self.provision()
        self.abort(made)
        if self.end(made) == "cancelled":
            request = control_pb2.RetryOperationRequest(id=made.id)
            again = self.ask(self.client.control.RetryOperation, request)
            made, machine = self.begin(again), again.object_id
            self.end(made)
        if made.state == "done":
            self.end(self.decommission(machine))

    def forced(self) -> None:
        made, machine = self.provision()
        if self.end(made) == "done":
            self._force(machine)

    def forced_while_made(self) -> None:
        made, machine = self.provision()
        made.may_end = ("failed", "cancelled", "done")
        self._force(machine)
        self.end(made)

    def _force(self, machine: str) -> None:
        request = control_pb2.ForceReleaseRequest(object_id=machine, reason="chaos")
        self.end(self.begin(self.ask(self.client.control.ForceRelease, request)))


class MetalClient(Maker):
    """Asks for machines on one server."""

    kind: ClassVar[str] = "metal"
    steps: ClassVar = ("boot ramdisk (deploy)", "deploy", "boot", "activate")
    stories: ClassVar = (("there_and_back", 80), ("aborted", 20))

    def __init__(self, server: str, load: Load, client: Client, dice: random.Random) -> None:
        super().__init__(load, client, dice)
        self._server = server

    @property
    def project(self) -> str:
        return self.load.site.metal_project

    def request(self) -> control_pb2.ProvisionMachineRequest:
        site = self.load.site
        self._number += 1
        return control_pb2.ProvisionMachineRequest(
            project=self.project,
            region=site.login.region,
            name=f"metal-{self._server[:8]}-{self._number}",
            spec=control_pb2.MachineSpec(
                kind="baremetal",
                image=site.metal_image,
                nics=[control_pb2.NicRequest(network=site.network)],
                provider=self._server,
            ),
        )


class Operator(Storyteller):
    """Checks hardware, compares, freezes and thaws, and holds claims, while others work."""

    kind: ClassVar[str] = "operator's"
    stories: ClassVar = (
        ("verify_server", 30),
        ("inspect_server", 20),
        ("verify_host", 15),
        ("reconcile", 15),
        ("freeze_and_thaw", 10),
        ("hold", 10),
    )

    def __init__(self, server: str, load: Load, client: Client, dice: random.Random) -> None:
        super().__init__(load, client, dice)
        self._server = server

    def verify_server(self) -> None:
        request = control_pb2.VerifyServerRequest(id=self._server)
        self.end(self.begin(self.ask(self.client.control.VerifyServer, request)))

    def inspect_server(self) -> None:
        request = control_pb2.InspectServerRequest(id=self._server)
        self.end(self.begin(self.ask(self.client.control.InspectServer, request)))

    def verify_host(self) -> None:
        hosts = self.client.control.ListHosts(control_pb2.ListHostsRequest()).hosts
        request = control_pb2.VerifyHostRequest(id=self.dice.choice(hosts).metadata.id)
        self.end(self.begin(self.ask(self.client.control.VerifyHost, request)))

    def reconcile(self) -> None:
        request = control_pb2.ReconcileRequest(region=self.load.site.login.region)
        self.end(self.begin(self.ask(self.client.control.Reconcile, request)))

    def freeze_and_thaw(self) -> None:
        region, movements = self.load.site.login.region, self.load.movements
        freeze = control_pb2.FreezeRequest(region=region, reason="chaos")
        self.ask(self.client.control.Freeze, freeze)
        movements.wait(
            lambda: any(one.waits and one.kind == "virtual" for one in movements.running()),
            timeout_s=3,
        )
        self.ask(self.client.control.Thaw, control_pb2.ThawRequest(region=region))

    def hold(self) -> None:
        site = self.load.site
        amount = common_pb2.Amount(resource_type="VCPU", amount=1)
        spec = resource_pb2.ClaimSpec(amounts=[amount], region=site.login.region)
        request = resource_pb2.CreateClaimRequest(project=site.login.project, spec=spec)
        claim = self.ask(self.client.resource.CreateClaim, request)
        release = resource_pb2.ReleaseClaimRequest(project=site.login.project, id=claim.metadata.id)
        self.ask(self.client.resource.ReleaseClaim, release)
