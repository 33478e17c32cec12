"""mulligan logout: the session ends, here and at the server."""

import click

from mulligan_client.commands.options import pass_session
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.session import Session
from mulligan_client.tokens import Tokens

_OVER = ("SESSION_REVOKED", "SESSION_EXPIRED", "REFRESH_TOKEN_UNKNOWN", "TOKEN_EXPIRED")


@click.command()
@pass_session
def logout(session: Session) -> None:
    """End your session at the server, and forget its tokens and sites here.

    Who has the access token can use it until it ends, which takes minutes.
    """
    from mulligan_client.errors import MulliganCallError

    client = session.client
    try:
        client.iam.SignOut(iam_pb2.SignOutRequest())
    except MulliganCallError as error:
        if error.code not in _OVER:
            session.remark(
                f"The session goes on at the server ({error}); end it there: mulligan session "
                "revoke."
            )
    if session.is_stored:
        with session.store.locked():
            stored = session.store.read()
            session.store.write(stored.with_tokens(Tokens()))
            session.store.catalogue.unlink(missing_ok=True)
    session.remark(f"Logged out at {session.login.address}.")
