"""Objects of any type, as far as tags and attributes have to know them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Id, one_of
from mulligan.meta.names import NameRow


class Known(NamedTuple):
    """An object that is there; `project` or else `region` says whose it is."""

    id: str
    object_type: str
    project: str | None
    region: str | None


class ObjectColumns:
    """Which object a row is about. None of this ever changes, so it is kept with the row."""

    object_id: Mapped[str] = mapped_column(Id, primary_key=True)
    object_type: Mapped[str] = mapped_column(String(32))
    project: Mapped[str | None] = mapped_column(Id)
    region: Mapped[str | None] = mapped_column(Id)


def columns_of(one: Known) -> dict[str, str | None]:
    """Give the values of ObjectColumns for an object."""
    return {
        "object_id": one.id,
        "object_type": one.object_type,
        "project": one.project,
        "region": one.region,
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """To which objects a list is narrowed; what is empty or None narrows nothing.

    Attributes:
        projects: only what is of these projects; None for a reader who sees everything.
        regions: besides, what is of no project in these regions.
        open_types: besides, what is of no project and of these types.
        hidden: regions of which, and in which, such things are not seen.
        account: besides, the account itself.
        object_type: only objects of this type.
        project: only what is of this project.
        region: only what lives in this region.
    """

    projects: Collection[str] | None = None
    regions: Collection[str] = ()
    open_types: Collection[str] = ()
    hidden: Collection[str] = ()
    account: str = ""
    object_type: str = ""
    project: str = ""
    region: str = ""

    def among(self, table: Any) -> list[ColumnElement[bool]]:
        """Give the conditions on a table with ObjectColumns."""
        conditions = []
        if self.projects is not None:
            is_open = and_(
                table.object_type.in_(self.open_types),
                or_(table.region.is_(None), table.region.not_in(self.hidden)),
                table.object_id.not_in(self.hidden),
            )
            nobodys = or_(table.region.in_(self.regions), is_open)
            seen = or_(
                table.project.in_(self.projects),
                and_(table.project.is_(None), nobodys),
                table.object_id == self.account,
            )
            conditions.append(seen)
        for column, value in (
            (table.object_type, self.object_type),
            (table.project, self.project),
            (table.region, self.region),
        ):
            if value:
                conditions.append(column == value)
        return conditions


def named(session: Session, object_ids: Collection[str]) -> list[Known]:
    """Read which of these are living objects with a name; a project is its own."""
    ids: Any = NameRow.__table__
    query = select(NameRow.id, NameRow.object_type, NameRow.project, NameRow.region).where(
        one_of(ids.c.id, "ids"), NameRow.released_at.is_(None)
    )
    found = session.execute(query, {"ids": list(object_ids)})
    return [_placed(Known._make(row)) for row in found]


def _placed(one: Known) -> Known:
    if one.object_type == "project":
        return one._replace(project=one.id)
    return one._replace(region=one.id) if one.object_type == "region" else one
