"""From when to when something is occupied, and the peak of what is used at the same time.

The window is the plan; three things bend it:

- a hold counts for its whole window until its deadline, and from then on as nothing;
- a released claim occupies nothing, and one that began when it was committed has begun: clocks that
  differ, or step back, make nothing of the past lie in the future again;
- a claim that a machine uses and that is past its planned end occupies the present instant, until
  it is released: a window that contains now sees it, one that starts later does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from mulligan.database import UtcDateTime
from mulligan.resource.tables import CONFIRMED, HELD, AddressClaimRow, AllocationRow, ClaimRow
from mulligan.values.window import WITHOUT_END, Window

INSTANT = timedelta(microseconds=1)
"""The shortest window: what the databases and Python can tell apart."""

BEGUN = datetime(1970, 1, 1, tzinfo=UTC)
"""Long ago by every clock: where an occupation starts that has begun, and ends that is over."""

Occupation = type[AllocationRow] | type[AddressClaimRow]

Moment = datetime | ColumnElement[datetime]


@dataclass(frozen=True)
class Asked:
    """A window as parameters of a statement that is put together once and run with many."""

    acquire_at: ColumnElement[datetime]
    release_at: ColumnElement[datetime]


ASKED = Asked(
    bindparam("window_start", type_=UtcDateTime()), bindparam("window_end", type_=UtcDateTime())
)
NOW = bindparam("now", type_=UtcDateTime())
_SOON = bindparam("soon", type_=UtcDateTime())


def parameters(window: Window, now: datetime) -> dict[str, datetime]:
    """The values of ASKED and NOW."""
    return {
        "window_start": window.acquire_at,
        "window_end": window.release_at,
        "now": now,
        "soon": now + INSTANT,
    }


def with_margin(window: Window, margin_s: int) -> Window:
    """A window with the time after it in which the provider is kept free, in seconds."""
    if not margin_s or WITHOUT_END - window.release_at <= timedelta(seconds=margin_s):
        return window
    return Window(window.acquire_at, window.release_at + timedelta(seconds=margin_s))


def occupation_of(claim: ClaimRow, margin_s: int = 0) -> dict[str, Any]:
    """The columns with which a claim's rows occupy something, as the claim stands."""
    acquire_at = BEGUN if claim.acquire_at <= claim.created_at else claim.acquire_at
    planned = with_margin(Window(claim.acquire_at, claim.planned_release_at), margin_s)
    release_at = occupied_until = planned.release_at
    if claim.released_at is not None:
        acquire_at = release_at = occupied_until = BEGUN
    elif claim.state == CONFIRMED and claim.consumer:
        occupied_until = WITHOUT_END
    return {
        "project": claim.project,
        "region": claim.region,
        "acquire_at": acquire_at,
        "release_at": release_at,
        "occupied_until": occupied_until,
        "held_until": claim.release_at if claim.state == HELD else None,
    }


def present(now: datetime) -> Window:
    """The window of the present instant."""
    return Window(now, now + INSTANT)


def from_now_on(now: datetime) -> Window:
    """The window that starts now and has no end."""
    return Window(now, WITHOUT_END)


def instant(moment: Moment) -> ColumnElement[datetime]:
    """Give a moment to SQL."""
    return literal(moment, UtcDateTime()) if isinstance(moment, datetime) else moment


def _soon(now: Moment) -> ColumnElement[datetime]:
    """An instant after the present one."""
    return instant(now + INSTANT) if isinstance(now, datetime) else _SOON


def end_of(rows: Occupation, now: Moment, *, overruns: bool) -> ColumnElement[datetime]:
    """When the occupation by a row ends, as far as can be said now."""
    if not overruns:
        return rows.release_at.expression
    return case(
        (rows.release_at > now, rows.release_at),
        (rows.occupied_until > now, _soon(now)),
        else_=rows.occupied_until,
    )


def not_lapsed(rows: Occupation, now: Moment) -> ColumnElement[bool]:
    """Say that a row is no hold, or one whose deadline is still to come."""
    return or_(rows.held_until.is_(None), rows.held_until > now)


def occupies(
    rows: Occupation, window: Window | Asked, now: Moment, *, overruns: bool = True
) -> ColumnElement[bool]:
    """Say that a row occupies an instant of the window."""
    end = end_of(rows, now, overruns=overruns)
    return and_(
        rows.acquire_at < window.release_at,
        rows.occupied_until > window.acquire_at,
        end > window.acquire_at,
        end > rows.acquire_at,
        not_lapsed(rows, now),
    )


def peaks(
    scope: ColumnElement[bool], window: Window | Asked, now: Moment, *, overruns: bool = True
) -> Select[str, str, int]:
    """The greatest concurrent use in the window, per provider and resource type.

    Of the allocations in `scope` each adds its amount at its start (or the window's) and takes it
    back at its end; the running sum's maximum is the peak. Ends come before starts of the same
    instant, since windows are half-open::

        WITH spans AS (
            SELECT provider, resource_type, amount, <start, clipped>, <end> FROM allocations
            WHERE provider = :p AND resource_type IN (...) AND occupied_until > :window_start ...),
        steps AS (
            SELECT provider, resource_type, start AS at, sum(amount) AS step FROM spans GROUP BY ...
            UNION ALL SELECT provider, resource_type, "end", -sum(amount) FROM spans
            WHERE "end" < :window_end GROUP BY ...),
        levels AS (
            SELECT provider, resource_type, sum(step) OVER (PARTITION BY provider, resource_type
                ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS level FROM steps)
        SELECT provider, resource_type, max(level) FROM levels GROUP BY provider, resource_type

    Index: allocations (provider | region, resource_type, occupied_until), so that what ended before
    the window is not read.
    """
    rows = AllocationRow.__table__.c
    spans = _spans(
        [rows.provider, rows.resource_type], rows.amount, scope, window, now, overruns=overruns
    )
    levels = _levels(spans.cte("spans"), ("provider", "resource_type"), window)
    return select(levels.c.provider, levels.c.resource_type, levels.c.peak)


def peaks_per(
    key: ColumnElement[str], scope: ColumnElement[bool], window: Window, now: datetime
) -> Select[str, str, int]:
    """The greatest concurrent use in the window, per value of a column and resource type.

    As `peaks`, but the column may be of another table: `scope` says how it goes with allocations.
    """
    rows = AllocationRow
    columns = [key.label("of"), rows.resource_type]
    spans = _spans(columns, rows.amount, scope, window, now, overruns=True)
    levels = _levels(spans.cte("spans"), ("of", "resource_type"), window)
    return select(levels.c.of, levels.c.resource_type, levels.c.peak)


def peaks_together(
    scope: ColumnElement[bool], window: Window, now: datetime, *, overruns: bool = True
) -> Select[str, int]:
    """The greatest concurrent use in the window per resource type, of all providers together.

    As `peaks`, but one running sum for all providers. Index: allocations (project, resource_type,
    occupied_until) where `scope` names projects.
    """
    rows = AllocationRow
    spans = _spans([rows.resource_type], rows.amount, scope, window, now, overruns=overruns)
    levels = _levels(spans.cte("spans"), ("resource_type",), window)
    return select(levels.c.resource_type, levels.c.peak)


def most_at_once(
    scope: ColumnElement[bool], window: Window, now: datetime, *, overruns: bool = True
) -> Select[int]:
    """How many claims there are at the same time, at most, in the window."""
    rows = AllocationRow
    spans = _spans([rows.claim], literal(1), scope, window, now, overruns=overruns)
    each = spans.subquery("each")
    claims = select(
        literal("claims").label("what"),
        func.max(each.c.amount).label("amount"),
        func.min(each.c.starts_at, type_=UtcDateTime()).label("starts_at"),
        func.max(each.c.ends_at, type_=UtcDateTime()).label("ends_at"),
    ).group_by(each.c.claim)
    return select(_levels(claims.cte("spans"), ("what",), window).c.peak)


def _spans(
    key: Sequence[Any],
    amount: Any,
    scope: ColumnElement[bool],
    window: Window | Asked,
    now: Moment,
    *,
    overruns: bool,
) -> Select[Any]:
    """From when to when each row in the scope takes how much, within the window."""
    rows: Any = AllocationRow.__table__.c  # without the ORM, which costs as much as the database
    start = window.acquire_at
    clipped = case((rows.acquire_at < start, instant(start)), else_=rows.acquire_at)
    return select(
        *key,
        amount.label("amount"),
        clipped.label("starts_at"),
        end_of(rows, now, overruns=overruns).label("ends_at"),
    ).where(scope, occupies(rows, window, now, overruns=overruns))


def _levels(spans: CTE, names: Sequence[str], window: Window | Asked) -> CTE:
    """The greatest sum of spans at the same time, per value of the named columns."""
    key = [spans.c[name] for name in names]
    start = spans.c.starts_at
    # What starts or ends at the same instant, as most does that is clipped, is one step.
    total = cast(func.sum(spans.c.amount), BigInteger)
    begun = select(*key, start.label("at"), total.label("step"))
    ended = select(*key, spans.c.ends_at, -total)
    steps = union_all(
        begun.group_by(*key, start),
        ended.where(spans.c.ends_at < window.release_at).group_by(*key, spans.c.ends_at),
    ).cte("steps")
    of = [steps.c[name] for name in names]
    level = func.sum(steps.c.step).over(
        partition_by=of, order_by=(steps.c.at, steps.c.step), rows=(None, 0)
    )
    levels = select(*of, level.label("level")).cte("levels")
    grouped = [levels.c[name] for name in names]
    peak = cast(func.max(levels.c.level), BigInteger).label("peak")
    return select(*grouped, peak).group_by(*grouped).cte("peaks")


def usage(
    session: Session, provider: str, window: Window, now: datetime, *, overruns: bool = True
) -> dict[str, int]:
    """Read a provider's greatest concurrent use in the window by resource type."""
    found = session.execute(
        peaks(AllocationRow.provider == provider, window, now, overruns=overruns)
    )
    return {resource_type: peak for _, resource_type, peak in found}
