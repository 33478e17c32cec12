"""Claims, from messages to calls and back."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.orm import Session

from activities.contracts.claims import AmountWish, ClaimWish, TryClaim
from activities.contracts.operations import Asked
from api import messages
from api.call import current_call
from api.claim_specs import (
    PLACEMENTS,
    candidate_of,
    request_of,
    shown_candidate,
    spec_of,
    window_of,
)
from api.listings import listing_of, token_after
from api.operations import Starter
from api.regions import Regions, said
from mulligan import events
from mulligan.control import operations
from mulligan.resource import claim_sets, claims
from mulligan.resource.claim_sets import ClaimChange, Move
from mulligan.values.errors import NotFoundError
from mulligan.values.ids import object_id
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from workflows.claim import Claim

PROPOSED = 10


async def propose(request: pb.ProposeCandidatesRequest) -> list[pb.Candidate]:
    """Find what could be claimed, best first."""
    from mulligan.resource import choice  # and numpy, 12 MB: not for who never claims

    now = datetime.now(UTC)
    wanted = request_of(request.spec, now)
    found = await current_call().read(
        lambda session: choice.propose(
            session,
            wanted,
            project=request.project,
            now=now,
            seed=request.seed,
            limit=request.limit or PROPOSED,
        )
    )
    return [shown_candidate(one) for one in found]


async def create(starter: Starter, request: pb.CreateClaimRequest, regions: Regions) -> pb.Claim:
    """Claim, hold or wait; only who holds or waits needs a workflow, which says when it is so."""
    asked = starter.asked(request, request.project, said(request.spec.region))
    async with starter.unless_done(request, asked):
        await regions.require(asked.region)
        await regions.require_origins(request.spec.domains)
    claim = object_id(asked.operation, "claim")
    if not (request.HasField("hold_until") or request.HasField("wait_until")):
        await starter.require(asked.project)
        return await _commit(request, asked, claim)
    await current_call().refuse_other_content(request)
    await starter.start(
        Claim.run,
        Claim.accepted,
        TryClaim(
            asked=asked,
            claim=claim,
            wish=_wish(request),
            at=datetime.now(UTC),
            hold_until=_time(request, "hold_until"),
            wait_until=_time(request, "wait_until"),
        ),
        asked,
        summary="claim resources",
    )
    return await current_call().read(
        lambda session: _claim_or_waiting(session, asked.operation, claim, request.spec)
    )


async def _commit(request: pb.CreateClaimRequest, asked: Asked, claim: str) -> pb.Claim:
    """Commit a claim at once, or refuse it: that is one transaction and no operation."""
    now = datetime.now(UTC)
    wanted = request_of(request.spec, now)
    proposed = candidate_of(request.candidate) if request.HasField("candidate") else None

    def change(session: Session) -> pb.Claim:
        committed = claims.commit_claim(
            session,
            claim_id=claim,
            project=asked.project,
            request=wanted,
            proposed=proposed,
            author=asked.account,
        )
        if committed.created_at < now:
            # An operation had committed it: of the same request, or the id was used again.
            operations.find_same(session, asked.operation, asked.digest)
        return _claim(committed)

    return await current_call().write(request, pb.Claim, change)


def _time(request: pb.CreateClaimRequest, field: str) -> datetime | None:
    return messages.time_of(getattr(request, field)) if request.HasField(field) else None  # type: ignore[arg-type]


def _wish(request: pb.CreateClaimRequest) -> ClaimWish:
    """Say what is wished; what only newer workers know is said apart, so that others refuse it."""
    spec = request.spec
    window = spec.window
    wanted = request_of(spec, datetime.now(UTC))
    newer = (
        spec.groups or spec.same_subtree or spec.HasField("near") or spec.or_below or spec.domains
    )
    candidate = candidate_of(request.candidate) if request.HasField("candidate") else None
    return ClaimWish.model_validate(
        {
            "amounts": [
                AmountWish(resource_type=amount.resource_type, amount=amount.amount)
                for amount in spec.amounts
            ],
            "acquire_at": window.acquire_at.ToDatetime(UTC)
            if window.HasField("acquire_at")
            else None,
            "release_at": window.release_at.ToDatetime(UTC)
            if window.HasField("release_at")
            else None,
            "required_capabilities": tuple(spec.required_capabilities),
            "forbidden_capabilities": tuple(spec.forbidden_capabilities),
            "provider": spec.provider,
            "placement": PLACEMENTS[spec.placement],
            "request": wanted.as_json() if newer else None,
            "candidate": candidate.as_json() if candidate else None,
        }
    )


async def get(request: pb.GetClaimRequest) -> pb.Claim:
    """Show one claim."""
    return await current_call().read(
        lambda session: _claim(
            claims.get_claim(session, request.id, now=datetime.now(UTC), project=request.project)
        )
    )


async def get_all(request: pb.BatchGetClaimsRequest) -> pb.BatchGetClaimsResponse:
    """Show several claims of a project."""

    def read(session: Session) -> pb.BatchGetClaimsResponse:
        now = datetime.now(UTC)
        found = claims.get_visible(session, request.ids, now=now, project=request.project)
        return pb.BatchGetClaimsResponse(claims=messages.at_once(map(_claim, found)))

    return await current_call().read(read)


async def list_page(request: pb.ListClaimsRequest) -> pb.ListClaimsResponse:
    """List a project's claims."""
    listing = listing_of(request, "claim", named=False)

    def read(session: Session) -> pb.ListClaimsResponse:
        revision = events.current_revision(session)
        page = claims.list_claims(
            session,
            now=datetime.now(UTC),
            project=request.project,
            include_ended=request.include_ended,
            listing=listing,
        )
        shown = messages.fitting(_claim(row) for row in page.items)
        return pb.ListClaimsResponse(
            claims=shown,
            next_page_token=token_after(page, shown),
            revision=revision,
        )

    return await current_call().read(read)


async def confirm(starter: Starter, request: pb.ConfirmClaimRequest) -> pb.Claim:
    """Turn a hold into a claim for its whole window."""
    return await _changed(starter, request, claims.confirm_claim)


async def release(starter: Starter, request: pb.ReleaseClaimRequest) -> pb.Claim:
    """End a claim that no machine uses."""
    answer = await _changed(starter, request, partial(claims.release_claim, unless_used=True))
    await starter.wake_waiting(answer.metadata.region)
    return answer


async def _changed(
    starter: Starter,
    request: pb.ConfirmClaimRequest | pb.ReleaseClaimRequest,
    change: Callable[..., claims.Claim],
) -> pb.Claim:
    def write(session: Session) -> pb.Claim:
        now, read_at = datetime.now(UTC), request.generation
        return _claim(change(session, request.id, now, project=request.project, generation=read_at))

    answer = await current_call().write(request, pb.Claim, write)
    await starter.tell_holder(request.id)
    return answer


async def change_all(
    starter: Starter, request: pb.ChangeClaimsRequest, regions: Regions
) -> pb.ChangeClaimsResponse:
    """Change several claims, all or none.

    They stay in their regions, also when nobody else is shown these any more.
    """
    async with starter.unless_done(request):
        for one in request.changes:
            await regions.require_origins(one.move.spec.domains)
    now = datetime.now(UTC)
    changes = [_change(one, now) for one in request.changes]

    def change(session: Session) -> pb.ChangeClaimsResponse:
        changed = claim_sets.change_claims(
            session, changes, project=request.project, now=datetime.now(UTC)
        )
        return pb.ChangeClaimsResponse(claims=map(_claim, changed))

    answer = await current_call().write(request, pb.ChangeClaimsResponse, change)
    for changed in answer.claims:
        await starter.tell_holder(changed.metadata.id)
    for region in {one.metadata.region for one in answer.claims}:
        await starter.wake_waiting(region)
    return answer


def _change(given: pb.ClaimChange, now: datetime) -> ClaimChange:
    move = None
    if given.HasField("move"):
        move = Move(
            request_of(given.move.spec, now) if given.move.HasField("spec") else None,
            candidate_of(given.move.candidate) if given.move.HasField("candidate") else None,
        )
    return ClaimChange(
        given.id,
        given.generation,
        given.release,
        window_of(given.window, now) if given.HasField("window") else None,
        move,
    )


def _claim_or_waiting(session: Session, operation: str, claim: str, spec: pb.ClaimSpec) -> pb.Claim:
    """Show the claim, or, while it waits for capacity, the status of the operation that waits."""
    try:
        return _claim(claims.get_claim(session, claim, now=datetime.now(UTC)))
    except NotFoundError:
        row = operations.get(session, operation)
    shown = messages.metadata(row, {}, project=row.project, region=row.region)
    shown.id = claim
    return pb.Claim(metadata=shown, spec=spec, status=messages.status(row.status))


def _claim(row: claims.Claim) -> pb.Claim:
    return pb.Claim(
        metadata=messages.metadata(row, {}, project=row.project, region=row.region),
        spec=spec_of(row.request, row.window),
        status=messages.status(row.status),
        allocations=[
            pb.Allocation(
                provider=part.provider, resource_type=part.resource_type, amount=part.amount
            )
            for part in row.allocations
        ],
        consumer=row.consumer or "",
    )
