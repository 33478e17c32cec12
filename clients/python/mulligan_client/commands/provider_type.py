"""mulligan provider-type: kinds of provider, and how long each is cleaned between claims."""

from typing import Any

import click
from google.protobuf.field_mask_pb2 import FieldMask

from mulligan_client.commands.names import Registry, add_delete, add_list
from mulligan_client.commands.options import pass_session, takes_generation, takes_output
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session


@click.group()
def provider_type() -> None:
    """Kinds of provider, such as server, host or rack."""


registry = Registry(
    "provider type",
    read_all=lambda session, **listed: session.client.list_all(
        session.client.resource.ListProviderTypes, resource_pb2.ListProviderTypesRequest(**listed)
    ),
    delete=lambda session, name: session.client.resource.DeleteProviderType(
        resource_pb2.DeleteProviderTypeRequest(name=name)
    ),
    rows=lambda answer: answer.provider_types,
    columns=[("CLEANING", lambda one: f"{one.cleaning_margin_s} s")],
)
add_list(provider_type, registry)
add_delete(provider_type, registry)
_takes_margin = click.option(
    "--cleaning-margin", type=click.IntRange(0), help="Seconds free between two claims."
)


@provider_type.command("create")
@click.argument("name")
@_takes_margin
@click.option("--description", default="", help="What it stands for.")
@takes_output
@pass_session
def create(
    session: Session, name: str, cleaning_margin: int | None, description: str, output: str
) -> None:
    """Register a provider type of your own."""
    request = resource_pb2.CreateProviderTypeRequest(
        name=name, description=description, cleaning_margin_s=cleaning_margin or 0
    )
    made = session.client.resource.CreateProviderType(request)
    registry.show(session, made, [made], output)


@provider_type.command("set")
@click.argument("name")
@takes_generation
@_takes_margin
@click.option("--description", help="What it stands for.")
@takes_output
@pass_session
def set_one(
    session: Session,
    name: str,
    generation: int,
    cleaning_margin: int | None,
    description: str | None,
    output: str,
) -> None:
    """Change how long a provider of the type stays free between two claims."""
    given = {"description": description, "cleaning_margin_s": cleaning_margin}
    changed: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    request = resource_pb2.UpdateProviderTypeRequest(
        name=name,
        generation=generation,
        update_mask=FieldMask(paths=sorted(changed)),
        **changed,
    )
    found = session.client.resource.UpdateProviderType(request)
    registry.show(session, found, [found], output)
