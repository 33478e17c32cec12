"""Sessions: one for each sign-in, with a family of refresh tokens of which only the last is good.

A refresh token is spent by the refresh that it pays for. Whoever sends a spent one has it from
somebody else, or somebody else has it from them: the whole session is revoked, whichever it was.
Only the same request once more, whose answer may have been lost, gets the same answer.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam import keys, tokens
from mulligan.iam.tables import Account, RefreshToken, SignInSession
from mulligan.values.caller import Caller
from mulligan.values.errors import NotFoundError, UnauthenticatedError

IDLE = timedelta(days=7)
"""A session that is not refreshed for so long ends."""

LONGEST = timedelta(days=30)
"""A session ends so long after its sign-in, however often it is refreshed."""

REUSED = "a refresh token was used a second time, so that somebody else may have it"


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in or a refresh gives."""

    account: str
    session: str
    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str = field(repr=False)
    session_ends_at: datetime


def start(session: Session, account: str, address: str, now: datetime) -> SignedIn:
    """Begin a session of an account that has proved who it is.

    Args:
        session: a session of the database that writes.
        account: its id.
        address: where the sign-in came from; empty for this machine's socket file.
        now: the time.
    """
    _forget(session, now)
    refresh_token = _text(secrets.token_bytes(32))
    row = SignInSession(
        id=str(uuid4()),
        account=account,
        address=address,
        secret=secrets.token_bytes(32),
        created_at=now,
        refreshed_at=now,
    )
    session.add_all((row, RefreshToken(digest=_digest(refresh_token), session=row.id)))
    events.append(session, _event(row, "created", author=account, message=f"from {address}"))
    return _signed_in(session, row, refresh_token, now)


def is_known(session: Session, refresh_token: str) -> bool:
    """Say whether a refresh token was ever given, as far back as is remembered."""
    return session.get(RefreshToken, _digest(refresh_token)) is not None


def refresh(
    session: Session, refresh_token: str, request_id: str, now: datetime
) -> SignedIn | UnauthenticatedError | None:
    """Exchange a refresh token for the next one and an access token with the roles as of now.

    Gives the refusal instead of raising it, so that the revocation which goes with it is committed:
    SESSION_REVOKED or SESSION_EXPIRED. None: nobody ever had such a token.
    """
    digest = _digest(refresh_token)
    found = session.get(RefreshToken, digest)
    # The lock: of several that come with the same token at once one spends it, and the others see.
    row = session.get(SignInSession, found.session, with_for_update=True) if found else None
    found = session.get(RefreshToken, digest, populate_existing=True)
    if found is None or row is None:
        return None
    if refusal := _ended(session, row, now):
        return refusal
    following = _following(row, refresh_token, request_id)
    if found.spent_at is None:
        found.spent_at = row.refreshed_at = now
        session.add(RefreshToken(digest=_digest(following), session=row.id))
    else:
        given = session.get(RefreshToken, _digest(following))
        if given is None or given.spent_at is not None:
            _revoke(session, row, REUSED, now)
            return _ended(session, row, now)
    return _signed_in(session, row, following, now)


def revoke(
    session: Session, identity: str, caller: Caller, reason: str, now: datetime
) -> SignInSession:
    """Revoke a session of the caller, or anybody's for an admin of the system.

    Raises:
        NotFoundError: there is no such session, or it is not the caller's to revoke.
    """
    row = session.get(SignInSession, identity, with_for_update=True)
    if row is None or not (row.account == caller.account or caller.has("admin")):
        raise NotFoundError(
            f"there is no session {identity}; see `mulligan session list`",
            object_type="session",
            object_id=identity,
        )
    if row.revoked_at is None:
        _revoke(session, row, reason, now, author=caller.account)
    return row


def revoke_all(
    session: Session, account: str, reason: str, author: str | None = None, *, spared: str = ""
) -> None:
    """Revoke the sessions of an account but for one, as it has a new password or may not go on."""
    now = datetime.now(UTC)
    live = select(SignInSession).where(*_live(account, now))
    for row in session.scalars(live.order_by(SignInSession.id).with_for_update()):
        if row.id != spared:
            _revoke(session, row, reason, now, author=author)


def list_live(
    session: Session, account: str, after: str, limit: int, now: datetime
) -> list[SignInSession]:
    """List the sessions of an account that can be refreshed, by id."""
    query = select(SignInSession).where(*_live(account, now))
    if after:
        query = query.where(SignInSession.id > after)
    return list(session.scalars(query.order_by(SignInSession.id).limit(limit)))


def _live(account: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        SignInSession.account == account,
        SignInSession.revoked_at.is_(None),
        SignInSession.created_at > now - LONGEST,
        SignInSession.refreshed_at > now - IDLE,
    )


def ends_at(row: SignInSession) -> datetime:
    """Say when a session ends if it is not refreshed any more."""
    return min(row.refreshed_at + IDLE, row.created_at + LONGEST)


def _ended(session: Session, row: SignInSession, now: datetime) -> UnauthenticatedError | None:
    """Say why a session can't go on, if it can't."""
    if row.revoked_at is not None:
        return _refusal("SESSION_REVOKED", row.reason)
    if now >= ends_at(row):
        return _refusal("SESSION_EXPIRED", "the session has come to its end")
    account = session.get(Account, row.account)
    if account is None or account.disabled:
        return _refusal("SESSION_REVOKED", "the account is disabled or deleted")
    return None


def _refusal(code: str, why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        f"signed out: {why}; sign in again with `mulligan login`", code=code, field="refresh_token"
    )


def _revoke(
    session: Session, row: SignInSession, reason: str, now: datetime, *, author: str | None = None
) -> None:
    row.revoked_at, row.reason = now, reason
    events.append(session, _event(row, "revoked", author=author, message=reason))


def _signed_in(session: Session, row: SignInSession, refresh_token: str, now: datetime) -> SignedIn:
    keys.retire(session, now)
    token, expires_at = tokens.issue(session, row.account, row.id, now=now)
    return SignedIn(row.account, row.id, token, expires_at, refresh_token, ends_at(row))


def _forget(session: Session, now: datetime) -> None:
    """Forget sessions that could have ended long ago, and what was given in them."""
    old = select(SignInSession.id).where(SignInSession.created_at < now - LONGEST)
    session.execute(delete(RefreshToken).where(RefreshToken.session.in_(old)))
    session.execute(delete(SignInSession).where(SignInSession.created_at < now - LONGEST))


def _digest(refresh_token: str) -> str:
    """What is kept of a refresh token.

    SHA-256 and not argon2id, which makes guessing slow: nobody guesses 256 random bits.
    """
    return sha256(refresh_token.encode()).hexdigest()


def _following(row: SignInSession, refresh_token: str, request_id: str) -> str:
    """Make the token that follows, the same for the same request (HMAC, RFC 2104).

    It takes both: the session's secret, which whoever heard the request does not have, and the
    token, which whoever reads the database does not have.
    """
    given = f"{refresh_token} {request_id}".encode()
    return _text(hmac.digest(row.secret, given, "sha256"))


def _text(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()


def _event(row: SignInSession, kind: str, *, author: str | None, message: str) -> events.Event:
    return events.Event("session", row.id, kind, author=author, message=message)
