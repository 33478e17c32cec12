"""mulligan calendar, mulligan claim openings."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mulligan_client.calendar_lanes import Level, lanes_of
from mulligan_client.exits import Exit
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from tests.client.conftest import Run
from tests.client.fake_mulligan import HOST, PROJECT, REGION, SERVER, FakeMulligan

pytestmark = pytest.mark.usefixtures("logged_in")

START = datetime(2030, 1, 7, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def window(start: float, end: float | None) -> common_pb2.Window:
    made = common_pb2.Window()
    made.acquire_at.FromDatetime(day(start))
    if end is not None:
        made.release_at.FromDatetime(day(end))
    return made


def booking(start: float, end: float | None, amount: int = 1, **more: object) -> pb.Booking:
    fields = {"project": PROJECT, "state": "confirmed", **more}
    return pb.Booking(window=window(start, end), amount=amount, **fields)  # type: ignore[arg-type]


LANES = [
    pb.Lane(
        provider=HOST,
        resource_type="VCPU",
        capacity=8,
        bookings=[booking(-2, 3, 4), booking(2, 5, 2, state="held", project="other")],
    ),
    pb.Lane(provider=HOST, resource_type="MEMORY_MIB", capacity=100, bookings=[booking(0, 3, 25)]),
    pb.Lane(
        provider=SERVER,
        resource_type="SERVER",
        capacity=1,
        bookings=[
            booking(-3, -1, overrun=True),
            booking(1, 2, cleaning_margin_s=43_200),
            booking(4, None),
        ],
    ),
]


def test_levels_say_who_has_how_much_when() -> None:
    host, server = lanes_of(LANES, day(0), day(7), day(0.5))
    assert (host.resource_type, server.resource_type) == ("VCPU", "SERVER")
    assert host.levels == [
        Level(day(0), day(2), PROJECT, 0.5),
        Level(day(2), day(3), PROJECT, 0.5),
        Level(day(2), day(3), "other", 0.25, held=True),
        Level(day(3), day(5), "other", 0.25, held=True),
    ]
    assert [host.peak(day(n), day(n + 1)) for n in range(6)] == [0.5, 0.5, 0.75, 0.25, 0.25, 0]
    assert server.levels == [
        Level(day(0), day(0.5), PROJECT, 1.0, overrun=True),
        Level(day(1), day(2), PROJECT, 1.0),
        Level(day(2), day(2.5), "", 1.0),
        Level(day(4), day(7), PROJECT, 1.0),
    ]


def test_the_calendar_is_a_timeline(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListCalendar", pb.ListCalendarResponse(lanes=LANES))
    result = run("calendar", "--from", "2030-01-07", "--for", "7d", "--type", "host")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ListCalendar")
    assert (asked.region, asked.type) == (REGION, "host")
    assert asked.window.release_at.ToDatetime(UTC) == day(7)
    ruler, host, server = result.stdout.splitlines()
    assert "|08 Jan" in ruler
    bar = host.removeprefix("hyper-1").lstrip().rstrip()
    assert (bar[0], bar[len(bar) // 2], bar[-1]) == ("▄", "▆", "▂")
    assert "█" in server


def test_the_calendar_is_drawn(run: Run, fake: FakeMulligan, tmp_path: Path) -> None:
    fake.on("ListCalendar", pb.ListCalendarResponse(lanes=LANES))
    file = tmp_path / "weeks.svg"
    result = run("calendar", "--from", "2030-01-07", "--for", "28d", "--svg", str(file))
    assert result.exit_code == 0, result.stderr
    drawn = ET.fromstring(file.read_text())
    words = [one.text for one in drawn.iter() if one.tag.endswith("text")]
    for expected in ("hyper-1", "rack1-07", "Mon 07 Jan 2030", "default", "kept free for cleaning"):
        assert expected in words


def test_a_projects_calendar_is_asked_for_by_its_name(run: Run, fake: FakeMulligan) -> None:
    fake.on("ListProjectCalendar", pb.ListProjectCalendarResponse(lanes=LANES[:1]))
    result = run("calendar", "--from", "2030-01-07", "--project", "default", "--type", "host")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("ListProjectCalendar")
    assert (asked.project, asked.region, asked.type) == (PROJECT, "", "host")
    assert "hyper-1" in result.stdout


def test_openings_are_listed(run: Run, fake: FakeMulligan) -> None:
    fake.on(
        "FindOpenings",
        pb.FindOpeningsResponse(openings=[pb.Opening(provider=HOST, window=window(1, None))]),
    )
    result = run("claim", "openings", "VCPU=4", "--for", "4h", "--until", "2030-02-01T00:00Z")
    assert result.exit_code == 0, result.stderr
    [asked] = fake.asked("FindOpenings")
    assert (asked.length.seconds, asked.spec.amounts[0].amount) == (4 * 3600, 4)
    for words in ("hyper-1", "2030-01-08 00:00Z", "without end"):
        assert words in result.stdout
    assert run("claim", "openings", "--for", "4h").exit_code == Exit.USAGE
