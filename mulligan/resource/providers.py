"""Providers: anything that has inventory; what it has and can do, and whether it is offered."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from mulligan.batches import each
from mulligan.marks import Mark, marks_of
from mulligan.meta.listing import listed
from mulligan.resource import trees
from mulligan.resource.features import CapabilitiesChange, PropertiesChange
from mulligan.resource.groups import groups_of
from mulligan.resource.inventories import InventoriesChange, inventory_of
from mulligan.resource.occupation import peaks, present
from mulligan.resource.offers import Offer, offer_of
from mulligan.resource.owners import owners_of, owners_of_providers
from mulligan.resource.provider_changes import (
    NewProvider,
    ProviderChange,
    change_providers,
    create_providers,
    delete_providers,
    tell,
)
from mulligan.resource.tables import (
    AllocationRow,
    CapabilityRow,
    InventoryRow,
    MemberRow,
    PropertyRow,
    ProviderRow,
)
from mulligan.resource.values import (
    Inventory,
    check_id,
    check_provider_type,
)
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.listing import Listed, Listing, OrderBy

_NAMED_AS = ("provider", "server", "host")
"""A provider with a BMC or hypervisor has the name of that."""

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
    root: str
    available: bool
    unavailable_reason: str
    generation: int
    created_at: datetime
    inventories: tuple[InventoryUse, ...]
    capabilities: tuple[str, ...]
    properties: Mapping[str, int]
    groups: tuple[str, ...]
    shares_with: tuple[str, ...]
    marks: tuple[Mark, ...]
    offer: Offer


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
    """Create the provider of a server or host, or of a test; not offered before `set_availability`.

    Args:
        session: a session.
        id: UUID.
        region: UUID of its region.
        type: server, host or another registered type.
        project: UUID of its owner: only that project, and those below it, may use it; None for all.
        parent: UUID of the provider above it, in the same region.
        now: the present by default.

    Raises:
        AlreadyExistsError: there is a provider with that id.
        InvalidArgumentError: no such type or parent.
    """
    create_providers(
        session,
        region,
        [NewProvider(id, type, project=project, parent=parent)],
        unavailable=NOT_YET_AVAILABLE,
        now=now or datetime.now(UTC),
        by_control=True,
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
    wanted = InventoriesChange(replace=tuple(inventories))
    _change(session, ProviderChange(provider, inventories=wanted), now)


def set_capabilities(session: Session, provider: str, capabilities: Iterable[str]) -> None:
    """Replace what a provider can do.

    Raises:
        InvalidArgumentError: a name can't be used.
        NotFoundError: there is no such provider.
    """
    wanted = CapabilitiesChange(replace=tuple(capabilities))
    _change(session, ProviderChange(provider, capabilities=wanted), None)


def set_properties(session: Session, provider: str, properties: Mapping[str, int]) -> None:
    """Replace a provider's measures, such as cpus, memory_mib, largest_disk_gib.

    Raises:
        InvalidArgumentError: a name or a value can't be used.
        NotFoundError: there is no such provider.
    """
    wanted = PropertiesChange(replace=properties)
    _change(session, ProviderChange(provider, properties=wanted), None)


def _change(session: Session, change: ProviderChange, now: datetime | None) -> None:
    change_providers(session, [change], now=now or datetime.now(UTC), by_control=True)


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
    row = trees.lock_providers(session, [provider])[provider]
    reason = "" if available else reason.strip()
    if (row.available, row.unavailable_reason) == (available, reason):
        return
    row.available, row.unavailable_reason = available, reason
    row.generation += 1
    words = "available" if available else f"not available: {reason}"
    tell(session, row, "state", now or datetime.now(UTC), words)


def set_owner(
    session: Session, provider: str, project: str, *, now: datetime | None = None
) -> bool:
    """Give the provider of a server or host, with what is below it, to a project; "" is nobody.

    Says whether it had another owner.

    Raises:
        FailedPreconditionError: USED_BY_OTHERS: claims of projects whose it would not be.
        InvalidArgumentError: it is below another provider, which is another one's.
        NotFoundError: there is no such provider.
    """
    before = owners_of_providers(session, [provider]).get(provider, "")
    change = ProviderChange(provider, project=project)
    _change(session, change, now)
    return before != (change.project or "")


def delete_provider(session: Session, provider: str, *, now: datetime | None = None) -> None:
    """Delete the provider of a server or host; its past claims stay on record.

    Raises:
        FailedPreconditionError: claims use it now or later, or other providers are below it.
        NotFoundError: there is no such provider.
    """
    delete_providers(session, [provider], now=now or datetime.now(UTC), by_control=True)


def get_provider(session: Session, provider: str, *, now: datetime | None = None) -> Provider:
    """Read a provider with its use now.

    Raises:
        NotFoundError: there is no such provider.
    """
    return get_providers(session, [check_id(provider, field="id")], now=now)[0]


def get_providers(
    session: Session, ids: Sequence[str], *, now: datetime | None = None
) -> list[Provider]:
    """Read providers, in the order of their ids; as `get_provider` does one."""

    def get(provider: str) -> ProviderRow:
        row = session.get(ProviderRow, provider)
        if row is None:
            raise trees.no_provider(provider)
        return row

    return _complete(session, each(session, ProviderRow, ids, get), now or datetime.now(UTC))


def regions_of(session: Session, providers: Collection[str]) -> list[str]:
    """Read in which regions providers are; those that are not there are in none."""
    query = select(ProviderRow.region).where(ProviderRow.id.in_(providers))
    return sorted(session.scalars(query.distinct()))


def narrowed(
    query: Select[Any],
    *,
    region: str,
    type: str,  # noqa: A002 (the column's word)
    group: str,
) -> Select[Any]:
    """Have a query of providers look only at those of a region, type and group."""
    if region:
        query = query.where(ProviderRow.region == check_id(region, field="region"))
    if type:
        query = query.where(ProviderRow.type == check_provider_type(type, field="type"))
    if group:
        members = select(MemberRow.provider).where(
            MemberRow.group == check_id(group, field="group")
        )
        query = query.where(ProviderRow.id.in_(members))
    return query


def list_providers(
    session: Session,
    *,
    region: str = "",
    type: str = "",  # noqa: A002 (the column's word)
    tree: str = "",
    parent: str = "",
    group: str = "",
    listing: Listing | None = None,
    now: datetime | None = None,
) -> Listed[Provider]:
    """Read a page of providers with their use now.

    Args:
        session: a session.
        region: only in this region.
        type: only of this type.
        tree: only the provider at this top and what is below it.
        parent: only what is directly below this one.
        group: only members of this group.
        listing: in which order, and which page; by default the first by id.
        now: the present by default.
    """
    query = narrowed(select(ProviderRow), region="", type=type, group=group)
    if tree:
        top = check_id(tree, field="tree")
        query = query.where(or_(ProviderRow.id == top, ProviderRow.root == top))
    if parent:
        query = query.where(ProviderRow.parent == check_id(parent, field="parent"))
    # Where the owner narrows them, the types would only keep its index from giving the order.
    types = () if region else _NAMED_AS
    page_of, whole = listing or Listing(), not (type or tree or parent or group)
    if not region and page_of.order_by is OrderBy.NAME:
        whole = False
    page = listed(
        *(session, query, ProviderRow, page_of),
        object_types=types,
        owner=check_id(region, field="region") if region else None,
        owned_by=ProviderRow.region,
        whole=whole,
    )
    return page.of(_complete(session, page.items, now or datetime.now(UTC)))


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
        use = InventoryUse(inventory_of(row), used.get((row.provider, row.resource_type), 0))
        inventories[row.provider].append(use)
    capabilities = defaultdict(list)
    for held in session.scalars(_belonging(CapabilityRow, ids, CapabilityRow.capability)):
        capabilities[held.provider].append(held.capability)
    properties: dict[str, dict[str, int]] = defaultdict(dict)
    for measure in session.scalars(_belonging(PropertyRow, ids, PropertyRow.name)):
        properties[measure.provider][measure.name] = measure.value
    marked = marks_of(session, ids, now=now)
    groups, shares_with = groups_of(session, ids)
    owners = owners_of(session, {row.root for row in rows if row.root})
    return [
        Provider(
            id=row.id,
            region=row.region,
            project=row.project or owners.get(row.root or row.id),
            type=row.type,
            parent=row.parent,
            root=row.root or row.id,
            available=row.available,
            unavailable_reason=row.unavailable_reason,
            generation=row.generation,
            created_at=row.created_at,
            inventories=tuple(inventories[row.id]),
            capabilities=tuple(capabilities[row.id]),
            properties=properties[row.id],
            groups=tuple(groups[row.id]),
            shares_with=tuple(shares_with[row.id]),
            marks=tuple(marked[row.id]),
            offer=offer_of(row, marked[row.id]),
        )
        for row in rows
    ]


def _belonging(table: Any, providers: Sequence[str], order: Any) -> Any:
    query = select(table).where(table.provider.in_(providers)).order_by(order)
    return query.execution_options(populate_existing=True)
