"""The records of reconciliations."""

from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from activities.contracts import reconcile as contract
from activities.contracts.operations import WORKFLOW_OF, Recorded
from activities.contracts.reconcile import (
    CompareHardware,
    CompareRecords,
    DifferenceFound,
    DifferenceMended,
    Differences,
    HostSeen,
    LookPlan,
    MendDifference,
    PlanLooks,
    RecordFound,
    RunReconcile,
    ServerSeen,
)
from activities.contracts.temporal_view import ResumeOperation
from activities.records.endpoints import bmc_access, host_access
from activities.records.operations import ask_of
from activities.records.transaction import Contract, Record
from mulligan.control import differences, operations, reconcile, snapshots
from mulligan.control.differences import Described
from mulligan.control.reconcile import Found, FoundOnHost, SeenHost, SeenServer, SeenWorkflow
from mulligan.control.reconcile_rules import RULES
from mulligan.meta.names import is_uuid

TOLD_AT_ONCE = 2000
"""What more there is, is for the next run: a payload has a greatest size (2 MB)."""


def begin(session: Session, request: RunReconcile) -> Recorded:
    """Write the operation's row."""
    operations.begin(session, ask_of(request, "reconcile", "region", request.asked.region))
    return Recorded()


def compare_records(session: Session, request: CompareRecords) -> Differences:
    """Compare the database with itself and with Temporal."""
    workflows = {one: SeenWorkflow(one, "running") for one in request.running if is_uuid(one)}
    workflows |= {one.id: SeenWorkflow(**one.model_dump()) for one in request.seen}
    records = snapshots.read_records(session, request.region, operations=workflows)
    found = reconcile.compare_records(records, workflows, request.quiet_since)
    return _differences(session, found)


def plan_looks(session: Session, request: PlanLooks) -> LookPlan:
    """Choose what is looked at."""
    hosts, servers = snapshots.endpoints_to_look_at(session, request.region, request.quiet_since)
    return LookPlan(
        hosts=tuple(host_access(host) for host in hosts),
        servers=tuple(bmc_access(server) for server in servers),
    )


def compare_hardware(session: Session, request: CompareHardware) -> Differences:
    """Compare the database with hosts, BMCs and what executors serve."""
    served = [one for one in request.served if is_uuid(one)]
    hosts = [_seen_host(seen) for seen in request.hosts]
    on_hosts = [one.machine for host in hosts for one in host.machines]
    records = snapshots.read_records(session, request.region, operations=served, machines=on_hosts)
    found = reconcile.compare_hardware(
        records,
        request.region,
        hosts,
        [_seen_server(seen) for seen in request.servers],
        served,
        request.quiet_since,
    )
    if request.problem:
        facts = {"id": request.region, "why": request.problem}
        found.append(
            Found("REGION_WITHOUT_EXECUTOR", request.region, "region", request.region, facts)
        )
    return _differences(session, found)


def _seen_host(seen: HostSeen) -> SeenHost:
    machines = tuple(
        FoundOnHost(one.machine, one.has_domain, one.running, one.volumes)
        for one in seen.survey.machines
    )
    return SeenHost(seen.host, machines, seen.problem)


def _seen_server(seen: ServerSeen) -> SeenServer:
    return SeenServer(seen.server, seen.look.power, seen.look.has_our_medium, seen.problem)


def _differences(session: Session, found: list[Found]) -> Differences:
    described = differences.describe(session, found[:TOLD_AT_ONCE])
    return Differences(
        found=tuple(
            DifferenceFound(
                kind=one.kind,
                region=one.region,
                object_type=one.object_type,
                object_id=one.object_id,
                message=one.message,
                action=one.action,
                place=one.place,
                mends_itself=RULES[one.kind].mends_itself,
            )
            for one in described
        )
    )


def record_found(session: Session, request: RecordFound) -> Recorded:
    """Write what was found, and what is gone."""
    differences.record_found(
        session,
        request.region,
        [Described(**one.model_dump(exclude={"mends_itself"})) for one in request.found],
        at=request.at,
        kinds=_kinds(request.compared),
        looked_at=request.looked_at,
        operation=request.operation or None,
    )
    return Recorded()


def _kinds(compared: Collection[str]) -> set[str]:
    """Say of which kinds a comparison would have found something; all need records."""
    kinds = {kind for kind, rule in RULES.items() if rule.compares in compared}
    if "executor" not in compared:
        kinds.discard("MEDIA_SERVED_FOR_ENDED_OPERATION")
    return kinds


def mend(session: Session, request: MendDifference) -> DifferenceMended:
    """Mend what the database alone can mend, or say which workflow has to be started."""
    found = request.found
    if found.kind == "OPERATION_WITHOUT_WORKFLOW":
        return DifferenceMended(resume=_resumption(session, found.object_id, request.workflow))
    mended = differences.mend(session, found.kind, found.object_id, request.at)
    if mended.is_done:
        record_mended(session, request)
    return DifferenceMended(is_done=mended.is_done, waiting=mended.waiting)


def _resumption(session: Session, operation: str, workflow_state: str) -> ResumeOperation | None:
    found = differences.resumption_of(session, operation, workflow_state)
    if found is None or found.operation.type not in WORKFLOW_OF:
        return None
    row = found.operation
    return ResumeOperation(
        operation=row.id,
        workflow=WORKFLOW_OF[row.type],
        request=found.request,
        project=row.project or "",
        region=row.region,
        machine=row.object_id if row.object_type == "machine" else "",
        provider=row.object_id if row.object_type in ("server", "host") else "",
        summary=f"{row.type} of {row.object_type}, started again",
    )


def record_mended(session: Session, request: MendDifference) -> Recorded:
    """Write that a difference was mended elsewhere."""
    found = request.found
    differences.record_mended(
        session,
        found.region,
        found.kind,
        found.object_id,
        request.at,
        request.operation or None,
    )
    return Recorded()


RECORDS: Mapping[Contract, Record] = {
    contract.begin: begin,
    contract.compare_records: compare_records,
    contract.plan_looks: plan_looks,
    contract.compare_hardware: compare_hardware,
    contract.record_found: record_found,
    contract.mend: mend,
    contract.record_mended: record_mended,
}
