"""Series of reservations: on which days, from when to when by the clocks of a place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events, states
from mulligan.batches import each
from mulligan.generations import refuse_stale
from mulligan.meta import planned_names
from mulligan.meta.listing import listed
from mulligan.resource.tables import SeriesRow
from mulligan.resource.values import check_id
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from mulligan.values.ids import object_id
from mulligan.values.listing import Listed, Listing
from mulligan.values.status import Status
from mulligan.values.window import Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_AHEAD = timedelta(days=60)
MOST_AT_ONCE = 100
"""So many occurrences are made in one look; what is beyond comes with the next."""


@dataclass(frozen=True)
class Recurrence:
    """From when to when, on which days, by the clocks of a time zone.

    An end that is not after the start is on the next day. A time that clocks skip when summer
    begins is that much later; of one that they show twice the first is meant.

    Args:
        days: of DAYS, each once.
        start: such as 19:00.
        end: such as 07:00.
        time_zone: a name of the IANA database, such as Europe/Berlin.

    Raises:
        InvalidArgumentError: a field can't be used; names it.
    """

    days: tuple[str, ...]
    start: str
    end: str
    time_zone: str

    def __post_init__(self) -> None:
        unknown = sorted(set(self.days) - set(DAYS))
        if unknown or not self.days or len(set(self.days)) < len(self.days):
            raise InvalidArgumentError(
                f"days {', '.join(self.days) or 'none'} can't be used; give each of "
                f"{', '.join(DAYS)} once at most",
                field="days",
            )
        for field in ("start", "end"):
            _time(getattr(self, field), field)
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidArgumentError(
                f"there is no time zone {self.time_zone!r}; give one like Europe/Berlin or UTC",
                field="time_zone",
            ) from error

    def within(self, since: datetime, until: datetime) -> Iterator[tuple[date, Window]]:
        """The occurrences that end after `since` and start no later than `until`, in order."""
        zone = ZoneInfo(self.time_zone)
        day = since.astimezone(zone).date() - timedelta(days=2)
        while True:
            window = self._on(day, zone)
            if window.acquire_at > until:
                return
            if DAYS[day.weekday()] in self.days and window.release_at > since:
                yield day, window
            day += timedelta(days=1)

    def _on(self, day: date, zone: ZoneInfo) -> Window:
        start, end = _time(self.start, "start"), _time(self.end, "end")
        ends_on = day if end > start else day + timedelta(days=1)
        begins = datetime.combine(day, start, zone).astimezone(UTC)
        ends = datetime.combine(ends_on, end, zone).astimezone(UTC)
        # Clocks that are put forward may leave nothing of a window.
        return Window(begins, max(ends, begins + timedelta(seconds=1)))


def _time(text: str, field: str) -> time:
    try:
        hour, minute = text.split(":")
        return time(int(hour), int(minute))
    except ValueError:
        raise InvalidArgumentError(
            f"{text!r} is no time of day; write it like 19:00", field=field
        ) from None


@dataclass(frozen=True, slots=True)
class Due:
    """One occurrence: its day there, its window, and the operation from which its ids derive."""

    day: date
    window: Window
    operation: str


def create(
    session: Session,
    *,
    series: str,
    author: str,
    project: str,
    region: str,
    recurrence: Recurrence,
    wish: dict[str, Any],
    ahead: timedelta,
    now: datetime,
) -> SeriesRow:
    """Begin a series; the same id again is the same series.

    Raises:
        InvalidArgumentError: its reservations would be made too early, or never in time.
    """
    if not timedelta(0) < ahead <= LONGEST_AHEAD:
        raise InvalidArgumentError(
            f"reservations can't be made {ahead} ahead; give up to {LONGEST_AHEAD.days} days",
            field="ahead",
        )
    earlier = session.get(SeriesRow, series)
    if earlier is not None:
        return earlier
    row = SeriesRow(
        id=series,
        project=project,
        region=region,
        author=author,
        recurs={
            "days": list(recurrence.days), "start": recurrence.start, "end": recurrence.end,
            "time_zone": recurrence.time_zone,
        },
        wish=planned_names.without_name(session, series, "machine", project, wish),
        ahead_s=int(ahead.total_seconds()),
        looked_at=now,
        created_at=now,
    )  # fmt: skip
    row.status = states.enter("series", "active", "its first reservations are made now")
    session.add(row)
    _tell(session, row, "created", now, "begun", author=author)
    return row


def wish_of(session: Session, row: SeriesRow) -> dict[str, Any]:
    """Give what each of a series' reservations asks for, with the name of its machine."""
    return planned_names.with_name(session, row.id, row.wish)


def recurrence_of(row: SeriesRow) -> Recurrence:
    """When a series recurs."""
    return Recurrence(**{**row.recurs, "days": tuple(row.recurs["days"])})


def get(session: Session, series: str, *, project: str | None = None) -> SeriesRow:
    """Find a series.

    Raises:
        NotFoundError: there is none, or it is another project's.
    """
    row = session.get(SeriesRow, check_id(series, field="id"), with_for_update=True)
    return _visible(row, series, project)


def get_all(session: Session, ids: Sequence[str], *, project: str) -> list[SeriesRow]:
    """Find series of a project, in the order of their ids."""
    return each(
        *(session, SeriesRow, ids),
        lambda one: _visible(session.get(SeriesRow, one), one, project),
    )


def _visible(row: SeriesRow | None, series: str, project: str | None) -> SeriesRow:
    if row is None or (project is not None and row.project != project):
        raise NotFoundError(
            f"there is no series {series} in this project; see `mulligan reservation series list`",
            object_type="series",
            object_id=series,
        )
    return row


def list_page(session: Session, project: str, listing: Listing | None = None) -> Listed[SeriesRow]:
    """Read a page of a project's series: in the states asked for, or that have not ended."""
    rows, asked = SeriesRow, listing or Listing()
    query, owner = select(rows), check_id(project, field="project")
    if not asked.filter.states:
        query = query.where(rows.state == "active")
    return listed(session, query, rows, asked, owner=owner, owned_by=rows.project, whole=True)


def _id(row: SeriesRow) -> str:
    return row.id


def due(row: SeriesRow, now: datetime) -> tuple[list[Due], list[Due]]:
    """List the occurrences of a series that are to be there by now, and those that are over.

    Those over ended since the last look; whether they had been made is for the caller to see.
    """
    until = now + timedelta(seconds=row.ahead_s)
    found = [
        Due(day, window, object_id(row.id, day.isoformat()))
        for day, window in recurrence_of(row).within(row.looked_at, until)
        if window.release_at > row.created_at
    ][:MOST_AT_ONCE]
    is_over = [one.window.release_at <= now for one in found]
    return (
        [one for one, over in zip(found, is_over, strict=True) if not over],
        [one for one, over in zip(found, is_over, strict=True) if over],
    )


def record_look(
    session: Session, row: SeriesRow, now: datetime, made: int, problems: list[str]
) -> None:
    """Write what became of the occurrences that were due; what was missed or refused is told."""
    row.looked_at = max(row.looked_at, now)
    for problem in problems:
        _tell(session, row, "problem", now, problem)
    words = f"{made} made on {now:%Y-%m-%d %H:%M} UTC"
    if problems:
        words += f"; {len(problems)} not: {problems[-1]}"
    status = Status(
        "active", words, row.since, None, states.enter("series", "active", "").next_action
    )
    states.move(session, "series", row, status, project=row.project, region=row.region)


def end(
    session: Session, series: str, project: str, now: datetime, author: str, generation: int = 0
) -> SeriesRow:
    """End a series; what it had reserved stays.

    Raises:
        FailedPreconditionError: it has ended.
        NotFoundError: there is no such series, or it is another project's.
        StaleError: it is not at that generation any more; says what changed since.
    """
    row = get(session, series, project=project)
    refuse_stale(session, "series", row.id, generation=row.generation, read_at=generation)
    if row.state == "ended":
        raise FailedPreconditionError(
            f"series {row.id} has ended ({row.reason})", object_type="series", object_id=row.id
        )
    status = states.enter("series", "ended", "somebody ended it")
    states.move(session, "series", row, status, project=row.project, region=row.region)
    row.generation += 1
    planned_names.release_planned(session, row.id)
    return row


def _tell(
    session: Session, row: SeriesRow, kind: str, now: datetime, message: str, author: str = ""
) -> None:
    event = events.Event(
        "series", row.id, kind,
        project=row.project, region=row.region, author=author or None, status=row.status,
        message=message, generation=row.generation, at=now,
    )  # fmt: skip
    events.append(session, event)
