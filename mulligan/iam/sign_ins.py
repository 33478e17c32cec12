"""Signing in: who fails often is slowed down, by account and by the address asked from.

An attempt counts before the password is looked at, so that many at once get no more tries than one
after the other: the free ones are enough for programs that sign in together. What is slowed is
refused without a look at the password.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from math import ceil
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mulligan.iam import grants
from mulligan.iam.tables import Account, ApplicationCredential, SignInTries
from mulligan.meta import names
from mulligan.values.errors import UnauthenticatedError

hasher = PasswordHasher()
"""argon2id with the parameters of RFC 9106's low-memory choice, argon2-cffi's default."""

FORGOTTEN = timedelta(hours=1)
"""After so long without a failure, the earlier ones don't count."""


@dataclass(frozen=True)
class Rule:
    """So many failures are free; each one more doubles the wait for the next try, up to a limit."""

    free: int
    longest: timedelta

    def wait(self, failures: int) -> timedelta:
        """How long after so many failures the next try has to wait."""
        over = failures - self.free
        if over <= 0:
            return timedelta(0)
        return min(self.longest, timedelta(seconds=2 ** min(over - 1, 30)))


RULES = {
    # An account from one address: nobody elsewhere waits for it.
    "both": Rule(20, timedelta(minutes=1)),
    # Any account from one address, which people behind a proxy share.
    "address": Rule(100, timedelta(minutes=1)),
    # An account from wherever: more than one address gets tries for. Its owner waits, too.
    "account": Rule(200, timedelta(seconds=5)),
}


@dataclass(frozen=True)
class Attempt:
    """An attempt that counts; `account` is empty where the name is nobody's."""

    name: str
    address: str
    account: str
    password_hash: str = field(repr=False)

    def fits(self, password: str) -> bool:
        """Compare the password; takes as long where there is no such account."""
        return matches(self.password_hash, password) and bool(self.account)

    @property
    def keys(self) -> dict[str, str]:
        """What the attempt counts for: digests, since anybody may send any name."""
        whose = self.account or self.name
        given = {"account": whose, "both": f"{self.address} {whose}"}
        kept = {kind: sha256(text.encode()).hexdigest() for kind, text in given.items()}
        return kept | _address_key(self.address)


def begin(session: Session, name: str, address: str, now: datetime) -> Attempt:
    """Count an attempt as a failure until it ends well.

    Args:
        session: a session that writes.
        name: the account's, as it was given.
        address: asked from; empty for this machine's socket file.
        now: the time.

    Raises:
        UnauthenticatedError: SIGN_IN_SLOWED, with `retry_after_s`.
    """
    found = names.resolve(session, "account", [name])
    account = session.get(Account, found[name].id) if name in found else None
    program = session.get(ApplicationCredential, account.id) if account else None
    password_hash = account.password_hash if account else _nobody()
    if program is not None:
        password_hash = program.secret_hash
    attempt = Attempt(name, address, account.id if account else "", password_hash)
    _count(session, attempt.keys, now)
    return attempt


def succeed(session: Session, attempt: Attempt, now: datetime) -> UnauthenticatedError | None:
    """Take the attempt's count back, also where the account must not sign in.

    Gives that refusal instead of raising it, so that the forgiving is committed: ACCOUNT_DISABLED,
    CREDENTIAL_OVER, or it is deleted or has another password meanwhile.
    """
    forgive(session, attempt, now)
    try:
        require_same_password(session, attempt)
        require_enabled(session, attempt.account)
        grants.refuse_over(session, attempt.account, now)
    except UnauthenticatedError as refusal:
        return refusal
    return None


def forgive(session: Session, attempt: Attempt, now: datetime) -> None:
    """Take the count of an attempt back whose password fitted."""
    for row in _tries(session, attempt.keys, now):
        row.failures = 0 if row.kind == "both" else max(0, row.failures - 1)
        row.free_at = now


def require_same_password(session: Session, attempt: Attempt) -> None:
    """Refuse an attempt whose password was changed since it was compared; nobody changes it now.

    Raises:
        UnauthenticatedError: it was changed, or the account is deleted.
    """
    row = session.get(Account, attempt.account, with_for_update=True, populate_existing=True)
    # A credential's secret stays as it is.
    if row is None or (row.type == "user" and row.password_hash != attempt.password_hash):
        raise refused()


def require_enabled(session: Session, account: str) -> None:
    """Refuse to sign in an account that must not: said only to who knows its password.

    Raises:
        UnauthenticatedError: ACCOUNT_DISABLED, or it is deleted.
    """
    row = session.get(Account, account)
    if row is None:
        raise refused()
    if row.disabled:
        raise UnauthenticatedError(
            "the account is disabled; ask an administrator to enable it", code="ACCOUNT_DISABLED"
        )


def refuse_slowed(session: Session, address: str, now: datetime) -> None:
    """Refuse who has to wait by its address; writes nothing.

    Raises:
        UnauthenticatedError: SIGN_IN_SLOWED, with `retry_after_s`.
    """
    keys = _address_key(address).items()
    rows = [session.get(SignInTries, (kind, key)) for kind, key in keys]
    _refuse_slowed([row for row in rows if row is not None], now)


def fail(session: Session, address: str, now: datetime) -> None:
    """Count a failure that is no account's: somebody came with a refresh token that never was.

    Raises:
        UnauthenticatedError: SIGN_IN_SLOWED, with `retry_after_s`.
    """
    _count(session, _address_key(address), now)


def refused() -> UnauthenticatedError:
    """Say that an attempt failed; of what, is not said."""
    return UnauthenticatedError(
        "account and password don't go together", code="LOGIN_REFUSED", field="password"
    )


def matches(password_hash: str, password: str) -> bool:
    """Compare a password with what is kept of it."""
    try:
        return hasher.verify(password_hash, password)
    except VerificationError:
        return False


def _address_key(address: str) -> dict[str, str]:
    """What a failure counts for by the address; for nothing on this machine's socket file."""
    return {"address": sha256(address.encode()).hexdigest()} if address else {}


def _count(session: Session, keys: Mapping[str, str], now: datetime) -> None:
    """Count a failure, unless the one who failed before has to wait."""
    session.execute(delete(SignInTries).where(SignInTries.last_at < now - FORGOTTEN))
    rows = _tries(session, keys, now)
    _refuse_slowed(rows, now)
    for row in rows:
        row.failures += 1
        row.last_at = now
        row.free_at = now + RULES[row.kind].wait(row.failures)


def _refuse_slowed(rows: Sequence[SignInTries], now: datetime) -> None:
    wait = max((_wait_of(row, now) for row in rows), default=timedelta(0))
    if wait:
        seconds = ceil(wait.total_seconds())
        raise UnauthenticatedError(
            f"too many sign-ins failed; wait {seconds} s, then try again",
            code="SIGN_IN_SLOWED",
            retry_after_s=str(seconds),
        )


def _wait_of(row: SignInTries, now: datetime) -> timedelta:
    """How long a row has a try wait; what a clock far ahead of this one wrote doesn't count."""
    wait = row.free_at - now
    return wait if timedelta(0) < wait <= RULES[row.kind].longest else timedelta(0)


def _tries(session: Session, keys: Mapping[str, str], now: datetime) -> list[SignInTries]:
    """The rows that an attempt counts in, locked in one order."""
    insert: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[
        session.get_bind().dialect.name
    ]
    fresh = {"failures": 0, "free_at": now, "last_at": now}
    for kind, key in sorted(keys.items()):
        row = {"kind": kind, "key": key, **fresh}
        session.execute(insert(SignInTries).values(row).on_conflict_do_nothing())
    mine = [
        select(SignInTries)
        .where(SignInTries.kind == kind, SignInTries.key == key)
        .with_for_update()
        for kind, key in sorted(keys.items())
    ]
    return [session.scalars(one).one() for one in mine]


@cache
def _nobody() -> str:
    """A hash to compare with when there is no account, so that this takes as long."""
    return hasher.hash("nobody has this password")
