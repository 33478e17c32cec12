"""Roles: who may do what, and where."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam import projects
from mulligan.iam.tables import Account, Assignment
from mulligan.meta import names
from mulligan.values.caller import ROLES, SYSTEM
from mulligan.values.errors import InvalidArgumentError, NotFoundError


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
        projects.get_project(session, project)
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
