"""mulligan resource-type: names of what is counted."""

import click

from mulligan_client.commands.names import Registry, add_create, add_delete, add_list
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2


@click.group()
def resource_type() -> None:
    """Names of what is counted, such as VCPU or DISK_GIB."""


registry = Registry(
    "resource type",
    read_all=lambda session, **listed: session.client.list_all(
        session.client.resource.ListResourceTypes, resource_pb2.ListResourceTypesRequest(**listed)
    ),
    delete=lambda session, name: session.client.resource.DeleteResourceType(
        resource_pb2.DeleteResourceTypeRequest(name=name)
    ),
    rows=lambda answer: answer.resource_types,
)
add_list(resource_type, registry)
add_create(
    resource_type,
    registry,
    lambda session, name, description: session.client.resource.CreateResourceType(
        resource_pb2.CreateResourceTypeRequest(name=name, description=description)
    ),
)
add_delete(resource_type, registry)
