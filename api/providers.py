"""Providers, from messages to changes and from rows to messages."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.operations import Starter
from api.regions import Regions
from mulligan import events
from mulligan.meta import many_names, names
from mulligan.resource import offers, provider_changes, providers
from mulligan.resource.features import CapabilitiesChange, PropertiesChange
from mulligan.resource.inventories import InventoriesChange, InventoryChange
from mulligan.resource.offers import Offer
from mulligan.resource.provider_changes import NewProvider, ProviderChange
from mulligan.resource.reshape import AllocationMove, reshape_providers
from mulligan.resource.tables import ProviderRow
from mulligan.resource.values import Inventory, check_id
from mulligan.values import told
from mulligan.values.amount import GREATEST_AMOUNT
from mulligan.values.errors import InvalidArgumentError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

_UNRESTRICTED: dict[str, Any] = {
    "min_unit": 1,
    "max_unit": GREATEST_AMOUNT,
    "step_size": 1,
    "allocation_ratio": 1.0,
}
"""What a 0 means in an inventory."""


async def create(
    request: pb.CreateProvidersRequest, regions: Regions, starter: Starter
) -> pb.CreateProvidersResponse:
    """Make providers with their names."""
    call = current_call()
    region = await regions.require_here(request.region, request=request)
    new = [
        NewProvider(
            id=one.id or str(uuid4()),
            type=one.type,
            project=one.project or None,
            parent=one.parent or None,
            inventories=_inventories(one.inventories),
            capabilities=tuple(one.capabilities),
            properties=dict(one.properties),
        )
        for one in request.providers
    ]
    async with starter.unless_done(request):
        await regions.require_owners({one.project for one in new if one.project})

    def make(session: Session) -> pb.CreateProvidersResponse:
        provider_changes.create_providers(
            session, region, new, author=call.caller.account, now=datetime.now(UTC)
        )
        named = {one.id: asked.name for one, asked in zip(new, request.providers, strict=True)}
        many_names.give_names(session, "provider", named, region=region)
        return pb.CreateProvidersResponse(
            providers=[pb.ProviderChanged(id=one.id, generation=1) for one in new]
        )

    answer = await call.write(request, pb.CreateProvidersResponse, make)
    await starter.wake_waiting(region)
    return answer


async def update(
    request: pb.UpdateProvidersRequest, regions: Regions, starter: Starter
) -> pb.UpdateProvidersResponse:
    """Change, fill, move providers and give them to projects."""
    call = current_call()
    changes = [_change(one) for one in request.changes]
    async with starter.unless_done(request):
        await regions.require_owners({one.project for one in changes if one.project})

    def change(session: Session) -> pb.UpdateProvidersResponse:
        rows = provider_changes.change_providers(
            session, changes, author=call.caller.account, now=datetime.now(UTC)
        )
        return pb.UpdateProvidersResponse(providers=_changed(rows))

    answer = await call.write(request, pb.UpdateProvidersResponse, change)
    await _wake_waiting(starter, await _regions_of(change.provider for change in changes))
    return answer


async def reshape(
    request: pb.ReshapeProvidersRequest, regions: Regions, starter: Starter
) -> pb.ReshapeProvidersResponse:
    """Change providers of a tree, and move what is claimed of them."""
    call = current_call()
    changes = [_change(one) for one in request.changes]
    async with starter.unless_done(request):
        await regions.require_owners({one.project for one in changes if one.project})
    moves = [
        AllocationMove(
            resource_type=one.resource_type,
            from_provider=one.from_provider,
            to_provider=one.to_provider,
            claims=one.claims,
            amount=one.amount,
        )
        for one in request.moves
    ]

    def change(session: Session) -> pb.ReshapeProvidersResponse:
        rows = reshape_providers(
            session, changes, moves, author=call.caller.account, now=datetime.now(UTC)
        )
        return pb.ReshapeProvidersResponse(providers=_changed(rows))

    answer = await call.write(request, pb.ReshapeProvidersResponse, change)
    changed = [one.provider for one in changes]
    await _wake_waiting(
        starter, await _regions_of((*changed, *(move.from_provider for move in moves)))
    )
    return answer


async def delete(
    request: pb.DeleteProvidersRequest, starter: Starter
) -> pb.DeleteProvidersResponse:
    """Delete providers, and free their names."""
    call = current_call()
    ids = [check_id(one, field="ids") for one in request.ids]
    regions: set[str] = set()

    def forget(session: Session) -> pb.DeleteProvidersResponse:
        rows = provider_changes.delete_providers(
            session, ids, author=call.caller.account, now=datetime.now(UTC)
        )
        regions.update(row.region for row in rows)
        names.release_names(session, ids)
        return pb.DeleteProvidersResponse()

    answer = await call.write(request, pb.DeleteProvidersResponse, forget)
    await _wake_waiting(starter, regions)
    return answer


async def mark(request: pb.MarkProvidersRequest) -> pb.MarkProvidersResponse:
    """Mark providers."""
    call = current_call()
    expires_at = messages.time_of(request.expires_at) if request.HasField("expires_at") else None

    def set_marks(session: Session) -> pb.MarkProvidersResponse:
        rows = offers.mark_providers(
            session,
            request.ids,
            request.kind,
            request.reason,
            expires_at=expires_at,
            author=call.caller.account,
            now=datetime.now(UTC),
        )
        return pb.MarkProvidersResponse(providers=_changed(rows))

    return await call.write(request, pb.MarkProvidersResponse, set_marks)


async def unmark(
    request: pb.UnmarkProvidersRequest, starter: Starter
) -> pb.UnmarkProvidersResponse:
    """Take a mark of providers back."""
    call = current_call()

    def clear_marks(session: Session) -> pb.UnmarkProvidersResponse:
        rows = offers.unmark_providers(
            session, request.ids, request.kind, author=call.caller.account, now=datetime.now(UTC)
        )
        return pb.UnmarkProvidersResponse(providers=_changed(rows))

    answer = await call.write(request, pb.UnmarkProvidersResponse, clear_marks)
    await _wake_waiting(starter, await _regions_of(one.id for one in answer.providers))
    return answer


async def _regions_of(ids: Iterable[str]) -> list[str]:
    asked = list(ids)
    return await current_call().read(lambda session: providers.regions_of(session, asked))


async def _wake_waiting(starter: Starter, regions: Iterable[str]) -> None:
    """Have claims that wait for capacity try again, after the commit."""
    for region in regions:
        await starter.wake_waiting(region)


def _changed(rows: Sequence[ProviderRow]) -> list[pb.ProviderChanged]:
    return [pb.ProviderChanged(id=row.id, generation=row.generation) for row in rows]


async def get(provider: str) -> pb.Provider:
    """Show one provider."""

    def read(session: Session) -> pb.Provider:
        return _messages(session, [providers.get_provider(session, provider)])[0]

    return await current_call().read(read)


async def get_all(request: pb.BatchGetProvidersRequest) -> pb.BatchGetProvidersResponse:
    """Show several providers."""

    def read(session: Session) -> pb.BatchGetProvidersResponse:
        rows = providers.get_providers(session, request.ids)
        return pb.BatchGetProvidersResponse(providers=messages.at_once(_messages(session, rows)))

    return await current_call().read(read)


async def list_page(request: pb.ListProvidersRequest) -> pb.ListProvidersResponse:
    """List providers."""
    listing = listing_of(request, "provider")

    def read(session: Session) -> pb.ListProvidersResponse:
        revision = events.current_revision(session)
        page = providers.list_providers(
            session,
            region=request.region,
            type=request.type,
            tree=request.tree,
            parent=request.parent,
            group=request.group,
            listing=listing,
        )
        shown = messages.fitting(_messages(session, page.items))
        return pb.ListProvidersResponse(
            providers=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await current_call().read(read)


def _change(one: pb.ProviderChange) -> ProviderChange:
    wanted, can, measures = one.inventories, one.capabilities, one.properties
    return ProviderChange(
        provider=one.id,
        generation=one.generation,
        under=one.under if one.HasField("under") else None,
        name=one.name if one.HasField("name") else None,
        project=one.project if one.HasField("project") else None,
        inventories=InventoriesChange(
            add=_inventories(wanted.add),
            modify=[_inventory_change(one) for one in wanted.modify],
            remove=tuple(wanted.remove),
            replace=_inventories(wanted.replace.inventories)
            if wanted.HasField("replace")
            else None,
        )
        if one.HasField("inventories")
        else None,
        capabilities=CapabilitiesChange(
            add=tuple(can.add),
            remove=tuple(can.remove),
            replace=tuple(can.replace.capabilities) if can.HasField("replace") else None,
        )
        if one.HasField("capabilities")
        else None,
        properties=PropertiesChange(
            put=dict(measures.put),
            remove=tuple(measures.remove),
            replace=dict(measures.replace.properties) if measures.HasField("replace") else None,
        )
        if one.HasField("properties")
        else None,
    )


def _inventories(given: Sequence[pb.Inventory]) -> tuple[Inventory, ...]:
    """Read inventories; what is left out has the value that restricts nothing."""
    return tuple(
        Inventory(
            resource_type=one.resource_type,
            total=one.total,
            reserved=one.reserved,
            **{name: getattr(one, name) or least for name, least in _UNRESTRICTED.items()},
        )
        for one in given
    )


def _inventory_change(one: pb.InventoryChange) -> InventoryChange:
    """Read what is said of an inventory; a 0 that can't be meant restricts nothing."""
    if not one.resource_type:
        raise InvalidArgumentError(
            "say whose inventory is to be modified: resource_type is empty", field="resource_type"
        )
    said = {field.name: value for field, value in one.ListFields()}
    for name, unrestricted in _UNRESTRICTED.items():
        if name in said:
            said[name] = said[name] or unrestricted
    return InventoryChange(**said)


def _messages(session: Session, rows: Sequence[providers.Provider]) -> list[pb.Provider]:
    ids = [row.id for row in rows]
    described = names.describe(session, ids)
    return [
        pb.Provider(
            metadata=messages.metadata(row, described, project=row.project, region=row.region),
            type=row.type,
            parent=row.parent or "",
            root=row.root,
            inventories=[_inventory(use) for use in row.inventories],
            capabilities=row.capabilities,
            properties=row.properties,
            groups=row.groups,
            shares_with=row.shares_with,
            status=_status(row.offer),
            marks=messages.marks(row.marks),
        )
        for row in rows
    ]


def _status(offer: Offer) -> common_pb2.Status:
    return common_pb2.Status(
        state=offer.state,
        reason=told.read(offer.reason, operators=True),
        since=messages.timestamp(offer.since),
        deadline=messages.timestamp(offer.deadline),
    )


def _inventory(use: providers.InventoryUse) -> pb.Inventory:
    inventory = use.inventory
    return pb.Inventory(
        resource_type=inventory.resource_type,
        total=inventory.total,
        reserved=inventory.reserved,
        min_unit=inventory.min_unit,
        max_unit=inventory.max_unit,
        step_size=inventory.step_size,
        allocation_ratio=inventory.allocation_ratio,
        used=use.used,
    )
