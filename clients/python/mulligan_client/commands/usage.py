"""mulligan usage: what is used, reserved and free."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.options import TIME, one_of, pass_session, takes_output
from mulligan_client.commands.provider_names import find_provider
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2 as pb
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_BY = {
    "provider": pb.USAGE_BY_PROVIDER,
    "group": pb.USAGE_BY_GROUP,
    "region": pb.USAGE_BY_REGION,
    "project": pb.USAGE_BY_PROJECT,
}


@click.command()
@click.option("--by", type=one_of([*_BY]), help="Of what it is summed up [provider, or --project].")
@click.option("--from", "start", type=TIME, help="From when on (ISO 8601) [now].")
@click.option("--until", "end", type=TIME, help="Until when [the same instant].")
@click.option("--project", default="", help="Only of this one, with all under it.")
@click.option("--region", default="", help="Only in this one.")
@click.option("--group", default="", help="Only of what belongs to this one.")
@click.option("--provider", default="", help="Only of this one.")
@click.option("--resource-type", default="", help="Only of this one.")
@takes_output
@pass_session
def usage(
    session: Session,
    by: str | None,
    start: datetime | None,
    end: datetime | None,
    project: str,
    region: str,
    group: str,
    provider: str,
    resource_type: str,
    output: str,
) -> None:
    """Show what is used, reserved and free now, or at the peak of a window.

    Operators see all; others what a --project of theirs uses.
    """
    fields: dict[str, Any] = {
        "by": _BY[by] if by else pb.USAGE_BY_UNSPECIFIED,
        "region": session.resolve("region", region) if region else "",
        "group": session.resolve("group", group) if group else "",
        "provider": find_provider(session, provider) if provider else "",
        "resource_type": resource_type,
    }
    call: Any = session.client.resource.ListUsage
    request: pb.ListUsageRequest | pb.ListProjectUsageRequest = pb.ListUsageRequest(**fields)
    if project:
        call = session.client.resource.ListProjectUsage
        request = pb.ListProjectUsageRequest(project=session.resolve("project", project), **fields)
    if start:
        request.window.acquire_at.FromDatetime(start)
    if end:
        request.window.release_at.FromDatetime(end)
    found = session.client.list_all(call, request)
    session.show(found, output, lambda: _table(session, found, by))


def _table(session: Session, found: pb.ListUsageResponse, by: str | None) -> "Table":
    from mulligan_client.output import table

    name = session.names({one.of for one in found.usage})
    rows = [
        (
            name(one.of),
            one.resource_type,
            str(one.capacity) if one.HasField("capacity") else "",
            str(one.used),
            str(one.reserved),
            str(one.peak),
            str(one.free) if one.HasField("free") else "",
        )
        for one in sorted(found.usage, key=lambda one: (name(one.of), one.resource_type))
    ]
    columns = ["RESOURCE TYPE", "CAPACITY", "USED", "RESERVED", "PEAK", "FREE"]
    return table([(by or "of").upper(), *columns], rows)
