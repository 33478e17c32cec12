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


def check(session: Session, token: str) -> str:
    """Compare a token with the installation's, which takes a while; gives the hash that it fits.

    Raises:
        FailedPreconditionError: the installation was bootstrapped before.
        UnauthenticatedError: it is another token.
    """
    row = _unspent(session.get(Bootstrap, 1))
    if not sign_ins.matches(row.token_hash, token):
        raise _refused()
    return row.token_hash


def bootstrap(session: Session, checked: str, name: str, password_hash: str) -> str:
    """Create the administrator and spend the token; gives the administrator's id.

    Args:
        session: a session.
        checked: what `check` gave for the token.
        name: the administrator's.
        password_hash: what `accounts.hash_password` made of the password.

    Raises:
        FailedPreconditionError: the installation was bootstrapped before.
        UnauthenticatedError: another token was made since.
    """
    row = _unspent(session.get(Bootstrap, 1, with_for_update=True))
    if row.token_hash != checked:
        raise _refused()
    row.used_at = datetime.now(UTC)
    account = accounts.create_account(session, name, password_hash)
    roles.assign_role(session, account.id, "admin")
    return account.id


def _unspent(row: Bootstrap | None) -> Bootstrap:
    if row is None or row.used_at is not None:
        raise FailedPreconditionError(
            "this installation was bootstrapped before, and its token is spent; sign in with "
            "`mulligan login`",
            code="ALREADY_BOOTSTRAPPED",
        )
    return row


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "this is not the bootstrap token of the installation; take the one printed at its latest "
        "start",
        code="BOOTSTRAP_TOKEN_REFUSED",
    )
