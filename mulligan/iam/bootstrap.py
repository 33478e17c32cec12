"""The one-time token of a new installation, and the administrator whom it makes."""

import secrets
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from mulligan.iam import accounts, keys, roles, sign_ins
from mulligan.iam.tables import Bootstrap
from mulligan.values.errors import FailedPreconditionError, UnauthenticatedError


def prepare(session: Session, first_region: str | None = None) -> str | None:
    """Make the signing key and the bootstrap token of a new installation.

    Args:
        session: a session.
        first_region: the id that the first region gets, where an executor for it runs already.

    Returns:
        The token to print, or None when the installation was bootstrapped before. An unused token
        is replaced, so that a lost one does no harm.
    """
    keys.ensure_key(session, datetime.now(UTC))
    row = session.get(Bootstrap, 1)
    if row is not None and row.used_at is not None:
        return None
    token = secrets.token_urlsafe(24)
    session.merge(
        Bootstrap(
            id=1, token_hash=sign_ins.hasher.hash(token), used_at=None, first_region=first_region
        )
    )
    return token


def bootstrap(session: Session, token: str, name: str, password: str) -> str:
    """Create the administrator and spend the token.

    Raises:
        FailedPreconditionError: the installation was bootstrapped before.
        UnauthenticatedError: it is another token.
    """
    row = session.get(Bootstrap, 1, with_for_update=True)
    if row is None or row.used_at is not None:
        raise FailedPreconditionError(
            "this installation was bootstrapped before, and its token is spent; sign in with "
            "`mulligan login`",
            code="ALREADY_BOOTSTRAPPED",
        )
    if not sign_ins.matches(row.token_hash, token):
        raise UnauthenticatedError(
            "this is not the bootstrap token of the installation; take the one printed at its "
            "latest start",
            code="BOOTSTRAP_TOKEN_REFUSED",
        )
    row.used_at = datetime.now(UTC)
    account = accounts.create_account(session, name, password)
    roles.assign_role(session, account.id, "admin")
    return account.id
