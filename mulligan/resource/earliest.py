"""When it would fit: the first start at which nothing stands in the way for a whole length."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mulligan.values.window import WITHOUT_END, Window

Interval = tuple[datetime, datetime]
"""Half-open."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that occupies so much from one moment to another."""

    starts_at: datetime
    ends_at: datetime
    amount: int = 1


def overfull(spans: Iterable[Span], room: int) -> list[Interval]:
    """The intervals in which the spans together take more than the room."""
    steps = sorted(
        step
        for span in spans
        for step in ((span.starts_at, span.amount), (span.ends_at, -span.amount))
    )
    intervals: list[Interval] = []
    level, since = 0, None
    for index, (at, amount) in enumerate(steps):
        level += amount
        if index + 1 < len(steps) and steps[index + 1][0] == at:
            continue
        if level > room and since is None:
            since = at
        elif level <= room and since is not None:
            intervals.append((since, at))
            since = None
    return intervals


def peak_within(spans: Iterable[Span], window: Window) -> int:
    """The most that the spans take together at any moment of a window."""
    steps = sorted(
        step
        for span in spans
        if span.starts_at < window.release_at and span.ends_at > window.acquire_at
        for step in ((span.starts_at, span.amount), (span.ends_at, -span.amount))
        if step[0] < window.release_at
    )
    level = most = 0
    for index, (at, amount) in enumerate(steps):
        level += amount
        if index + 1 == len(steps) or steps[index + 1][0] != at:
            most = max(most, level)
    return most


def length_of(window: Window) -> timedelta | None:
    """How long a window is; None when it has no end."""
    return window.release_at - window.acquire_at if window.has_end else None


def window_from(start: datetime, length: timedelta | None) -> Window | None:
    """The window of that length from a start on; None beyond the end of time."""
    if start >= WITHOUT_END or (length and length > WITHOUT_END - start):
        return None
    return Window(start, start + length if length else WITHOUT_END)


def first_gap(
    intervals: Iterable[Interval], start: datetime, length: timedelta | None
) -> datetime | None:
    """The first start, not before `start`, of a window that meets none of the intervals."""
    window = window_from(start, length)
    for begins_at, ends_at in sorted(intervals):
        if window is None or begins_at >= window.release_at:
            break
        if ends_at > window.acquire_at:
            window = window_from(ends_at, length)
    return window.acquire_at if window else None


def gaps(intervals: Iterable[Interval], window: Window, length: timedelta | None) -> list[Interval]:
    """The stretches of a window that meet none of the intervals, at least as long as that.

    Without a length only one that has no end will do.
    """
    free: list[Interval] = []
    start = window.acquire_at
    for begins_at, ends_at in sorted(intervals):
        if begins_at > start:
            free.append((start, min(begins_at, window.release_at)))
        start = max(start, ends_at)
    if start < window.release_at:
        free.append((start, window.release_at))
    return [
        (begins_at, ends_at)
        for begins_at, ends_at in free
        if begins_at < ends_at
        and (ends_at == WITHOUT_END if length is None else ends_at - begins_at >= length)
    ]
