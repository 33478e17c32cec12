"""What a reservation needs next: its machine, a hand-over, another provider, its end.

One function decides from the database and the time alone, and may be asked as often as somebody
likes; the workflow waits, starts what it is told to, and asks again.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.control import endpoints, operations
from mulligan.control.reserved_names import holder_of
from mulligan.control.tables import Host, Machine, Server
from mulligan.resource import claims, reservations, withdrawals
from mulligan.resource.claim_sets import ClaimChange, change_claims
from mulligan.resource.reservations import CANT_BE_HAD
from mulligan.resource.tables import ReservationRow
from mulligan.values.errors import FailedPreconditionError, MulliganError
from mulligan.values.ids import object_id
from mulligan.values.states import MACHINE_ENDED, RESERVATION_ENDED
from mulligan.values.status import Status
from mulligan.values.window import WITHOUT_END, Window

LOOKS_AGAIN = timedelta(minutes=1)
"""What waits for others is told when something changes, and looks for itself this often."""

LATE = timedelta(minutes=1)
"""A start that is later than this is said to be late."""

ATTEMPTS = 3
"""A machine that could not be made so often in a row is not tried again."""

PATIENCE = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5))
"""How long it waits after the first, second, ... failure in a row."""

Act = Literal["wait", "provision", "decommission", "keep", "restore", "abort", "end"]


@dataclass(frozen=True, slots=True)
class Next:
    """What is to be done for a reservation now, and until when at the latest nothing is.

    `operation` is the one to start, or to abort; `waiting` are those that wait for what was freed.
    """

    act: Act
    until: datetime | None = None
    words: str = ""
    machine: str = ""
    operation: str = ""
    wish: dict[str, Any] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """An operation that was started for a reservation and ended: done, or failed with a reason."""

    operation: str
    problem: str = ""


def advance(session: Session, reservation: str, now: datetime, ended: Ended | None = None) -> Next:
    """Bring a reservation to where it should be now, and say what is to be done next.

    Args:
        session: a session.
        reservation: UUID.
        now: the present, as who asks saw it; what was said later of the reservation holds.
        ended: what was started as it was said, and has ended.

    Raises:
        NotFoundError: there is no such reservation.
    """
    row = reservations.lock(session, reservation)
    if row.state in RESERVATION_ENDED:
        return _ended(session, row)
    course = Course(session, row, max(now, row.status.since))
    found = course.go(ended)
    if row.state not in RESERVATION_ENDED:
        operations.last_until(session, row.operation, deadline_of(course.window))
    return found


def _ended(session: Session, row: ReservationRow) -> Next:
    waiting = operations.waiting_for_capacity(session, row.region)
    return Next("end", words=row.reason, waiting=tuple(waiting))


def is_busy(session: Session, server: Server) -> bool:
    """Say whether a server is used, cleaned, or worked on: it is handed over when that ends."""
    return server.state in endpoints.IN_USE or bool(operations.holder_of(session, [server.id]))


class Course:
    """One look at one reservation."""

    def __init__(self, session: Session, row: ReservationRow, now: datetime) -> None:
        self.session, self.row, self.now = session, row, now
        self.claim = claims.get_claim(session, row.claim, now=now)

    @property
    def window(self) -> Window:
        """The window of its claim; longer than the reservation's own while a machine is kept."""
        return self.claim.window

    @property
    def ends_at(self) -> datetime | None:
        """When its claim ends; None: never."""
        return self.window.release_at if self.window.has_end else None

    def go(self, ended: Ended | None = None) -> Next:
        """Decide."""
        row = self.row
        if row.kept_until and row.kept_until != self.window.release_at:
            row.kept_until = None  # somebody extended it
        machine, gone = self._machine()
        if ended and ended.operation == self._operation():
            self._note_end(ended, machine)
        if gone:
            return self._end("ended", gone)
        if machine is not None:
            return self._with_machine(machine)
        if row.stop or row.kept_until or not self._has_time():
            return self._end()
        if self.now < self.window.acquire_at:
            row.machine = None
            return self._before()
        if row.machine:
            return self._provision()
        if self.claim.status.state != "confirmed":
            return self._without_claim()
        return self._start()

    def _machine(self) -> tuple[Machine | None, str]:
        """The machine that uses it, and why it needs no other; one that ended is forgotten."""
        row = self.row
        found = self.session.get(Machine, row.machine) if row.machine else None
        if found is None or found.state not in MACHINE_ENDED:
            return found, ""
        row.machine = None
        row.attempts += 1
        if found.state == "failed":
            if not (self._is_over() and self._was_cancelled(found)):
                self._note_failure(found.reason)
        elif row.machine_wish and not row.stop and self._has_time() and not self._trouble():
            return None, f"its machine ended: {found.reason}"
        return None, ""

    def _is_over(self) -> bool:
        return bool(self.row.stop) or not self._has_time()

    def _was_cancelled(self, machine: Machine) -> bool:
        """Say whether a machine was undone because somebody wanted it, not for a problem."""
        made_by = operations.get(self.session, machine.operation)
        return made_by.error_code == "CANCELLED"

    def machine_has_ended(self) -> bool:
        """Say whether the machine that used it, before the look that will note it, has ended."""
        found = self.session.get(Machine, self.row.machine) if self.row.machine else None
        return found is not None and found.state in MACHINE_ENDED

    def _note_end(self, ended: Ended, machine: Machine | None) -> None:
        self.row.attempts += 1
        if machine is None:
            self.row.machine = None
        if ended.problem:
            self._note_failure(ended.problem)

    def _has_time(self) -> bool:
        return self.now < self.window.release_at

    def _note_failure(self, reason: str) -> None:
        row = self.row
        row.problem, row.failures = reason, row.failures + 1
        row.retry_at = self.now + PATIENCE[min(row.failures, len(PATIENCE)) - 1]

    def _operation(self) -> str:
        """The id of the operation that is started next for it."""
        return object_id(self.row.operation, f"try {self.row.attempts}")

    def _begin(self, act: Act, words: str, machine: str, **more: Any) -> Next:
        return Next(act, words=words, machine=machine, operation=self._operation(), **more)

    # Before and at the start

    def _before(self) -> Next:
        starts = self.window.acquire_at
        if trouble := self._trouble():
            if self.row.heals and reservations.go_elsewhere(self.session, self.row, self.now):
                return self._again()
            then = min(starts, self.now + LOOKS_AGAIN)
            return self._say("degraded", trouble, starts, "another provider, or its start", then)
        status = reservations.awaiting(self.row, self.window, self.now)
        return self._say(status.state, status.reason, status.deadline, status.next_action, starts)

    def _without_claim(self) -> Next:
        """Claim again: what its machine had could not be taken back."""
        try:
            with events.attempt(self.session):
                reservations.claim_anew(self.session, self.row, self.now)
        except CANT_BE_HAD as error:
            return self._degraded(error.message)
        return self._again()

    def _again(self) -> Next:
        return Course(self.session, self.row, self.now).go()

    def _start(self) -> Next:
        row = self.row
        if trouble := self._trouble():
            if row.heals and reservations.go_elsewhere(self.session, row, self.now):
                return self._again()
            row.unused_since = None  # nobody could use it
            return self._degraded(trouble)
        if self.is_used_by_others():
            row.unused_since = None
            words = "what it claims is still used past its plan, or being cleaned"
            return self._hand_over(words, "it starts as soon as what it claims is handed over")
        wanted = reservations.wish_of(self.session, row)
        if wanted and (named := holder_of(self.session, row.project, wanted["name"])):
            words = f"another machine, {named.id}, is still named {wanted['name']!r}"
            return self._hand_over(
                words, "it starts as soon as that machine has ended or another name"
            )
        row.started_at = row.started_at or self.now
        if row.machine_wish is None:
            return self._hold()
        if row.failures >= ATTEMPTS:
            return self._degraded(f"its machine could not be made: {row.problem}", waits=False)
        if row.retry_at is not None and self.now < row.retry_at:
            words = f"try {row.failures} of {ATTEMPTS} failed: {row.problem}"
            return self._say("starting", words, row.retry_at, "another try", row.retry_at)
        if row.failures and row.heals and row.retry_at is not None:
            row.retry_at = None
            if reservations.go_elsewhere(self.session, row, self.now):
                return self._again()
        row.machine = object_id(self._operation(), "machine")
        return self._provision()

    def _hand_over(self, reason: str, next_action: str) -> Next:
        until = self.now + LOOKS_AGAIN
        return self._say("handover", reason, self.ends_at, next_action, until)

    def _provision(self) -> Next:
        row = self.row
        words = "its machine is being provisioned"
        late = (row.started_at or self.now) - self.window.acquire_at
        if late > LATE:
            words += f", {str(late).partition('.')[0]} after its start"
        self._say("starting", words, self.ends_at, "its machine is active, or another try")
        wish = reservations.wish_of(self.session, row)
        return self._begin("provision", words, row.machine or "", wish=wish, until=self.ends_at)

    def _hold(self) -> Next:
        row = self.row
        row.unused_since = row.unused_since or self.now
        given_up_at = None
        if row.reclaim_s:
            given_up_at = row.unused_since + timedelta(seconds=row.reclaim_s)
            if self.now >= given_up_at:
                words = f"nobody used it for {timedelta(seconds=row.reclaim_s)}"
                return self._end("reclaimed", words)
        then = self._warn()
        until = min((at for at in (given_up_at, then, self.ends_at) if at), default=None)
        return self._say(
            "active", "it is held for the project", given_up_at or self.ends_at,
            "given up unless a machine uses it" if given_up_at else "its window ends",
            until,
        )  # fmt: skip

    # With a machine

    def _with_machine(self, machine: Machine) -> Next:
        row = self.row
        is_kept_no_more = row.kept_until is not None and row.at_end != "keep"
        over = bool(row.stop) or is_kept_no_more or not self._has_time()
        row.unused_since = None
        row.started_at = row.started_at or self.now
        if machine.state in ("requested", "provisioning"):
            if over:
                words = row.stop or "its window is over"
                self._say("ending", words, None, "its machine is undone")
                return Next("abort", self.now + LOOKS_AGAIN, words, machine.id, machine.operation)
            words = "its machine is being provisioned"
            next_action = "its machine is active, or another try"
            until = self.now + LOOKS_AGAIN
            return self._say("starting", words, machine.deadline, next_action, until)
        if machine.state == "active" and not over:
            return self._power_off(machine) if row.kept_until else self._run(machine)
        if machine.state == "active":
            return self._wind_down(machine)
        if machine.state == "kept" and not over:
            return self._keep(machine)
        words = "its window is over" if over else "its machine is being decommissioned"
        return self._decommission(machine, row.stop or words)

    def _run(self, machine: Machine) -> Next:
        self.row.failures, self.row.problem, self.row.retry_at = 0, "", None
        until = min((at for at in (self._warn(), self.ends_at) if at), default=None)
        if trouble := self._trouble(machine):
            return self._say(
                "degraded", f"{trouble}; its machine may still run", self.ends_at,
                "decommission the machine, and another one is provisioned elsewhere",
                self.now + LOOKS_AGAIN,
            )  # fmt: skip
        after = "its machine is decommissioned"
        if self.row.at_end == "keep":
            after = "its machine is powered off and kept"
        return self._say("active", "its machine runs", self.ends_at, after, until)

    def _wind_down(self, machine: Machine) -> Next:
        row = self.row
        if row.at_end == "keep" and not row.stop and row.kept_until is None:
            until = self.window.release_at + timedelta(seconds=row.keep_s)
            longer = Window(self.window.acquire_at, until)
            try:
                with events.attempt(self.session):
                    change_claims(
                        self.session, [ClaimChange(row.claim, window=longer)], now=self.now
                    )
            except CANT_BE_HAD as error:
                return self._decommission(machine, f"it could not be kept: {error.message}")
            row.kept_until = until
            return self._again()
        return self._decommission(machine, row.stop or "its window is over")

    def _power_off(self, machine: Machine) -> Next:
        failed = (
            f"; try {self.row.failures} failed: {self.row.problem}" if self.row.failures else ""
        )
        words = f"its window is over; its machine is being powered off{failed}"
        self._say("kept", words, self.row.kept_until, "its machine is powered off")
        return self._patiently("keep", words, machine)

    def _keep(self, machine: Machine) -> Next:
        """A machine that is powered off: it rests until its time is over, or runs again."""
        if self.row.kept_until is None:
            self._say("starting", "it was extended", self.ends_at, "its machine is restored")
            return self._patiently("restore", "its machine is restored", machine)
        return self._say(
            "kept", "its window is over; its machine is powered off, and can be restored",
            self.row.kept_until, "its machine is decommissioned", self.row.kept_until,
        )  # fmt: skip

    def _decommission(self, machine: Machine, words: str) -> Next:
        if machine.state == "decommissioning" and self._is_at_work(machine):
            next_action = "its machine is gone"
            until = self.now + LOOKS_AGAIN
            return self._say("ending", words, machine.deadline, next_action, until)
        return self._patiently("decommission", words, machine)

    def _is_at_work(self, machine: Machine) -> bool:
        return operations.get(self.session, machine.operation).state == "running"

    def _patiently(self, act: Act, words: str, machine: Machine) -> Next:
        """Start what can't be left undone, again after a while when it failed."""
        row = self.row
        if act == "decommission":
            failed = f"; try {row.failures} failed: {row.problem}" if row.failures else ""
            self._say("ending", f"{words}{failed}", row.retry_at, "its machine is decommissioned")
        if row.retry_at is not None and self.now < row.retry_at:
            return Next("wait", row.retry_at, words)
        until = row.kept_until if act == "keep" else None
        return self._begin(act, words, machine.id, until=until)

    # How it stands

    def _trouble(self, machine: Machine | None = None) -> str:
        """Why its providers can't be used, if so; what somebody uses or cleans is no trouble.

        A machine that runs is troubled only by a provider that failed, not by one in maintenance.
        """
        session = self.session
        for one in withdrawals.withdrawn(session, self.claim, self.now):
            server, host = session.get(Server, one.provider), session.get(Host, one.provider)
            busy = server is not None and is_busy(session, server)
            fine = busy or (host is not None and machine is not None and host.state == "available")
            if one.unhealthy or not fine:
                return f"what it claims is not offered: {one.reason}"
        return ""

    def is_used_by_others(self) -> bool:
        """Say whether what it claims is still to be handed over."""
        for part in self.claim.allocations:
            server = self.session.get(Server, part.provider)
            if server is not None and is_busy(self.session, server):
                return True
        return withdrawals.overrun_by_others(self.session, self.claim, self.now)

    def _warn(self) -> datetime | None:
        """Tell once that the end is near; says when to."""
        row, ends_at = self.row, self.ends_at
        if ends_at is None or not row.warn_s or row.warned_until == ends_at:
            return None
        at = ends_at - timedelta(seconds=row.warn_s)
        if self.now < at:
            return at
        row.warned_until = ends_at
        words = f"ends at {ends_at:%Y-%m-%d %H:%M:%S} UTC"
        reservations.tell(self.session, row, "ends_soon", self.now, words)
        return None

    def _degraded(self, reason: str, *, waits: bool = True) -> Next:
        until = self.now + LOOKS_AGAIN if waits else self.ends_at
        next_action = "another try" if waits else "extend, move or cancel it"
        return self._say("degraded", reason, self.ends_at, next_action, until)

    def _say(
        self,
        state: str,
        reason: str,
        deadline: datetime | None,
        next_action: str,
        until: datetime | None = None,
    ) -> Next:
        status = Status(state, reason, self.now, deadline, next_action)
        reservations.move(self.session, self.row, status)
        if until is not None and self.ends_at is not None and self._has_time():
            until = min(until, self.ends_at)
        return Next("wait", until, f"{state}: {reason}")

    def held_up(self, problem: str) -> Next:
        """Tell why it can't go on now; what it needed is tried again."""
        row, reason, next_action = self.row, f"it can't go on: {problem}", "another try"
        return self._say(row.state, reason, row.deadline, next_action, self.now + LOOKS_AGAIN)

    def _end(self, state: str = "", reason: str = "") -> Next:
        row, session = self.row, self.session
        claims.release_claim(session, row.claim, self.now)
        if not state:
            ended = "ended" if row.started_at else "missed"
            state = "cancelled" if row.stop else ended
            words = "its window is over"
            reason = row.stop or (words if row.started_at else f"{words}, and it never started")
            reason += f"; {row.problem}" if row.problem else ""
        row.ended_at, row.retry_at = self.now, None
        reservations.move(session, row, Status(state, reason, self.now))
        kind = "cancelled" if state == "cancelled" else "done"
        endpoints.end_operation(session, row.operation, kind, reason)
        return _ended(session, row)


def cancel(
    session: Session, reservation: str, now: datetime, why: str, *, project: str | None = None
) -> Next:
    """End a reservation before its time; its machine, if it has one, is decommissioned first.

    Raises:
        FailedPreconditionError: it has ended.
        NotFoundError: there is no such reservation, or it is another project's.
    """
    row = reservations.lock(session, reservation, project=project)
    if row.state in RESERVATION_ENDED:
        raise FailedPreconditionError(
            f"reservation {row.id} is {row.state} already ({row.reason})",
            object_type="reservation",
            object_id=row.id,
        )
    row.stop = row.stop or why
    row.generation += 1
    course = Course(session, row, now)
    try:
        with events.attempt(session):
            return course.go()
    except MulliganError as error:
        if error.retryable:
            raise
        return course.held_up(error.message)  # It stays cancelled, and is tried again.


def ids_of(operation: str, number: int) -> tuple[str, str]:
    """The ids of a reservation, by the operation that makes several and its number among them.

    Returns:
        The operation that keeps it, and its own.
    """
    keeps = object_id(operation, f"reservation {number}")
    return keeps, object_id(keeps, "reservation")


def stop(session: Session, reservation: str, why: str) -> None:
    """Have a reservation end before its time, should it not have ended."""
    row = reservations.lock(session, reservation)
    if row.state not in RESERVATION_ENDED:
        row.stop = row.stop or why


def deadline_of(window: Window) -> datetime:
    """Until when the operation that keeps a reservation lasts at the latest.

    A day longer than its window; what has no end lasts a year, and then is looked at.
    """
    if window.release_at == WITHOUT_END:
        return window.acquire_at + timedelta(days=366)
    return window.release_at + timedelta(days=1)
