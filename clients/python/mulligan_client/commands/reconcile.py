"""mulligan reconcile: compare database, Temporal, hosts and BMCs; show what differs."""

from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, takes_output, takes_region, takes_wait
from mulligan_client.commands.outcome import show_operation
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def reconcile() -> None:
    """Compare records, Temporal and hardware; show what differs."""


@reconcile.command("run")
@takes_region
@takes_wait
@takes_output
@pass_session
def run(session: Session, region: str, wait: bool, output: str) -> None:
    """Compare a region now, hosts and BMCs included, and mend what is safe."""
    request = control_pb2.ReconcileRequest(region=session.region(region))
    operation = session.client.control.Reconcile(request)
    show_operation(session, operation, wait=wait, output=output)


@reconcile.command("show")
@click.option("--all", "mended", is_flag=True, help="Also what was mended in the last week.")
@click.option("--region", default="", help="Only this region, else all.")
@takes_output
@pass_session
def show(session: Session, mended: bool, region: str, output: str) -> None:
    """Show what differs, and what mends it."""
    where = session.region(region) if region else ""
    answer = session.client.list_all(
        session.client.control.ListDifferences, control_pb2.ListDifferencesRequest(region=where)
    )
    shown = [one for one in answer.differences if mended or not one.mended_at.seconds]
    chosen = control_pb2.ListDifferencesResponse(differences=shown)
    session.show(chosen, output, lambda: _table(chosen))


def _table(answer: control_pb2.ListDifferencesResponse) -> "Table":
    from mulligan_client.output import table
    from mulligan_client.quantities import age_words

    return table(
        ["FOUND", "KIND", "MENDED", "WHAT DIFFERS, AND WHAT MENDS IT"],
        [
            (
                age_words(one.found_at),
                one.kind,
                age_words(one.mended_at) or ("by itself" if one.mends_itself else "by you"),
                f"{one.message}. {one.action[:1].upper()}{one.action[1:]}.",
            )
            for one in answer.differences
        ],
    )
