"""Accounts: who signs in."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam import sign_ins
from mulligan.iam.tables import Account
from mulligan.meta import names
from mulligan.values.errors import InvalidArgumentError

MIN_PASSWORD_LENGTH = 8


def create_account(
    session: Session, name: str, password: str, *, author: str | None = None
) -> Account:
    """Create a user.

    Raises:
        InvalidArgumentError: the password is too short, or the name can't be used.
    """
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidArgumentError(
            f"the password needs at least {MIN_PASSWORD_LENGTH} characters", field="password"
        )
    row = Account(
        id=str(uuid4()), password_hash=sign_ins.hasher.hash(password), created_at=datetime.now(UTC)
    )
    session.add(row)
    names.give_name(session, "account", row.id, name)
    events.append(session, events.Event("account", row.id, "created", author=author))
    return row
