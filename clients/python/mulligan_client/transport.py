"""Channels to the services, and what is done for every call on the way out.

Each call gets a deadline and the bearer token; each mutation a request id; a call that nobody
answered is repeated with the same request id, one whose token has ended with a new one. Errors come
back as MulliganCallError.
"""

import ipaddress
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc

from mulligan_client.errors import MulliganCallError, translate
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
# Repeating these does no harm even without a request id.
_READS = ("Get", "BatchGet", "List", "Resolve", "Describe", "Login")
ANONYMOUS = frozenset(
    f"/{service.full_name}/{method.name}"
    for service in iam_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if method.GetOptions().Extensions[common_pb2.access].role == common_pb2.ROLE_ANONYMOUS
)
"""What is asked without a token: by whoever has none, or to get a new one."""
RATE_LIMITED = "RATE_LIMITED"
TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - what a server answers, not a secret
_TLS_SCHEMES = {"https": True, "grpcs": True, "http": False, "grpc": False}


@dataclass(frozen=True)
class Target:
    """Where a service listens, and whether it speaks TLS there."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, address: str) -> "Target":
        """Read host:port or scheme://host:port (https, grpcs: TLS; http, grpc: none).

        Without a scheme there is TLS unless the host is the machine itself: a token is never sent
        in the clear over a network that nobody asked to trust.

        Raises:
            ValueError: it has no host or port, or something else in it.
        """
        parts = urlsplit(address if "://" in address else f"//{address}")
        if parts.scheme and parts.scheme not in _TLS_SCHEMES:
            raise ValueError(
                f"scheme {parts.scheme!r} of {address!r} is none of {', '.join(_TLS_SCHEMES)}"
            )
        if "@" in parts.netloc:
            raise ValueError("the address has a user name or password in it; leave it out")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"{address!r} has something behind the host; give host:port")
        try:
            port = parts.port
        except ValueError:
            raise ValueError(f"the port of {address!r} is not a number up to 65535") from None
        if not parts.hostname:
            raise ValueError(f"{address!r} has no host; give host:port")
        tls = _TLS_SCHEMES.get(parts.scheme, not _is_loopback(parts.hostname))
        if port is None and parts.scheme:
            port = 443 if tls else 80
        if port is None:
            raise ValueError(f"{address!r} has no port; give host:port")
        return cls(parts.hostname, port, tls)

    @property
    def loopback(self) -> bool:
        """Whether this is the machine itself."""
        return _is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_channel(target: Target, ca_file: Path | None) -> grpc.Channel:
    """Open a channel; nothing is sent before the first call.

    Raises:
        OSError: the CA file can't be read.
    """
    options: list[tuple[str, Any]] = [
        # A watch that is silent for long notices a peer that has gone; servers count more than one
        # ping in five minutes as abuse.
        ("grpc.keepalive_time_ms", 310_000),
        ("grpc.max_reconnect_backoff_ms", int(LONGEST_DELAY_S * 1000)),
        ("grpc.enable_http_proxy", 0 if target.loopback else 1),
        # A connection of its own: channels of a process share one otherwise, and with it the one
        # server that it leads to of several at an address.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if not target.tls:
        return grpc.insecure_channel(str(target), options=options)
    roots = ca_file.read_bytes() if ca_file else None
    return grpc.secure_channel(str(target), grpc.ssl_channel_credentials(roots), options=options)


def delays() -> Iterator[float]:
    """Waits between attempts: doubling from 0.2 s to 5 s, with jitter."""
    delay = FIRST_DELAY_S
    while True:
        yield delay * random.uniform(0.8, 1.2)  # noqa: S311 - it spreads load, it guards nothing
        delay = min(delay * 2, LONGEST_DELAY_S)


@dataclass
class _Details(grpc.ClientCallDetails):
    token: str
    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None = None
    compression: grpc.Compression | None = None


class Caller(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Deadline, token, request id, retry and words for what went wrong, for every call."""

    def __init__(
        self,
        address: str,
        *,
        token: Callable[[], str],
        renew: Callable[[str], bool],
        timeout_s: float,
        attempts: int,
        pause: Callable[[float], None],
    ) -> None:
        self._address = address
        self._token = token
        self._renew = renew
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._pause = pause

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """Make the call, again while nobody answers, and raise MulliganCallError when it fails."""
        request = _with_request_id(request)
        details = self._outgoing(client_call_details, self._timeout_s)
        try:
            return self._answered(continuation, details, request)
        except MulliganCallError as error:
            if error.code != TOKEN_EXPIRED or not self._renew(details.token):
                raise
        # It was refused before anything was done.
        details = self._outgoing(client_call_details, self._timeout_s)
        return self._answered(continuation, details, request)

    def _answered(self, continuation: Callable[..., Any], details: "_Details", request: Any) -> Any:
        request_id = getattr(request, "request_id", "")
        repeatable = bool(request_id) or _is_read(details.method)
        waits = delays()
        # A server that waits itself before it gives up is not waited for attempts times as long.
        enough = time.monotonic() + self._timeout_s
        for attempt in range(1, self._attempts + 1):
            call = continuation(details, request)
            raised = call.exception()
            if raised is None:
                return call
            if not isinstance(raised, grpc.RpcError):
                raise raised
            error = self.translate(raised, details.method, request_id)
            last, pause_s = attempt == self._attempts or not repeatable, _pause_s(error)
            if last or pause_s is None or time.monotonic() + pause_s > enough:
                raise error from None
            self._pause(max(next(waits), pause_s))
        raise AssertionError("attempts is at least 1")

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """Start the stream; it has no deadline unless the caller gives one."""
        return continuation(self._outgoing(client_call_details, None), request)

    def translate(
        self, error: grpc.RpcError, method: str = "", request_id: str = ""
    ) -> MulliganCallError:
        """Put a gRPC error into words."""
        return translate(error, address=self._address, method=method, request_id=request_id)

    def _outgoing(self, details: Any, timeout_s: float | None) -> _Details:
        metadata = list(details.metadata or ())
        method = _text(details.method)
        token = "" if method in ANONYMOUS else self._token()
        if token:
            metadata.append(("authorization", f"Bearer {token}"))
        return _Details(
            token=token,
            method=method,
            timeout=timeout_s if details.timeout is None else details.timeout,
            metadata=metadata,
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
            compression=details.compression,
        )


def _pause_s(error: MulliganCallError) -> float | None:
    """How long to wait before another try; None where that would change nothing."""
    if error.code == RATE_LIMITED:
        return error.retry_after_s
    return min(error.retry_after_s, LONGEST_DELAY_S) if error.grpc_status == "UNAVAILABLE" else None


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method


def _is_read(method: str) -> bool:
    return method.rpartition("/")[2].startswith(_READS)


def _with_request_id(request: Any) -> Any:
    """Give a mutation an id of its own; the caller's message stays as it is."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name or request.request_id:
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    copy.request_id = str(uuid.uuid4())
    return copy
