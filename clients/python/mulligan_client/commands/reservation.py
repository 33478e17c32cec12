"""mulligan reservation: claims in the future, with a purpose."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import (
    DURATION,
    TIME,
    confirm,
    pass_session,
    takes_output,
    takes_project,
    takes_region,
    takes_yes,
)
from mulligan_client.commands.reservation_series import series
from mulligan_client.commands.reservation_spec import read_reservation, takes_reservation
from mulligan_client.commands.whereabouts import shown_whereabouts
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def reservation() -> None:
    """Claims in the future, with a purpose; a machine is on them when their time comes."""


reservation.add_command(series)


@reservation.command("create")
@takes_reservation
@click.option("--from", "start", type=TIME, help="From when on (ISO 8601, UTC) [now].")
@click.option("--until", "end", type=TIME, help="Until when (ISO 8601, UTC) [without end].")
@click.option("--for", "length", type=DURATION, help="For how long, such as 4h, if not --until.")
@click.option("--times", default=1, type=click.IntRange(1, 100), help="So many of the same.")
@click.option("--all-or-none", is_flag=True, help="With --times: none, unless all of them fit.")
@click.option("--request-id", default="", help="Asking again with the same id asks only once.")
@takes_project
@takes_region
@takes_output
@pass_session
def create(
    session: Session,
    /,
    start: datetime | None,
    end: datetime | None,
    length: timedelta | None,
    times: int,
    all_or_none: bool,
    request_id: str,
    project: str,
    region: str,
    output: str,
    **what: Any,
) -> None:
    """Reserve AMOUNTS such as VCPU=4, or a machine with --machine and --image.

    Without either a machine's place is held, on which the project provisions later.
    """
    if length is not None and end is not None:
        raise click.UsageError("--for and --until exclude each other")
    if length is not None:
        end = (start or datetime.now(UTC)) + length
    region_id, owner = session.region(region), session.project(project)
    spec = read_reservation(session, region_id, owner, **what)
    _put_window(spec.window, start, end)
    request = resource_pb2.CreateReservationsRequest(
        request_id=request_id,
        project=owner,
        region=region_id,
        spec=spec,
        times=times if all_or_none else 1,
    )
    made = resource_pb2.CreateReservationsResponse()
    try:
        for number in range(1 if all_or_none else times):
            request.request_id = f"{request_id}-{number}" if request_id and number else request_id
            if times > 1 and not all_or_none and spec.machine_name:
                request.spec.machine_name = f"{spec.machine_name}-{number + 1}"
            made.MergeFrom(session.client.resource.CreateReservations(request))
    finally:  # those before the first that is refused are there
        if made.reservations:
            session.show(made, output, lambda: _table(session, made.reservations))


def _put_window(window: common_pb2.Window, start: datetime | None, end: datetime | None) -> None:
    for moment, stamp in ((start, window.acquire_at), (end, window.release_at)):
        if moment is not None:
            stamp.FromDatetime(moment)


@reservation.command("list")
@click.option("--all", "ended", is_flag=True, help="Also those that ended.")
@takes_listing(named=False, states=True)
@takes_project
@takes_output
@pass_session
def list_reservations(
    session: Session, ended: bool, listed: Mapping[str, Any], project: str, output: str
) -> None:
    """List a project's reservations, by their start unless you say another order."""
    request = resource_pb2.ListReservationsRequest(
        project=session.project(project), include_ended=ended, **listed
    )
    answer = session.client.list_all(session.client.resource.ListReservations, request)
    rows = list(answer.reservations)
    if "order_by" not in listed:
        descending = "descending" in listed
        rows.sort(key=lambda one: one.spec.window.acquire_at.ToNanoseconds(), reverse=descending)
    session.show(answer, output, lambda: _table(session, rows))


@reservation.command("show")
@click.argument("reservation_id", metavar="ID")
@takes_project
@takes_output
@pass_session
def show(session: Session, reservation_id: str, project: str, output: str) -> None:
    """Show a reservation."""
    request = resource_pb2.GetReservationRequest(
        id=reservation_id, project=session.project(project)
    )
    found = session.client.resource.GetReservation(request)
    session.show(found, output, lambda: _sheet(session, found))


@reservation.command("change")
@click.argument("reservation_id", metavar="ID")
@click.option("--from", "start", type=TIME, help="Begin then (ISO 8601) [as it is].")
@click.option("--until", "end", type=TIME, help="End then (ISO 8601) [as long as it was].")
@click.option("--without-end", is_flag=True, help="Until it is cancelled.")
@click.option("--keep-for", type=DURATION, help="Keep its machine after the end; 0s: don't.")
@click.option("--generation", default=0, help="Refuse if it is not at this generation any more.")
@takes_project
@takes_output
@pass_session
def change(
    session: Session,
    reservation_id: str,
    start: datetime | None,
    end: datetime | None,
    without_end: bool,
    keep_for: timedelta | None,
    generation: int,
    project: str,
    output: str,
) -> None:
    """Extend, shorten or move a reservation; one whose machine is kept runs again."""
    if without_end and end is not None:
        raise click.UsageError("--until and --without-end exclude each other")
    if not (start or end or without_end or keep_for is not None):
        raise click.UsageError("say what changes: --from, --until, --without-end or --keep-for")
    project_id = session.project(project)
    request = resource_pb2.UpdateReservationRequest(
        id=reservation_id, project=project_id, generation=generation
    )
    if start or end or without_end:
        request.update_mask.paths.append("window")
        _put_window(request.window, start, end)
    if keep_for is not None:
        request.update_mask.paths.append("keep_for")
        request.keep_for.FromTimedelta(keep_for)
    found = session.client.resource.UpdateReservation(request)
    session.show(found, output, lambda: _sheet(session, found))


@reservation.command("cancel")
@click.argument("reservation_id", metavar="ID")
@takes_yes
@takes_project
@takes_output
@pass_session
def cancel(session: Session, reservation_id: str, yes: bool, project: str, output: str) -> None:
    """End a reservation before its time; its machine is decommissioned."""
    project_id = session.project(project)
    confirm(session, f"Cancel reservation {reservation_id}, and end its machine?", yes)
    request = resource_pb2.CancelReservationRequest(id=reservation_id, project=project_id)
    found = session.client.resource.CancelReservation(request)
    session.show(found, output, lambda: _sheet(session, found))


def _table(session: Session, rows: Any) -> "Table":
    from mulligan_client.output import state_text, table
    from mulligan_client.quantities import moment_words

    name = session.names(one.machine for one in rows)
    return table(
        ["ID", "STATE", "FROM", "UNTIL", "MACHINE", "PURPOSE"],
        [
            (
                one.metadata.id,
                state_text(one.status.state),
                moment_words(one.spec.window.acquire_at),
                moment_words(one.spec.window.release_at) or "without end",
                name(one.machine) or one.spec.machine_name,
                one.spec.purpose,
            )
            for one in rows
        ],
    )


def _sheet(session: Session, one: resource_pb2.Reservation) -> "Table":
    from mulligan_client.output import sheet, status_pairs
    from mulligan_client.quantities import duration_words, moment_words

    spec, name = one.spec, session.names([one.machine])
    until = moment_words(spec.window.release_at) or "without end"
    kept = spec.keep_for.ToSeconds()
    at_end = f"its machine is kept for {duration_words(kept)}" if kept else "decommission"
    return sheet(
        [
            ("reservation", one.metadata.id),
            *status_pairs(one.status),
            ("window", f"{moment_words(spec.window.acquire_at)} - {until}"),
            ("purpose", spec.purpose),
            ("machine", name(one.machine) or spec.machine_name),
            ("at its end", at_end),
            ("kept until", moment_words(one.kept_until)),
            ("claim", one.claim),
            ("operation", one.operation),
            *shown_whereabouts(session, spec.claim if spec.HasField("claim") else spec.machine),
        ]
    )
