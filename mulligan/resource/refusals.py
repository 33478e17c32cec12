"""What an empty answer says: constraint by constraint, the last straw, and when it would fit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mulligan.resource.occupation import INSTANT
from mulligan.values.errors import NoCapacityError


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
