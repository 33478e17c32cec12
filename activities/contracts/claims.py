"""Contracts of a claim's record, for the workflow that waits for capacity and holds."""

from datetime import datetime
from typing import Any, Literal

from temporalio import activity

from activities.contracts.operations import Asked, Resume
from activities.contracts.payload import Payload, contract_only


class AmountWish(Payload):
    """An amount of a resource type."""

    resource_type: str
    amount: int


class ClaimWish(Payload):
    """A claim as it was asked for. Without acquire_at: from the moment that it is committed.

    `request` is what the fields here can't say, in the domain's form, and stands for all but the
    window; `candidate` is the only one that is wanted.
    """

    amounts: tuple[AmountWish, ...]
    acquire_at: datetime | None = None
    release_at: datetime | None = None
    required_capabilities: tuple[str, ...] = ()
    forbidden_capabilities: tuple[str, ...] = ()
    provider: str = ""
    placement: Literal["pack", "spread", "nearest"] = "pack"
    request: dict[str, Any] | None = None
    candidate: dict[str, Any] | None = None


class TryClaim(Payload):
    """Commit the claim, or say when it would fit; the operation's row is written either way."""

    asked: Asked
    claim: str
    wish: ClaimWish
    at: datetime
    hold_until: datetime | None = None
    wait_until: datetime | None = None
    resume: Resume = ""


class ClaimTried(Payload):
    """`committed`, or why not and the earliest time at which it would fit, if ever."""

    committed: bool
    explanation: str = ""
    fits_at: datetime | None = None


class EndHold(Payload):
    """The hold's time is over, or the wait's."""

    operation: str
    claim: str
    at: datetime


class HoldEnded(Payload):
    """How the hold ended."""

    state: Literal["held", "confirmed", "lapsed", "released"]


@activity.defn(name="claims.try_claim")
def try_claim(request: TryClaim) -> ClaimTried:
    """Commit the claim if it fits."""
    contract_only()


@activity.defn(name="claims.end_hold")
def end_hold(request: EndHold) -> HoldEnded:
    """Write how a hold ended: its time alone decided."""
    contract_only()
