"""Contracts of reservations: make them, and ask what one needs next."""

from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.contracts.claims import ClaimWish
from activities.contracts.machines import MachineWish
from activities.contracts.operations import Asked, Resume
from activities.contracts.payload import Payload, contract_only


class ReservedMachine(Payload):
    """The machine that is provisioned when a reservation starts."""

    name: str
    wish: MachineWish


class ReservationWish(Payload):
    """A reservation as it was asked for: of a machine, or of what a claim says.

    A `machine` without image is held for the project, which says later what runs on it.
    """

    claim: ClaimWish | None = None
    machine: ReservedMachine | None = None
    acquire_at: datetime | None = None
    release_at: datetime | None = None
    purpose: str = ""
    at_end: Literal["decommission", "keep"] = "decommission"
    keep_s: int = 0
    warn_s: int = 0
    reclaim_s: int = 0
    heals: bool = True


class MakeReservations(Payload):
    """Commit so many reservations of the same, all or none."""

    asked: Asked
    wish: ReservationWish
    at: datetime
    times: int = 1
    series: str = ""
    resume: Resume = ""


class KeepReservation(Payload):
    """Do for a reservation what it needs, until it has ended. Also its operation's request."""

    asked: Asked
    reservation: str
    resume: Resume = ""


class Reserved(Payload):
    """The reservations that were made, each with what keeps it."""

    kept: tuple[KeepReservation, ...]


class EndedOperation(Payload):
    """An operation that was started for a reservation and ended; `problem` says why it failed."""

    operation: str
    problem: str = ""


class KeepSeries(Payload):
    """Make the reservations of a series that are due."""

    series: str


class MakeDue(Payload):
    """Make the reservations of a series that are due now."""

    series: str
    at: datetime


class DueMade(Payload):
    """The reservations that were made, and in words what was missed or refused."""

    kept: tuple[KeepReservation, ...] = ()
    words: str = ""
    has_ended: bool = False


class AdvanceReservation(Payload):
    """Ask what a reservation needs now."""

    reservation: str
    at: datetime
    ended: EndedOperation | None = None
    stop: str = ""


class NextAct(Payload):
    """What is to be done for a reservation, and until when at the latest nothing is.

    `asked` is the operation that is to be started, with its machine; `abort` the one to be stopped.
    """

    act: Literal["wait", "provision", "decommission", "keep", "restore", "abort", "end"]
    words: str = ""
    until: datetime | None = None
    asked: Asked | None = None
    machine: str = ""
    wanted: ReservedMachine | None = None
    abort: str = ""
    waiting: tuple[str, ...] = ()


@activity.defn(name="reservations.make")
def make(request: MakeReservations) -> Reserved:
    """Commit reservations, their claims and operations in one transaction."""
    contract_only()


@activity.defn(name="reservations.make_due")
def make_due(request: MakeDue) -> DueMade:
    """Commit the reservations of a series that are due; what can't be had is told."""
    contract_only()


@activity.defn(name="reservations.advance")
def advance(request: AdvanceReservation) -> NextAct:
    """Bring a reservation to where it should be now, and say what it needs next."""
    contract_only()
