"""Contracts of a machine's record: begin, activate, keep, restore, undo, end."""

from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.contracts.hardware import GuestReport, ImageSource, NicPlan
from activities.contracts.hypervisor import HostAccess
from activities.contracts.operations import Asked, Recorded, Resume, StepChange
from activities.contracts.payload import Payload, contract_only
from activities.contracts.redfish import BmcAccess, DiskHint
from mulligan.values.regions import DomainKind


class NicWish(Payload):
    """A network interface as it was asked for."""

    network: str
    mode: Literal["auto", "static", "dhcp"] = "auto"
    address: str = ""


class DomainWish(Payload):
    """A failure domain that is shared with something, or not; `origin` is its UUID."""

    kind: DomainKind
    origin: str
    same: bool = False


class MachineWish(Payload):
    """A machine as it was asked for; sizes exactly for a virtual one, at least for baremetal."""

    kind: Literal["virtual", "baremetal"]
    image: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    nics: tuple[NicWish, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    sealed_user_data: str = ""
    acquire_at: datetime | None = None
    release_at: datetime | None = None
    required_capabilities: tuple[str, ...] = ()
    provider: str = ""
    placement: Literal["pack", "spread"] = "pack"
    root_disk_serial: str = ""
    or_below: bool = False
    domains: tuple[DomainWish, ...] = ()


class BeginProvision(Payload):
    """Commit a machine's claim, its name, its row and its operation, or nothing.

    With a `reservation` the machine uses what that one claims.
    """

    asked: Asked
    machine: str
    name: str
    wish: MachineWish
    resume: Resume = ""
    reservation: str = ""


class MachinePlan(Payload):
    """What was decided: where the machine goes, and everything that hardware needs to know.

    One of `host` and `server` is given. Until `deadline` the machine's state lasts at most.
    `may_be_written` says that the operation may have had the server's disks written to already.
    """

    machine: str
    name: str
    hostname: str
    project: str
    region: str
    provider: str
    provider_name: str
    fence: int
    vcpus: int
    memory_mib: int
    disk_gib: int
    nics: tuple[NicPlan, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    sealed_user_data: str = ""
    image: ImageSource | None = None
    host: HostAccess | None = None
    server: BmcAccess | None = None
    root_disk: DiskHint = DiskHint()
    deadline: datetime | None = None
    may_be_written: bool = False


class RecordActive(Payload):
    """The machine is active."""

    operation: str
    machine: str
    at: datetime
    report: GuestReport
    changes: tuple[StepChange, ...] = ()


class RecordFailed(Payload):
    """The machine could not be made; its claim and name are free again.

    `provider_state` is where its server or host goes; empty leaves a host as it is. What could not
    be seen to be off `may_answer` at its addresses, which are kept until it was cleaned.
    """

    operation: str
    machine: str
    at: datetime
    state: Literal["failed", "cancelled"] = "failed"
    reason: str
    error_code: str = ""
    changes: tuple[StepChange, ...] = ()
    provider_state: Literal["", "available", "quarantined"] = ""
    provider_reason: str = ""
    may_answer: bool = False


class BeginKeep(Payload):
    """Take the slot of an active machine, to have it powered off and kept until then."""

    asked: Asked
    machine: str
    until: datetime
    resume: Resume = ""


class RecordKept(Payload):
    """The machine is off, and can be restored until then."""

    operation: str
    machine: str
    at: datetime
    until: datetime
    changes: tuple[StepChange, ...] = ()


class BeginRestore(Payload):
    """Take the slot of a kept machine, to have it started again."""

    asked: Asked
    machine: str
    resume: Resume = ""


class RecordRestored(Payload):
    """The machine was started again."""

    operation: str
    machine: str
    at: datetime
    changes: tuple[StepChange, ...] = ()


class RecordUnchanged(Payload):
    """The machine stays in its state; the reason says how its hardware may differ from that."""

    operation: str
    machine: str
    at: datetime
    state: Literal["failed", "cancelled"]
    reason: str
    error_code: str = ""
    changes: tuple[StepChange, ...] = ()


class BeginDecommission(Payload):
    """Take the machine's slot and say that it is being ended."""

    asked: Asked
    machine: str
    resume: Resume = ""


class RecordStoppedEnding(Payload):
    """Nobody tries to end the machine any more; it keeps its claim until somebody does again."""

    operation: str
    machine: str
    at: datetime
    state: Literal["failed", "cancelled"]
    reason: str
    error_code: str = ""
    changes: tuple[StepChange, ...] = ()


class BeginForceRelease(Payload):
    """End the claim of a machine or server at once."""

    asked: Asked
    object_type: Literal["machine", "server"]
    object_id: str
    reason: str
    resume: Resume = ""


class ForceReleased(Payload):
    """What was released: its hardware, and the operation that must let go of it."""

    machine: str = ""
    fence: int
    host: HostAccess | None = None
    server: BmcAccess | None = None
    stopped: str = ""
    waiting: tuple[str, ...] = ()


class RecordForceReleased(Payload):
    """How the hardware followed; `problem` says what may still be on the host."""

    operation: str
    machine: str
    at: datetime
    problem: str = ""
    changes: tuple[StepChange, ...] = ()


class RecordCleaning(Payload):
    """The machine's server is being cleaned."""

    operation: str
    machine: str


class RecordGone(Payload):
    """The machine is gone; its server is available, or quarantined with the reason.

    A server that could not be seen to be off `may_answer` at its addresses, which are kept.
    """

    operation: str
    machine: str
    at: datetime
    changes: tuple[StepChange, ...] = ()
    provider_state: Literal["", "available", "quarantined"] = ""
    provider_reason: str = ""
    may_answer: bool = False


@activity.defn(name="machines.begin_provision")
def begin_provision(request: BeginProvision) -> MachinePlan:
    """Choose a provider and commit; NO_CAPACITY explains itself and leaves nothing."""
    contract_only()


@activity.defn(name="machines.record_active")
def record_active(request: RecordActive) -> Recorded:
    """Write that the machine is active, and what it said, and end the operation."""
    contract_only()


@activity.defn(name="machines.record_failed")
def record_failed(request: RecordFailed) -> Recorded:
    """Release what a machine that could not be made had, and end the operation."""
    contract_only()


@activity.defn(name="machines.begin_keep")
def begin_keep(request: BeginKeep) -> MachinePlan:
    """Take the slot of an active machine; the plan's deadline is the operation's."""
    contract_only()


@activity.defn(name="machines.record_kept")
def record_kept(request: RecordKept) -> Recorded:
    """Write that the machine is kept, and end the operation."""
    contract_only()


@activity.defn(name="machines.begin_restore")
def begin_restore(request: BeginRestore) -> MachinePlan:
    """Take the slot of a kept machine; the plan's deadline is the operation's."""
    contract_only()


@activity.defn(name="machines.record_restored")
def record_restored(request: RecordRestored) -> Recorded:
    """Write that the machine is active again, and end the operation."""
    contract_only()


@activity.defn(name="machines.record_unchanged")
def record_unchanged(request: RecordUnchanged) -> Recorded:
    """Write that the machine stays as it was, and why, and end the operation."""
    contract_only()


@activity.defn(name="machines.begin_decommission")
def begin_decommission(request: BeginDecommission) -> MachinePlan:
    """Take the slot of an active machine."""
    contract_only()


@activity.defn(name="machines.record_cleaning")
def record_cleaning(request: RecordCleaning) -> Recorded:
    """Write that the server is being cleaned."""
    contract_only()


@activity.defn(name="machines.record_gone")
def record_gone(request: RecordGone) -> Recorded:
    """Release everything that the machine had, and end the operation."""
    contract_only()


@activity.defn(name="machines.record_stopped_ending")
def record_stopped_ending(request: RecordStoppedEnding) -> Recorded:
    """Write that a machine that should end rests half-ended, and end the operation."""
    contract_only()


@activity.defn(name="machines.begin_force_release")
def begin_force_release(request: BeginForceRelease) -> ForceReleased:
    """End a claim and the operation that is at work on it, in one transaction."""
    contract_only()


@activity.defn(name="machines.record_force_released")
def record_force_released(request: RecordForceReleased) -> Recorded:
    """Write how the hardware followed, and end the operation."""
    contract_only()
