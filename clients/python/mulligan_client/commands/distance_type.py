"""mulligan distance-type: ways to measure how far providers are apart."""

import click

from mulligan_client.commands.names import Registry, add_delete, add_list
from mulligan_client.commands.options import pass_session, takes_output
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session


@click.group()
def distance_type() -> None:
    """Ways to measure how far providers are apart, such as location."""


registry = Registry(
    "distance type",
    read_all=lambda session, **listed: session.client.list_all(
        session.client.resource.ListDistanceTypes, resource_pb2.ListDistanceTypesRequest(**listed)
    ),
    delete=lambda session, name: session.client.resource.DeleteDistanceType(
        resource_pb2.DeleteDistanceTypeRequest(name=name)
    ),
    rows=lambda answer: answer.distance_types,
    columns=[("CODES", lambda one: " < ".join(one.codes))],
)
add_list(distance_type, registry)
add_delete(distance_type, registry)


@distance_type.command("create")
@click.argument("name")
@click.argument("codes", nargs=-1, required=True)
@click.option("--description", default="", help="What is measured.")
@takes_output
@pass_session
def create(
    session: Session, name: str, codes: tuple[str, ...], description: str, output: str
) -> None:
    """Register a distance type of your own, with its CODES from near to far."""
    request = resource_pb2.CreateDistanceTypeRequest(
        name=name, codes=codes, description=description
    )
    made = session.client.resource.CreateDistanceType(request)
    registry.show(session, made, [made], output)
