"""The records of servers and hosts."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from activities.contracts import endpoints as contract
from activities.contracts.endpoints import (
    BeginCheck,
    CheckPlan,
    Leftovers,
    ListLeftovers,
    RecordCheckFailed,
    RecordHostInventory,
    RecordLeftoverRemoved,
    RecordServerCleaning,
    RecordServerInventory,
    RecordVerified,
)
from activities.contracts.hypervisor import HostAccess
from activities.contracts.operations import Recorded
from activities.contracts.redfish import BmcAccess
from activities.records.operations import ask_of
from activities.records.transaction import Contract, Record
from mulligan.control import endpoints, enrolment, operations
from mulligan.control.tables import Host, Server
from mulligan.meta import names


def bmc_access(server: Server) -> BmcAccess:
    """Say how a server's BMC is reached."""
    return BmcAccess(
        server=server.id,
        region=server.region,
        address=server.address,
        sealed_credentials=server.sealed_credentials,
        verify_tls=not server.insecure_tls,
        system=server.system,
    )


def host_access(host: Host) -> HostAccess:
    """Say how a host is reached."""
    return HostAccess(host=host.id, region=host.region, uri=host.uri, pool=host.pool)


def begin_check(session: Session, request: BeginCheck) -> CheckPlan:
    """Take the slot of a server or host, enrolling it first where it is new."""
    asked = request.asked
    if operations.find_running(session, asked.operation, asked.digest) is None:
        _enrol(session, request)
    row = endpoints.get_endpoint(session, request.type, request.id)
    ask = ask_of(request, request.check, request.type, request.id)
    fence = operations.begin(session, ask, request.id)
    if isinstance(row, Server):
        endpoints.refresh_offer(session, "server", row)
    return CheckPlan(
        id=row.id,
        name=names.name_of(session, row.id),
        region=row.region,
        fence=fence,
        server=bmc_access(row) if isinstance(row, Server) else None,
        host=host_access(row) if isinstance(row, Host) else None,
        needs_cleaning=isinstance(row, Server) and row.needs_cleaning and row.machine is None,
        is_offered=row.state in ("available", "in_use", "cleaning", "retired"),
        deadline=operations.get(session, asked.operation).deadline,
    )


def _enrol(session: Session, request: BeginCheck) -> None:
    asked = request.asked
    if request.enrol_server is not None:
        enrolment.enrol_server(
            session,
            server=request.id,
            region=asked.region,
            author=asked.account,
            **request.enrol_server.model_dump(),
        )
    if request.enrol_host is not None:
        enrolment.enrol_host(
            session,
            host=request.id,
            region=asked.region,
            author=asked.account,
            **request.enrol_host.model_dump(),
        )


def record_verified(session: Session, request: RecordVerified) -> Recorded:
    """Write what verify found; a server that waits for it is verified now."""
    if operations.is_at_work(session, request.operation):
        row = endpoints.get_server(session, request.server)
        found = request.found.model_dump(mode="json")
        endpoints.record_verified(session, row, found, request.operation)
    return Recorded()


def record_cleaning(session: Session, request: RecordServerCleaning) -> Recorded:
    """Write that a server's disks are being wiped."""
    if operations.is_at_work(session, request.operation):
        row = endpoints.get_server(session, request.server)
        endpoints.record_cleaning(session, row, request.operation)
    return Recorded()


def record_cleaned(session: Session, request: RecordServerCleaning) -> Recorded:
    """Write that a server was wiped."""
    if operations.is_at_work(session, request.operation):
        row = endpoints.get_server(session, request.server)
        endpoints.record_cleaned(session, row, request.operation)
    return Recorded()


def record_server_inventory(session: Session, request: RecordServerInventory) -> Recorded:
    """Write a server's inventory and offer it."""
    row = endpoints.get_server(session, request.server)
    if operations.is_at_work(session, request.operation):
        found = request.found.model_dump(mode="json")
        endpoints.record_server_inventory(session, row, found, request.operation)
    return Recorded(waiting=tuple(operations.waiting_for_capacity(session, row.region)))


def record_host_inventory(session: Session, request: RecordHostInventory) -> Recorded:
    """Write a host's inventory and offer it."""
    row = endpoints.get_host(session, request.host)
    if operations.is_at_work(session, request.operation):
        found = request.found.model_dump(mode="json")
        endpoints.record_host_inventory(session, row, found, request.operation)
    return Recorded(waiting=tuple(operations.waiting_for_capacity(session, row.region)))


def list_leftovers(session: Session, request: ListLeftovers) -> Leftovers:
    """Take the slots of machines that ended and are still on a host."""
    found = endpoints.list_leftovers(session, request.found, request.operation)
    return Leftovers(machines=tuple(found.items()))


def record_leftover_removed(session: Session, request: RecordLeftoverRemoved) -> Recorded:
    """Free what was kept of a machine because it might still run."""
    endpoints.record_leftover_removed(session, request.machine)
    return Recorded()


def record_check_failed(session: Session, request: RecordCheckFailed) -> Recorded:
    """Write why a server or host can't be used."""
    if operations.is_at_work(session, request.operation):
        row = endpoints.get_endpoint(session, request.type, request.id)
        endpoints.record_check_failed(session, request.type, row, request.reason, request.operation)
    return Recorded()


RECORDS: Mapping[Contract, Record] = {
    contract.begin_check: begin_check,
    contract.record_verified: record_verified,
    contract.record_cleaning: record_cleaning,
    contract.record_cleaned: record_cleaned,
    contract.record_server_inventory: record_server_inventory,
    contract.record_host_inventory: record_host_inventory,
    contract.list_leftovers: list_leftovers,
    contract.record_leftover_removed: record_leftover_removed,
    contract.record_check_failed: record_check_failed,
}
