"""Providers: anything that has inventory; what it has and can do, and whether it is offered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.resource.occupation import from_now_on, not_lapsed, peaks, present, usage
from mulligan.resource.tables import (
    AllocationRow,
    CapabilityRow,
    InventoryRow,
    PropertyRow,
    ProviderRow,
)
from mulligan.resource.values import (
    Inventory,
    Page,
    ProviderType,
    check_id,
    check_name,
    choose,
    page_size,
)
from mulligan.values.amount import GREATEST_AMOUNT
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)

NOT_YET_AVAILABLE = "nobody has said yet that it is available"


@dataclass(frozen=True, slots=True)
class InventoryUse:
    """An inventory, and how much of it is used now."""

    inventory: Inventory
    used: int


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with all that is known of it, and its use now."""

    id: str
    region: str
    project: str | None
    type: str
    parent: str | None
    available: bool
    unavailable_reason: str
    generation: int
    created_at: datetime
    inventories: tuple[InventoryUse, ...]
    capabilities: tuple[str, ...]
    properties: Mapping[str, int]


def create_provider(
    session: Session,
    *,
    id: str,  # noqa: A002 (the word of every Create)
    region: str,
    type: str,  # noqa: A002 (the column's word)
    project: str | None = None,
    parent: str | None = None,
    now: datetime | None = None,
) -> None:
    """Create a provider that has nothing yet; it is not offered before `set_availability`.

    Args:
        session: a session.
        id: UUID.
        region: UUID of its region.
        type: server or host.
        project: UUID of the only project that may use it; None for all.
        parent: UUID of the provider above it, in the same region.
        now: the present by default.

    Raises:
        AlreadyExistsError: there is a provider with that id.
        InvalidArgumentError: no such type or parent.
    """
    provider, region = check_id(id, field="id"), check_id(region, field="region")
    if session.get(ProviderRow, provider):
        raise AlreadyExistsError(
            f"there is a provider {provider} already", object_type="provider", object_id=provider
        )
    row = ProviderRow(
        id=provider,
        region=region,
        project=check_id(project, field="project") if project else None,
        type=choose(ProviderType, type, "type"),
        parent=_checked_parent(session, parent, region) if parent else None,
        available=False,
        unavailable_reason=NOT_YET_AVAILABLE,
        created_at=now or datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    _tell(session, row, "created", now)


def _checked_parent(session: Session, parent: str, region: str) -> str:
    parent = check_id(parent, field="parent")
    row = session.get(ProviderRow, parent)
    if row is None or row.region != region:
        raise InvalidArgumentError(
            f"there is no provider {parent} in region {region} to be the parent", field="parent"
        )
    return parent


def _tell(
    session: Session, row: ProviderRow, kind: str, now: datetime | None, message: str = ""
) -> None:
    events.append(
        session,
        events.Event(
            "provider", row.id, kind, project=row.project, region=row.region,
            message=message, at=now or datetime.now(UTC),
        ),
    )  # fmt: skip


def lock_provider(session: Session, provider: str) -> ProviderRow:
    """Read a provider's row and keep others from changing it or claiming from it.

    Raises:
        NotFoundError: there is no such provider.
    """
    query = select(ProviderRow).where(ProviderRow.id == provider).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise _no_provider(provider)
    return row


def _no_provider(provider: str) -> NotFoundError:
    return NotFoundError(
        f"there is no provider {provider}", object_type="provider", object_id=provider
    )


def set_inventories(
    session: Session,
    provider: str,
    inventories: Iterable[Inventory],
    *,
    now: datetime | None = None,
) -> None:
    """Replace what a provider has.

    Raises:
        FailedPreconditionError: less than what is claimed at some time from now on.
        InvalidArgumentError: a resource type stands twice in the list.
        NotFoundError: there is no such provider.
    """
    listed = list(inventories)
    wanted = {inventory.resource_type: inventory for inventory in listed}
    if len(wanted) < len(listed):
        raise InvalidArgumentError(
            "a resource type stands twice in the inventories; give each once", field="inventories"
        )
    row = lock_provider(session, provider)
    _refuse_below_claims(session, provider, wanted, now or datetime.now(UTC))
    rows = [_inventory_columns(provider, inventory) for inventory in wanted.values()]
    _replace(session, row, InventoryRow, rows)


def _refuse_below_claims(
    session: Session, provider: str, wanted: Mapping[str, Inventory], now: datetime
) -> None:
    for resource_type, used in sorted(usage(session, provider, from_now_on(now), now).items()):
        capacity = wanted[resource_type].capacity if resource_type in wanted else 0
        if capacity < used:
            raise FailedPreconditionError(
                f"provider {provider} would have a capacity of {capacity} {resource_type}, but "
                f"{used} are claimed at the peak from now on; release claims first, or keep a "
                f"capacity of at least {used}",
                field="inventories",
                object_type="provider",
                object_id=provider,
            )


def _inventory_columns(provider: str, inventory: Inventory) -> dict[str, Any]:
    return {
        "provider": provider,
        "resource_type": inventory.resource_type,
        "total": inventory.total,
        "reserved": inventory.reserved,
        "min_unit": inventory.min_unit,
        "max_unit": inventory.max_unit,
        "step_size": inventory.step_size,
        "allocation_ratio": inventory.allocation_ratio,
        "capacity": inventory.capacity,
    }


def _replace(
    session: Session,
    row: ProviderRow,
    table: type[InventoryRow] | type[CapabilityRow] | type[PropertyRow],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Replace what is known of a provider; the same once more changes nothing."""
    columns = table.__table__.columns
    known = session.execute(select(*columns).where(table.provider == row.id)).mappings()
    if {frozenset(one.items()) for one in known} == {frozenset(one.items()) for one in rows}:
        return
    session.execute(delete(table).where(table.provider == row.id))
    if rows:
        session.execute(insert(table), rows)
    row.generation += 1


def set_capabilities(session: Session, provider: str, capabilities: Iterable[str]) -> None:
    """Replace what a provider can do.

    Raises:
        InvalidArgumentError: a name can't be used.
        NotFoundError: there is no such provider.
    """
    names = sorted({check_name(name, field="capabilities") for name in capabilities})
    row = lock_provider(session, provider)
    rows = [{"provider": provider, "capability": name} for name in names]
    _replace(session, row, CapabilityRow, rows)


def set_properties(session: Session, provider: str, properties: Mapping[str, int]) -> None:
    """Replace a provider's measures, such as cpus, memory_mib, largest_disk_gib.

    Raises:
        InvalidArgumentError: a name or a value can't be used.
        NotFoundError: there is no such provider.
    """
    for name, value in properties.items():
        check_name(name, field="properties")
        if not 0 <= value <= GREATEST_AMOUNT:
            raise InvalidArgumentError(
                f"property {name} can't be {value}; give 0 to {GREATEST_AMOUNT}",
                field="properties",
            )
    row = lock_provider(session, provider)
    rows = [{"provider": provider, "name": name, "value": properties[name]} for name in properties]
    _replace(session, row, PropertyRow, rows)


def set_availability(
    session: Session,
    provider: str,
    available: bool,
    reason: str = "",
    *,
    now: datetime | None = None,
) -> None:
    """Say whether a provider is offered; what is claimed from it stays claimed.

    Raises:
        InvalidArgumentError: it becomes unavailable without a reason.
        NotFoundError: there is no such provider.
    """
    if not available and not reason.strip():
        raise InvalidArgumentError("say why the provider is not available", field="reason")
    row = lock_provider(session, provider)
    reason = "" if available else reason.strip()
    if (row.available, row.unavailable_reason) == (available, reason):
        return
    row.available, row.unavailable_reason = available, reason
    row.generation += 1
    _tell(session, row, "state", now, "available" if available else f"not available: {reason}")


def delete_provider(session: Session, provider: str, *, now: datetime | None = None) -> None:
    """Delete a provider with all that is known of it; its past claims stay on record.

    Raises:
        FailedPreconditionError: claims use it now or later, or other providers are below it.
        NotFoundError: there is no such provider.
    """
    now = now or datetime.now(UTC)
    row = lock_provider(session, provider)
    _refuse_claimed(session, provider, now)
    children = session.scalar(select(func.count()).where(ProviderRow.parent == provider))
    if children:
        raise FailedPreconditionError(
            f"{children} providers are below provider {provider}; delete those first",
            object_type="provider",
            object_id=provider,
        )
    for table in (InventoryRow, CapabilityRow, PropertyRow):
        session.execute(delete(table).where(table.provider == provider))
    session.delete(row)
    session.flush()
    _tell(session, row, "deleted", now)


def _refuse_claimed(session: Session, provider: str, now: datetime) -> None:
    rows = AllocationRow
    using = (
        select(rows.claim)
        .where(rows.provider == provider, rows.occupied_until > now, not_lapsed(rows, now))
        .distinct()
        .order_by(rows.claim)
    )
    claims = list(session.scalars(using))
    if claims:
        more = f" and {len(claims) - 5} more" if len(claims) > 5 else ""
        raise FailedPreconditionError(
            f"provider {provider} is used, now or later, by claims {', '.join(claims[:5])}{more}; "
            "release them first",
            object_type="provider",
            object_id=provider,
        )


def get_provider(session: Session, provider: str, *, now: datetime | None = None) -> Provider:
    """Read a provider with its use now.

    Raises:
        NotFoundError: there is no such provider.
    """
    row = session.get(ProviderRow, provider)
    if row is None:
        raise _no_provider(provider)
    return _complete(session, [row], now or datetime.now(UTC))[0]


def list_providers(
    session: Session,
    *,
    region: str = "",
    type: str = "",  # noqa: A002 (the column's word)
    after: str = "",
    limit: int = 0,
    now: datetime | None = None,
) -> Page[Provider]:
    """Read a page of providers with their use now, in the order of their ids.

    Args:
        session: a session.
        region: only in this region.
        type: only servers, or only hosts.
        after: the token of the page before.
        limit: at most this many; 0 for 100.
        now: the present by default.
    """
    limit = page_size(limit)
    query = select(ProviderRow).order_by(ProviderRow.id).limit(limit + 1)
    if region:
        query = query.where(ProviderRow.region == check_id(region, field="region"))
    if type:
        query = query.where(ProviderRow.type == choose(ProviderType, type, "type"))
    if after:
        query = query.where(ProviderRow.id > check_id(after, field="page.token"))
    page = Page.cut(list(session.scalars(query)), limit, lambda row: row.id)
    return Page(_complete(session, page.items, now or datetime.now(UTC)), page.next_token)


def _complete(session: Session, rows: Sequence[ProviderRow], now: datetime) -> list[Provider]:
    ids = [row.id for row in rows]
    used = {
        (provider, resource_type): peak
        for provider, resource_type, peak in session.execute(
            peaks(AllocationRow.provider.in_(ids), present(now), now)
        )
    }
    inventories = defaultdict(list)
    for row in session.scalars(_belonging(InventoryRow, ids, InventoryRow.resource_type)):
        use = InventoryUse(_inventory(row), used.get((row.provider, row.resource_type), 0))
        inventories[row.provider].append(use)
    capabilities = defaultdict(list)
    for held in session.scalars(_belonging(CapabilityRow, ids, CapabilityRow.capability)):
        capabilities[held.provider].append(held.capability)
    properties: dict[str, dict[str, int]] = defaultdict(dict)
    for measure in session.scalars(_belonging(PropertyRow, ids, PropertyRow.name)):
        properties[measure.provider][measure.name] = measure.value
    return [
        Provider(
            id=row.id,
            region=row.region,
            project=row.project,
            type=row.type,
            parent=row.parent,
            available=row.available,
            unavailable_reason=row.unavailable_reason,
            generation=row.generation,
            created_at=row.created_at,
            inventories=tuple(inventories[row.id]),
            capabilities=tuple(capabilities[row.id]),
            properties=properties[row.id],
        )
        for row in rows
    ]


def _belonging(table: Any, providers: Sequence[str], order: Any) -> Any:
    query = select(table).where(table.provider.in_(providers)).order_by(order)
    return query.execution_options(populate_existing=True)


def _inventory(row: InventoryRow) -> Inventory:
    return Inventory(
        resource_type=row.resource_type,
        total=row.total,
        reserved=row.reserved,
        min_unit=row.min_unit,
        max_unit=row.max_unit,
        step_size=row.step_size,
        allocation_ratio=row.allocation_ratio,
    )
