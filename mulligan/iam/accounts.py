"""Accounts, projects, regions, roles, and the one-time token that makes the first of them."""

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam import sign_ins, tokens
from mulligan.iam.tables import Account, Assignment, Bootstrap, Project, Region
from mulligan.meta import names
from mulligan.values.caller import ROLES, SYSTEM, Caller
from mulligan.values.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnauthenticatedError,
)

MIN_PASSWORD_LENGTH = 8


def prepare(session: Session, first_region: str | None = None) -> str | None:
    """Make the signing key and the bootstrap token of a new installation.

    Args:
        session: a session.
        first_region: the id that the first region gets, where an executor for it runs already.

    Returns:
        The token to print, or None when the installation was bootstrapped before. An unused token
        is replaced, so that a lost one does no harm.
    """
    tokens.ensure_key(session)
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
    account = create_account(session, name, password)
    assign_role(session, account.id, "admin")
    return account.id


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


def assign_role(
    session: Session, account: str, role: str, project: str = SYSTEM, *, author: str | None = None
) -> None:
    """Give an account a role on a project or on the system, in place of the one it has there."""
    if role not in ROLES:
        raise InvalidArgumentError(
            f"there is no role {role!r}; there are {', '.join(ROLES)}", field="role"
        )
    if not names.is_uuid(account) or session.get(Account, account) is None:
        raise NotFoundError(
            f"there is no account {account}", object_type="account", object_id=account
        )
    if project != SYSTEM:
        get_project(session, project)
    now = datetime.now(UTC)
    session.merge(Assignment(account=account, project=project, role=role, created_at=now))
    events.append(
        session,
        events.Event(
            "account",
            account,
            "role",
            project=project or None,
            author=author,
            message=f"is {role} of {'the system' if project == SYSTEM else 'the project'} now",
        ),
    )


def create_project(
    session: Session, name: str, parent: str = "", *, author: str | None = None
) -> Project:
    """Create a project, at the top or below another one."""
    if parent:
        get_project(session, parent)
    row = Project(id=str(uuid4()), parent=parent or None, created_at=datetime.now(UTC))
    session.add(row)
    names.give_name(session, "project", row.id, name)
    events.append(
        session, events.Event("project", row.id, "created", project=row.id, author=author)
    )
    return row


def get_project(session: Session, project: str) -> Project:
    """Find a project by id.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Project, project)
    if row is None:
        raise NotFoundError(
            f"there is no project {project}", object_type="project", object_id=project
        )
    return row


def project_chain(session: Session, project: str) -> list[str]:
    """A project and those above it, from itself upwards.

    Raises:
        NotFoundError: there is no such project.
    """
    chain = [get_project(session, project).id]
    while (parent := get_project(session, chain[-1]).parent) and parent not in chain:
        chain.append(parent)
    return chain


def require_projects(session: Session, projects: Collection[str]) -> None:
    """Refuse ids of projects that don't exist.

    Raises:
        NotFoundError: one doesn't.
    """
    known = session.scalars(select(Project.id).where(Project.id.in_(projects)))
    missing = set(projects) - set(known)
    if missing:
        raise NotFoundError(
            f"there is no project {min(missing)}; see `mulligan project list`",
            object_type="project",
            object_id=min(missing),
            field="project",
        )


def list_projects(session: Session, caller: Caller, after: str, limit: int) -> list[Project]:
    """List the projects in which the caller has a role, by id."""
    query = select(Project).where(Project.id > after) if after else select(Project)
    if caller.projects is not None:
        query = query.where(Project.id.in_(caller.projects))
    return list(session.scalars(query.order_by(Project.id).limit(limit)))


def create_region(
    session: Session, name: str, parent: str = "", *, author: str | None = None
) -> Region:
    """Create a region, at the top or below another one."""
    if parent and session.get(Region, parent) is None:
        raise NotFoundError(f"there is no region {parent}", object_type="region", object_id=parent)
    region = str(uuid4())
    if session.scalar(select(Region.id).limit(1)) is None:
        prepared = session.get(Bootstrap, 1)
        region = (prepared.first_region if prepared else None) or region
    row = Region(id=region, parent=parent or None, created_at=datetime.now(UTC))
    session.add(row)
    names.give_name(session, "region", row.id, name)
    events.append(session, events.Event("region", row.id, "created", region=row.id, author=author))
    return row


def get_region(session: Session, region: str) -> Region:
    """Find a region by id.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Region, region)
    if row is None:
        raise NotFoundError(
            f"there is no region {region}; see `mulligan region list`",
            object_type="region",
            object_id=region,
            field="region",
        )
    return row


def list_regions(session: Session, after: str, limit: int) -> list[Region]:
    """List regions by id."""
    query = select(Region).where(Region.id > after) if after else select(Region)
    return list(session.scalars(query.order_by(Region.id).limit(limit)))
