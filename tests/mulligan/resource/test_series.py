"""Series: which windows recur, by clocks that are put forward and back."""

from datetime import UTC, date, datetime, timedelta

import pytest

from mulligan.resource.series import Recurrence
from mulligan.values.errors import InvalidArgumentError

NIGHTS = Recurrence(("mon", "tue", "wed", "thu", "fri"), "19:00", "07:00", "Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_nights_of_weekdays_last_until_the_next_morning() -> None:
    found = list(NIGHTS.within(at("2026-11-20T12:00"), at("2026-11-24T12:00")))
    assert [day for day, _ in found] == [date(2026, 11, 20), date(2026, 11, 23)]
    assert found[0][1].acquire_at == at("2026-11-20T18:00")
    assert found[0][1].release_at == at("2026-11-21T06:00")


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        ("2026-03-28", "18:00", "05:00", 11),  # clocks go forward at night
        ("2026-10-24", "17:00", "06:00", 13),  # clocks go back
        ("2026-11-20", "18:00", "06:00", 12),
    ],
)
def test_both_ends_are_times_on_the_clocks_there(
    day: str, start: str, end: str, hours: int
) -> None:
    nights = Recurrence(("fri", "sat"), "19:00", "07:00", "Europe/Berlin")
    begins = at(f"{day}T{start}")
    window = next(w for d, w in nights.within(begins, begins) if d == date.fromisoformat(day))
    assert window.acquire_at == begins
    assert window.release_at - begins == timedelta(hours=hours)
    assert window.release_at.hour == int(end[:2])


def test_a_time_that_clocks_skip_is_later_and_one_shown_twice_is_the_first() -> None:
    early = Recurrence(("sun",), "02:30", "04:00", "Europe/Berlin")
    [(_, skipped)] = early.within(at("2026-03-28T12:00"), at("2026-03-29T12:00"))
    assert skipped.acquire_at == at("2026-03-29T01:30")  # 03:30 there
    [(_, twice)] = early.within(at("2026-10-24T12:00"), at("2026-10-25T12:00"))
    assert twice.acquire_at == at("2026-10-25T00:30")  # the first 02:30


def test_what_is_under_way_counts_and_what_is_over_does_not() -> None:
    under_way = list(NIGHTS.within(at("2026-11-21T05:59"), at("2026-11-21T05:59")))
    assert [day for day, _ in under_way] == [date(2026, 11, 20)]
    assert not list(NIGHTS.within(at("2026-11-21T06:00"), at("2026-11-21T06:00")))


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("days", ("mon", "mon")),
        ("days", ("monday",)),
        ("days", ()),
        ("start", "25:00"),
        ("start", "7"),
        ("end", "07:00:00"),
        ("time_zone", "Europe/Atlantis"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", ""),
    ],
)
def test_a_recurrence_that_can_not_be_is_refused(field: str, bad: object) -> None:
    fields = {"days": ("mon",), "start": "19:00", "end": "07:00", "time_zone": "UTC"}
    with pytest.raises(InvalidArgumentError) as refused:
        Recurrence(**{**fields, field: bad})  # type: ignore[arg-type]
    assert refused.value.details["field"] == field
