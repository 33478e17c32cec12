"""Servers and hosts: verified, inspected, offered, and one day forgotten."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events, marks, states
from mulligan.batches import each
from mulligan.control import operations
from mulligan.control.tables import Host, Machine, Server, Slot
from mulligan.meta import names
from mulligan.meta.listing import listed
from mulligan.resource import kept_addresses, providers
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    FailedPreconditionError,
    NotFoundError,
)
from mulligan.values.listing import Listed, Listing
from mulligan.values.states import MACHINE_ENDED

Endpoint = Server | Host


def get_endpoint(session: Session, object_type: str, endpoint: str) -> Endpoint:
    """Find a server or host.

    Raises:
        NotFoundError: there is none.
    """
    row: Endpoint | None = (
        session.get(Server, endpoint) if object_type == "server" else session.get(Host, endpoint)
    )
    if row is None:
        raise NotFoundError(
            f"there is no {object_type} {endpoint}; see `mulligan {object_type} list`",
            object_type=object_type,
            object_id=endpoint,
        )
    return row


def get_server(session: Session, server: str) -> Server:
    """Find a server."""
    return cast("Server", get_endpoint(session, "server", server))


def get_host(session: Session, host: str) -> Host:
    """Find a host."""
    return cast("Host", get_endpoint(session, "host", host))


def get_servers(session: Session, ids: Sequence[str]) -> list[Server]:
    """Find servers, in the order of their ids."""
    return each(session, Server, ids, lambda one: get_server(session, one))


def get_hosts(session: Session, ids: Sequence[str]) -> list[Host]:
    """Find hosts, in the order of their ids."""
    return each(session, Host, ids, lambda one: get_host(session, one))


def held_server(session: Session, operation: str) -> Server | None:
    """Find the server whose slot an operation has."""
    held = select(Server).join(Slot, Slot.endpoint == Server.id).where(Slot.operation == operation)
    return session.scalar(held)


def list_servers(session: Session, region: str, listing: Listing) -> Listed[Server]:
    """Read a page of servers, of all regions ("") or one."""
    return listed(
        *(session, select(Server), Server, listing),
        object_types=["server"],
        owner=region or None,
        owned_by=Server.region,
        whole=True,
    )


def list_hosts(session: Session, region: str, listing: Listing) -> Listed[Host]:
    """Read a page of hosts, of all regions ("") or one."""
    return listed(
        *(session, select(Host), Host, listing),
        object_types=["host"],
        owner=region or None,
        owned_by=Host.region,
        whole=True,
    )


def move(
    session: Session, object_type: str, row: Endpoint, state: str, reason: str, operation: str
) -> None:
    """Bring a server or host into a state, and offer its provider exactly when it is available."""
    status = states.enter(object_type, state, reason)
    states.move(session, object_type, row, status, region=row.region, operation=operation)
    refresh_offer(session, object_type, row)


def retire_or_restore(
    session: Session, object_type: str, row: Endpoint, kind: str, reason: str, *, is_set: bool
) -> None:
    """Follow the mark "retired": whoever has it is retired, whoever loses it starts anew.

    Raises:
        FailedPreconditionError: something runs on it.
    """
    if kind != "retired" or (row.state == "retired") == is_set:
        return
    status = states.enter(object_type, "retired", reason)
    if not is_set:
        status = states.rest(
            object_type,
            "enrolled",
            "no longer retired; not verified since",
            f"run `mulligan {object_type} verify`",
        )
    states.move(session, object_type, row, status, region=row.region)


IN_USE = ("in_use", "cleaning")
"""States of a server on which a machine is, or was until it is clean."""


def refresh_offer(session: Session, object_type: str, row: Endpoint) -> None:
    """Offer a provider when its server or host is available and no mark forbids it.

    A server on which a machine is stays offered, for later: who claims when, its claim decides.

    Why not is told to every project in need of it: a state, never whose or with what.
    """
    is_held = object_type == "server" and bool(operations.holder_of(session, [row.id]))
    is_used = isinstance(row, Server) and row.machine is not None
    why = why_not_offered(
        object_type, row.state, marks.marks_of(session, [row.id])[row.id],
        is_held=is_held, is_used=is_used,
    )  # fmt: skip
    providers.set_availability(session, row.id, not why, why)


def why_not_offered(
    object_type: str,
    state: str,
    marked: Iterable[marks.Mark],
    *,
    is_held: bool,
    is_used: bool,
) -> str:
    """Say why a server or host may not be offered; empty when it may.

    `is_held`: an operation has its slot. `is_used`: a machine is on it.
    """
    if object_type == "server" and is_held and not is_used:
        return "server is busy with an operation"
    forbidding = [mark.kind for mark in marked if mark.kind in marks.NOT_OFFERED]
    if forbidding:
        return f"{object_type} is marked {forbidding[0]}"
    if state == "available" or (is_used and state in IN_USE):
        return ""
    return f"{object_type} is {state}"


def end_operation(
    session: Session, operation: str, state: str, reason: str = "", error_code: str = ""
) -> None:
    """Write an operation's end, free its slot, and offer its server again if it may be."""
    operations.finish(session, operation, state, reason, error_code)
    endpoint = operations.get(session, operation).endpoint
    server = session.get(Server, endpoint) if endpoint else None
    if server is not None:
        refresh_offer(session, "server", server)


def record_verified(session: Session, row: Server, found: dict[str, Any], operation: str) -> None:
    """Write what verify found. One that needs cleaning is no more to be trusted for it."""
    row.system = str(found["system"])
    row.verified = found
    if row.state in ("enrolled", "quarantined") and not row.needs_cleaning:
        move(session, "server", row, "verified", "its BMC answers", operation)
    refresh_offer(session, "server", row)


def record_cleaning(session: Session, row: Server, operation: str) -> None:
    """Write that a server's disks are being wiped."""
    if row.state in ("in_use", "quarantined"):
        move(session, "server", row, "cleaning", "its disks are being wiped", operation)


def record_cleaned(session: Session, row: Server, operation: str) -> None:
    """Write that a quarantined server was wiped and read back empty."""
    row.needs_cleaning = False
    last = select(Machine.claim).where(Machine.provider == row.id)
    claim = session.scalar(last.order_by(Machine.created_at.desc()).limit(1))
    if claim is not None:
        kept_addresses.free_kept_addresses(session, claim, datetime.now(UTC))
    if row.state == "cleaning":
        move(session, "server", row, "verified", "wiped, and read back empty", operation)


def record_server_inventory(
    session: Session, row: Server, inventory: dict[str, Any], operation: str
) -> None:
    """Write what was found in a server, and offer it unless a machine runs on it.

    One SERVER is what a request claims; its size is a property that a request can ask a least of.
    """
    _keep_inventory(row, inventory)
    disks = [int(disk["size_bytes"]) for disk in inventory.get("disks", ())]
    properties = {
        "cpus": int(inventory.get("cpus", 0)),
        "memory_mib": int(inventory.get("memory_mib", 0)),
        "nics": sum(bool(nic["mac"]) for nic in inventory.get("nics", ())),
    }
    if any(disks):
        properties["largest_disk_gib"] = max(disks) >> 30
    providers.set_inventories(session, row.id, [Inventory("SERVER", 1)])
    providers.set_properties(session, row.id, properties)
    providers.set_capabilities(session, row.id, _capabilities(inventory))
    if row.needs_cleaning or row.machine is not None:
        return
    if row.state in ("enrolled", "verified", "quarantined", "available"):
        move(session, "server", row, "available", "verified and inspected", operation)


def _keep_inventory(row: Endpoint, inventory: dict[str, Any]) -> None:
    """Write what was found; the same once more is no new generation."""
    if row.inventory != inventory:
        row.inventory = inventory
        row.generation += 1


def _capabilities(inventory: Mapping[str, Any]) -> list[str]:
    found = []
    if inventory.get("architecture"):
        found.append(f"arch:{inventory['architecture']}")
    if inventory.get("boot_mode") in ("uefi", "bios"):
        found.append(f"firmware:{inventory['boot_mode']}")
    return found


def record_host_inventory(
    session: Session, row: Host, inventory: dict[str, Any], operation: str
) -> None:
    """Write what was found on a host, and offer it."""
    _keep_inventory(row, inventory)
    found = [
        Inventory(resource_type, int(inventory[name]))
        for resource_type, name in (
            ("VCPU", "cpus"),
            ("MEMORY_MIB", "memory_mib"),
            ("DISK_GIB", "disk_gib"),
        )
    ]
    providers.set_inventories(session, row.id, found)
    providers.set_capabilities(session, row.id, list(inventory.get("capabilities", ())))
    if row.state != "retired":
        move(session, "host", row, "available", "verified and inspected", operation)


def list_leftovers(session: Session, found: Iterable[str], operation: str) -> dict[str, int]:
    """Pick the machines that ended among those found on a host, each with its new fence.

    One that nobody here knows may be another site's and is left alone.
    """
    query = select(Machine.id).where(Machine.id.in_(list(found)), Machine.state.in_(MACHINE_ENDED))
    return {
        machine: operations.seize_slot(session, machine, operation)[0]
        for machine in session.scalars(query.order_by(Machine.id))
    }


def record_leftover_removed(session: Session, machine: str) -> None:
    """Write that nothing of a machine that ended is left on its host."""
    row = session.get_one(Machine, machine)
    kept_addresses.free_kept_addresses(session, row.claim, datetime.now(UTC))


def record_check_failed(
    session: Session, object_type: str, row: Endpoint, reason: str, operation: str
) -> None:
    """Write why a server or host can't be used; one in use or retired keeps its state."""
    if row.state in ("in_use", "retired"):
        return
    trusted = row.state in ("quarantined", "available", "cleaning")
    state = "quarantined" if trusted else "enrolled"
    status = states.rest(
        object_type, state, reason, f"mend the reason, then run `mulligan {object_type} verify`"
    )
    states.move(session, object_type, row, status, region=row.region, operation=operation)
    refresh_offer(session, object_type, row)


def delete_endpoint(session: Session, object_type: str, endpoint: str, author: str) -> None:
    """Forget a server or host that nobody uses.

    Raises:
        FailedPreconditionError: something runs on it or is claimed from it, or it is protected.
    """
    row = get_endpoint(session, object_type, endpoint)
    marks.refuse_if_marked(session, object_type, endpoint, "protected", "locked")
    holder = operations.holder_of(session, [endpoint]).get(endpoint)
    if holder:
        raise FailedPreconditionError(
            f"{object_type} {endpoint} is busy with operation {holder}; wait for it, see "
            "`mulligan operation show`",
            code="ENDPOINT_BUSY",
            object_type=object_type,
            object_id=endpoint,
        )
    if row.state in ("in_use", "cleaning"):
        raise FailedPreconditionError(
            f"{object_type} {endpoint} is {row.state} ({row.reason}); decommission its machine "
            "first",
            object_type=object_type,
            object_id=endpoint,
        )
    if isinstance(row, Server) and row.needs_cleaning and row.state != "retired":
        raise FailedPreconditionError(
            f"server {endpoint} may have its last owner's data, which would be forgotten with it; "
            "wipe it with `mulligan server verify`, or retire it when it leaves the rack as it is",
            code="SERVER_NOT_CLEAN",
            object_type="server",
            object_id=endpoint,
        )
    providers.delete_provider(session, endpoint)
    names.release_name(session, endpoint)
    session.delete(row)
    events.append(
        session, events.Event(object_type, endpoint, "deleted", region=row.region, author=author)
    )
