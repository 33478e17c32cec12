"""mulligan audit: who did what, and who was refused."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import TIME, pass_session, takes_output
from mulligan_client.complaint import ComplaintError
from mulligan_client.exits import Exit, exit_for
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

SERVICES = ("iam", "control")
"""Each keeps the audit of its database and counts revisions of its own."""


@click.group()
def audit() -> None:
    """Who did what, and who was refused."""


@audit.command("list")
@click.option("--account", default="", help="Only what this account asked.")
@click.option("--object", "object_id", metavar="UUID", default="", help="Only about this object.")
@click.option("--project", default="", help="Only about this project.")
@click.option("--region", default="", help="Only about this region.")
@click.option("--method", default="", help="Only this RPC, as CreateServer.")
@click.option("--result", default="", help="Only OK, or refused with this code.")
@click.option("--refused", is_flag=True, help="Only what was refused.")
@click.option("--since", type=TIME, help="From this time on.")
@click.option("--until", type=TIME, help="Before this time.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@takes_output
@pass_session
def list_events(
    session: Session,
    account: str,
    object_id: str,
    project: str,
    region: str,
    method: str,
    result: str,
    refused: bool,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    output: str,
) -> None:
    """List the newest events that you may see: all, or those where you are an admin."""
    request = common_pb2.ListAuditEventsRequest(
        page=common_pb2.Page(size=limit),
        account=session.resolve("account", account) if account else "",
        object_id=object_id,
        project=session.resolve("project", project) if project else "",
        region=session.resolve("region", region) if region else "",
        method=method,
        result=result,
        kind="refused" if refused else "",
    )
    if since:
        request.since.FromDatetime(since)
    if until:
        request.until.FromDatetime(until)
    answer, away = _ask(session, request, SERVICES)
    del answer.events[limit:]
    session.show(answer, output, lambda: _table(session, answer))
    _complain_of(away)


@audit.command("show")
@click.argument("revision")
@takes_output
@pass_session
def show(session: Session, revision: str, output: str) -> None:
    """Show one event whole; REVISION is as `list` tells it, such as iam/12."""
    service, _, number = revision.rpartition("/")
    if service not in ("", *SERVICES) or not (number.isascii() and number.isdecimal()):
        raise click.UsageError(f"{revision!r} is no revision; write it as iam/12 or control/12")
    request = common_pb2.ListAuditEventsRequest(revision=min(int(number), 2**63 - 1))
    answer, away = _ask(session, request, (service,) if service else SERVICES)
    if not answer.events or not int(number):
        _complain_of(away)
        raise ComplaintError(
            f"there is no event {revision} that you may see",
            do="look at `mulligan audit list`",
            exit_code=Exit.NOT_FOUND,
        )
    session.show(answer, output, lambda: _sheets(session, answer))
    _complain_of(away)


def _ask(
    session: Session, request: common_pb2.ListAuditEventsRequest, services: tuple[str, ...]
) -> tuple[common_pb2.ListAuditEventsResponse, dict[str, str]]:
    """Ask each service; give what they say as one list, the newest first, and who is away and why.

    Raises:
        MulliganCallError: one refused, or none answered.
    """
    from mulligan_client.errors import MulliganCallError

    found: list[common_pb2.AuditEvent] = []
    away: dict[str, str] = {}
    for service in services:
        try:
            found += getattr(session.client, service).ListAuditEvents(request).events
        except MulliganCallError as error:
            if exit_for(error) is not Exit.UNAVAILABLE or len(away) + 1 == len(services):
                raise
            away[service] = error.message
    found.sort(key=lambda one: (one.at.seconds, one.at.nanos, one.revision), reverse=True)
    return common_pb2.ListAuditEventsResponse(events=found), away


def _complain_of(away: dict[str, str]) -> None:
    """Say whose events are missing, so that nobody takes what was shown for all."""
    for service, why in away.items():
        raise ComplaintError(
            f"{service} does not answer, what it keeps is missing: {why}",
            do="try again later",
            exit_code=Exit.UNAVAILABLE,
        )


def _table(session: Session, answer: common_pb2.ListAuditEventsResponse) -> "Table":
    from mulligan_client.output import table

    names = session.names(_ids(answer))
    return table(
        ["REVISION", "TIME", "WHO", "FROM", "WHAT", "OBJECT", "RESULT", "REQUEST ID", "SAID"],
        [
            (
                f"{one.kept_by}/{one.revision}",
                _time(one),
                names(one.author),
                _from(one),
                _what(one),
                _object(one, names(one.object_id)),
                _result(one),
                one.request_id,
                _said(one),
            )
            for one in answer.events
        ],
    )


def _sheets(session: Session, answer: common_pb2.ListAuditEventsResponse) -> "Group":
    from rich.console import Group

    from mulligan_client.output import sheet

    names = session.names(_ids(answer))
    return Group(
        *(
            sheet(
                [
                    ("revision", f"{one.kept_by}/{one.revision}"),
                    ("time", _time(one)),
                    ("who", names(one.author)),
                    ("account", one.author),
                    ("session", one.session),
                    ("from", _from(one)),
                    ("what", _what(one)),
                    ("object", _object(one, names(one.object_id))),
                    ("object id", one.object_id),
                    ("project", names(one.project)),
                    ("region", names(one.region)),
                    ("operation", one.operation),
                    ("result", _result(one)),
                    ("request id", one.request_id),
                    ("said", _said(one)),
                ]
            )
            for one in answer.events
        )
    )


def _ids(answer: common_pb2.ListAuditEventsResponse) -> set[str]:
    found = {
        identity
        for one in answer.events
        for identity in (one.author, one.object_id, one.project, one.region)
    }
    return found - {""}


def _time(one: common_pb2.AuditEvent) -> str:
    from mulligan_client.quantities import instant

    return f"{instant(one.at):%Y-%m-%d %H:%M:%SZ}"


def _from(one: common_pb2.AuditEvent) -> str:
    return one.address or ("this machine" if one.method else "")


def _what(one: common_pb2.AuditEvent) -> str:
    return one.method.rpartition("/")[2] or f"{one.object_type} {one.kind}".strip()


def _object(one: common_pb2.AuditEvent, name: str) -> str:
    return f"{one.object_type} {name}".strip()


def _result(one: common_pb2.AuditEvent) -> str:
    if one.kind != "refused":
        return "done"
    return f"refused: {one.result}" + (f" ({one.count} times)" if one.count > 1 else "")


def _said(one: common_pb2.AuditEvent) -> str:
    return one.message or " ".join(filter(None, (one.object_type, one.kind, one.state)))
