"""Servers and hosts: enrolled, verified, inspected, offered, and one day forgotten."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events, marks, states
from mulligan.batches import each
from mulligan.control import operations
from mulligan.control.tables import Host, Machine, Server, Slot
from mulligan.generations import refuse_stale
from mulligan.meta import names
from mulligan.meta.listing import listed
from mulligan.renaming import rename
from mulligan.resource import kept_addresses, providers
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    NotFoundError,
)
from mulligan.values.listing import Listed, Listing
from mulligan.values.sealed import require_sealed
from mulligan.values.states import MACHINE_ENDED

Endpoint = Server | Host


def enrol_server(
    session: Session,
    *,
    server: str,
    region: str,
    name: str,
    address: str,
    sealed_credentials: str,
    insecure_tls: bool,
    system: str,
    author: str,
) -> Server:
    """Write a server's row, its name and its provider.

    Raises:
        AlreadyExistsError: another server has this BMC address, or its name.
        InvalidArgumentError: the credentials are not sealed.
    """
    if session.get(Server, server) is not None:
        raise AlreadyExistsError(
            f"there is a server {server} already", object_type="server", object_id=server
        )
    at_bmc = select(Server).where(Server.address == address)
    taken = next((row for row in session.scalars(at_bmc) if _same(row.system, system)), None)
    if taken is not None:
        has = f"the BMC at {address} already; when it has several systems, say which each server is"
        raise _taken(session, "server", taken, region, has, field="spec.address")
    require_sealed(sealed_credentials, "spec.sealed_credentials")
    row = Server(
        id=server,
        region=region,
        address=address,
        sealed_credentials=sealed_credentials,
        insecure_tls=insecure_tls,
        system=system,
        created_at=datetime.now(UTC),
    )
    row.status = states.enter("server", "enrolled", "it is being verified")
    _enrol(session, "server", row, name, author)
    return row


def update_server(
    session: Session,
    server: str,
    *,
    generation: int,
    name: str | None,
    sealed_credentials: str | None,
    insecure_tls: bool | None,
    author: str,
) -> Server:
    """Change a server's name, or how its BMC is reached; None leaves a part as it is.

    Raises:
        AlreadyExistsError: another server of its region has the name.
        NotFoundError: there is no such server.
        InvalidArgumentError: the credentials are not sealed.
        FailedPreconditionError: the server is locked.
        StaleError: it is not at that generation any more.
    """
    row = get_server(session, server)
    session.refresh(row, with_for_update=True)
    refuse_stale(session, "server", server, generation=row.generation, read_at=generation)
    marks.refuse_if_marked(session, "server", server, "locked")
    if name is not None:
        rename(session, "server", row, name, author=author, status=row.status)
    changed = []
    if sealed_credentials is not None:
        require_sealed(sealed_credentials, "spec.sealed_credentials")
        row.sealed_credentials = sealed_credentials
        changed.append("the BMC's credentials were changed")
    if insecure_tls is not None and insecure_tls != row.insecure_tls:
        row.insecure_tls = insecure_tls
        now = "no longer" if insecure_tls else "now"
        changed.append(f"the BMC's certificate is {now} verified")
    if changed:
        row.generation += 1
        event = events.Event(
            "server",
            server,
            "updated",
            region=row.region,
            author=author,
            status=row.status,
            message=" and ".join(changed),
            generation=row.generation,
        )
        events.append(session, event)
    return row


def _taken(
    session: Session, object_type: str, by: Endpoint, region: str, has: str, *, field: str
) -> AlreadyExistsError:
    """Refuse what another end-point has; which one it is, only its region's operators are told."""
    if by.region != region:
        return AlreadyExistsError(f"a {object_type} of another region has {has}", field=field)
    words = f"{object_type} {names.name_of(session, by.id)} has {has}"
    return AlreadyExistsError(words, field=field, object_type=object_type, object_id=by.id)


def _same(system: str, other: str) -> bool:
    """Say whether two Redfish paths may be the same system; an empty one is the BMC's only one."""
    return not system or not other or system == other


def enrol_host(
    session: Session, *, host: str, region: str, name: str, uri: str, pool: str, author: str
) -> Host:
    """Write a host's row, its name and its provider.

    Raises:
        AlreadyExistsError: another host has this URI, or its name.
    """
    taken = session.scalar(select(Host).where(Host.uri == uri))
    if taken is not None:
        raise _taken(session, "host", taken, region, f"the URI {uri} already", field="spec.uri")
    row = Host(id=host, region=region, uri=uri, pool=pool, created_at=datetime.now(UTC))
    row.status = states.enter("host", "enrolled", "it is being verified")
    _enrol(session, "host", row, name, author)
    return row


def rename_host(session: Session, host: str, name: str, *, generation: int, author: str) -> Host:
    """Give a host another name.

    Raises:
        AlreadyExistsError: another host of its region has it.
        NotFoundError: there is no such host.
        FailedPreconditionError: the host is locked.
        StaleError: it is not at that generation any more.
    """
    row = get_host(session, host)
    session.refresh(row, with_for_update=True)
    refuse_stale(session, "host", host, generation=row.generation, read_at=generation)
    marks.refuse_if_marked(session, "host", host, "locked")
    rename(session, "host", row, name, author=author, status=row.status)
    return row


def _enrol(session: Session, object_type: str, row: Endpoint, name: str, author: str) -> None:
    session.add(row)
    names.give_name(session, object_type, row.id, name, region=row.region)
    providers.create_provider(session, id=row.id, region=row.region, type=object_type)
    providers.set_availability(session, row.id, False, f"{object_type} is enrolled, not verified")
    events.append(
        session,
        events.Event(
            object_type, row.id, "created", region=row.region, author=author, status=row.status
        ),
    )


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
