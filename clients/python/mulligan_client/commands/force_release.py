"""The command `force-release` of machines and servers."""

import click

from mulligan_client.commands.marks import Find
from mulligan_client.commands.options import (
    confirm,
    pass_session,
    takes_output,
    takes_wait,
    takes_yes,
)
from mulligan_client.commands.outcome import show_operation
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.session import Session


def add_force_release(group: click.Group, noun: str, find: Find) -> None:
    """Give a group the command that ends a claim whatever state everything is in."""

    @group.command(
        "force-release",
        help=f"End the {noun}'s claim at once, also with BMC or host dead. For operators.",
    )
    @click.argument("name")
    @click.option("--reason", required=True, help="Why; others read it.")
    @takes_yes
    @takes_wait
    @takes_output
    @pass_session
    def force_release(
        session: Session, name: str, reason: str, yes: bool, wait: bool, output: str
    ) -> None:
        object_id = find(session, name)
        session.remark(
            "The claim ends at once. What runs there may run on: a server stays quarantined and "
            "not clean until `mulligan server verify` wiped it."
        )
        confirm(session, f"Force-release {noun} {name}?", yes)
        request = control_pb2.ForceReleaseRequest(object_id=object_id, reason=reason)
        show_operation(
            session, session.client.control.ForceRelease(request), wait=wait, output=output
        )
