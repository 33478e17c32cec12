"""mulligan token-key: the keys that sign access tokens."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, takes_output
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def token_key() -> None:
    """The keys that sign access tokens."""


@token_key.command("list")
@takes_output
@pass_session
def list_keys(session: Session, output: str) -> None:
    """List the published keys, newest first."""
    answer = session.client.iam.ListTokenKeys(iam_pb2.ListTokenKeysRequest())
    session.show(answer, output, lambda: _table(answer.keys))


@token_key.command("rotate")
@takes_output
@pass_session
def rotate(session: Session, output: str) -> None:
    """Make a new key: it is published at once, and signs when all services know it.

    What the earlier keys signed stays good to its end; then they are erased.
    """
    answer = session.client.iam.RotateTokenKeys(iam_pb2.RotateTokenKeysRequest())
    session.show(answer, output, lambda: _table([answer]))


def _table(keys: Iterable[iam_pb2.TokenKey]) -> "Table":
    from mulligan_client.output import table
    from mulligan_client.quantities import moment_words

    return table(
        ["KEY", "MADE", "SIGNS FROM", "RETIRES"],
        [
            (
                one.key_id,
                moment_words(one.created_at),
                moment_words(one.signs_at),
                moment_words(one.retires_at) if one.HasField("retires_at") else "",
            )
            for one in keys
        ],
    )
