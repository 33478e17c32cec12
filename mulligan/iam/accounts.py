"""Accounts: who signs in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mulligan.iam import objects, roles, sessions, sign_ins
from mulligan.iam.tables import Account, ApplicationCredential
from mulligan.meta import names
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError
from mulligan.values.listing import Listed, Listing

MIN_PASSWORD_LENGTH = 8


def hash_password(password: str) -> str:
    """Make what is kept of a password; takes a while.

    Raises:
        InvalidArgumentError: it is too short.
    """
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidArgumentError(
            f"the password needs at least {MIN_PASSWORD_LENGTH} characters", field="password"
        )
    return sign_ins.hasher.hash(password)


def create_account(
    session: Session, name: str, password_hash: str, *, author: str | None = None
) -> Account:
    """Create a user; `hash_password` makes the hash, before a transaction that others wait for.

    Raises:
        InvalidArgumentError: the name can't be used.
        AlreadyExistsError: another account has the name.
    """
    row = Account(id=str(uuid4()), password_hash=password_hash, created_at=datetime.now(UTC))
    session.add(row)
    names.give_name(session, "account", row.id, name)
    objects.tell(session, row, "created", "", author)
    return row


def get_account(session: Session, account: str) -> Account:
    """Find an account by id.

    Raises:
        NotFoundError: there is none.
    """
    return objects.get(session, Account, account)


def get_accounts(session: Session, ids: Sequence[str]) -> list[Account]:
    """Find accounts by id, in the order of the ids.

    Raises:
        NotFoundError: one is not there.
    """
    return objects.get_all(session, Account, ids)


def list_accounts(session: Session, listing: Listing) -> Listed[Account]:
    """Read a page of accounts."""
    return objects.page(session, Account, select(Account), listing, whole=True)


def update_account(
    session: Session,
    account: str,
    *,
    name: str | None = None,
    password_hash: str | None = None,
    disabled: bool | None = None,
    generation: int = 0,
    author: str | None = None,
    spared: str = "",
) -> Account:
    """Change what is not None; what changes nothing is no change.

    A new password and being disabled end all its sessions, but for the one to be spared.

    Raises:
        NotFoundError: there is no such account.
        StaleError: it is not at that generation any more (0: whatever it is at).
        FailedPreconditionError: OWN_ACCOUNT or LAST_ADMIN: it must not be disabled; or
            APPLICATION_CREDENTIAL: it has a secret instead of a password.
    """
    row = objects.lock(session, Account, account, read_at=generation)
    said = [] if name is None else [objects.rename(session, row, name)]
    if password_hash is not None:
        _refuse_program(row)
        row.password_hash = password_hash
        sessions.revoke_all(session, row.id, "the password was changed", author, spared=spared)
        said.append("has a new password")
    if disabled is not None and disabled != row.disabled:
        if disabled:
            _refuse_own(row, author, "disabled")
            roles.refuse_last_admin(session, row.id)
            sessions.revoke_all(session, row.id, "the account was disabled", author)
        row.disabled = disabled
        said.append("is disabled" if disabled else "may sign in again")
    if words := ", ".join(filter(None, said)):
        row.generation += 1
        objects.tell(session, row, "updated", words, author)
    return row


def delete_account(session: Session, account: str, *, author: str | None = None) -> None:
    """Delete an account with its roles and the application credentials that it made.

    Its name is free, and known where it was an author.

    Raises:
        NotFoundError: there is no such account.
        FailedPreconditionError: OWN_ACCOUNT or LAST_ADMIN.
    """
    row = objects.lock(session, Account, account)
    _refuse_own(row, author, "deleted")
    made = select(ApplicationCredential.account).where(ApplicationCredential.creator == row.id)
    for program in session.scalars(made.order_by(ApplicationCredential.account)).all():
        delete_account(session, program, author=author)
    session.execute(delete(ApplicationCredential).where(ApplicationCredential.account == row.id))
    roles.revoke_all_of(session, row.id)
    sessions.revoke_all(session, row.id, "the account was deleted", author)
    names.release_name(session, row.id)
    objects.tell(session, row, "deleted", "", author)
    session.delete(row)


def _refuse_program(row: Account) -> None:
    if row.type == "application":
        raise FailedPreconditionError(
            f"account {row.id} is an application credential, whose secret stays as it is; make "
            "another one with `mulligan app-credential create`",
            code="APPLICATION_CREDENTIAL",
            object_type="account",
            object_id=row.id,
        )


def _refuse_own(row: Account, author: str | None, what: str) -> None:
    if row.id == author:
        raise FailedPreconditionError(
            f"account {row.id} is your own, and can't be {what} by you; ask another administrator",
            code="OWN_ACCOUNT",
            object_type="account",
            object_id=row.id,
        )
