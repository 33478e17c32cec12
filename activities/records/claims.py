"""The records of claims that wait or are held."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from activities.contracts import claims as contract
from activities.contracts.claims import ClaimTried, ClaimWish, EndHold, HoldEnded, TryClaim
from activities.records.operations import ask_of
from activities.records.transaction import Contract, Record
from mulligan.control import operations
from mulligan.resource import claims
from mulligan.resource.occupation import INSTANT
from mulligan.resource.requests import Candidate, ClaimRequest
from mulligan.resource.values import Placement
from mulligan.values.amount import Amount
from mulligan.values.errors import NoCapacityError, NotFoundError
from mulligan.values.window import WITHOUT_END, Window


def request_of(wish: ClaimWish, region: str, at: datetime) -> ClaimRequest:
    """Say in the domain's words what is wished."""
    window = Window(wish.acquire_at or at, wish.release_at or WITHOUT_END)
    if wish.request:
        return ClaimRequest.from_json(wish.request).within(window)
    return ClaimRequest.for_one_provider(
        amounts=tuple(Amount(wanted.resource_type, wanted.amount) for wanted in wish.amounts),
        window=window,
        region=region,
        required_capabilities=wish.required_capabilities,
        forbidden_capabilities=wish.forbidden_capabilities,
        provider=wish.provider or None,
        placement=Placement(wish.placement),
    )


def try_claim(session: Session, request: TryClaim) -> ClaimTried:
    """Commit the claim if it fits; else say why, and keep on waiting where that was asked."""
    asked, wish = request.asked, request.wish
    operations.begin(session, ask_of(request, "claim", "claim", request.claim))
    try:
        with session.begin_nested():
            claim = claims.commit_claim(
                session,
                claim_id=request.claim,
                project=asked.project,
                request=request_of(wish, asked.region, request.at),
                asked_at=request.at,
                hold_until=request.hold_until,
                proposed=Candidate.from_json(proposed) if (proposed := wish.candidate) else None,
            )
    except NoCapacityError as error:
        if request.wait_until is None:
            raise
        return ClaimTried(
            committed=False,
            explanation=error.message,
            fits_at=_next_chance(error, request.at),
        )
    operations.go_to(session, asked.operation, claim.region)
    return ClaimTried(committed=True)


def end_hold(session: Session, request: EndHold) -> HoldEnded:
    """Say how a hold ended; one that nobody holds any more is released, if it ever was."""
    try:
        claim = claims.get_claim(session, request.claim, now=request.at)
    except NotFoundError:
        return HoldEnded(state="released")
    if claim.status.state == "held":
        claim = claims.release_claim(session, request.claim, request.at)
    return HoldEnded.model_validate({"state": claim.status.state})


def _next_chance(error: NoCapacityError, now: datetime) -> datetime | None:
    """Find when it may fit: the earliest window's start, or when a hold or a mark ends.

    What fits as soon as something overdue is released is told by the release, not by time.
    """
    times = [
        datetime.fromisoformat(error.details[key])
        for key in ("earliest", "next_hold_ends", "next_healthy")
        if error.details.get(key, "never") != "never"
    ]
    return min((time for time in times if time > now + INSTANT), default=None)


RECORDS: Mapping[Contract, Record] = {contract.try_claim: try_claim, contract.end_hold: end_hold}
