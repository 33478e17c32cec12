"""Values of attributes: one JSON document an attribute and object."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Index, String, Text, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan import events
from mulligan.database import Base, one_of
from mulligan.meta.objects import Known, ObjectColumns, Wanted, columns_of
from mulligan.values.errors import FailedPreconditionError
from mulligan.values.ids import digest

MOST_ATTRIBUTES = 64
"""So many attributes has an object at most."""


class AttributeRow(ObjectColumns, Base):
    """An attribute's value, as JSON in its normal form, and that text's digest to find it by."""

    __tablename__ = "attributes"
    __table_args__ = (
        Index("ix_attributes_object", "attribute", "object_id"),
        Index("ix_attributes_project", "attribute", "project", "object_id"),
        Index("ix_attributes_value", "attribute", "digest", "object_id"),
    )
    attribute: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))


_ATTRIBUTES: Any = AttributeRow.__table__


def set_values(session: Session, one: Known, values: Mapping[str, str]) -> None:
    """Give an object values of attributes, as JSON in their normal form; empty takes one away.

    The object's lock is held: see `locks`.

    Raises:
        FailedPreconditionError: TOO_MANY_ATTRIBUTES.
    """
    before = delete(AttributeRow).where(
        AttributeRow.object_id == one.id, one_of(_ATTRIBUTES.c.attribute, "attributes")
    )
    session.execute(before, {"attributes": list(values)})
    new = [
        {**columns_of(one), "attribute": name, "value": value, "digest": digest(value.encode())}
        for name, value in values.items()
        if value
    ]
    if not new:
        return
    session.execute(insert(AttributeRow), new)
    query = select(func.count()).select_from(AttributeRow).where(AttributeRow.object_id == one.id)
    if (has := session.scalar(query) or 0) > MOST_ATTRIBUTES:
        raise FailedPreconditionError(
            f"{one.object_type} {one.id} would have {has} attributes; it can have "
            f"{MOST_ATTRIBUTES}",
            code="TOO_MANY_ATTRIBUTES",
            object_type=one.object_type,
            object_id=one.id,
        )


def tell(session: Session, one: Known, author: str | None) -> None:
    """Write the event of a change; it says nothing that only some may read."""
    event = events.Event(
        one.object_type,
        one.id,
        "attributes",
        project=one.project,
        region=one.region,
        author=author,
        message="has other attributes",
    )
    events.append(session, event)


def values_of(session: Session, object_ids: Collection[str]) -> list[AttributeRow]:
    """Read the values of objects, by object and attribute. Index: the primary key."""
    query = select(AttributeRow).where(one_of(_ATTRIBUTES.c.object_id, "ids"))
    query = query.order_by(AttributeRow.object_id, AttributeRow.attribute)
    return list(session.scalars(query, {"ids": list(object_ids)}))


def having(
    session: Session, attribute: str, value: str, wanted: Wanted, *, after: str, limit: int
) -> list[AttributeRow]:
    """List the values of an attribute, or where it is this one (not empty), by object.

    Indexes: attributes (attribute, object_id) and (attribute, digest, object_id).
    """
    query = select(AttributeRow).where(
        AttributeRow.attribute == attribute, *wanted.among(_ATTRIBUTES.c)
    )
    if value:
        query = query.where(AttributeRow.digest == digest(value.encode()))
    if after:
        query = query.where(AttributeRow.object_id > after)
    query = query.order_by(AttributeRow.object_id).limit(limit)
    return list(session.scalars(query, wanted.listed))


def projects_with(session: Session, attribute: str) -> list[str]:
    """List the projects of which something has an attribute.

    Index: attributes (attribute, project, object_id).
    """
    query = select(AttributeRow.project).where(
        AttributeRow.attribute == attribute, AttributeRow.project.is_not(None)
    )
    return [project for project in session.scalars(query.distinct()) if project]
