"""Projects: the tenants, in a tree. No project ever moves."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mulligan.iam import objects, roles
from mulligan.iam.tables import Project
from mulligan.meta import names
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import FailedPreconditionError
from mulligan.values.listing import Listed, Listing


def create_project(
    session: Session, name: str, parent: str = "", *, author: str | None = None
) -> Project:
    """Create a project, at the top or below another one.

    Raises:
        NotFoundError: there is no such parent.
        AlreadyExistsError: another project has the name.
    """
    above = objects.keep(session, Project, parent).id if parent else None
    row = Project(id=str(uuid4()), parent=above, created_at=datetime.now(UTC))
    session.add(row)
    names.give_name(session, "project", row.id, name)
    objects.tell(session, row, "created", "", author)
    return row


def get_project(session: Session, project: str) -> Project:
    """Find a project by id.

    Raises:
        NotFoundError: there is none, or it is deleted.
    """
    return objects.get(session, Project, project)


def get_projects(session: Session, caller: Caller, ids: Sequence[str]) -> list[Project]:
    """Find projects by id, in the order of the ids.

    Raises:
        NotFoundError: one is not there, or the caller may not see it.
    """
    for one in ids:
        if not caller.has("reader", one):
            raise objects.not_there("project", one)
    return objects.get_all(session, Project, ids)


def list_projects(
    session: Session,
    caller: Caller,
    *,
    parent: str = "",
    below: str = "",
    listing: Listing,
) -> Listed[Project]:
    """Read a page of the projects in which the caller has a role.

    Args:
        session: a session.
        caller: who asks.
        parent: only those right below this one.
        below: only those below this one, however deep.
        listing: in which order, and which page.
    """
    query = select(Project)
    sees_all = caller.has("reader")
    if not sees_all:
        held = [place for place in caller.roles if place != SYSTEM]
        query = query.where(Project.id.in_(_below(held, themselves=True)))
    if parent:
        query = query.where(Project.parent == parent)
    if below:
        query = query.where(Project.id.in_(_below([below], themselves=False)))
    whole = sees_all and not parent and not below
    return objects.page(session, Project, query, listing, whole=whole)


def update_project(
    session: Session, project: str, *, name: str, generation: int = 0, author: str | None = None
) -> Project:
    """Give a project another name; what changes nothing is no change.

    Raises:
        NotFoundError: there is no such project.
        StaleError: it is not at that generation any more (0: whatever it is at).
    """
    row = objects.lock(session, Project, project, read_at=generation)
    words = objects.rename(session, row, name)
    if words:
        row.generation += 1
        objects.tell(session, row, "updated", words, author)
    return row


def delete_project(session: Session, project: str, *, author: str | None = None) -> Project:
    """Delete a project with the roles on it; its row stays, so that its id never comes back.

    What it has at sites stays until an operator ends it; nothing new can be asked in it.

    Raises:
        NotFoundError: there is no such project.
        FailedPreconditionError: HAS_PROJECTS_BELOW.
    """
    row = objects.lock(session, Project, project)
    child = select(Project.id).where(Project.parent == row.id, objects.living(Project))
    below = session.scalar(child.limit(1))
    if below is not None:
        raise FailedPreconditionError(
            f"project {row.id} has others below it, such as {below}; delete them first",
            code="HAS_PROJECTS_BELOW",
            object_type="project",
            object_id=row.id,
        )
    roles.revoke_all_on(session, project=row.id, author=author)
    row.deleted_at = datetime.now(UTC)
    row.generation += 1
    names.release_name(session, row.id)
    objects.tell(session, row, "deleted", "", author)
    return row


def _below(projects: Collection[str], *, themselves: bool) -> Select[tuple[str]]:
    """The ids of what is below projects. Index: projects (parent)."""
    first, name = (Project.id, "held") if themselves else (Project.parent, "below")
    start = select(Project.id).where(first.in_(projects)).cte(name, recursive=True)
    children = select(Project.id).join(start, Project.parent == start.c.id)
    return select(start.union(children).c.id)
