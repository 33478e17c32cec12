"""Names that objects are to have: what a reservation, a series or an operation will make.

Nobody has such a name yet, and several may wait for the same one.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Index, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id, one_of
from mulligan.meta.names import MAX_LENGTH, check_name


class PlannedName(Base):
    """The name for what one reservation, series or operation, its `id`, will make."""

    __tablename__ = "planned_names"
    __table_args__ = (Index(None, "object_type", "owner", "name"),)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    object_type: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(MAX_LENGTH))


_PLANNED: Any = PlannedName.__table__


def plan_name(session: Session, planner: str, object_type: str, owner: str, name: str) -> None:
    """Keep the name for what a reservation, a series or an operation will make.

    Raises:
        InvalidArgumentError: it can't be a name.
    """
    checked = check_name(object_type, name)
    session.merge(PlannedName(id=planner, object_type=object_type, owner=owner, name=checked))


def planned(session: Session, planners: Sequence[str]) -> dict[str, str]:
    """Read the names for what these will make; who makes nothing that has a name is absent."""
    rows = select(PlannedName.id, PlannedName.name).where(one_of(_PLANNED.c.id, "planners"))
    return {row.id: row.name for row in session.execute(rows, {"planners": planners})}


def planners(session: Session, object_type: str, owner: str, name: str) -> list[str]:
    """List what will make an object of this type, owner and name, or did."""
    rows = select(PlannedName.id).where(
        PlannedName.object_type == object_type,
        PlannedName.owner == owner,
        PlannedName.name == name,
    )
    return list(session.scalars(rows))


def forget_planned(session: Session, planners: Collection[str]) -> None:
    """Forget the names for what these would have made."""
    gone = delete(PlannedName).where(one_of(_PLANNED.c.id, "planners"))
    session.execute(gone, {"planners": list(planners)})
