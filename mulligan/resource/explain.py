"""Why nothing fits, constraint by constraint, and when it would."""

import json
from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, literal, select, true
from sqlalchemy.orm import Session

from mulligan.resource.candidates import AVAILABLE, PROVIDERS, Question, healthy
from mulligan.resource.earliest import Interval, Span, first_gap, length_of, overfull
from mulligan.resource.occupation import INSTANT, end_of, occupies
from mulligan.resource.tables import AllocationRow
from mulligan.resource.values import ClaimRequest
from mulligan.values.errors import NoCapacityError
from mulligan.values.window import WITHOUT_END, Window


@dataclass(frozen=True)
class Step:
    """How many a constraint removed of what the ones before it left, and why in its own words."""

    constraint: str
    removed: int
    left: int
    reasons: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        reasons = "; ".join(f"{count} because {words}" for words, count in self.reasons.items())
        reasons = f" ({reasons})" if reasons else ""
        return f"{self.constraint}: {self.removed} removed{reasons}, {self.left} left"


@dataclass(frozen=True)
class Earliest:
    """When the same length would fit, in words too.

    Args:
        start: the first such start; None for never as things are.
        words: a sentence for people.
        next_hold_ends: the next deadline of a hold that stands in the way.
    """

    start: datetime | None
    words: str
    next_hold_ends: datetime | None = None


def no_capacity(
    what: str, steps: Sequence[Step], earliest: Earliest, **details: str
) -> NoCapacityError:
    """Make the error that says what removed how many, the last straw, and when it would fit."""
    straw = next((step for step in steps if step.left == 0), steps[-1])
    told = [str(step) for step in steps[: steps.index(straw) + 1]]
    message = f"{what}: {'; '.join(told)}. The last straw: {straw.constraint}. {earliest.words}"
    if earliest.next_hold_ends:
        details["next_hold_ends"] = earliest.next_hold_ends.isoformat()
    return NoCapacityError(
        message,
        explanation=json.dumps([vars(step) for step in steps]),
        last_straw=straw.constraint,
        earliest=earliest.start.isoformat() if earliest.start else "never",
        **details,
    )


def explain_claim(
    session: Session, request: ClaimRequest, *, project: str, now: datetime
) -> NoCapacityError:
    """Explain why no provider fits a request."""
    question = Question(request, project=project, now=now)
    steps = count_steps(session, question)
    if steps[-1].left:
        raise AssertionError("explained a request that fits")
    earliest = _earliest_claim(session, question, now)
    total = steps[0].removed + steps[0].left
    return no_capacity(f"no capacity among {total} providers", steps, earliest)


def count_steps(session: Session, question: Question) -> list[Step]:
    """Count in one statement at which constraint each provider fails first.

    ::

        SELECT CASE WHEN (<c0>) IS NOT true THEN 0 WHEN (<c1>) IS NOT true THEN 1 ... ELSE n END,
               <the reason, where it fails at being available>, count(*)
        FROM <as in Question> GROUP BY 1, 2
    """
    constraints = question.constraints
    fails_at = case(
        *[(c.holds.is_not(true()), literal(index)) for index, c in enumerate(constraints)],
        else_=literal(len(constraints)),
    )
    reason = case(
        (PROVIDERS.available.is_not(true()), PROVIDERS.unavailable_reason),
        (healthy(question.now), literal("")),
        else_=literal("provider is marked unhealthy"),
    )
    failing = question.over(select(fails_at.label("at"), reason.label("why"))).subquery()
    query = select(failing.c.at, failing.c.why, func.count()).group_by(failing.c.at, failing.c.why)
    removed: dict[int, int] = defaultdict(int)
    reasons: dict[int, dict[str, int]] = defaultdict(dict)
    for at, why, count in session.execute(query.order_by(failing.c.at, failing.c.why)):
        removed[at] += count
        if at < len(constraints) and constraints[at].words == AVAILABLE:
            reasons[at][why or "no reason given"] = count
    left = sum(removed.values())
    steps = []
    for index, constraint in enumerate(constraints):
        left -= removed[index]
        steps.append(Step(constraint.words, removed[index], left, reasons[index]))
    return steps


def _earliest_claim(session: Session, question: Question, now: datetime) -> Earliest:
    """Search the release boundaries of the providers that only time keeps from fitting."""
    rooms = _rooms(session, question)
    if not rooms:
        return Earliest(None, "It never fits as things are: time removed no provider.")
    request = question.request
    spans, holds, overruns = _spans(session, request, rooms, now)
    length = length_of(request.window)
    starts = []
    for provider, room in rooms.items():
        blocked: list[Interval] = []
        for resource_type, units in room.items():
            blocked += overfull(spans[provider, resource_type], units)
        starts.append(first_gap(blocked, request.window.acquire_at, length))
    return describe(min((s for s in starts if s), default=None), holds, overruns, now)


def describe(
    start: datetime | None, holds: list[datetime], overruns: list[str], now: datetime
) -> Earliest:
    """Put the earliest start into words, given what stands in the way."""
    hold = min(holds, default=None)
    words = (
        f"The earliest start at which it would fit: {start.isoformat()}."
        if start
        else "It never fits as things are: claims without end, or later ones, leave no such window."
    )
    if overruns and start and start <= now + INSTANT:
        count = len(set(overruns))
        words = f"It fits as soon as what is past its planned end is released (claims: {count})."
    if hold:
        words += f" The next hold in the way ends at {hold.isoformat()}, unless it is confirmed."
    return Earliest(start, words, hold)


def _rooms(session: Session, question: Question) -> dict[str, dict[str, int]]:
    """How much others may use of each resource type, per provider that only lacks time."""
    amounts = [pool.amount for pool in question.pools]
    lasting = [c.holds for c in question.constraints if not c.by_time]
    columns = [pool.capacity for pool in question.pools]
    query = question.over(select(PROVIDERS.id, *columns)).where(*lasting)
    return {
        provider: {
            amount.resource_type: capacity - amount.amount
            for amount, capacity in zip(amounts, capacities, strict=True)
        }
        for provider, *capacities in session.execute(query)
    }


def _spans(
    session: Session, request: ClaimRequest, providers: Container[str], now: datetime
) -> tuple[dict[Any, list[Span]], list[datetime], list[str]]:
    """Read what occupies the providers from the window's start on, the holds and the overruns."""
    rows = AllocationRow
    onwards = Window(request.window.acquire_at, WITHOUT_END)
    end = end_of(rows, now, overruns=True)
    named = rows.provider == request.provider if request.provider else true()
    query = select(
        rows.provider, rows.resource_type, rows.acquire_at, end, rows.amount,
        rows.held_until, rows.claim, rows.release_at,
    ).where(
        rows.region == request.region,
        named,
        rows.resource_type.in_([amount.resource_type for amount in request.amounts]),
        occupies(rows, onwards, now),
    )  # fmt: skip
    spans: dict[Any, list[Span]] = defaultdict(list)
    holds, overruns = [], []
    for (
        provider,
        resource_type,
        starts_at,
        ends_at,
        amount,
        held,
        claim,
        planned,
    ) in session.execute(query):
        if provider not in providers:
            continue
        begins_at = max(starts_at, request.window.acquire_at)
        spans[provider, resource_type].append(Span(begins_at, ends_at, amount))
        if held:
            holds.append(held)
        if planned <= now:
            overruns.append(claim)
    return spans, holds, overruns
