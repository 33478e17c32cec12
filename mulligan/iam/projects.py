"""Projects: the tenants, in a tree."""

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam.tables import Project
from mulligan.meta import names
from mulligan.values.caller import Caller
from mulligan.values.errors import NotFoundError


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
