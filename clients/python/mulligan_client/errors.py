"""What a call can fail with: one error, whatever went wrong on the way or in the server.

    MulliganCallError   a call was refused or got no answer; `code` is stable

`grpc_status` says of which kind it is; `code` says exactly what it is: the server's stable code
(google.rpc.ErrorInfo.reason), or the gRPC status where no Mulligan server has spoken.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import grpc
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "mulligan"
AWAY = ("UNAVAILABLE", "DEADLINE_EXCEEDED")
"""Of who did not answer."""

_TLS = re.compile(r"(?i)\b(tls|ssl|certificate|handshake|hostname verification)")
_STATUS_KEY = "grpc-status-details-bin"
_RETRYABLE = {"UNAVAILABLE", "ABORTED"}
_Detail = TypeVar("_Detail")


@dataclasses.dataclass
class MulliganCallError(Exception):
    """A call failed; `message` says what happened, to which object, and what can be done."""

    code: str
    grpc_status: str
    message: str
    field: str = ""
    # What is wrong with more fields, one sentence for each.
    others: Sequence[str] = ()
    object_type: str = ""
    object_id: str = ""
    request_id: str = ""
    retryable: bool = False
    # Seconds after which the server asks to be called again; 0 where it didn't say.
    retry_after_s: float = 0.0
    # It is of the renewal of the token at iam, not of the service that was called.
    of_renewal: bool = False
    # Nobody was called, because nothing is known to call: so nothing was done.
    unsent: bool = False
    # Whatever else the server told programs.
    details: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return self.message


def not_found(object_type: str, name: str, *, hint: str = "") -> MulliganCallError:
    """Say that a name leads nowhere."""
    return MulliganCallError(
        code="NOT_FOUND",
        grpc_status="NOT_FOUND",
        message=f"no {object_type} is called {name!r}{hint}",
        object_type=object_type,
        object_id=name,
    )


def translate(
    error: grpc.RpcError, *, address: str, method: str = "", request_id: str = ""
) -> MulliganCallError:
    """Read a gRPC error with its google.rpc.Status details.

    Args:
        error: as raised by a stub; it is a grpc.Call too.
        address: of the server that was called, for the sentence when nobody answered.
        method: full name of the RPC.
        request_id: what the call went out with; the server's RequestInfo takes precedence.
    """
    call: Any = error
    status = call.code().name
    said = call.details() or ""
    found = MulliganCallError(code=status, grpc_status=status, message=said, request_id=request_id)
    packed = _packed_status(call)
    spoke = _unpack(packed, found) if packed is not None else False
    if not spoke:
        found.message = _in_words(status, said, address, method)
    found.retryable = found.retryable or status in _RETRYABLE
    return found


def _packed_status(call: Any) -> status_pb2.Status | None:
    for key, value in call.trailing_metadata() or ():
        if key == _STATUS_KEY:
            return status_pb2.Status.FromString(value)
    return None


def _unpack(packed: status_pb2.Status, found: MulliganCallError) -> bool:
    """Fill the error from the details; True when a Mulligan server has spoken."""
    spoke = False
    found.message = packed.message or found.message
    for detail in packed.details:
        kind = detail.type_url.rpartition(".")[2]
        if kind == "ErrorInfo":
            info = _as(detail, error_details_pb2.ErrorInfo())
            if info.domain == DOMAIN:
                spoke = True
                found.code = info.reason
                found.details = dict(info.metadata)
                found.field = found.field or info.metadata.get("field", "")
                found.object_type = found.object_type or info.metadata.get("object_type", "")
                found.object_id = found.object_id or info.metadata.get("object_id", "")
        elif kind == "BadRequest":
            violations = _as(detail, error_details_pb2.BadRequest()).field_violations
            found.field = violations[0].field if violations else found.field
            found.others = [one.description for one in violations[1:]]
        elif kind == "ResourceInfo":
            resource = _as(detail, error_details_pb2.ResourceInfo())
            found.object_type = resource.resource_type or found.object_type
            found.object_id = resource.resource_name or found.object_id
        elif kind == "RetryInfo":
            delay = _as(detail, error_details_pb2.RetryInfo()).retry_delay
            found.retryable = True
            found.retry_after_s = delay.ToTimedelta().total_seconds()
        elif kind == "RequestInfo":
            asked = _as(detail, error_details_pb2.RequestInfo())
            found.request_id = asked.request_id or found.request_id
    return spoke


def _as(detail: Any, message: _Detail) -> _Detail:
    detail.Unpack(message)
    return message


def _in_words(status: str, said: str, address: str, method: str) -> str:
    name = method.rpartition("/")[2] or "the call"
    match status:
        case "UNAVAILABLE" if _TLS.search(said):
            return (
                f"{address} and this client can't agree on TLS ({said}); give the file of a CA of "
                "your own with --ca-file, or write grpc://HOST:PORT where the server has no TLS"
            )
        case "UNAVAILABLE":
            return f"{address} does not answer ({said}); look whether a server runs there"
        case "DEADLINE_EXCEEDED":
            return f"{address} did not answer {name} in time; whether it was done is not known"
        case "UNIMPLEMENTED":
            return f"the server at {address} does not know {name}: it is older than this client"
        case _:
            return said or f"{name} failed at {address} without a reason"
