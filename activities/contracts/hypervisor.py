"""Contracts of what an executor does to a hypervisor host through libvirt."""

from temporalio import activity

from activities.contracts.hardware import (
    ConfigDrivePlan,
    Done,
    Fenced,
    ImageSource,
    NicPlan,
    OperationLog,
)
from activities.contracts.payload import Payload, contract_only


class HostAccess(Payload):
    """How a host is reached: a libvirt URI such as qemu:///session, and its storage pool."""

    host: str
    region: str
    uri: str
    pool: str = "mulligan"


class InspectHost(Fenced):
    """Ask a host what it has."""

    access: HostAccess


class HostInventory(Payload):
    """What a host has. `domains` are the names of machines that run there and are not ours."""

    hostname: str
    hypervisor: str
    hypervisor_version: str
    architecture: str
    cpus: int
    memory_mib: int
    disk_gib: int
    capabilities: tuple[str, ...] = ()
    foreign_domains: tuple[str, ...] = ()


class FoundMachine(Payload):
    """Something of one machine of ours on a host: its domain, its volumes, or both."""

    machine: str
    has_domain: bool = False
    running: bool = False
    volumes: tuple[str, ...] = ()


class HostSurvey(Payload):
    """Everything on a host that carries our mark, by machine."""

    machines: tuple[FoundMachine, ...] = ()


class MachineTarget(Fenced):
    """A machine on its host."""

    access: HostAccess
    machine: str


class StageMachine(MachineTarget):
    """Put a machine's volumes in its host's pool: a thin copy of the image, a config drive."""

    image: ImageSource
    disk_gib: int
    nics: tuple[NicPlan, ...]
    config_drive: ConfigDrivePlan


class StagedMachine(Payload):
    """The volumes' names in the host's pool."""

    root_volume: str
    config_volume: str


class StartMachine(MachineTarget):
    """Define the machine's domain and start it. The domain carries machine and operation id."""

    title: str
    vcpus: int
    memory_mib: int
    nics: tuple[NicPlan, ...]
    volumes: StagedMachine


class StartedMachine(Payload):
    """The domain as libvirt names it."""

    domain_uuid: str
    domain_name: str


class StopMachine(MachineTarget):
    """Shut a machine off; its domain stays defined, with its volumes.

    What is off already is success. The machine gets `grace_s` seconds to power off when asked; 0
    stops it at once.
    """

    grace_s: int = 0


class StartMachineAgain(MachineTarget):
    """Start a machine whose domain is defined, with the volumes that it has."""


class RemoveMachine(MachineTarget):
    """End a machine: stop, undefine with NVRAM, delete its volumes.

    What is gone already is success. The machine gets `grace_s` seconds to power off when asked;
    0 stops it at once.
    """

    grace_s: int = 0


class ReadConsole(MachineTarget):
    """Read the tail of a machine's serial console."""


@activity.defn(name="hypervisor.inspect")
def inspect(request: InspectHost) -> HostInventory:
    """Read what a host has: retried while it can't be reached (HardwareBusyError)."""
    contract_only()


@activity.defn(name="hypervisor.survey")
def survey(request: InspectHost) -> HostSurvey:
    """List what a host has of ours; changes nothing."""
    contract_only()


@activity.defn(name="hypervisor.stage")
def stage(request: StageMachine) -> StagedMachine:
    """Fetch and verify the image and make root volume and config drive, unless they are there."""
    contract_only()


@activity.defn(name="hypervisor.start")
def start(request: StartMachine) -> StartedMachine:
    """Define and start the domain; one that runs already for this operation is success."""
    contract_only()


@activity.defn(name="hypervisor.stop")
def stop(request: StopMachine) -> Done:
    """Shut the machine off and leave everything that it has: MACHINE_NOT_ON_HOST says it's not."""
    contract_only()


@activity.defn(name="hypervisor.start_again")
def start_again(request: StartMachineAgain) -> StartedMachine:
    """Start the domain that is defined; one that runs is success."""
    contract_only()


@activity.defn(name="hypervisor.remove")
def remove(request: RemoveMachine) -> Done:
    """Leave nothing of the machine on its host."""
    contract_only()


@activity.defn(name="hypervisor.read_console")
def read_console(request: ReadConsole) -> OperationLog:
    """Read the tail of the serial console, empty when there is none."""
    contract_only()
