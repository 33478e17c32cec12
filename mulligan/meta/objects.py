"""Objects of any type, as far as tags and attributes have to know them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, and_, or_
from sqlalchemy.orm import Mapped, mapped_column

from mulligan.database import Id, one_of

OBJECT_TYPES = frozenset(
    (
        *("account", "claim", "group", "host", "image", "machine", "network", "operation"),
        *("project", "provider", "region", "reservation", "series", "server"),
    )
)
"""What can have tags and attributes."""


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
        """Give the conditions on the columns of a table; `listed` are their parameters."""
        conditions = []
        if self.projects is not None:
            is_open = and_(
                table.object_type.in_(self.open_types),
                or_(table.region.is_(None), ~one_of(table.region, "hidden")),
                ~one_of(table.object_id, "hidden"),
            )
            nobodys = or_(one_of(table.region, "regions"), is_open)
            seen = or_(
                one_of(table.project, "projects"),
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

    @property
    def listed(self) -> dict[str, list[str]]:
        """Give the parameters of the conditions."""
        return {
            "projects": list(self.projects or ()),
            "regions": list(self.regions),
            "hidden": list(self.hidden),
        }
