"""Which projects are above and below others; those that were deleted are there, too."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mulligan.iam.tables import Project


def chain_of(session: Session, project: str) -> list[str]:
    """Read a project and those above it; one that isn't there is alone. Index: projects (id)."""
    start = select(Project.id, Project.parent).where(Project.id == project)
    chain = start.cte("chain", recursive=True)
    above = select(Project.id, Project.parent).join(chain, Project.id == chain.c.parent)
    return list({project, *session.scalars(select(chain.union(above).c.id))})


def select_below(project: str) -> Select[tuple[str]]:
    """Select a project, if there is such a one, and all below it. Index: projects (parent)."""
    below = select(Project.id).where(Project.id == project).cte("below", recursive=True)
    children = select(Project.id).join(below, Project.parent == below.c.id)
    return select(below.union(children).c.id)
