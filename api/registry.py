"""Registered names, from messages to calls and from rows to messages."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from api.masks import paths_of
from mulligan import events
from mulligan.meta.listing import listed_words
from mulligan.resource import registry
from mulligan.resource.tables import (
    CapabilityNameRow,
    DistanceTypeRow,
    ProviderTypeRow,
    ResourceTypeRow,
)
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb

_MESSAGES: dict[Any, Any] = {
    ProviderTypeRow: pb.ProviderType,
    ResourceTypeRow: pb.ResourceType,
    CapabilityNameRow: pb.Capability,
    DistanceTypeRow: pb.DistanceType,
}


async def create(request: Any, table: Any, **columns: Any) -> Any:
    """Register a name."""
    call = current_call()

    def register(session: Session) -> Any:
        row = registry.register(
            session,
            table,
            request.name,
            description=request.description,
            author=call.caller.account,
            now=datetime.now(UTC),
            **columns,
        )
        return shown(row)

    return await call.write(request, _MESSAGES[table], register)


async def list_page(request: Any, table: Any, response: type[Message], field: str) -> Any:
    """List names."""
    listing = listing_of(request, registry.WORDS[table], words=True)

    def read(session: Session) -> Any:
        revision = events.current_revision(session)
        page = listed_words(session, table, listing)
        words = messages.fitting(map(shown, page.items))
        fields = {field: words, "next_page_token": token_after(page, words)}
        return response(**fields, revision=revision)

    return await current_call().read(read)


async def delete(request: Any, table: Any, response: type[Message]) -> Any:
    """Forget a name."""
    call = current_call()

    def unregister(session: Session) -> Any:
        registry.unregister(
            session, table, request.name, author=call.caller.account, now=datetime.now(UTC)
        )
        return response()

    return await call.write(request, response, unregister)


async def update_provider_type(request: pb.UpdateProviderTypeRequest) -> pb.ProviderType:
    """Change a kind of provider."""
    call = current_call()
    paths = paths_of(request, ("description", "cleaning_margin_s"))

    def update(session: Session) -> pb.ProviderType:
        row = registry.update_provider_type(
            session,
            request.name,
            cleaning_margin_s=request.cleaning_margin_s if "cleaning_margin_s" in paths else None,
            description=request.description if "description" in paths else None,
            generation=request.generation,
            author=call.caller.account,
            now=datetime.now(UTC),
        )
        found: pb.ProviderType = shown(row)
        return found

    return await call.write(request, pb.ProviderType, update)


def shown(row: Any) -> Any:
    """Show a word."""
    fields = {"name": row.name, "description": row.description, "standard": row.standard}
    fields |= {"created_at": messages.timestamp(row.created_at)}
    if isinstance(row, ProviderTypeRow):
        fields |= {"cleaning_margin_s": row.cleaning_margin_s, "generation": row.generation}
    if isinstance(row, DistanceTypeRow):
        fields |= {"codes": row.codes}
    return _MESSAGES[type(row)](**fields)
