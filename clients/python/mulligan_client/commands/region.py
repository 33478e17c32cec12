"""mulligan region: where objects live."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mulligan_client.commands.listing import takes_listing
from mulligan_client.commands.options import pass_session, takes_output, takes_wait
from mulligan_client.commands.outcome import show_operation
from mulligan_client.commands.places import PlaceKind, add_place_commands
from mulligan_client.commands.region_spec import (
    change_region,
    create_region,
    shown_spec,
    takes_region_spec,
)
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def region() -> None:
    """Where objects live: each has executors and networks of its own."""


_KIND = PlaceKind(
    "region",
    create=create_region,
    read=lambda session, one: session.client.iam.GetRegion(iam_pb2.GetRegionRequest(id=one)),
    change=change_region,
    delete=lambda session, one: session.client.iam.DeleteRegion(
        iam_pb2.DeleteRegionRequest(id=one)
    ),
    current=lambda session: session.login.region,
    deletes="Delete a region below which no other is. What lives in it can still be ended.",
    takes=takes_region_spec,
    more=shown_spec,
)
add_place_commands(region, _KIND)


@region.command("list")
@click.option("--parent", default="", help="Only those right below this one.")
@takes_listing()
@takes_output
@pass_session
def list_regions(session: Session, parent: str, listed: Mapping[str, Any], output: str) -> None:
    """List the regions that there are."""
    above = session.resolve("region", parent) if parent else ""
    request = iam_pb2.ListRegionsRequest(parent=above, **listed)
    answer = session.client.list_all(session.client.iam.ListRegions, request)
    session.show(answer, output, lambda: _KIND.table(session, answer.regions))


@region.group("key")
def key() -> None:
    """The keys to which secrets for a region are sealed."""


@key.command("list")
@click.argument("name", metavar="REGION")
@takes_output
@pass_session
def list_keys(session: Session, name: str, output: str) -> None:
    """List the keys that clients are offered, newest first."""
    request = control_pb2.ListRegionKeysRequest(region=session.resolve("region", name))
    answer = session.client.control.ListRegionKeys(request)
    session.show(answer, output, lambda: _key_table(answer))


@key.command("rotate")
@click.argument("name", metavar="REGION")
@takes_wait
@takes_output
@pass_session
def rotate(session: Session, name: str, wait: bool, output: str) -> None:
    """Give a region a new key, and seal everything that is stored to it.

    What is in flight goes on: the older keys still open what was sealed to them.
    """
    request = control_pb2.RotateRegionKeyRequest(region=session.resolve("region", name))
    operation = session.client.control.RotateRegionKey(request)
    show_operation(session, operation, wait=wait, output=output)


def _key_table(answer: control_pb2.ListRegionKeysResponse) -> "Table":
    from mulligan_client.output import table

    return table(
        ["KEY", "USE", "PUBLIC KEY"],
        [
            (one.key_id, "opens and seals" if not number else "opens", one.public_key)
            for number, one in enumerate(answer.keys)
        ],
    )
