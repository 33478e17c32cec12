"""mulligan region: where objects live."""

from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, takes_output
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def region() -> None:
    """Where objects live: each has executors and networks of its own."""


@region.command("create")
@click.argument("name")
@click.option("--parent", default="", help="Region above it.")
@takes_output
@pass_session
def create(session: Session, name: str, parent: str, output: str) -> None:
    """Create a region."""
    parent_id = session.resolve("region", parent) if parent else ""
    request = iam_pb2.CreateRegionRequest(name=name, parent=parent_id)
    found = session.client.iam.CreateRegion(request)
    answer = iam_pb2.ListRegionsResponse(regions=[found])
    session.show(found, output, lambda: _table(session, answer))


@region.command("list")
@takes_output
@pass_session
def list_regions(session: Session, output: str) -> None:
    """List the regions that there are."""
    request = iam_pb2.ListRegionsRequest()
    answer = session.client.list_all(session.client.iam.ListRegions, request)
    session.show(answer, output, lambda: _table(session, answer))


def _table(session: Session, answer: iam_pb2.ListRegionsResponse) -> "Table":
    from mulligan_client.output import table

    names = {one.metadata.id: one.metadata.name for one in answer.regions}
    return table(
        ["NAME", "PARENT", "CURRENT", "ID"],
        [
            (
                one.metadata.name,
                names.get(one.parent, one.parent),
                "yes" if one.metadata.id == session.login.region else "",
                one.metadata.id,
            )
            for one in answer.regions
        ],
    )
