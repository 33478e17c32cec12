"""Whether an executor may still write to hardware: DESIGN.md, "Fencing".

While an activity runs, its worker sends heartbeats and waits for Temporal to acknowledge each. The
activity writes only while the last acknowledged one is younger than `FRESH_S`. No single write
takes longer than `LONGEST_WRITE_S`, and Temporal gives the activity to another executor only when
it heard nothing for longer than both together (`workflows.policies.BEATS`). So whoever was stopped
in the middle of its work has stopped writing before its successor begins.

What remains: one that was frozen between this check and the sending of that very write. It is found
by reading back.
"""

import time
from collections.abc import Callable
from contextvars import ContextVar

from temporalio import activity

from mulligan.values.errors import HardwareBusyError

Heartbeat = Callable[[str], None]
"""Told in words how far a long step is; what it raises ends the step."""

BEAT_S = 2.0
"""How often a running activity says that it is alive."""

FRESH_S = 8.0
"""The oldest acknowledged heartbeat with which hardware may be written to."""

LONGEST_WRITE_S = 12.0
"""What a single write may take until it is given up, and reading back decides."""


def boottime() -> float:
    """Read a clock: seconds that go on while the machine sleeps, unlike those of time.monotonic."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """One activity's right to write, as long as `renew` is called with acknowledged heartbeats.

    `ask` sends one heartbeat and renews the lease when it was acknowledged; it is used when there
    was none yet.
    """

    def __init__(
        self, ask: Callable[["Lease"], None], clock: Callable[[], float] = boottime
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._fresh_at: float | None = None
        self._lost = False
        self._doing = ""
        self._marks: tuple[str, ...] = ()

    @property
    def details(self) -> tuple[str, ...]:
        """What a heartbeat carries: the marks that a later try finds, then what is being done."""
        return (*self._marks, self._doing) if self._doing else self._marks

    def now(self) -> float:
        """Read the clock, before a heartbeat is sent."""
        return self._clock()

    def renew(self, sent_at: float) -> None:
        """Hear that a heartbeat sent at `sent_at` was acknowledged."""
        self._fresh_at = max(sent_at, self._fresh_at or sent_at)

    def lose(self) -> None:
        """Hear that the activity is no longer ours."""
        self._lost = True

    def mark(self, mark: str) -> None:
        """Leave a mark that a later try of this activity finds, as Temporal has acknowledged it.

        Raises:
            HardwareBusyError: FENCED_OFF; nobody may find it.
        """
        self._marks = (*self._marks, mark)
        marked_at = self._clock()
        self._ask(self)
        if self._lost or self._fresh_at is None or self._fresh_at < marked_at:
            raise self._fenced_off("go on")

    def say(self, doing: str) -> None:
        """Say what is being done, for people who look at the activity."""
        self._doing = doing

    def require(self, write: str) -> None:
        """Allow a write, named in words.

        Raises:
            HardwareBusyError: FENCED_OFF; somebody else may be at work here.
        """
        if self._fresh_at is None and not self._lost:
            self._ask(self)
        if self._lost or self._fresh_at is None or self._clock() - self._fresh_at > FRESH_S:
            raise self._fenced_off(write)

    def _fenced_off(self, write: str) -> HardwareBusyError:
        why = "no heartbeat was acknowledged"
        if self._lost:
            why = "the work was given to another one"
        elif self._fresh_at is not None:
            ago_s = self._clock() - self._fresh_at
            why = f"the last heartbeat was acknowledged {ago_s:.0f} s ago"
        return HardwareBusyError(
            f"this executor may no longer {write}: {why}; it is tried again by an executor that "
            "Temporal reaches",
            code="FENCED_OFF",
        )


_current: ContextVar[Lease | None] = ContextVar("lease", default=None)


def hold(lease: Lease | None) -> None:
    """Give the running activity its lease; workers do."""
    _current.set(lease)


def require(write: str) -> None:
    """Allow the running activity a write to hardware, named in words.

    Outside of a worker, where nobody else can be at work, everything is allowed.

    Raises:
        HardwareBusyError: FENCED_OFF.
    """
    lease = _current.get()
    if lease is not None:
        lease.require(write)


def beat(doing: str = "", *_: object) -> None:
    """Say what the running activity does."""
    lease = _current.get()
    if lease is not None:
        lease.say(doing)
    elif activity.in_activity():
        activity.heartbeat(doing)


def mark(text: str) -> None:
    """Leave a mark for a later try of the running activity; Temporal has it then.

    Raises:
        HardwareBusyError: FENCED_OFF.
    """
    lease = _current.get()
    if lease is not None:
        lease.mark(text)
    activity.heartbeat(text)
