"""mulligan freeze, thaw: an operator's stop of what powers, wipes, deletes or starts."""

from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, takes_output, takes_region
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table

_takes_site = click.option("--site", is_flag=True, help="The whole site instead of one region.")


@click.command()
@_takes_site
@click.option("--reason", default="", help="Why; without it what is frozen is listed.")
@takes_region
@takes_output
@pass_session
def freeze(session: Session, site: bool, reason: str, region: str, output: str) -> None:
    """Stop what powers, wipes, deletes or starts; operations wait. Without --reason: list."""
    if reason:
        where = "" if site else session.region(region)
        session.client.control.Freeze(control_pb2.FreezeRequest(region=where, reason=reason))
    answer = session.client.list_all(
        session.client.control.ListFreezes, control_pb2.ListFreezesRequest()
    )
    session.show(answer, output, lambda: _table(session, answer))


@click.command()
@_takes_site
@takes_region
@takes_output
@pass_session
def thaw(session: Session, site: bool, region: str, output: str) -> None:
    """Take a freeze back: what waited goes on."""
    where = "" if site else session.region(region)
    session.client.control.Thaw(control_pb2.ThawRequest(region=where))
    answer = session.client.list_all(
        session.client.control.ListFreezes, control_pb2.ListFreezesRequest()
    )
    session.show(answer, output, lambda: _table(session, answer))


def _table(session: Session, answer: control_pb2.ListFreezesResponse) -> "Table":
    from mulligan_client.output import table
    from mulligan_client.quantities import age_words

    name = session.names(one.region for one in answer.freezes if one.region)
    return table(
        ["FROZEN", "SINCE", "WHY"],
        [
            (name(one.region) if one.region else "the site", age_words(one.since), one.reason)
            for one in answer.freezes
        ],
    )
