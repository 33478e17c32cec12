"""The watch of one site: its stream is taken up where it broke."""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import grpc

from mulligan_client.errors import MulliganCallError
from mulligan_client.gen import methods
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.services import Service
from mulligan_client.methods import Method
from mulligan_client.transport import TOKEN_EXPIRED, Calls, TokenSource, delays
from mulligan_client.watching import is_broken_stream, pause_s

WATCH: Mapping[Service, Method] = {
    "control": methods.CONTROL_WATCH,
    "iam": methods.IAM_WATCH,
    "meta": methods.META_WATCH,
    "resource": methods.RESOURCE_WATCH,
}

WATCH_ATTEMPTS = 14
"""Nobody answered for about 45 s: a server that is only being restarted is back by then."""

LASTED_S = 60.0
"""A stream that went on for so long was all right: what ends it begins to count anew."""


class SiteWatch:
    """The changes of a site, each once. Read again after a failure it goes on behind the last."""

    def __init__(
        self,
        calls: Calls,
        method: Method,
        request: common_pb2.WatchRequest,
        tokens: TokenSource,
        *,
        is_over: Callable[[], bool],
        pause: Callable[[float], None],
        timeout_s: float | None,
        revision: Callable[[], int] | None = None,
    ) -> None:
        """Get ready; nothing is sent before it is read.

        Args:
            calls: of the site.
            method: a Watch.
            request: what is watched; its revision is moved on.
            tokens: gives another one where one ends.
            is_over: tells whether the client was closed.
            pause: waits between attempts.
            timeout_s: stop after so long; None: never.
            revision: asks for the one to begin behind, where the request has none; None: it begins
                with what comes next, and a break before that can miss some.
        """
        self._calls, self._method, self._tokens = calls, method, tokens
        self._revision = revision
        self._request = common_pb2.WatchRequest()
        self._request.CopyFrom(request)
        self._is_over, self._pause = is_over, pause
        self._ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        self._closed = threading.Event()
        self._stream: Any = None

    def close(self) -> None:
        """End it, also for a thread that waits for the next change."""
        self._closed.set()
        if (stream := self._stream) is not None:
            stream.cancel()

    def __iter__(self) -> Generator[common_pb2.Event, None, None]:
        """Give one change after the other.

        Raises:
            MulliganCallError: it is refused, or nobody has answered for WATCH_ATTEMPTS.
        """
        failures, waits = 0, delays()
        while not self._has_ended():
            opened_at, used = time.monotonic(), self._tokens.fresh()
            broken: MulliganCallError | None = None
            try:
                self._begin()
                for event in self._stream:
                    failures, waits = 0, delays()
                    if event.revision > self._request.after_revision:
                        self._request.after_revision = event.revision
                        yield event
            except (grpc.RpcError, MulliganCallError) as error:
                broken = self._in_words(error)
                if self._has_ended():
                    return
                self._resume(broken, used)
            finally:
                if self._stream is not None:
                    self._stream.cancel()
            if time.monotonic() - opened_at > LASTED_S:
                failures, waits = 0, delays()
            failures += 1
            if failures >= WATCH_ATTEMPTS:
                raise broken or MulliganCallError(
                    "UNAVAILABLE", "UNAVAILABLE", "the server ends each watch at once"
                )
            if not self._has_ended():
                self._pause(pause_s(broken, next(waits), self._ends_at))

    def _begin(self) -> None:
        left_s = None if self._ends_at is None else max(0.001, self._ends_at - time.monotonic())
        self._stream = None
        if self._revision is not None and not self._request.HasField("after_revision"):
            self._request.after_revision = self._revision()
        self._stream = self._calls.stream(self._method, self._request, common_pb2.Event, left_s)
        if self._closed.is_set():
            self._stream.cancel()

    def _has_ended(self) -> bool:
        """Tell whether its time is over, or it was closed.

        Raises:
            MulliganCallError: the client was closed.
        """
        is_late = self._ends_at is not None and time.monotonic() >= self._ends_at
        if is_late or self._closed.is_set():
            return True
        if self._is_over():
            raise MulliganCallError("CANCELLED", "CANCELLED", "the client of the watch was closed")
        return False

    def _in_words(self, error: grpc.RpcError | MulliganCallError) -> MulliganCallError:
        if isinstance(error, MulliganCallError):
            return error
        return self._calls.translate(error, self._method.path)

    def _resume(self, broken: MulliganCallError, used: str) -> None:
        """Get ready to take up a stream that broke, with a new token if the one used has ended.

        It goes on from where the server says, if it does; raises what can't be mended.
        """
        is_over = broken.code == TOKEN_EXPIRED
        if is_over and (said := broken.details.get("revision")):
            # Up to there nothing was left to tell.
            self._request.after_revision = max(self._request.after_revision, int(said))
        try:
            if is_over and self._tokens.renew(used):
                return
        except MulliganCallError as error:
            broken = error
        if not is_broken_stream(broken):
            raise broken
