"""mulligan session: where accounts are logged in."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from mulligan_client.commands.options import pass_session, takes_output
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.group()
def session() -> None:
    """Where accounts are logged in: each login is a session."""


@session.command("list")
@click.option("--account", default="", help="Of this account, for administrators.")
@takes_output
@pass_session
def list_sessions(session: Session, account: str, output: str) -> None:
    """List your sessions that have not ended."""
    whose = session.resolve("account", account) if account else ""
    request = iam_pb2.ListSessionsRequest(account=whose)
    answer = session.client.list_all(session.client.iam.ListSessions, request)
    session.show(answer, output, lambda: _table(answer.sessions))


@session.command("revoke")
@click.argument("identity", metavar="ID")
@takes_output
@pass_session
def revoke(session: Session, identity: str, output: str) -> None:
    """End a session: its access token is good for minutes at most, and there is no next one."""
    answer = session.client.iam.RevokeSession(iam_pb2.RevokeSessionRequest(id=identity))
    session.show(answer, output, lambda: _table([answer]))


def _table(sessions: Iterable[iam_pb2.Session]) -> "Table":
    from mulligan_client.output import table
    from mulligan_client.quantities import moment_words

    return table(
        ["ID", "FROM", "SINCE", "LAST USED", "ENDS", "CURRENT"],
        [
            (
                one.id,
                one.address or "this machine",
                moment_words(one.created_at),
                moment_words(one.refreshed_at),
                moment_words(one.revoked_at if one.HasField("revoked_at") else one.ends_at),
                "yes" if one.current else "",
            )
            for one in sessions
        ],
    )
