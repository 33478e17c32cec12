"""What must be true once everything ended, whatever died meanwhile: the answer is sentences.

Five looks, each on its own: the records of a region or site (`read_records` takes any SQLAlchemy
session), Temporal, a host, the files of executors, a BMC. None of them uses the product's own
rules: what is used at the same time is counted again here. An empty list is good.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

import libvirt
from sqlalchemy import select
from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from mulligan.control.tables import Host, Machine, Operation, Server, Slot, Step
from mulligan.events import EventRow
from mulligan.meta.names import NameRow
from mulligan.resource.tables import AddressClaimRow, AllocationRow, ClaimRow, InventoryRow

ENDED = ("gone", "failed")
OF_MACHINE = ("root-", "config-", "mulligan-")
"""How the names of a machine's volumes and of its domain begin."""


@dataclass(frozen=True)
class SeenHost:
    """A host as libvirt and its files show it.

    `definitions`: how often libvirt's events said that a domain (UUID) was defined.
    `nvram`: the folder of libvirt's NVRAM files. `files`: the state folder of its executors.
    """

    id: str
    connection: libvirt.virConnect
    definitions: Mapping[str, int]
    nvram: Path
    files: Path


@dataclass(frozen=True)
class SeenBmc:
    """A server as its BMC shows it, and what was done to it since it was enrolled.

    `inserts` and `starts` count media inserted and starts of the server; `is_clean` says whether
    its disk is empty, as seen from outside.
    """

    server: str
    is_on: bool
    medium: str | None
    inserts: int
    starts: int
    is_clean: bool


# Records


@dataclass(frozen=True)
class Records:
    """Everything that the database holds of one region, or of the whole site."""

    operations: Mapping[str, Operation]
    steps: Sequence[Step]
    machines: Mapping[str, Machine]
    servers: Mapping[str, Server]
    hosts: Mapping[str, Host]
    slots: Sequence[Slot]
    names: Sequence[NameRow]
    claims: Mapping[str, ClaimRow]
    allocations: Sequence[AllocationRow]
    addresses: Sequence[AddressClaimRow]
    inventories: Sequence[InventoryRow]
    events: Sequence[EventRow]

    @property
    def living(self) -> Mapping[str, Machine]:
        """The machines that have not ended."""
        return {one: row for one, row in self.machines.items() if row.state not in ENDED}

    @property
    def endpoints(self) -> Mapping[str, Server | Host]:
        """Servers and hosts."""
        return {**self.servers, **self.hosts}


def read_records(session: Session, region: str = "") -> Records:
    """Read the records of a region, or of the whole site."""

    def of_region(table: Any) -> list[Any]:
        query = select(table)
        return list(session.scalars(query.where(table.region == region) if region else query))

    operations, machines, servers, hosts, claims = (
        {row.id: row for row in of_region(table)}
        for table in (Operation, Machine, Server, Host, ClaimRow)
    )
    return Records(
        operations=operations,
        steps=[row for row in session.scalars(select(Step)) if row.operation in operations],
        machines=machines,
        servers=servers,
        hosts=hosts,
        slots=[row for row in session.scalars(select(Slot)) if row.operation in operations],
        names=[row for row in session.scalars(select(NameRow)) if row.id in machines],
        claims=claims,
        allocations=of_region(AllocationRow),
        addresses=of_region(AddressClaimRow),
        inventories=[
            row
            for row in session.scalars(select(InventoryRow))
            if row.provider in servers or row.provider in hosts
        ],
        events=sorted(of_region(EventRow), key=lambda row: row.revision),
    )


def check_records(records: Records) -> list[str]:
    """Compare the database with itself."""
    looks = (_operations, _machines_and_claims, _endpoints, _leftovers, _peaks, _events)
    return [problem for look in looks for problem in look(records)]


def _operations(records: Records) -> Iterator[str]:
    for row in records.operations.values():
        if row.state == "running":
            yield f"operation {row.id} ({row.type}) has not ended: {row.reason}"
    for step in records.steps:
        over = records.operations[step.operation].state != "running"
        if over and step.state == "running":
            yield f"step {step.name} of operation {step.operation}, which has ended, is running"


def _machines_and_claims(records: Records) -> Iterator[str]:
    for row in records.living.values():
        claim = records.claims.get(row.claim)
        if claim is None or claim.state != "confirmed" or claim.consumer != row.id:
            yield f"machine {row.id} is {row.state} and has no claim"
        if row.state not in ("active", "kept") and row.deadline is not None:
            yield f"machine {row.id} is {row.state}, and nobody is at work on it: {row.reason}"
    for claim in records.claims.values():
        if claim.consumer and claim.state == "confirmed" and claim.consumer not in records.living:
            yield f"claim {claim.id} is of machine {claim.consumer}, which is not there"


def _endpoints(records: Records) -> Iterator[str]:
    for server in records.servers.values():
        on_it = records.living.get(server.machine or "")
        if server.machine and (on_it is None or on_it.provider != server.id):
            yield f"server {server.id} has machine {server.machine}, which is not there"
        if server.state == "available" and (server.needs_cleaning or server.machine):
            yield f"server {server.id} is available, and not clean or not free"
        if server.state in ("in_use", "cleaning") and on_it is None:
            yield f"server {server.id} is {server.state}, and no machine is on it"
    for row in records.endpoints.values():
        if row.deadline is not None:
            yield f"{row.id} is {row.state}, and nobody is at work on it: {row.reason}"
        if row.state == "quarantined" and not row.reason:
            yield f"{row.id} is quarantined without a reason"
    on_servers = {server.machine for server in records.servers.values()}
    for machine in records.living.values():
        if machine.kind == "baremetal" and machine.id not in on_servers:
            yield f"machine {machine.id} is on server {machine.provider}, which doesn't know it"


def _leftovers(records: Records) -> Iterator[str]:
    for slot in records.slots:
        yield f"the slot of {slot.endpoint} is taken by operation {slot.operation}"
    for name in records.names:
        if name.released_at is None and name.id not in records.living:
            yield f"machine {name.id} has ended, and its name {name.name} is taken"
    now = datetime.now(UTC)
    quarantined = {one for one, row in records.endpoints.items() if row.state == "quarantined"}
    may_run = {row.claim for row in records.machines.values() if row.provider in quarantined}
    over = {one for one, claim in records.claims.items() if claim.state == "released"}
    for address in records.addresses:
        if address.claim in over - may_run and address.occupied_until > now:
            yield f"claim {address.claim} is released, and its {address.address} is taken"
    for row in records.allocations:
        if row.claim in over and row.occupied_until > now:
            yield f"claim {row.claim} is released, and its {row.resource_type} is taken"


def _peaks(records: Records) -> Iterator[str]:
    """Add up, for each provider, what was used at the same time, from the rows alone.

    What was moved is where it is since then.
    """
    changes: defaultdict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)
    moves = {row.object_id: row.at for row in records.events if row.kind == "moved"}
    for row in records.allocations:
        claim = records.claims[row.claim]
        ends = (claim.planned_release_at, claim.released_at, row.held_until)
        end = min(moment for moment in ends if moment is not None)
        begin = max(claim.acquire_at, moves.get(claim.id, claim.acquire_at))
        if end > begin:
            steps = [(begin, row.amount), (end, -row.amount)]
            changes[row.provider, row.resource_type] += steps
    for stock in records.inventories:
        capacity = int((stock.total - stock.reserved) * stock.allocation_ratio)
        amounts = [amount for _, amount in sorted(changes[stock.provider, stock.resource_type])]
        peak = max(accumulate(amounts), default=0)
        if peak > capacity:
            what = f"{stock.resource_type} of provider {stock.provider}"
            yield f"{peak} {what} were used at the same time, and it has {capacity}"


def _events(records: Records) -> Iterator[str]:
    """Each object is made once, and each change of its state is told once."""
    made = Counter(
        (row.object_type, row.object_id) for row in records.events if row.kind == "created"
    )
    for (what, one), count in made.items():
        if count > 1:
            yield f"{what} {one} was created {count} times"
    last: dict[str, tuple[str | None, ...]] = {}
    for row in records.events:
        if row.kind != "state":
            continue
        one = f"{row.object_type} {row.object_id}"
        told = row.state, row.message, row.operation, str(row.deadline), row.next_action
        if last.get(one) == told:
            yield f"{one} became {row.state} twice: {row.message}"
        last[one] = told


# Temporal


async def check_workflows(records: Records, client: Client, region: str = "") -> list[str]:
    """Compare operations with Temporal: each one's workflow is closed, and no other runs."""
    found = []
    operations = set(records.operations)
    query = "ExecutionStatus = 'Running'" + (f" AND MulliganRegion = '{region}'" if region else "")
    listed = [one.id async for one in client.list_workflows(query)]
    for workflow in sorted(operations.union(filter(_is_uuid, listed))):
        try:
            status = (await client.get_workflow_handle(workflow).describe()).status
        except RPCError:
            found.append(f"operation {workflow} is not known to Temporal")
            continue
        if status == WorkflowExecutionStatus.RUNNING:
            known = "" if workflow in operations else ", and there is no such operation"
            found.append(f"workflow {workflow} is running{known}")
    return found


# Hosts


def check_host(records: Records, seen: SeenHost) -> list[str]:
    """Compare a host with the machines that should be on it; one in quarantine may have more."""
    machines = {one: row for one, row in records.machines.items() if row.provider == seen.id}
    living = {one for one in machines if one in records.living}
    trusted = records.hosts[seen.id].state != "quarantined"
    return [*_defined(seen, machines), *(_left_on_host(seen, living) if trusted else ())]


def _defined(seen: SeenHost, machines: Mapping[str, Machine]) -> Iterator[str]:
    for domain, count in seen.definitions.items():
        if count > 1:
            yield f"domain {domain} was defined {count} times"
    names = [domain.name() for domain in seen.connection.listAllDomains()]
    there = {domain.UUIDString() for domain in seen.connection.listAllDomains()}
    for machine, row in machines.items():
        made = row.state in ("active", "kept")
        if made and (machine not in there or not seen.definitions.get(machine)):
            yield f"machine {machine} is {row.state}, and has no domain"
        if sum(machine in name for name in names) > 1:
            yield f"machine {machine} has more than one domain"


def _left_on_host(seen: SeenHost, living: Iterable[str]) -> Iterator[str]:
    """Find what carries the name of a machine that isn't there, or of an image that nobody uses."""
    found = [("domain", domain.name()) for domain in seen.connection.listAllDomains()]
    for pool in seen.connection.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE):
        pool.refresh(0)
        volumes = pool.listVolumes()
        found += [("volume", name) for name in volumes]
        bases = [name for name in volumes if name.startswith("base-")]
        if bases and not any(name.startswith("root-") for name in volumes):
            yield f"volumes {', '.join(bases)} are there, and no machine stands on them"
    found += [("NVRAM", path.name) for path in seen.nvram.glob("*")]
    found += [("console", f"mulligan-{path.name}") for path in seen.files.glob("console/*.log*")]
    for what, name in found:
        if name.startswith(OF_MACHINE) and not any(machine in name for machine in living):
            yield f"{what} {name} is left over"


# Executors


def check_files(records: Records, files: Path) -> list[str]:
    """Compare what a region's executors keep in their state folder with the operations that run.

    What could not be deleted is why a server is quarantined.
    """
    found = []
    for folder in (files / "media").glob("*"):
        row = records.operations.get(folder.name)
        endpoint = records.endpoints.get(row.endpoint or "") if row else None
        kept = endpoint is not None and endpoint.state == "quarantined"
        if row is None or (row.state != "running" and not kept):
            found.append(f"media of operation {folder.name} are still served")
    return found


# BMCs


def check_bmc(records: Records, seen: SeenBmc) -> list[str]:
    """Compare a server with what its record says, and count what was done to it."""
    return [*_power(records, seen), *_effects(records, seen)]


def _power(records: Records, seen: SeenBmc) -> Iterator[str]:
    server = records.servers[seen.server]
    machine = records.machines.get(server.machine or "")
    if server.state != "quarantined" and seen.medium and "/media/" in seen.medium:
        yield f"server {server.id} is {server.state}, and {seen.medium} is in its drive"
    if server.state == "available" and seen.is_on:
        yield f"server {server.id} is available, and it is on"
    if server.state == "available" and not seen.is_clean:
        yield f"server {server.id} is available, and its disk is not empty"
    if machine is not None and machine.state == "active" and not seen.is_on:
        yield f"machine {machine.id} is active, and its server {server.id} is off"
    if machine is not None and machine.state == "kept" and seen.is_on:
        yield f"machine {machine.id} is kept, and its server {server.id} is on"


def _effects(records: Records, seen: SeenBmc) -> Iterator[str]:
    """A medium goes in once for each step that boots the ramdisk; each boot starts it once."""
    steps = Counter(
        step.name
        for step in records.steps
        if records.operations[step.operation].endpoint == seen.server
    )
    ramdisks = sum(count for name, count in steps.items() if name.startswith("boot ramdisk"))
    boots = ramdisks + steps["boot"]
    if seen.inserts > ramdisks:
        what = f"{seen.inserts} media went into server {seen.server}"
        yield f"{what}, for {ramdisks} boots of the ramdisk"
    if seen.starts > boots:
        yield f"server {seen.server} was started {seen.starts} times, for {boots} boots"


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
