"""Comparing what database, Temporal, hosts and BMCs say.

Nothing here reads or writes anything: `snapshots` reads the records, `differences` writes what was
found, `reconcile_rules` says what each kind of difference means.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

AT_REST = ("active", "kept")
"""States in which a machine is made, and stays so: something of it is on its host or server."""

NAMED = 10
"""How many leftovers of a host are told one by one."""


@dataclass(frozen=True, slots=True)
class RunningOperation:
    """An operation that has not ended; one is resumable when its request was kept."""

    id: str
    type: str
    region: str
    object_type: str
    object_id: str
    is_resumable: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """How and when an operation or machine ended."""

    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """A slot that is taken."""

    endpoint: str
    object_type: str
    region: str
    operation: str
    state: str


@dataclass(frozen=True, slots=True)
class LivingMachine:
    """A machine that has not ended; `endpoint` has the slot of what is done to it."""

    id: str
    region: str
    kind: str
    state: str
    since: datetime
    deadline: datetime | None
    provider: str
    claim: str

    @property
    def endpoint(self) -> str:
        """The server of a baremetal machine, else the machine itself."""
        return self.provider if self.kind == "baremetal" else self.id


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server or host; `why_not` says why it may not be offered, if so."""

    type: str
    id: str
    region: str
    state: str
    since: datetime
    deadline: datetime | None
    is_offered: bool
    why_not: str = ""
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class UsedClaim:
    """A claim that is not released and that a machine uses."""

    id: str
    region: str
    machine: str


@dataclass(frozen=True, slots=True)
class Records:
    """What the database says.

    `ended_operations` and `ended_machines` have those among the ones asked for that ended; one that
    is neither there nor among the living never was.
    """

    operations: Collection[RunningOperation] = ()
    slots: Collection[HeldSlot] = ()
    machines: Collection[LivingMachine] = ()
    endpoints: Collection[Endpoint] = ()
    claims: Collection[UsedClaim] = ()
    ended_operations: Mapping[str, Ended] = field(default_factory=dict)
    ended_machines: Mapping[str, Ended] = field(default_factory=dict)

    @property
    def busy(self) -> set[str]:
        """The end-points on which an operation is at work."""
        return {slot.endpoint for slot in self.slots if slot.state == "running"}


@dataclass(frozen=True, slots=True)
class SeenWorkflow:
    """What Temporal says of a workflow: running, completed, failed, terminated, …, unknown.

    A list says no more than that it is running.
    """

    id: str
    state: str
    type: str = ""
    region: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FoundOnHost:
    """What a host has of one machine."""

    machine: str
    has_domain: bool
    is_running: bool
    volumes: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = (*(("its domain",) if self.has_domain else ()), *self.volumes)
        return f"{self.machine} ({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class SeenHost:
    """What was found on a host, or why it could not be reached."""

    id: str
    machines: tuple[FoundOnHost, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SeenServer:
    """What was found at a server's BMC, or why it could not be reached."""

    id: str
    power: str = "unknown"
    has_our_medium: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One difference. `facts` are the words of its rule's templates.

    `place` is the host or server that was looked at, for one that hardware showed.
    """

    kind: str
    region: str
    object_type: str
    object_id: str
    facts: Mapping[str, str]
    place: str = ""


def compare_records(
    records: Records, workflows: Mapping[str, SeenWorkflow], quiet_since: datetime
) -> list[Found]:
    """Compare the database with itself and with Temporal; what changed after a time is left out."""
    return [
        *_operations(records, workflows),
        *_workflows(records, workflows, quiet_since),
        *_slots(records),
        *_claims(records, quiet_since),
        *_offers(records),
        *_overdue(records, quiet_since),
    ]


def compare_hardware(
    records: Records,
    region: str,
    hosts: Collection[SeenHost],
    servers: Collection[SeenServer],
    served: Collection[str],
    quiet_since: datetime,
) -> list[Found]:
    """Compare the database with what hosts, BMCs and executors of a region say."""
    endpoints = {endpoint.id: endpoint for endpoint in records.endpoints}
    quiet = {one.id for one in records.endpoints if one.since <= quiet_since} - records.busy
    found: list[Found] = []
    for host in hosts:
        if host.id in quiet:
            shown = _host(records, endpoints[host.id], host, quiet_since)
            found += (replace(one, place=host.id) for one in shown)
    for server in servers:
        if server.id in quiet:
            shown = _server(records, endpoints[server.id], server, quiet_since)
            found += (replace(one, place=server.id) for one in shown)
    return [*found, *_served(records, region, served, quiet_since)]


def _operations(records: Records, workflows: Mapping[str, SeenWorkflow]) -> Iterator[Found]:
    for one in records.operations:
        workflow = workflows.get(one.id)
        state = workflow.state if workflow else "unknown"
        if state != "running":
            kind = "WITHOUT_WORKFLOW" if one.is_resumable else "NOT_RESUMABLE"
            facts = {
                "id": one.id,
                "type": one.type,
                "object_type": one.object_type,
                "object": one.object_id,
                "workflow": state,
            }
            yield Found(f"OPERATION_{kind}", one.region, "operation", one.id, facts)


def _workflows(
    records: Records, workflows: Mapping[str, SeenWorkflow], quiet_since: datetime
) -> Iterator[Found]:
    at_work = {operation.id for operation in records.operations}
    for one in workflows.values():
        ended = records.ended_operations.get(one.id)
        began = one.started_at
        if one.state != "running" or one.id in at_work:
            continue
        if (ended and ended.at > quiet_since) or (began and began > quiet_since):
            continue
        facts = {"id": one.id, "type": one.type, "state": ended.state if ended else "not there"}
        yield Found("WORKFLOW_WITHOUT_OPERATION", one.region, "operation", one.id, facts)


def _slots(records: Records) -> Iterator[Found]:
    for slot in records.slots:
        if slot.state != "running":
            facts = {
                "object_type": slot.object_type,
                "id": slot.endpoint,
                "operation": slot.operation,
                "state": slot.state,
            }
            yield Found(
                "SLOT_WITHOUT_OPERATION", slot.region, slot.object_type, slot.endpoint, facts
            )


def _claims(records: Records, quiet_since: datetime) -> Iterator[Found]:
    living = {machine.id for machine in records.machines}
    for claim in records.claims:
        ended = records.ended_machines.get(claim.machine)
        if claim.machine not in living and (ended is None or ended.at <= quiet_since):
            state = ended.state if ended else "not there"
            yield _found(
                "CLAIM_WITHOUT_MACHINE", claim, "claim", machine=claim.machine, state=state
            )
    used = {claim.id for claim in records.claims}
    for machine in records.machines:
        if machine.claim not in used and machine.since <= quiet_since:
            yield _found(
                "MACHINE_WITHOUT_CLAIM",
                machine,
                "machine",
                state=machine.state,
                claim=machine.claim,
            )


def _offers(records: Records) -> Iterator[Found]:
    for one in records.endpoints:
        if one.is_offered == bool(one.why_not):
            offered = "offered" if one.is_offered else "not offered"
            why = one.why_not or f"{one.type} is available, and nothing forbids it"
            yield _found("OFFER_WRONG", one, one.type, offered=offered, why=why)


def _overdue(records: Records, quiet_since: datetime) -> Iterator[Found]:
    for machine in records.machines:
        if _is_late(machine, machine.endpoint, records, quiet_since):
            command = "decommission" if machine.state == "kept" else "force-release --reason …"
            yield _late(machine, "machine", command)
    for one in records.endpoints:
        if _is_late(one, one.id, records, quiet_since):
            yield _late(one, one.type, "verify")


def _is_late(
    one: LivingMachine | Endpoint, endpoint: str, records: Records, quiet_since: datetime
) -> bool:
    return bool(one.deadline and one.deadline <= quiet_since) and endpoint not in records.busy


def _late(one: LivingMachine | Endpoint, object_type: str, command: str) -> Found:
    deadline = f"{one.deadline:%Y-%m-%d %H:%M:%S}"
    return _found("OVERDUE", one, object_type, state=one.state, deadline=deadline, command=command)


def _host(
    records: Records, host: Endpoint, seen: SeenHost, quiet_since: datetime
) -> Iterator[Found]:
    if seen.problem:
        yield _found("HOST_UNREACHABLE", host, "host", why=seen.problem)
        return
    there = {one.machine: one for one in seen.machines}
    living = {machine.id: machine for machine in records.machines}
    for machine in living.values():
        is_here = machine.provider == host.id and machine.state in AT_REST
        if not is_here or machine.since > quiet_since or machine.endpoint in records.busy:
            continue
        found = there.get(machine.id)
        if found is None or not found.has_domain:
            state = machine.state
            yield _found("MACHINE_NOT_ON_HOST", machine, "machine", host=host.id, state=state)
        elif machine.state == "kept":
            if found.is_running:
                yield _found("KEPT_MACHINE_ON", machine, "machine", place=f"host {host.id}")
        elif not found.is_running:
            yield _found("MACHINE_STOPPED", machine, "machine", host=host.id)
    others = [one for one in seen.machines if one.machine not in living]
    ended = {one.machine: records.ended_machines.get(one.machine) for one in others}
    leftovers = [
        one
        for one in others
        if (end := ended[one.machine]) and end.at <= quiet_since and one.machine not in records.busy
    ]
    unknown = [one for one in others if ended[one.machine] is None]
    for kind, found_there in (("LEFTOVER_ON_HOST", leftovers), ("UNKNOWN_ON_HOST", unknown)):
        if found_there:
            yield _found(kind, host, "host", leftovers=_listed(found_there))


def _listed(found: Collection[FoundOnHost]) -> str:
    told = [str(one) for one in sorted(found, key=lambda one: one.machine)]
    more = [f"and {len(told) - NAMED} more"] if len(told) > NAMED else []
    return "; ".join([*told[:NAMED], *more])


def _server(
    records: Records, server: Endpoint, seen: SeenServer, quiet_since: datetime
) -> Iterator[Found]:
    if seen.problem:
        yield _found("BMC_UNREACHABLE", server, "server", why=seen.problem)
        return
    if seen.power == "on" and server.state == "available":
        yield _found("SERVER_POWERED", server, "server")
    machine = next((one for one in records.machines if one.id == server.machine), None)
    if machine and machine.since <= quiet_since:
        if (machine.state, seen.power) == ("active", "off"):
            yield _found("SERVER_OFF", server, "server", machine=machine.id)
        if (machine.state, seen.power) == ("kept", "on"):
            yield _found("KEPT_MACHINE_ON", machine, "machine", place=f"server {server.id}")
    if seen.has_our_medium:
        yield _found("MEDIUM_LEFT", server, "server")


def _served(
    records: Records, region: str, served: Collection[str], quiet_since: datetime
) -> Iterator[Found]:
    at_work = {operation.id for operation in records.operations}
    for operation in sorted(set(served) - at_work):
        ended = records.ended_operations.get(operation)
        if ended is None or ended.at <= quiet_since:
            facts = {"id": operation, "state": ended.state if ended else "not there"}
            yield Found("MEDIA_SERVED_FOR_ENDED_OPERATION", region, "operation", operation, facts)


def _found(
    kind: str,
    one: LivingMachine | Endpoint | UsedClaim,
    object_type: str,
    **facts: str,
) -> Found:
    return Found(
        kind,
        one.region,
        object_type,
        one.id,
        {"id": one.id, "object_type": object_type, **facts},
    )
