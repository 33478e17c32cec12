"""The nearest known name, for a name that leads nowhere."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2

# From an object's type to the list that has it.
_LISTS: dict[str, Callable[[Client, str], Any]] = {
    "machine": lambda client, project: (
        client.control.ListMachines(control_pb2.ListMachinesRequest(project=project)).machines
    ),
    "server": lambda client, _: (
        client.control.ListServers(control_pb2.ListServersRequest()).servers
    ),
    "host": lambda client, _: client.control.ListHosts(control_pb2.ListHostsRequest()).hosts,
    "image": lambda client, _: client.control.ListImages(control_pb2.ListImagesRequest()).images,
    "network": lambda client, _: (
        client.resource.ListNetworks(resource_pb2.ListNetworksRequest()).networks
    ),
    "provider": lambda client, _: (
        client.resource.ListProviders(resource_pb2.ListProvidersRequest()).providers
    ),
    "group": lambda client, _: client.resource.ListGroups(resource_pb2.ListGroupsRequest()).groups,
    "project": lambda client, _: client.iam.ListProjects(iam_pb2.ListProjectsRequest()).projects,
    "region": lambda client, _: client.iam.ListRegions(iam_pb2.ListRegionsRequest()).regions,
}


def nearest_name(client: Client, object_type: str, name: str, project: str = "") -> str:
    """Find the name on the first page of its type's list that comes nearest; empty: none does."""
    known = _LISTS.get(object_type)
    if known is None:
        return ""
    try:
        names = [one.metadata.name for one in known(client, project)]
    except MulliganCallError:  # a hint only: who may not list gets none
        return ""
    return next(iter(get_close_matches(name, names, n=1)), "")
