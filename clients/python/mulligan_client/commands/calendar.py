"""mulligan calendar: who has what, and when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.options import (
    DURATION,
    TIME,
    pass_session,
    takes_output,
    takes_region,
)
from mulligan_client.commands.provider_names import find_provider
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

    from mulligan_client.calendar_lanes import Lane

_BLOCKS = " ▁▂▃▄▅▆▇█"


@click.command()
@click.option("--from", "start", type=TIME, help="From when on (ISO 8601) [now].")
@click.option("--for", "length", type=DURATION, default="7d", show_default=True, help="How long.")
@click.option("--type", "kind", default="", help="Only providers of this type.")
@click.option("--resource-type", default="", help="Of this one [of each what is booked most].")
@click.option("--group", default="", help="Only what belongs to this group.")
@click.option("--provider", default="", help="Only this one.")
@click.option("--project", default="", help="Only what this project has; its members see that.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture to this file."
)
@takes_region
@takes_output
@pass_session
def calendar(
    session: Session,
    start: datetime | None,
    length: timedelta,
    kind: str,
    resource_type: str,
    group: str,
    provider: str,
    project: str,
    svg: Path | None,
    region: str,
    output: str,
) -> None:
    """Show who has what of each provider, and when."""
    from mulligan_client.calendar_lanes import lanes_of

    now = datetime.now(UTC)
    begins_at = start or now
    fields: dict[str, Any] = {
        "type": kind,
        "resource_type": resource_type,
        "group": session.resolve("group", group) if group else "",
        "provider": find_provider(session, provider) if provider else "",
    }
    call: Any = session.client.resource.ListCalendar
    request: pb.ListCalendarRequest | pb.ListProjectCalendarRequest
    if project:
        call = session.client.resource.ListProjectCalendar
        where = session.resolve("region", region) if region else ""
        owner = session.resolve("project", project)
        request = pb.ListProjectCalendarRequest(project=owner, region=where, **fields)
    else:
        request = pb.ListCalendarRequest(region=session.region(region), **fields)
    request.window.acquire_at.FromDatetime(begins_at)
    request.window.release_at.FromDatetime(begins_at + length)
    answer = session.client.list_all(call, request)
    lanes = lanes_of(answer.lanes, begins_at, begins_at + length, now)
    if svg is None:
        session.show(answer, output, lambda: _timeline(session, lanes, begins_at, length))
        return
    from mulligan_client.calendar_svg import draw

    projects = {one.project for lane in lanes for one in lane.levels if one.project}
    name = session.names([*projects, *(lane.provider for lane in lanes)])
    lanes.sort(key=lambda lane: name(lane.provider))
    svg.write_text(draw(lanes, begins_at, begins_at + length, now=now, name=name))


def _timeline(
    session: Session, lanes: "list[Lane]", begins_at: datetime, length: timedelta
) -> "Table":
    """A row per provider; the height of a block is the share that is booked at the peak."""
    from rich.text import Text

    from mulligan_client.output import table

    name = session.names(lane.provider for lane in lanes)
    longest = max((len(name(lane.provider)) for lane in lanes), default=8)
    cells = max(20, min(140, session.out.width - longest - 14))
    step = length / cells
    rows = []
    for lane in sorted(lanes, key=lambda one: name(one.provider)):
        bar = Text()
        for index in range(cells):
            since, until = begins_at + index * step, begins_at + (index + 1) * step
            share = lane.peak(since, until)
            bar.append(_BLOCKS[min(8, -int(-share * 8 // 1))], style=_style(lane, since, until))
        rows.append((name(lane.provider), bar))
    return table(["PROVIDER", _ruler(begins_at, length, cells)], rows)


def _style(lane: "Lane", since: datetime, until: datetime) -> str:
    there = [one for one in lane.levels if one.begins_at < until and since < one.ends_at]
    if any(one.overrun for one in there):
        return "red"
    if there and all(one.held or not one.project for one in there):
        return "yellow"
    return "cyan"


def _ruler(begins_at: datetime, length: timedelta, cells: int) -> str:
    """Dates above the cells in which their days begin, where there is room."""
    marks, free_from = [" "] * cells, 0
    day = (begins_at + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    words = f"{begins_at:%d %b %H:%M}"
    marks[: len(words)], free_from = words, len(words) + 1
    while day < begins_at + length:
        cell, words = int((day - begins_at) / length * cells), f"|{day:%d %b}"
        if cell >= free_from and cell + len(words) <= cells:
            marks[cell : cell + len(words)] = words
            free_from = cell + len(words) + 1
        day += timedelta(days=1)
    return "".join(marks)
