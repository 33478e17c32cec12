"""Reading the records that a reconciliation compares: a statement for each kind of object."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, cast, func, null, select
from sqlalchemy.orm import Session

from mulligan import marks
from mulligan.control.endpoints import why_not_offered
from mulligan.control.reconcile import (
    Ended,
    Endpoint,
    HeldSlot,
    LivingMachine,
    Records,
    RunningOperation,
    UsedClaim,
)
from mulligan.control.reconcile_rules import LOOKED_AT
from mulligan.control.tables import Host, Machine, Operation, Server, Slot
from mulligan.meta.names import is_uuid
from mulligan.resource import consumers
from mulligan.values.states import MACHINE_ENDED


def read_records(
    session: Session,
    region: str = "",
    *,
    operations: Iterable[str] = (),
    machines: Iterable[str] = (),
) -> Records:
    """Read what the database says of a region, or of the whole site ("").

    Args:
        session: a session.
        region: UUID, or an empty text.
        operations: ids that somebody else named; how they ended is read too.
        machines: the same of machines.
    """
    running = _operations(session, region)
    slots = _slots(session, region)
    living = _machines(session, region)
    claims = [UsedClaim(*row) for row in consumers.used_claims(session, region)]
    named_operations = {one for one in operations if is_uuid(one)} - {one.id for one in running}
    named_machines = {one for one in machines if is_uuid(one)} | {one.machine for one in claims}
    return Records(
        operations=running,
        slots=slots,
        machines=living,
        endpoints=_endpoints(session, region, slots),
        claims=claims,
        ended_operations=_ended_operations(session, named_operations),
        ended_machines=_ended_machines(session, named_machines - {one.id for one in living}),
    )


def _operations(session: Session, region: str) -> list[RunningOperation]:
    columns = (Operation.id, Operation.type, Operation.region)
    has_request = func.length(cast(Operation.request, Text)) > len("{}")
    query = select(*columns, Operation.object_type, Operation.object_id, has_request).where(
        Operation.state == "running"
    )
    if region:
        query = query.where(Operation.region == region)
    return [
        RunningOperation(id_, type_, where, object_type, object_id, bool(has))
        for id_, type_, where, object_type, object_id, has in session.execute(query)
    ]


def _slots(session: Session, region: str) -> list[HeldSlot]:
    columns = (Operation.object_type, Operation.object_id, Operation.region, Operation.state)
    query = select(Slot.endpoint, *columns, Operation.id).join(
        Operation, Operation.id == Slot.operation
    )
    if region:
        query = query.where(Operation.region == region)
    # An operation on a baremetal machine has the slot of its server.
    return [
        HeldSlot(endpoint, object_type if endpoint == object_id else "server", where, id_, state)
        for endpoint, object_type, object_id, where, state, id_ in session.execute(query)
    ]


def _machines(session: Session, region: str) -> list[LivingMachine]:
    columns = (Machine.id, Machine.region, Machine.kind, Machine.state, Machine.since)
    query = select(*columns, Machine.deadline, Machine.provider, Machine.claim).where(
        Machine.state.not_in(MACHINE_ENDED)
    )
    if region:
        query = query.where(Machine.region == region)
    return [LivingMachine(*row) for row in session.execute(query)]


def _endpoints(session: Session, region: str, slots: Iterable[HeldSlot]) -> list[Endpoint]:
    rows = [
        (object_type, row)
        for object_type, table in (("server", Server), ("host", Host))
        for row in session.execute(_columns_of(table, region))
    ]
    marked = marks.marks_of(session, [row.id for _, row in rows])
    offered = consumers.offered(session, tuple(LOOKED_AT), region)
    held = {slot.endpoint for slot in slots}
    return [
        Endpoint(
            type=object_type,
            id=row.id,
            region=row.region,
            state=row.state,
            since=row.since,
            deadline=row.deadline,
            is_offered=row.id in offered,
            why_not=why_not_offered(
                object_type,
                row.state,
                marked[row.id],
                is_held=row.id in held,
                is_used=row.machine is not None,
            ),
            machine=row.machine,
        )
        for object_type, row in rows
    ]


def _columns_of(table: type[Server] | type[Host], region: str) -> Select[*tuple[Any, ...]]:
    machine = table.machine if table is Server else null().label("machine")
    columns = (table.id, table.region, table.state, table.since, table.deadline, machine)
    query: Select[*tuple[Any, ...]] = select(*columns)
    return query.where(table.region == region) if region else query


def _ended_operations(session: Session, ids: Collection[str]) -> dict[str, Ended]:
    if not ids:
        return {}
    query = select(Operation.id, Operation.state, Operation.ended_at, Operation.created_at).where(
        Operation.id.in_(ids), Operation.state != "running"
    )
    return {
        id_: Ended(state, ended_at or created_at)
        for id_, state, ended_at, created_at in session.execute(query)
    }


def _ended_machines(session: Session, ids: Collection[str]) -> dict[str, Ended]:
    if not ids:
        return {}
    query = select(Machine.id, Machine.state, Machine.since).where(
        Machine.id.in_(ids), Machine.state.in_(MACHINE_ENDED)
    )
    return {id_: Ended(state, since) for id_, state, since in session.execute(query)}


def endpoints_to_look_at(
    session: Session, region: str, quiet_since: datetime
) -> tuple[list[Host], list[Server]]:
    """Choose the hosts and servers of a region that are looked at: at rest, and expected to answer.

    Left out is what an operation works on and what changed after `quiet_since`.
    """
    busy = {slot.endpoint for slot in _slots(session, region) if slot.state == "running"}
    hosts = select(Host).where(Host.region == region, Host.state.in_(LOOKED_AT["host"]))
    servers = select(Server).where(Server.region == region, Server.state.in_(LOOKED_AT["server"]))
    return (
        [
            row
            for row in session.scalars(hosts.order_by(Host.id))
            if row.since <= quiet_since and row.id not in busy
        ],
        [
            row
            for row in session.scalars(servers.order_by(Server.id))
            if row.since <= quiet_since and row.id not in busy
        ],
    )
