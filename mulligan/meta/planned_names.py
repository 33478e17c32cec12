"""Names that objects are to have: what a reservation, a series or an operation will make.

Nobody has such a name yet, and several may wait for the same one. What is asked for is kept as a
document; its name is taken out of that and kept here.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Index, String, delete, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id, one_of
from mulligan.meta.names import MAX_LENGTH, check_name

NAMES_AT = (
    ("name",),
    ("enrol_server", "name"),
    ("enrol_host", "name"),
    ("machine", "name"),
    ("wish", "machine", "name"),
)
"""Where in what was asked for the name of the object stands that is to be made; it has one."""


_WANTED = text("released_at IS NULL")


class PlannedName(Base):
    """The name for what one reservation, series or operation, its `id`, will make, or would have.

    It is kept, to be shown, when these have ended; then it is `released_at` and stands in no way.
    """

    __tablename__ = "planned_names"
    __table_args__ = (
        Index(
            "ix_planned_names_wanted",
            *("object_type", "owner", "name"),
            sqlite_where=_WANTED,
            postgresql_where=_WANTED,
        ),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    object_type: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(36))
    name: Mapped[str] = mapped_column(String(MAX_LENGTH))
    released_at: Mapped[datetime | None]


_PLANNED: Any = PlannedName.__table__


def without_name(
    session: Session, planner: str, object_type: str, owner: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Give what a planner was asked for without the name in it, which is kept here.

    Raises:
        InvalidArgumentError: it can't be a name.
    """
    path, name = _name_in(document)
    if not name:
        return dict(document)
    checked = check_name(object_type, name)
    row = PlannedName(id=planner, object_type=object_type, owner=owner, name=checked)
    session.add(row)
    return _put(document, path, "")


def with_name(session: Session, planner: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a planner was asked for with the name in it again."""
    path, name = _name_in(document)
    if not path or name:  # that of an earlier release stands in it
        return dict(document)
    return _put(document, path, planned(session, [planner]).get(planner, ""))


def _name_in(document: Mapping[str, Any]) -> tuple[Sequence[str], str]:
    """Find where the name stands, and which it is; an empty path where none can."""
    for path in NAMES_AT:
        found: Any = document
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(found, str):
            return path, found
    return (), ""


def _put(document: Mapping[str, Any], path: Sequence[str], name: str) -> dict[str, Any]:
    key, *rest = path
    return {**document, key: _put(document[key], rest, name) if rest else name}


def planned(session: Session, planners: Sequence[str]) -> dict[str, str]:
    """Read the names for what these will make; who makes nothing that has a name is absent."""
    rows = select(PlannedName.id, PlannedName.name).where(one_of(_PLANNED.c.id, "planners"))
    return {row.id: row.name for row in session.execute(rows, {"planners": planners})}


def planners(session: Session, object_type: str, owner: str, name: str) -> list[str]:
    """List what will make an object of this type, owner and name, or did and has not ended."""
    rows = select(PlannedName.id).where(
        PlannedName.object_type == object_type,
        PlannedName.owner == owner,
        PlannedName.name == name,
        PlannedName.released_at.is_(None),
    )
    return list(session.scalars(rows))


def release_planned(session: Session, planner: str) -> None:
    """Free the name for what a reservation, series or operation was to make, which has ended."""
    ended = update(PlannedName).where(PlannedName.id == planner)
    session.execute(ended.values(released_at=datetime.now(UTC)))


def forget_planned(session: Session, planners: Collection[str]) -> None:
    """Forget the names for what these would have made."""
    gone = delete(PlannedName).where(one_of(_PLANNED.c.id, "planners"))
    session.execute(gone, {"planners": list(planners)})
