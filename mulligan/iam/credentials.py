"""Application credentials: accounts for programs, each with less than its creator may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.batches import each
from mulligan.iam import accounts, objects, roles, sign_ins
from mulligan.iam.roles import Held
from mulligan.iam.tables import Account, ApplicationCredential, Assignment, Region
from mulligan.meta import names
from mulligan.values.caller import ROLES, SYSTEM, Caller
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from mulligan.values.listing import Listed, Listing

MIN_SECRET_LENGTH = 32
NO_PASSWORD = f"$argon2id$v=19$m=65536,t=3,p=4${'A' * 22}${'A' * 43}"
"""A hash that no password has, for the release before: it knows no limits of accounts."""

MOST_ROLES = 32
MOST_METHODS = 32
"""A token that says more grows too long to be sent with each call."""


@dataclass(frozen=True)
class Limits:
    """What is asked for: roles (their `account` empty), and what narrows them."""

    roles: Sequence[Held]
    expires_at: datetime | None = None
    methods: Sequence[str] = ()
    region: str = ""


@dataclass(frozen=True)
class Change:
    """What a credential has instead, roles with `account` empty; what is None stays as it is."""

    name: str | None = None
    roles: Sequence[Held] | None = None
    expires_at: datetime | None = None
    methods: Sequence[str] | None = None


def hash_secret(secret: str) -> str:
    """Make what is kept of a secret; takes a while.

    Raises:
        InvalidArgumentError: it is too short to be random.
    """
    if len(secret) < MIN_SECRET_LENGTH:
        raise InvalidArgumentError(
            f"the secret needs at least {MIN_SECRET_LENGTH} random characters", field="secret"
        )
    return sign_ins.hasher.hash(secret)


def create(
    session: Session, caller: Caller, name: str, secret_hash: str, limits: Limits
) -> Account:
    """Create an account for a program of the caller's.

    Raises:
        InvalidArgumentError: the name or a limit can't be used.
        PermissionDeniedError: the caller has not such a role itself.
        NotFoundError: there is no such project or region.
    """
    _check(caller, limits)
    if limits.region and not caller.sees(limits.region):
        raise objects.not_there("region", limits.region)
    now = datetime.now(UTC)
    creator = objects.keep(session, Account, caller.account)
    row = Account(id=str(uuid4()), type="application", password_hash=NO_PASSWORD, created_at=now)
    session.add(row)
    session.add(
        ApplicationCredential(
            account=row.id,
            creator=creator.id,
            secret_hash=secret_hash,
            expires_at=limits.expires_at,
            methods=sorted(set(limits.methods)),
            region=objects.keep(session, Region, limits.region).id if limits.region else None,
        )
    )
    names.give_name(session, "account", row.id, name)
    objects.tell(session, row, "created", "an application credential", caller.account)
    session.flush()
    for one in limits.roles:
        roles.assign_role(session, row.id, one.role, one.project, one.region, author=caller.account)
    return row


def get(session: Session, caller: Caller, identity: str) -> tuple[Account, ApplicationCredential]:
    """Find a credential of the caller, or anybody's for admins of the system.

    Raises:
        NotFoundError: there is none, or it is another account's.
    """
    row, limits = session.get(Account, identity), session.get(ApplicationCredential, identity)
    if not row or not limits or not (limits.creator == caller.account or caller.has("admin")):
        raise NotFoundError(
            f"there is no application credential {identity}; see `mulligan app-credential list`",
            object_type="account",
            object_id=identity,
        )
    return row, limits


def get_all(
    session: Session, caller: Caller, ids: Sequence[str]
) -> list[tuple[Account, ApplicationCredential]]:
    """Find credentials, in the order of their ids; as `get` does one."""
    its = select(ApplicationCredential).where(ApplicationCredential.account.in_(ids))
    held = session.scalars(its).all()
    found = each(session, Account, ids, lambda one: get(session, caller, one))
    del held  # As in `each`.
    return found


def list_page(
    session: Session, creator: str, listing: Listing
) -> Listed[tuple[Account, ApplicationCredential]]:
    """Read a page of the credentials that an account made, without those deleted meanwhile."""
    its = select(ApplicationCredential.account).where(ApplicationCredential.creator == creator)
    page = objects.page(session, Account, select(Account).where(Account.id.in_(its)), listing)
    rows = select(ApplicationCredential).where(
        ApplicationCredential.account.in_([row.id for row in page.items])
    )
    limits = {row.account: row for row in session.scalars(rows)}
    left = [place for row, place in zip(page.items, page.places, strict=True) if row.id in limits]
    shown = [(row, limits[row.id]) for row in page.items if row.id in limits]
    return Listed(shown, [*left, *page.places[-1:]], page.more)


def roles_given(session: Session, identities: Sequence[str]) -> list[Held]:
    """Read which roles credentials were given: they have no more than those."""
    rows = session.scalars(
        select(Assignment)
        .where(Assignment.account.in_(identities))
        .order_by(Assignment.account, Assignment.place)
    )
    return roles.as_held(session, list(rows))


def update(
    session: Session, caller: Caller, identity: str, change: Change, *, generation: int = 0
) -> tuple[Account, ApplicationCredential]:
    """Rename a credential, or give it less: never more than it has.

    Raises:
        NotFoundError: there is none, or it is another account's.
        StaleError: it is not at that generation any more (0: whatever it is at).
        InvalidArgumentError: a limit can't be used.
        FailedPreconditionError: CREDENTIAL_WIDENED: it would get more.
    """
    get(session, caller, identity)
    row = objects.lock(session, Account, identity, read_at=generation)
    limits = session.get_one(ApplicationCredential, row.id, populate_existing=True)
    said = [] if change.name is None else [objects.rename(session, row, change.name)]
    if change.expires_at is not None:
        said.append(_end_sooner(limits, change.expires_at))
    if change.methods is not None:
        said.append(_leave_methods(limits, change.methods))
    if change.roles is not None:
        said.append(_leave_roles(session, limits, change.roles, caller.account))
    if words := ", ".join(filter(None, said)):
        row.generation += 1
        objects.tell(session, row, "updated", words, caller.account)
    return row, limits


def delete(session: Session, caller: Caller, identity: str) -> None:
    """Delete a credential: its sessions are revoked, its tokens live to their end.

    Raises:
        NotFoundError: there is none, or it is another account's.
    """
    row, _ = get(session, caller, identity)
    accounts.delete_account(session, row.id, author=caller.account)


def _end_sooner(limits: ApplicationCredential, end: datetime) -> str:
    _refuse_past(end)
    if limits.expires_at is not None and end > limits.expires_at:
        raise _widened(limits, "expires_at", f"ends {limits.expires_at:%Y-%m-%d %H:%M} UTC already")
    if end == limits.expires_at:
        return ""
    limits.expires_at = end
    return f"ends {end:%Y-%m-%d %H:%M} UTC"


def _leave_methods(limits: ApplicationCredential, methods: Sequence[str]) -> str:
    if not methods:
        raise InvalidArgumentError("name a method at least that it may call", field="methods")
    _refuse_too_many(methods)
    left = sorted(set(methods))
    if limits.methods and (more := set(left) - set(limits.methods)):
        raise _widened(limits, "methods", f"may not call {', '.join(sorted(more))}")
    if left == limits.methods:
        return ""
    limits.methods = left
    return f"may call {', '.join(left)} only"


def _leave_roles(
    session: Session, limits: ApplicationCredential, kept: Sequence[Held], author: str
) -> str:
    """Take all roles away but those, each of which it has."""
    if not kept:
        raise InvalidArgumentError("leave it a role at least, or delete it", field="roles")
    held = roles_given(session, [limits.account])
    left = {(one.place, one.role) for one in kept}
    for one in kept:
        roles.refuse_two_places(one.project, one.region)
    if left - {(one.place, one.role) for one in held}:
        raise _widened(limits, "roles", f"has no roles but {', '.join(map(str, held))}")
    taken = [one for one in held if (one.place, one.role) not in left]
    for one in taken:
        roles.revoke_role(session, limits.account, one.project, one.region, author=author)
    return f"has {len(taken)} roles less" if taken else ""


def _widened(limits: ApplicationCredential, field: str, why: str) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"application credential {limits.account} {why}, and this gives it no more than it has; "
        "make another one with `mulligan app-credential create`",
        code="CREDENTIAL_WIDENED",
        field=field,
        object_type="account",
        object_id=limits.account,
    )


def _refuse_past(end: datetime) -> None:
    if end <= datetime.now(UTC):
        raise InvalidArgumentError("its end has passed already", field="expires_at")


def _refuse_too_many(methods: Sequence[str]) -> None:
    if len(methods) > MOST_METHODS:
        raise InvalidArgumentError(f"name {MOST_METHODS} methods at most", field="methods")


def _check(caller: Caller, limits: Limits) -> None:
    if not 1 <= len(limits.roles) <= MOST_ROLES:
        raise InvalidArgumentError(f"give 1 to {MOST_ROLES} roles", field="roles")
    _refuse_too_many(limits.methods)
    if limits.expires_at is not None:
        _refuse_past(limits.expires_at)
    for one in limits.roles:
        if one.role not in ROLES:
            raise InvalidArgumentError(f"give roles of {', '.join(ROLES)}", field="roles")
        roles.refuse_two_places(one.project, one.region)
        has = (
            caller.has_in(one.role, one.region)
            if one.region
            else caller.has(one.role, one.project or SYSTEM)
        )
        if not has:
            raise PermissionDeniedError(
                f"you are not {one} yourself, and can't give it to a program; see `mulligan role "
                "list`"
            )
