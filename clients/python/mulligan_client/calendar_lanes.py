"""Calendars as levels over time: how much of each provider is booked by whom."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from mulligan_client.gen.mulligan.resource.v1 import resource_pb2

CLEANING = ""
"""Stands for whose a lane is while it is kept free after a claim."""


@dataclass(frozen=True)
class Level:
    """What somebody has from one moment to another, as a share of the capacity."""

    begins_at: datetime
    ends_at: datetime
    project: str
    share: float
    held: bool = False
    overrun: bool = False


@dataclass(frozen=True)
class Lane:
    """One provider's row: the levels of each moment, one upon the other."""

    provider: str
    resource_type: str
    levels: Sequence[Level]

    def peak(self, begins_at: datetime, ends_at: datetime) -> float:
        """The most that is booked at any moment between two, as a share of the capacity."""
        shares: dict[datetime, float] = defaultdict(float)
        for one in self.levels:
            if one.begins_at < ends_at and begins_at < one.ends_at:
                shares[one.begins_at] += one.share
        return max(shares.values(), default=0.0)


def lanes_of(
    found: Iterable[resource_pb2.Lane], begins_at: datetime, ends_at: datetime, now: datetime
) -> list[Lane]:
    """One row per provider: of several resource types the one that is booked most."""
    best: dict[str, Lane] = {}
    for one in found:
        lane = Lane(one.provider, one.resource_type, _levels(one, begins_at, ends_at, now))
        other = best.get(one.provider)
        if other is None or lane.peak(begins_at, ends_at) > other.peak(begins_at, ends_at):
            best[one.provider] = lane
    return list(best.values())


def _levels(
    lane: resource_pb2.Lane, begins_at: datetime, ends_at: datetime, now: datetime
) -> list[Level]:
    """Cut time where something begins or ends, and say who has how much in each piece."""
    capacity = max(lane.capacity, 1)
    whole: list[Level] = []
    for one in lane.bookings:
        start = one.window.acquire_at.ToDatetime(UTC)
        end = one.window.release_at.ToDatetime(UTC) if one.window.HasField("release_at") else None
        share = one.amount / capacity
        if one.overrun:
            whole.append(Level(start, now, one.project, share, overrun=True))
            continue
        whole.append(Level(start, end or ends_at, one.project, share, held=one.state == "held"))
        if end and one.cleaning_margin_s:
            cleaned = end + timedelta(seconds=one.cleaning_margin_s)
            whole.append(Level(end, cleaned, CLEANING, share))
    moments = {begins_at, ends_at}
    moments |= {one.begins_at for one in whole} | {one.ends_at for one in whole}
    cuts = sorted(moment for moment in moments if begins_at <= moment <= ends_at)
    return [
        Level(start, end, one.project, one.share, one.held, one.overrun)
        for start, end in pairwise(cuts)
        for one in sorted(whole, key=lambda level: (level.held, level.project))
        if one.begins_at <= start and end <= one.ends_at
    ]
