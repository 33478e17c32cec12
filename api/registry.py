"""Registered names, from messages to calls and from rows to messages."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.masks import paths_of
from mulligan import events
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
        return _message(row)

    return await call.write(request, _MESSAGES[table], register)


async def list_page(request: Any, table: Any, response: type[Message], field: str) -> Any:
    """List names."""
    size, after = messages.page_size(request.page), messages.after_name(request.page)

    def read(session: Session) -> Any:
        revision = events.current_revision(session)
        page = registry.list_names(session, table, after=after, limit=size)
        token = messages.token_of(page.next_token) if page.next_token else ""
        fields = {field: [_message(row) for row in page.items], "next_page_token": token}
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
        found: pb.ProviderType = _message(row)
        return found

    return await call.write(request, pb.ProviderType, update)


def _message(row: Any) -> Any:
    shown = {"name": row.name, "description": row.description, "standard": row.standard}
    if isinstance(row, ProviderTypeRow):
        shown |= {"cleaning_margin_s": row.cleaning_margin_s, "generation": row.generation}
    if isinstance(row, DistanceTypeRow):
        shown |= {"codes": row.codes}
    return _MESSAGES[type(row)](**shown)
