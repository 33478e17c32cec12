"""Machines: from a wish to a claim, a row and a place; and from there to gone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import marks, states
from mulligan.batches import each
from mulligan.control import endpoints, images, operations, reserved_names
from mulligan.control.machine_specs import MachineSpec
from mulligan.control.operations import Ask, For
from mulligan.control.reserved_claims import use_reservation
from mulligan.control.tables import MACHINE_LIVES, Host, Image, Machine, Server
from mulligan.generations import refuse_stale
from mulligan.meta import names
from mulligan.meta.listing import listed
from mulligan.renaming import rename
from mulligan.resource import claims, kept_addresses, networks, reservations
from mulligan.resource.claims import Claim
from mulligan.resource.network_values import AddressClaim, NicWanted
from mulligan.resource.requests import ClaimRequest
from mulligan.values.errors import (
    FailedPreconditionError,
    NotFoundError,
)
from mulligan.values.listing import Listed, Listing
from mulligan.values.states import MACHINE_ENDED


@dataclass(frozen=True, slots=True)
class Nic:
    """One network interface with its address, and what its network says."""

    mac: str
    network: str
    mode: str
    address: str
    prefix_length: int
    gateway: str
    dns: tuple[str, ...]
    host_bridge: str
    vlan: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a machine is and everything that hardware needs to know of it.

    `may_be_written` says that the operation may have had its server's disks written to.
    """

    machine: Machine
    name: str
    hostname: str
    provider_name: str
    image_name: str
    fence: int
    nics: tuple[Nic, ...]
    image: Image
    host: Host | None
    server: Server | None
    may_be_written: bool = False


def begin_provision(
    session: Session, ask: Ask, machine: str, name: str, spec: MachineSpec, reservation: str = ""
) -> Plan:
    """Commit claim, addresses, name, machine and operation together, or nothing.

    With a reservation its claim is taken. Machine and operation are in the region of the claim.

    Raises:
        FailedPreconditionError: the reservation can't be used now.
        NotFoundError: no such image or network.
        NoCapacityError: nothing fits; says which constraint removed what.
        AlreadyExistsError: the name is taken.
    """
    earlier = operations.find_running(session, ask.operation, ask.digest)
    if earlier is not None:
        return plan_of(session, get(session, machine), ask.operation)
    now = datetime.now(UTC)
    spec.refuse_later(now)
    image = images.get_image_for(session, spec.image, ask.region, or_below=spec.or_below)
    claim = _claim(
        session, ask.project, machine, spec.claim_request(ask.region, now), spec.nics, reservation
    )
    ask = replace(ask, region=claim.region)
    names.give_name(session, "machine", machine, name, project=ask.project, region=ask.region)
    provider = claim.provider
    row = Machine(
        id=machine,
        region=ask.region,
        project=ask.project,
        kind=spec.kind,
        image=image.id,
        provider=provider,
        claim=claim.id,
        spec=spec.as_json(),
        nics=[
            _nic_json(session, address, mac)
            for address, mac in zip(claim.addresses, _macs(session, spec, claim), strict=True)
        ],
        operation=ask.operation,
        created_at=now,
    )
    row.status = states.enter("machine", "requested", "asked for")
    session.add(row)
    endpoint = machine
    if spec.kind == "baremetal":
        endpoint = provider
        server = endpoints.get_server(session, provider)
        server.machine = machine
        server.needs_cleaning = True
        endpoints.move(session, "server", server, "in_use", "a machine is on it", ask.operation)
    operations.begin(session, ask, endpoint)
    _move(session, row, "provisioning", "its claim is committed", ask.operation)
    return plan_of(session, row, ask.operation)


def _claim(
    session: Session, project: str, machine: str, request: ClaimRequest,
    nics: tuple[NicWanted, ...], reservation: str,
) -> Claim:  # fmt: skip
    """Claim what a machine needs, or take what is reserved for it."""
    if reservation:
        now = datetime.now(UTC)
        return use_reservation(
            session, reservation, project=project, machine=machine, wanted=request, nics=nics,
            now=now,
        )  # fmt: skip
    claim_id = str(uuid5(UUID(machine), "claim"))
    return claims.commit_claim(
        session, claim_id=claim_id, project=project, request=request, consumer=machine, nics=nics
    )


def _macs(session: Session, spec: MachineSpec, claim: Claim) -> list[str]:
    """Say which interfaces get the addresses: a server's own ones, in the order of its BMC."""
    if spec.kind == "virtual":
        return [address.mac for address in claim.addresses]
    found = endpoints.get_server(session, claim.provider).inventory.get("nics", ())
    return [nic["mac"] for nic in found if nic["mac"]][: len(claim.addresses)]


def _nic_json(session: Session, claimed: AddressClaim, mac: str) -> dict[str, Any]:
    network = networks.get_network(session, claimed.network).spec
    return asdict(
        Nic(
            mac=mac,
            network=claimed.network,
            mode="dhcp" if claimed.mode == "dhcp" else "static",
            address=claimed.address,
            prefix_length=int(network.prefix.partition("/")[2]),
            gateway=network.gateway,
            dns=tuple(network.dns),
            host_bridge=network.host_bridge,
            vlan=network.vlan,
        )
    )


def endpoint_of(row: Machine) -> str:
    """Give the end-point whose slot an operation on a machine takes."""
    return row.provider if row.kind == "baremetal" else row.id


def plan_of(session: Session, row: Machine, operation: str) -> Plan:
    """Gather what hardware needs to know of a machine for an operation that has its slot."""
    asks = For("machine", row.id, row.project)
    fence = operations.take_slot(session, asks, endpoint_of(row), operation)
    described = names.describe(session, [row.id, row.provider, row.image])
    host = endpoints.get_host(session, row.provider) if row.kind == "virtual" else None
    server = endpoints.get_server(session, row.provider) if row.kind == "baremetal" else None
    image = session.get_one(Image, row.image)
    return Plan(
        machine=row,
        name=described[row.id].name,
        hostname=described[row.id].slug[:63].strip("-"),
        provider_name=described[row.provider].name,
        image_name=described[row.image].name,
        fence=fence,
        nics=tuple(Nic(**{**nic, "dns": tuple(nic["dns"])}) for nic in row.nics),
        image=image,
        host=host,
        server=server,
        may_be_written=operations.may_have_written(session, operation),
    )


def record_active(
    session: Session, operation: str, machine: str, reported: Mapping[str, Any]
) -> None:
    """Write that a machine is active, and what it said of itself."""
    if not operations.is_at_work(session, operation):
        return
    row = get(session, machine)
    said = any(reported.values())
    is_its_own = _is_in_its_networks(session, row, reported.get("address", ""))
    row.reported = {**reported, "address": reported["address"] if is_its_own else ""}
    row.active_at = datetime.now(UTC)
    row.generation += 1
    reason = (
        "it reported that it is active" if said else "it was started; its image reports nothing"
    )
    _move(session, row, "active", reason, operation)


def _is_in_its_networks(session: Session, row: Machine, address: str) -> bool:
    """Say whether an address can be the machine's: behind a translation it is its host's."""
    prefixes = {networks.get_network(session, nic["network"]).spec.prefix for nic in row.nics}
    try:
        return any(ip_address(address) in ip_network(prefix) for prefix in prefixes)
    except ValueError:
        return False


def record_failed(
    session: Session,
    operation: str,
    machine: str,
    reason: str,
    provider_state: str,
    provider_reason: str,
    *,
    may_answer: bool = False,
) -> None:
    """Free the claim, the addresses and the name of a machine that could not be made."""
    row = get(session, machine)
    if row.state in MACHINE_ENDED:
        return
    _release(session, row, keep_addresses=may_answer)
    _return_provider(session, row, operation, provider_state, provider_reason)
    _move(session, row, "failed", reason, operation)


def rename_machine(
    session: Session, project: str, machine: str, name: str, *, generation: int, author: str
) -> Machine:
    """Give a machine another name; what it was told at its start stays as it is.

    Raises:
        AlreadyExistsError: another one of its project has it, or is reserved with it.
        NotFoundError: there is no such machine in the project, or it has ended.
        StaleError: it is not at that generation any more.
    """
    row = get_visible(session, project, machine)
    session.refresh(row, with_for_update=True)
    refuse_stale(session, "machine", row.id, generation=row.generation, read_at=generation)
    name = names.check_name("machine", name)
    if name != names.name_of(session, row.id):
        reserved_names.refuse_planned(session, row, name)
    rename(session, "machine", row, name, author=author, status=row.status)
    return row


def begin_decommission(session: Session, ask: Ask, machine: str) -> Plan:
    """Take the slot of a machine and say that it is being ended.

    Raises:
        NotFoundError: there is no such machine in the project.
        FailedPreconditionError: it is protected, busy, or ended already.
    """
    row = get_visible(session, ask.project, machine)
    if operations.find_running(session, ask.operation, ask.digest) is None:
        refuse_to_end(session, row)
        operations.begin(session, ask, endpoint_of(row))
        row.operation = ask.operation
        _move(session, row, "decommissioning", "asked to end", ask.operation)
    return plan_of(session, row, ask.operation)


def refuse_to_end(session: Session, row: Machine) -> None:
    """Refuse to end a machine that has ended, or that a mark protects."""
    if row.state in MACHINE_ENDED:
        raise FailedPreconditionError(
            f"machine {names.name_of(session, row.id)} is {row.state} already ({row.reason})",
            object_type="machine",
            object_id=row.id,
        )
    marks.refuse_if_marked(session, "machine", row.id, "protected", "locked")
    if row.kind == "baremetal":
        marks.refuse_if_marked(session, "server", row.provider, "protected", "locked", under=row.id)


def record_cleaning(session: Session, operation: str, machine: str) -> None:
    """Write that the machine's server is being cleaned."""
    if not operations.is_at_work(session, operation):
        return
    row = get(session, machine)
    server = endpoints.get_server(session, row.provider)
    endpoints.record_cleaning(session, server, operation)


def record_gone(
    session: Session,
    operation: str,
    machine: str,
    provider_state: str,
    provider_reason: str,
    *,
    may_answer: bool = False,
) -> None:
    """Free everything that a machine had."""
    row = get(session, machine)
    if row.state in MACHINE_ENDED:
        return
    _release(session, row, keep_addresses=may_answer)
    _return_provider(session, row, operation, provider_state, provider_reason)
    _move(session, row, "gone", "decommissioned", operation)


def record_released(session: Session, operation: str, row: Machine, reason: str) -> None:
    """Write that a machine lost its claim by force; what may still run keeps its addresses."""
    _release(session, row, keep_addresses=True, why=reason)
    _move(session, row, "gone", reason, operation)


def free_kept_addresses(session: Session, row: Machine) -> None:
    """Free the addresses that were kept of a machine that ended: it is seen not to run."""
    kept_addresses.free_kept_addresses(session, row.claim, datetime.now(UTC))


def record_stopped_ending(session: Session, operation: str, machine: str, reason: str) -> None:
    """Write that nobody tries to end a machine any more: it keeps its claim until somebody does."""
    row = get(session, machine)
    if row.state in MACHINE_ENDED:
        return
    next_action = "`mulligan operation retry`, or `mulligan machine force-release`"
    status = states.rest("machine", "decommissioning", reason, next_action)
    states.move(
        session,
        "machine",
        row,
        status,
        project=row.project,
        region=row.region,
        operation=operation,
    )
    server = session.get(Server, row.provider)
    if server is not None and server.state == "cleaning":
        status = states.rest("server", "cleaning", reason, next_action)
        states.move(session, "server", server, status, region=row.region, operation=operation)


def _release(
    session: Session, row: Machine, *, keep_addresses: bool = False, why: str = ""
) -> None:
    """End a machine's claim and name; its addresses stay its own where it may still run.

    A claim with nothing left at its addresses goes back to the reservation that it is from.
    """
    now = datetime.now(UTC)
    if keep_addresses or not reservations.take_back(session, row.claim, now):
        claims.release_claim(session, row.claim, now, why=why)
    if keep_addresses:
        kept_addresses.keep_addresses(session, row.claim)
    names.release_name(session, row.id)


def _return_provider(
    session: Session, row: Machine, operation: str, state: str, reason: str
) -> None:
    if not state:
        return
    if row.kind == "virtual":
        host = endpoints.get_host(session, row.provider)
        if host.state != "retired":
            endpoints.move(session, "host", host, state, reason, operation)
        return
    server = endpoints.get_server(session, row.provider)
    server.machine = None
    server.needs_cleaning = state != "available"
    endpoints.move(session, "server", server, state, reason, operation)


def _move(session: Session, row: Machine, state: str, reason: str, operation: str) -> None:
    states.move(
        session,
        "machine",
        row,
        states.enter("machine", state, reason),
        project=row.project,
        region=row.region,
        operation=operation,
    )


def get(session: Session, machine: str) -> Machine:
    """Find a machine of any project.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Machine, machine)
    if row is None:
        raise _not_found(machine)
    return row


def get_visible(session: Session, project: str, machine: str) -> Machine:
    """Find a machine of a project; another project's looks as if it weren't there."""
    row = session.get(Machine, machine)
    if row is None or row.project != project:
        raise _not_found(machine)
    return row


def get_all_visible(session: Session, project: str, ids: Sequence[str]) -> list[Machine]:
    """Find machines of a project, in the order of their ids; as `get_visible` does one."""
    return each(session, Machine, ids, lambda one: get_visible(session, project, one))


def _not_found(machine: str) -> NotFoundError:
    return NotFoundError(
        f"there is no machine {machine} in this project; see `mulligan machine list`",
        object_type="machine",
        object_id=machine,
    )


def list_machines(
    session: Session, project: str, listing: Listing, *, include_ended: bool = False
) -> Listed[Machine]:
    """Read a page of a project's machines: those in the states asked for, or that live, or all."""
    query = select(Machine)
    states = listing.filter.states
    ended_too = any(one in MACHINE_ENDED for one in states) if states else include_ended
    if not ended_too:
        query = query.where(MACHINE_LIVES)
    return listed(
        *(session, query, Machine, listing),
        object_types=["machine"],
        owner=project,
        owned_by=Machine.project,
        ended=ended_too,
        whole=True,
    )


@dataclass(frozen=True, slots=True)
class DoomedDisk:
    """A disk or volume that decommissioning destroys, and how."""

    name: str
    serial: str
    size_bytes: int
    policy: str


def doomed_disks(session: Session, row: Machine) -> list[DoomedDisk]:
    """List what decommissioning a machine destroys: of a server, every local disk."""
    if row.kind == "virtual":
        size = int(row.spec["disk_gib"]) << 30
        return [
            DoomedDisk(f"root-{row.id}", "", size, "delete"),
            DoomedDisk(f"config-{row.id}", "", 0, "delete"),
        ]
    server = endpoints.get_server(session, row.provider)
    known = [
        DoomedDisk(disk["name"], disk["serial"], int(disk["size_bytes"]), "wipe")
        for disk in server.inventory.get("disks", ())
    ]
    return [*known, DoomedDisk("every other local disk that the ramdisk finds", "", 0, "wipe")]
