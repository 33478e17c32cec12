"""Channels to the services, and what is done for every call on the way out.

Each call gets a deadline and the bearer token, ids in the place of names, and a mutation a request
id. A call that nobody answered is repeated if its method says so, one whose token has ended with a
new one. What an older service would not understand is not sent. Errors come back as
MulliganCallError.
"""

import ipaddress
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from mulligan_client.errors import MulliganCallError, translate
from mulligan_client.methods import Method, Retry
from mulligan_client.versions import HEALTH, VERSION_KEY, is_older, needs, newer_needed

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
RATE_LIMITED = "RATE_LIMITED"
UNKNOWN_FIELD = "UNKNOWN_FIELD"
TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - what a server answers, not a secret
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TLS_SCHEMES = {"https": True, "grpcs": True, "http": False, "grpc": False}
Asked = TypeVar("Asked", bound=Message)
Answer = TypeVar("Answer", bound=Message)
Told = TypeVar("Told", covariant=True)


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
        if not _is_host(parts.hostname):
            raise ValueError(
                f"the host of {address!r} is neither a name nor a number; write it out in ASCII, "
                "without anything encoded"
            )
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


def _is_host(host: str) -> bool:
    """Tell a host that gRPC takes as it is written: it decodes %31, also behind an IPv6 address.

    A zone, as of fe80::1%eth0, is of link-local ones only: these stay what they are.
    """
    if ":" not in host:
        return _NAME.fullmatch(host) is not None
    number, _, zone = host.partition("%")
    try:
        found = ipaddress.IPv6Address(number)
    except ValueError:
        return False
    return "%" not in host or (found.is_link_local and _NAME.fullmatch(zone) is not None)


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
    # With its scheme: a host that is called "unix" would be taken for one.
    where = f"dns:///{target}"
    if not target.tls:
        return grpc.insecure_channel(where, options=options)
    roots = ca_file.read_bytes() if ca_file else None
    return grpc.secure_channel(where, grpc.ssl_channel_credentials(roots), options=options)


def delays() -> Iterator[float]:
    """Waits between attempts: doubling from 0.2 s to 5 s, with jitter."""
    delay = FIRST_DELAY_S
    while True:
        yield delay * random.uniform(0.8, 1.2)  # noqa: S311 - it spreads load, it guards nothing
        delay = min(delay * 2, LONGEST_DELAY_S)


class Stream(Protocol[Told]):
    """Answers as they come; a failure is raised as grpc.RpcError, where it is routed in words."""

    def __iter__(self) -> Iterator[Told]:
        """Wait for one after the other."""

    def cancel(self) -> object:
        """End it."""


class TokenSource(Protocol):
    """Gives tokens to calls."""

    def fresh(self) -> str:
        """Give the access token, renewed if it ends soon."""

    def renew(self, ended: str) -> bool:
        """Get another one in the place of one that has ended; False: there is none."""


class Calls(Protocol):
    """How the calls of one service are made."""

    def unary(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Answer:
        """Make a call."""

    def stream(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Stream[Answer]:
        """Start a stream."""

    def pages(self, call: Callable[[Asked], Answer], request: Asked) -> Iterator[Answer]:
        """Give one page of a list after the other."""

    def translate(
        self, error: grpc.RpcError, method: str = "", request_id: str = ""
    ) -> MulliganCallError:
        """Put a gRPC error into words."""


class Caller:
    """Calls one service at one address: deadline, token, request id, retry, words for failures."""

    def __init__(
        self,
        address: str,
        channel: grpc.Channel,
        *,
        tokens: TokenSource,
        with_ids: Callable[[Method, Any], Any] = lambda _, request: request,
        timeout_s: float,
        attempts: int,
        pause: Callable[[float], None],
    ) -> None:
        self._address = address
        self._channel = channel
        self._tokens = tokens
        self._with_ids = with_ids
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._pause = pause
        self._calls: dict[str, Any] = {}
        # Of the service, as it said last; empty: not known yet.
        self._version = ""

    def unary(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Answer:
        """Make the call, again while nobody answers, as far as its method allows.

        Raises:
            MulliganCallError: it failed.
        """
        request = with_request_id(self._ready(method, request))
        call = self._call(self._channel.unary_unary, method.path, answer.FromString)
        timeout_s = self._timeout_s if timeout is None else timeout
        token = self._token(method)
        try:
            answered: Answer = self._answered(call, method, request, token, timeout_s)
        except MulliganCallError as error:
            ended = error.code == TOKEN_EXPIRED and not method.anonymous
            if not ended or not self._tokens.renew(token):
                raise
            # It was refused before anything was done.
            answered = self._answered(call, method, request, self._token(method), timeout_s)
        return answered

    def stream(
        self, method: Method, request: Message, answer: type[Answer], timeout: float | None
    ) -> Stream[Answer]:
        """Start a stream; a watch has no deadline unless the caller gives one."""
        request = self._ready(method, request)
        call = self._call(self._channel.unary_stream, method.path, answer.FromString)
        metadata = _signed(self._token(method))
        if timeout is None and method.name != "Watch":
            timeout = self._timeout_s
        stream: Stream[Answer] = call(request, timeout=timeout, metadata=metadata)
        return stream

    def pages(self, call: Callable[[Asked], Answer], request: Asked) -> Iterator[Answer]:
        """Give one page of a list after the other."""
        asked: Any = type(request)()
        asked.CopyFrom(request)
        while True:
            page: Any = call(asked)
            yield page
            if not page.next_page_token:
                return
            asked.page.token = page.next_page_token

    def translate(
        self, error: grpc.RpcError, method: str = "", request_id: str = ""
    ) -> MulliganCallError:
        """Put a gRPC error into words."""
        return translate(error, address=self._address, method=method, request_id=request_id)

    def _ready(self, method: Method, request: Any) -> Any:
        needed = needs(method, request)
        if is_older(self._version, needed[0]):
            # It is not known yet, or it may have been updated since it answered last.
            self._ask_version()
        if self._version and is_older(self._version, needed[0]):
            raise newer_needed(method, needed, self._version, self._address)
        return self._with_ids(method, request)

    def _ask_version(self) -> None:
        check = self._call(self._channel.unary_unary, HEALTH.path, bytes)
        self._answered(check, HEALTH, Empty(), "", self._timeout_s)

    def _hear_version(self, call: Any) -> None:
        for key, value in call.trailing_metadata() or ():
            if key == VERSION_KEY:
                self._version = value

    def _call(self, kind: Any, path: str, read: Callable[[bytes], Any]) -> Any:
        if path not in self._calls:
            self._calls[path] = kind(path, _bytes_of, read)
        return self._calls[path]

    def _token(self, method: Method) -> str:
        return "" if method.anonymous else self._tokens.fresh()

    def _answered(
        self, call: Any, method: Method, request: Any, token: str, timeout_s: float
    ) -> Any:
        request_id = getattr(request, "request_id", "")
        waits = delays()
        # A server that waits itself before it gives up is not waited for attempts times as long.
        enough = time.monotonic() + self._timeout_s
        for attempt in range(1, self._attempts + 1):
            try:
                answer, done = call.with_call(request, timeout=timeout_s, metadata=_signed(token))
            except grpc.RpcError as raised:
                error = self.translate(raised, method.path, request_id)
                if error.code == UNKNOWN_FIELD or error.grpc_status == "UNIMPLEMENTED":
                    # An older one may have come into its place.
                    self._version = ""
                self._hear_version(raised)
            else:
                self._hear_version(done)
                return answer
            last = attempt == self._attempts or method.retry is Retry.NEVER
            pause_s = pause_s_of(error)
            if last or pause_s is None or time.monotonic() + pause_s > enough:
                raise error from None
            self._pause(max(next(waits), pause_s))
        raise AssertionError("attempts is at least 1")


def pause_s_of(error: MulliganCallError) -> float | None:
    """How long to wait before another try; None where that would change nothing."""
    if error.code == RATE_LIMITED:
        return error.retry_after_s
    return min(error.retry_after_s, LONGEST_DELAY_S) if error.grpc_status == "UNAVAILABLE" else None


def _signed(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),) if token else ()


def _bytes_of(request: Message) -> bytes:
    return request.SerializeToString()


def with_request_id(request: Any) -> Any:
    """Give a mutation an id of its own; the caller's message stays as it is."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name or request.request_id:
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    copy.request_id = str(uuid.uuid4())
    return copy
