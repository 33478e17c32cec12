"""mulligan capability: names of what providers can do."""

import click

from mulligan_client.commands.names import Registry, add_create, add_delete, add_list
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2


@click.group()
def capability() -> None:
    """Names of what providers can do, such as arch:x86_64."""


registry = Registry(
    "capability",
    read_all=lambda session, **listed: session.client.list_all(
        session.client.resource.ListCapabilities, resource_pb2.ListCapabilitiesRequest(**listed)
    ),
    delete=lambda session, name: session.client.resource.DeleteCapability(
        resource_pb2.DeleteCapabilityRequest(name=name)
    ),
    rows=lambda answer: answer.capabilities,
)
add_list(capability, registry)
add_create(
    capability,
    registry,
    lambda session, name, description: session.client.resource.CreateCapability(
        resource_pb2.CreateCapabilityRequest(name=name, description=description)
    ),
)
add_delete(capability, registry)
