"""mulligan reservation series: the same again and again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    DURATION,
    Parsed,
    confirm,
    pass_session,
    takes_output,
    takes_project,
    takes_region,
    takes_yes,
)
from mulligan_client.commands.reservation_spec import read_reservation, takes_reservation
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WORDS = {"weekday": _DAYS[:5], "weekend": _DAYS[5:], "day": _DAYS}


def parse_days(text: str) -> tuple[str, ...]:
    """Read day, weekday, weekend, or days such as mon,thu.

    Raises:
        ValueError: it is something else.
    """
    found = _WORDS.get(text) or tuple(text.split(","))
    if not set(found) <= set(_DAYS):
        raise ValueError(f"{text!r} is not day, weekday, weekend or days such as mon,thu")
    return found


def parse_hours(text: str) -> tuple[str, str]:
    """Read hours such as 19:00-07:00.

    Raises:
        ValueError: it is something else.
    """
    start, dash, end = text.partition("-")
    if not (dash and ":" in start and ":" in end):
        raise ValueError(f"{text!r} are no hours; write them like 19:00-07:00")
    return start, end


@click.group()
def series() -> None:
    """The same reserved again and again, such as every weekday from 19:00 to 07:00."""


@series.command("create")
@takes_reservation
@click.option(
    "--every",
    "days",
    type=Parsed("days", parse_days),
    default="day",
    show_default=True,
    help="day, weekday, weekend, or days such as mon,thu.",
)
@click.option(
    "--hours",
    type=Parsed("hours", parse_hours),
    required=True,
    help="From when to when, such as 19:00-07:00.",
)
@click.option("--in", "time_zone", default="UTC", show_default=True, help="Such as Europe/Berlin.")
@click.option("--ahead", type=DURATION, help="How long before its start each is made [7d].")
@click.option("--request-id", default="", help="Asking again with the same id asks only once.")
@takes_project
@takes_region
@takes_output
@pass_session
def create(
    session: Session,
    /,
    days: tuple[str, ...],
    hours: tuple[str, str],
    time_zone: str,
    ahead: timedelta | None,
    request_id: str,
    project: str,
    region: str,
    output: str,
    **what: Any,
) -> None:
    """Reserve AMOUNTS such as VCPU=4, or a machine, again and again."""
    region_id, owner = session.region(region), session.project(project)
    request = resource_pb2.CreateReservationSeriesRequest(
        request_id=request_id,
        project=owner,
        region=region_id,
        spec=read_reservation(session, region_id, owner, **what),
        recurrence=resource_pb2.Recurrence(
            days=days, start=hours[0], end=hours[1], time_zone=time_zone
        ),
    )
    if ahead is not None:
        request.ahead.FromTimedelta(ahead)
    made = session.client.resource.CreateReservationSeries(request)
    session.show(made, output, lambda: _sheet(made))


@series.command("list")
@takes_listing(named=False, states=True)
@takes_project
@takes_output
@pass_session
def list_series(session: Session, listed: Mapping[str, Any], project: str, output: str) -> None:
    """List a project's series that have not ended."""
    request = resource_pb2.ListReservationSeriesRequest(project=session.project(project), **listed)
    answer = session.client.list_all(session.client.resource.ListReservationSeries, request)
    session.show(answer, output, lambda: _table(answer))


@series.command("show")
@click.argument("series_id", metavar="ID")
@takes_project
@takes_output
@pass_session
def show(session: Session, series_id: str, project: str, output: str) -> None:
    """Show a series, its next windows, and whether its schedule is paused in Temporal."""
    request = resource_pb2.GetReservationSeriesRequest(
        id=series_id, project=session.project(project)
    )
    found = session.client.resource.GetReservationSeries(request)
    session.show(found, output, lambda: _sheet(found))


@series.command("end")
@click.argument("series_id", metavar="ID")
@takes_yes
@takes_project
@takes_output
@pass_session
def end(session: Session, series_id: str, yes: bool, project: str, output: str) -> None:
    """End a series; what it has reserved already stays reserved."""
    project_id = session.project(project)
    confirm(session, f"End series {series_id}?", yes)
    request = resource_pb2.EndReservationSeriesRequest(id=series_id, project=project_id)
    found = session.client.resource.EndReservationSeries(request)
    session.show(found, output, lambda: _sheet(found))


def _recurs(one: resource_pb2.ReservationSeries) -> str:
    when = one.recurrence
    days = next(
        (word for word, days in _WORDS.items() if days == tuple(when.days)), ", ".join(when.days)
    )
    return f"every {days} {when.start}-{when.end} {when.time_zone}"


def _table(answer: resource_pb2.ListReservationSeriesResponse) -> "Table":
    from mulligan_client.output import table

    return table(
        ["ID", "WHEN", "STATUS", "PURPOSE"],
        [
            (one.metadata.id, _recurs(one), one.status.reason, one.spec.purpose)
            for one in answer.series
        ],
    )


def _sheet(one: resource_pb2.ReservationSeries) -> "Table":
    from mulligan_client.output import sheet, status_pairs
    from mulligan_client.quantities import duration_words, moment_words

    windows = (
        f"{moment_words(each.acquire_at)} - {moment_words(each.release_at)}" for each in one.next
    )
    return sheet(
        [
            ("series", one.metadata.id),
            *status_pairs(one.status),
            ("when", _recurs(one)),
            ("made ahead", duration_words(one.ahead.ToSeconds())),
            ("paused", "in Temporal" if one.paused else ""),
            ("purpose", one.spec.purpose),
            ("machine", one.spec.machine_name),
            ("next", "\n".join(windows)),
        ]
    )
