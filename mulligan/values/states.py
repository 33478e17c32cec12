"""The state tables: what machines, servers, hosts, operations and reservations can be.

The tables are data: the domain refuses a transition that they don't have, and docs/states.md is
drawn from them. A passing state ends by itself: it always has a deadline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class State:
    """One state: what it means, where it leads, how long it may last, what happens next.

    One that lasts `as_asked` has the deadline that whoever asked for it said.
    """

    meaning: str
    leads_to: tuple[str, ...] = ()
    lasts: timedelta | None = None
    next_action: str = ""
    as_asked: bool = False


StateTable = Mapping[str, State]

MACHINE: StateTable = {
    "requested": State(
        "asked for; nothing is claimed yet",
        ("provisioning", "failed", "gone"),
        timedelta(minutes=5),
        "a claim is committed",
    ),
    "provisioning": State(
        "its claim is committed and it is being made",
        ("active", "failed", "decommissioning", "gone"),
        timedelta(hours=4),
        "it reports that it is active, or everything is undone",
    ),
    "active": State(
        "it runs and has said so",
        ("kept", "decommissioning", "gone"),
        next_action="decommission it when it is no longer needed",
    ),
    "kept": State(
        "powered off, still claimed, can be restored until its deadline",
        ("active", "decommissioning", "gone"),
        next_action="it is restored, or decommissioned at its deadline",
        as_asked=True,
    ),
    "decommissioning": State(
        "it is being stopped and its traces removed",
        ("gone",),
        timedelta(hours=24),
        "it is gone, or its server is quarantined with the reason",
    ),
    "gone": State("it ended, as asked or by force; its name and capacity are free"),
    "failed": State(
        "it could not be made; everything was undone, its name and capacity are free",
        next_action="mend the reason and ask again",
    ),
}

MACHINE_ENDED = ("gone", "failed")
"""States of a machine that has nothing any more."""

SERVER: StateTable = {
    "enrolled": State(
        "known, but not yet seen to work",
        ("verified", "available", "retired"),
        timedelta(minutes=10),
        "verify it",
    ),
    "verified": State(
        "its BMC answers with our credentials; its inventory is not read yet",
        ("available", "enrolled", "retired"),
        timedelta(minutes=10),
        "inspect it",
    ),
    "available": State(
        "clean, and offered to requests",
        ("in_use", "verified", "enrolled", "quarantined", "retired", "available"),
        next_action="provision a machine on it",
    ),
    "in_use": State(
        "a project's machine runs on it",
        ("cleaning", "available", "quarantined"),
        next_action="decommission the machine to have it back",
    ),
    "cleaning": State(
        "its last owner's traces are being destroyed",
        ("available", "verified", "quarantined"),
        timedelta(hours=24),
        "it is available again, or quarantined with the reason",
    ),
    "quarantined": State(
        "not to be trusted: something failed that must be looked at; never offered",
        ("enrolled", "verified", "available", "cleaning", "retired", "quarantined"),
        next_action="mend the reason, then run `mulligan server verify`, which wipes it if needed",
    ),
    "retired": State("never offered again", ("enrolled",), next_action="take the mark back"),
}

HOST: StateTable = {
    "enrolled": State(
        "known, but not yet seen to work",
        ("verified", "available", "retired"),
        timedelta(minutes=10),
        "verify it",
    ),
    "verified": State(
        "its hypervisor answers; its inventory is not read yet",
        ("available", "enrolled", "retired"),
        timedelta(minutes=10),
        "inspect it",
    ),
    "available": State(
        "offered to requests",
        ("verified", "enrolled", "quarantined", "retired", "available"),
        next_action="provision machines on it",
    ),
    "quarantined": State(
        "not to be trusted: something failed that must be looked at; never offered",
        ("enrolled", "verified", "available", "retired"),
        next_action="mend the reason, then run `mulligan host verify`",
    ),
    "retired": State("never offered again", ("enrolled",), next_action="take the mark back"),
}

OPERATION: StateTable = {
    "running": State(
        "its workflow is at work",
        ("done", "failed", "cancelled"),
        timedelta(hours=24),
        "its next step, or undoing what was done",
    ),
    "done": State("everything that was asked for is there"),
    "failed": State("it could not be done; what it had done was undone", next_action="see its log"),
    "cancelled": State("somebody cancelled it; what it had done was undone"),
}

_RESERVATION_ENDS = ("ended", "cancelled", "missed", "reclaimed")

_FROM_A_RESERVATION = (
    "reserved", "handover", "starting", "active", "degraded", "kept", "ending", *_RESERVATION_ENDS,
)  # fmt: skip
"""What follows is decided anew at each look, also at the first one in a long time."""

RESERVATION: StateTable = {
    "reserved": State(
        "its claim is committed; its window has not begun",
        _FROM_A_RESERVATION,
        timedelta(days=366),
        "its window begins",
    ),
    "handover": State(
        "its window has begun, and what it claims is still used past its plan",
        _FROM_A_RESERVATION,
        timedelta(days=366),
        "it starts as soon as what it claims is handed over",
    ),
    "starting": State(
        "its machine is being provisioned",
        _FROM_A_RESERVATION,
        timedelta(hours=4),
        "its machine is active, or another try",
    ),
    "active": State(
        "it is held for the project, or its machine runs",
        _FROM_A_RESERVATION,
        timedelta(days=366),
        "its window ends",
    ),
    "degraded": State(
        "it can't be had as it was reserved: its provider failed, or its machine did",
        _FROM_A_RESERVATION,
        timedelta(days=366),
        "another try, or its window ends",
    ),
    "kept": State(
        "its window is over; its machine is powered off, still claimed, and can be restored",
        _FROM_A_RESERVATION,
        timedelta(days=366),
        "its machine is decommissioned, unless it is extended before",
    ),
    "ending": State(
        "its machine is being decommissioned",
        _FROM_A_RESERVATION,
        timedelta(hours=24),
        "its machine is gone and its claim released",
    ),
    "ended": State("its window was used and is over"),
    "cancelled": State("somebody cancelled it"),
    "missed": State("its window was over before it could start"),
    "reclaimed": State("nobody used it, and what it claimed was given to others"),
}

RESERVATION_ENDED = _RESERVATION_ENDS
"""States of a reservation that claims nothing any more."""

SERIES: StateTable = {
    "active": State(
        "its reservations are made when they are due",
        ("ended",),
        next_action="the next ones are made, unless its schedule is paused",
    ),
    "ended": State("somebody ended it; what it had reserved stays reserved"),
}

TABLES: Mapping[str, StateTable] = {
    "machine": MACHINE,
    "server": SERVER,
    "host": HOST,
    "operation": OPERATION,
    "reservation": RESERVATION,
    "series": SERIES,
}
