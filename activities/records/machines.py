"""The records of machines."""

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy.orm import Session

from activities.contracts import machines as contract
from activities.contracts.hardware import ImageSource, NicPlan
from activities.contracts.hypervisor import HostAccess
from activities.contracts.machines import (
    BeginDecommission,
    BeginForceRelease,
    BeginKeep,
    BeginProvision,
    BeginRestore,
    ForceReleased,
    MachinePlan,
    MachineWish,
    RecordActive,
    RecordCleaning,
    RecordFailed,
    RecordForceReleased,
    RecordGone,
    RecordKept,
    RecordRestored,
    RecordStoppedEnding,
    RecordUnchanged,
)
from activities.contracts.operations import Recorded
from activities.contracts.redfish import DiskHint
from activities.records.endpoints import bmc_access, host_access
from activities.records.operations import ask_of, steps_of
from activities.records.transaction import Contract, Record
from mulligan.control import endpoints, force_release, keeping, machines, operations
from mulligan.control.machine_specs import MachineSpec
from mulligan.control.machines import Plan
from mulligan.control.operations import Ask
from mulligan.control.tables import Image, Machine
from mulligan.resource import reservations
from mulligan.resource.demands import DomainLimit
from mulligan.resource.network_values import AddressMode, NicWanted


def spec_of(wish: MachineWish) -> MachineSpec:
    """Say in the domain's words what is wished."""
    fields = wish.model_dump(exclude={"nics", "domains"})
    domains = tuple(DomainLimit(one.kind, one.origin, same=one.same) for one in wish.domains)
    nics = tuple(NicWanted(nic.network, AddressMode(nic.mode), nic.address) for nic in wish.nics)
    return MachineSpec(**fields, nics=nics, domains=domains)


def begin_provision(session: Session, request: BeginProvision) -> MachinePlan:
    """Commit everything that a machine needs, or nothing."""
    ask = ask_of(request, "provision", "machine", request.machine)
    plan = machines.begin_provision(
        session, ask, request.machine, request.name, spec_of(request.wish), request.reservation
    )
    return _plan(plan).model_copy(update={"sealed_user_data": request.wish.sealed_user_data})


def record_active(session: Session, request: RecordActive) -> Recorded:
    """Write that a machine is active, and end its operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    machines.record_active(
        session, request.operation, request.machine, request.report.model_dump(mode="json")
    )
    endpoints.end_operation(session, request.operation, "done")
    return Recorded()


def record_failed(session: Session, request: RecordFailed) -> Recorded:
    """Free what a machine that could not be made had, and end its operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    machines.record_failed(
        session,
        request.operation,
        request.machine,
        request.reason,
        request.provider_state,
        request.provider_reason,
        may_answer=request.may_answer,
    )
    endpoints.end_operation(
        session, request.operation, request.state, request.reason, request.error_code
    )
    return _freed(session, request.machine)


def begin_keep(session: Session, request: BeginKeep) -> MachinePlan:
    """Take an active machine's slot to have it kept."""
    ask = ask_of(request, "keep", "machine", request.machine)
    plan = keeping.begin_keep(session, ask, request.machine, request.until)
    return _until_the_end(session, plan, ask)


def record_kept(session: Session, request: RecordKept) -> Recorded:
    """Write that a machine is kept, and end its operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    keeping.record_kept(session, request.operation, request.machine, request.until)
    endpoints.end_operation(session, request.operation, "done")
    return Recorded()


def begin_restore(session: Session, request: BeginRestore) -> MachinePlan:
    """Take a kept machine's slot to have it started again."""
    ask = ask_of(request, "restore", "machine", request.machine)
    return _until_the_end(session, keeping.begin_restore(session, ask, request.machine), ask)


def record_restored(session: Session, request: RecordRestored) -> Recorded:
    """Write that a machine is active again, and end its operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    keeping.record_restored(session, request.operation, request.machine)
    endpoints.end_operation(session, request.operation, "done")
    return Recorded()


def record_unchanged(session: Session, request: RecordUnchanged) -> Recorded:
    """Write why a machine stays as it was, and end its operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    words = f"{operations.get(session, request.operation).type} {request.state}: {request.reason}"
    keeping.record_unchanged(session, request.operation, request.machine, words)
    endpoints.end_operation(
        session, request.operation, request.state, request.reason, request.error_code
    )
    return Recorded()


def begin_decommission(session: Session, request: BeginDecommission) -> MachinePlan:
    """Take a machine's slot to end it."""
    ask = ask_of(request, "decommission", "machine", request.machine)
    return _plan(machines.begin_decommission(session, ask, request.machine))


def record_cleaning(session: Session, request: RecordCleaning) -> Recorded:
    """Write that a machine's server is being cleaned."""
    machines.record_cleaning(session, request.operation, request.machine)
    return Recorded()


def record_gone(session: Session, request: RecordGone) -> Recorded:
    """Free what a machine had, and end its operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    machines.record_gone(
        session,
        request.operation,
        request.machine,
        request.provider_state,
        request.provider_reason,
        may_answer=request.may_answer,
    )
    endpoints.end_operation(session, request.operation, "done")
    return _freed(session, request.machine)


def record_stopped_ending(session: Session, request: RecordStoppedEnding) -> Recorded:
    """Write that a machine that should end rests half-ended, and end the operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    machines.record_stopped_ending(session, request.operation, request.machine, request.reason)
    endpoints.end_operation(
        session, request.operation, request.state, request.reason, request.error_code
    )
    return Recorded()


def begin_force_release(session: Session, request: BeginForceRelease) -> ForceReleased:
    """End a claim and the operation that is at work on it."""
    ask = ask_of(request, "force-release", request.object_type, request.object_id)
    released = force_release.force_release(session, ask, request.object_id, request.reason)
    return ForceReleased(
        machine=released.machine.id if released.machine else "",
        fence=released.fence,
        host=host_access(released.host) if released.host else None,
        server=bmc_access(released.server) if released.server else None,
        stopped=released.stopped or "",
        waiting=_told(session, released.machine, request.asked.region),
    )


def record_force_released(session: Session, request: RecordForceReleased) -> Recorded:
    """Write how the hardware followed, and end the operation."""
    operations.record_steps(session, request.operation, request.at, steps_of(request.changes))
    force_release.record_force_released(
        session, request.operation, request.machine, request.problem
    )
    endpoints.end_operation(session, request.operation, "done", request.problem)
    return Recorded()


def _freed(session: Session, machine: str) -> Recorded:
    row = machines.get(session, machine)
    return Recorded(waiting=_told(session, row, row.region))


def _told(session: Session, machine: Machine | None, region: str) -> tuple[str, ...]:
    """List who is told that a machine ended: its reservation first, then who waits."""
    mine = reservations.of_machine(session, machine.id) if machine else []
    return (*mine, *operations.waiting_for_capacity(session, region))


def _until_the_end(session: Session, plan: Plan, ask: Ask) -> MachinePlan:
    """Make the plan of an operation whose own deadline counts, not that of a passing state."""
    deadline = operations.get(session, ask.operation).deadline
    return _plan(plan).model_copy(update={"deadline": deadline})


def _plan(plan: Plan) -> MachinePlan:
    machine = plan.machine
    spec = machine.spec
    return MachinePlan(
        machine=machine.id,
        name=plan.name,
        hostname=plan.hostname,
        project=machine.project,
        region=machine.region,
        provider=machine.provider,
        provider_name=plan.provider_name,
        fence=plan.fence,
        vcpus=spec["vcpus"],
        memory_mib=spec["memory_mib"],
        disk_gib=spec["disk_gib"],
        nics=tuple(NicPlan(**asdict(nic)) for nic in plan.nics),
        ssh_keys=tuple(spec["ssh_keys"]),
        image=_image(plan.image, plan.image_name),
        host=_host(plan),
        server=bmc_access(plan.server) if plan.server else None,
        root_disk=DiskHint(
            serial=spec["root_disk_serial"], min_bytes=max(spec["disk_gib"], 0) << 30
        ),
        deadline=machine.deadline,
        may_be_written=plan.may_be_written,
    )


def _host(plan: Plan) -> HostAccess | None:
    return host_access(plan.host) if plan.host else None


def _image(image: Image, name: str) -> ImageSource:
    return ImageSource.model_validate(
        {
            "image": image.id,
            "name": name,
            "url": image.url,
            "sha256": image.sha256,
            "disk_format": image.disk_format,
            "activation": image.activation,
            "config_format": image.config_format,
            "sealed_credentials": image.sealed_credentials,
        }
    )


RECORDS: Mapping[Contract, Record] = {
    contract.begin_provision: begin_provision,
    contract.record_active: record_active,
    contract.record_failed: record_failed,
    contract.begin_keep: begin_keep,
    contract.record_kept: record_kept,
    contract.begin_restore: begin_restore,
    contract.record_restored: record_restored,
    contract.record_unchanged: record_unchanged,
    contract.begin_decommission: begin_decommission,
    contract.record_cleaning: record_cleaning,
    contract.record_gone: record_gone,
    contract.record_stopped_ending: record_stopped_ending,
    contract.begin_force_release: begin_force_release,
    contract.record_force_released: record_force_released,
}
