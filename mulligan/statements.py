"""Ending what a database does for a transaction: from another thread, or when its time is over."""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from psycopg import Error as DatabaseError
from sqlalchemy import text
from sqlalchemy.orm import Session

from mulligan.waiting import Waiting

CANCELLED_S = 2.0
"""How long PostgreSQL may take to hear that a statement is to end, and to do it.

Then its connection is cut off: a server that is frozen takes what it is sent and does nothing.
"""

_LIMITS = text(
    "SELECT set_config('statement_timeout', :limit, true), "
    "set_config('idle_in_transaction_session_timeout', :limit, true)"
)
_LONGEST_MS = 2**31 - 1


class Used:
    """The connection that a transaction uses, from when the pool takes it up."""

    _of_thread = threading.local()

    def __init__(self, *, is_sqlite: bool) -> None:
        self._is_sqlite = is_sqlite
        self._raw: Any = None
        self._ends: list[int] = []
        self._cut_at = math.inf
        self.lost: list[Exception] = []

    @contextmanager
    def as_it_is_taken(self) -> Iterator[None]:
        """Be told of what the pool takes up: it may have to say something first, and can't."""
        self._of_thread.used = self
        try:
            yield
        finally:
            self._of_thread.used = None

    @classmethod
    def tell(cls, raw: object) -> None:
        """Tell whose transaction this thread is at which connection it gets."""
        used: Used | None = getattr(cls._of_thread, "used", None)
        if used is not None:
            used.take(raw)

    def take(self, raw: object) -> None:
        """Stop this connection's statement from now on."""
        if raw is self._raw:
            return
        if not self._is_sqlite:
            # Its own number may be another socket's by the time that it is cut off.
            with suppress(DatabaseError, OSError):
                self._ends.append(os.dup(cast("Any", raw).fileno()))
        self._raw = raw

    def close(self) -> None:
        """Stop nothing any more."""
        while self._ends:
            os.close(self._ends.pop())

    def stop(self) -> None:
        """End what its statement does, from another thread."""
        if self._raw is None:
            return
        if self._is_sqlite:
            self._raw.interrupt()
            return
        self._cut_at = min(self._cut_at, time.monotonic() + CANCELLED_S)
        _cancel(self._raw, self.lost)
        if self.lost or time.monotonic() > self._cut_at:
            for end in self._ends:
                _cut_off(end)


def _cancel(connection: Any, lost: list[Exception]) -> None:
    """Have PostgreSQL end a connection's statement; notes where it was not heard to have got it."""
    try:
        connection.cancel_safe(timeout=CANCELLED_S)
    except (DatabaseError, OSError) as error:
        lost.append(error)


def _cut_off(end: int) -> None:
    """End a connection to a server that does not react: who waits for its answer waits no more."""
    with suppress(OSError), socket.socket(fileno=os.dup(end)) as cut:
        cut.shutdown(socket.SHUT_RDWR)


def end_in_time(session: Session, waiting: Waiting | None) -> None:
    """Have PostgreSQL end the transaction when nobody waits for it any more.

    Raises:
        OverdueError: nobody does now.
    """
    if waiting is None:
        return
    waiting.refuse_if_over()
    limit = f"{max(1, min(int(waiting.left_s * 1000), _LONGEST_MS))}"
    session.execute(_LIMITS, {"limit": limit})
