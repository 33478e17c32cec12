"""Contracts of the records of servers and hosts: enrol, verify, inspect."""

from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.contracts.hypervisor import HostAccess, HostInventory
from activities.contracts.operations import Asked, Recorded, Resume
from activities.contracts.payload import Payload, contract_only
from activities.contracts.redfish import BmcAccess, ServerInventory, VerifiedServer


class EnrolServer(Payload):
    """A server that nobody knows yet."""

    name: str
    address: str
    sealed_credentials: str
    insecure_tls: bool = False
    system: str = ""
    project: str = ""


class EnrolHost(Payload):
    """A host that nobody knows yet."""

    name: str
    uri: str
    pool: str = "mulligan"
    project: str = ""


class BeginCheck(Payload):
    """Take the slot of a server or host to verify or inspect it; enrol it first when it is new."""

    asked: Asked
    type: Literal["server", "host"]
    id: str
    check: Literal["verify", "inspect"]
    enrol_server: EnrolServer | None = None
    enrol_host: EnrolHost | None = None
    resume: Resume = ""


class CheckPlan(Payload):
    """How the end-point is reached. One of `server` and `host` is given.

    A server that `needs_cleaning` may have its last owner's data. `is_offered` says that it needs
    no inspection to be of use.
    """

    id: str
    name: str
    region: str
    fence: int
    server: BmcAccess | None = None
    host: HostAccess | None = None
    needs_cleaning: bool = False
    is_offered: bool = False
    deadline: datetime | None = None


class Leftovers(Payload):
    """The machines that ended and of which something is left on a host, each with its fence."""

    machines: tuple[tuple[str, int], ...] = ()


class ListLeftovers(Payload):
    """Which of the machines that were found on a host have ended."""

    operation: str
    host: str
    found: tuple[str, ...]


class RecordLeftoverRemoved(Payload):
    """Nothing of a machine that ended is left on its host."""

    operation: str
    machine: str


class RecordServerCleaning(Payload):
    """A server that nobody has is being wiped, or was."""

    operation: str
    server: str


class RecordVerified(Payload):
    """The server answered."""

    operation: str
    server: str
    found: VerifiedServer


class RecordServerInventory(Payload):
    """What was found in the server, which is offered from now on."""

    operation: str
    server: str
    found: ServerInventory


class RecordHostInventory(Payload):
    """What was found on the host, which is offered from now on."""

    operation: str
    host: str
    found: HostInventory


class RecordCheckFailed(Payload):
    """It could not be verified or inspected: it isn't offered until it can."""

    operation: str
    type: Literal["server", "host"]
    id: str
    reason: str


@activity.defn(name="endpoints.begin_check")
def begin_check(request: BeginCheck) -> CheckPlan:
    """Take the slot, enrolling the end-point where it is new."""
    contract_only()


@activity.defn(name="endpoints.record_verified")
def record_verified(request: RecordVerified) -> Recorded:
    """Write what verify found."""
    contract_only()


@activity.defn(name="endpoints.record_cleaning")
def record_cleaning(request: RecordServerCleaning) -> Recorded:
    """Write that a server is being wiped."""
    contract_only()


@activity.defn(name="endpoints.record_cleaned")
def record_cleaned(request: RecordServerCleaning) -> Recorded:
    """Write that a server was wiped."""
    contract_only()


@activity.defn(name="endpoints.record_server_inventory")
def record_server_inventory(request: RecordServerInventory) -> Recorded:
    """Write a server's inventory and offer it."""
    contract_only()


@activity.defn(name="endpoints.record_host_inventory")
def record_host_inventory(request: RecordHostInventory) -> Recorded:
    """Write a host's inventory and offer it."""
    contract_only()


@activity.defn(name="endpoints.record_check_failed")
def record_check_failed(request: RecordCheckFailed) -> Recorded:
    """Write why the end-point can't be used."""
    contract_only()


@activity.defn(name="endpoints.list_leftovers")
def list_leftovers(request: ListLeftovers) -> Leftovers:
    """Take the slots of machines that ended and are still on a host."""
    contract_only()


@activity.defn(name="endpoints.record_leftover_removed")
def record_leftover_removed(request: RecordLeftoverRemoved) -> Recorded:
    """Free what was kept of a machine because it might still run."""
    contract_only()
