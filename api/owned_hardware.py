"""Servers and hosts as the project knows them whose they are: nothing of how they are reached."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from api import messages
from api.call import current_call
from api.listings import listing_of, token_after
from mulligan import events
from mulligan.control import owned_hardware
from mulligan.control.tables import Host, Server
from mulligan.meta import names
from mulligan.meta.names import Name
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2 as pb


async def list_servers(request: pb.ListProjectServersRequest) -> pb.ListProjectServersResponse:
    """List the servers that are a project's."""
    listing = listing_of(request, "server")

    def read(session: Session) -> pb.ListProjectServersResponse:
        revision = events.current_revision(session)
        page = owned_hardware.list_owned_servers(session, request.project, listing)
        named = names.describe(session, [row.id for row in page.items])
        shown = messages.fitting(_server(row, named, request.project) for row in page.items)
        return pb.ListProjectServersResponse(
            servers=shown, next_page_token=token_after(page, shown), revision=revision
        )

    return await current_call().read(read)


async def list_hosts(request: pb.ListProjectHostsRequest) -> pb.ListProjectHostsResponse:
    """List the hosts that are a project's."""
    listing = listing_of(request, "host")

    def read(session: Session) -> pb.ListProjectHostsResponse:
        revision = events.current_revision(session)
        page = owned_hardware.list_owned_hosts(session, request.project, listing)
        named = names.describe(session, [row.id for row in page.items])
        shown = messages.fitting(_host(row, named, request.project) for row in page.items)
        return pb.ListProjectHostsResponse(
            hosts=shown, next_page_token=token_after(page, shown), revision=revision
        )

    return await current_call().read(read)


def _server(row: Server, named: Mapping[str, Name], project: str) -> pb.ProjectServer:
    disks = row.inventory.get("disks", ())
    return pb.ProjectServer(
        metadata=messages.metadata(row, named, project=project, region=row.region),
        status=_status(row),
        **_size(row.inventory),
        disk_gib=sum(disk["size_bytes"] for disk in disks) >> 30,
    )


def _host(row: Host, named: Mapping[str, Name], project: str) -> pb.ProjectHost:
    return pb.ProjectHost(
        metadata=messages.metadata(row, named, project=project, region=row.region),
        status=_status(row),
        **_size(row.inventory),
        disk_gib=row.inventory.get("disk_gib", 0),
    )


def _size(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("architecture", "cpus", "memory_mib") if name in found}


def _status(row: Server | Host) -> common_pb2.Status:
    return common_pb2.Status(state=row.state, since=messages.timestamp(row.since))
