"""What a watch needs besides its stream: where to begin, and when to take it up again."""

import math
import time
from collections.abc import Mapping
from typing import Any

from mulligan_client.catalogue import Site
from mulligan_client.errors import AWAY, MulliganCallError
from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.gen.services import ControlService, Service
from mulligan_client.methods import Method
from mulligan_client.site_errors import no_revision
from mulligan_client.transport import Calls, pause_s_of

_NOT_FOR_US = ("PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT")

REVISION_WITHIN_S = 5.0
"""A site that does not tell its revision by then is away."""

_LISTS: Mapping[Service, tuple[Method, type[Any], type[Any]]] = {
    "control": (
        methods.CONTROL_LIST_IMAGES,
        control_pb2.ListImagesRequest,
        control_pb2.ListImagesResponse,
    ),
    "meta": (
        methods.META_LIST_METADEFS,
        meta_pb2.ListMetadefsRequest,
        meta_pb2.ListMetadefsResponse,
    ),
    "resource": (
        methods.RESOURCE_LIST_NETWORKS,
        resource_pb2.ListNetworksRequest,
        resource_pb2.ListNetworksResponse,
    ),
}
"""Lists that everybody may read, and that tell the revision."""


def revision_before(control: ControlService, operation: control_pb2.Operation) -> int | None:
    """Find a revision to watch from, at the operation's site: of a list that its object is in."""
    page, region = common_pb2.Page(size=1), operation.metadata.region
    revision = 0
    try:
        match operation.object_type:
            case "machine":
                machines = control_pb2.ListMachinesRequest(
                    page=page, project=operation.metadata.project
                )
                revision = control.ListMachines(machines).revision
            case "server":
                servers = control_pb2.ListServersRequest(page=page, region=region)
                revision = control.ListServers(servers).revision
            case "host":
                hosts = control_pb2.ListHostsRequest(page=page, region=region)
                revision = control.ListHosts(hosts).revision
    except MulliganCallError as error:
        if error.grpc_status not in (*_NOT_FOR_US, *AWAY):
            raise
    return revision or revision_of(control)


def revision_of(control: ControlService) -> int | None:
    """Find the revision of the one site that is called; None where it does not tell."""
    request = control_pb2.ListImagesRequest(page=common_pb2.Page(size=1))
    try:
        return control.ListImages(request, REVISION_WITHIN_S).revision or None
    except MulliganCallError:
        return None


def revision_told(calls: Calls, service: Service, site: Site) -> int:
    """Find the revision of a site, of the service that is to be watched there.

    Raises:
        MulliganCallError: NO_REVISION, if it may tell it later; else as the site refused it.
    """
    method, request, answer = _LISTS[service]
    try:
        asked = request(page=common_pb2.Page(size=1))
        return int(calls.unary(method, asked, answer, REVISION_WITHIN_S).revision)
    except MulliganCallError as error:
        if error.grpc_status in (*_NOT_FOR_US, "UNAUTHENTICATED") or error.of_renewal:
            raise
        raise no_revision(site, error) from None


def pause_s(broken: MulliganCallError | None, usual_s: float, ends_at: float | None) -> float:
    """How long to wait before a watch is taken up: at least as long as it was told."""
    told_s = (pause_s_of(broken) if broken else None) or 0.0
    left_s = math.inf if ends_at is None else max(0.0, ends_at - time.monotonic())
    return min(max(usual_s, told_s), left_s)


def is_broken_stream(error: MulliganCallError) -> bool:
    """Whether a watch that ended so can be taken up."""
    # A proxy or a killed server resets the stream, which gRPC reports as INTERNAL or UNKNOWN;
    # what the server itself says carries a code of its own. What did not answer in time may do so
    # the next time.
    said_by_transport = error.code == error.grpc_status
    return pause_s_of(error) is not None or (
        said_by_transport
        and error.grpc_status
        in (
            "INTERNAL",
            "UNKNOWN",
            "CANCELLED",
            "DEADLINE_EXCEEDED",
        )
    )
