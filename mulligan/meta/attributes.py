"""Values of attributes: one JSON document an attribute and object."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Index, String, Text, delete, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan import events
from mulligan.database import Base, one_of
from mulligan.meta.objects import Known, ObjectColumns, Wanted, columns_of
from mulligan.values.ids import digest


class AttributeRow(ObjectColumns, Base):
    """An attribute's value, as JSON in its normal form, and that text's digest to find it by."""

    __tablename__ = "attributes"
    __table_args__ = (
        Index("ix_attributes_attribute_object", "attribute", "object_id"),
        Index("ix_attributes_attribute_digest", "attribute", "digest"),
    )
    attribute: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))


_ATTRIBUTES: Any = AttributeRow.__table__


def set_value(session: Session, one: Known, attribute: str, value: str) -> None:
    """Give an object a value, as JSON in its normal form; empty takes it away."""
    before = delete(AttributeRow).where(
        AttributeRow.object_id == one.id, AttributeRow.attribute == attribute
    )
    session.execute(before)
    if value:
        document = {"attribute": attribute, "value": value, "digest": digest(value.encode())}
        session.execute(insert(AttributeRow), [{**columns_of(one), **document}])


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

    Indexes: attributes (attribute, object_id) and (attribute, digest).
    """
    query = select(AttributeRow).where(
        AttributeRow.attribute == attribute, *wanted.among(AttributeRow)
    )
    if value:
        query = query.where(AttributeRow.digest == digest(value.encode()))
    if after:
        query = query.where(AttributeRow.object_id > after)
    return list(session.scalars(query.order_by(AttributeRow.object_id).limit(limit)))


def projects_with(session: Session, attributes: Sequence[str]) -> list[str]:
    """List the projects of which something has a value of one of these attributes."""
    query = select(AttributeRow.project).where(
        one_of(_ATTRIBUTES.c.attribute, "attributes"), AttributeRow.project.is_not(None)
    )
    found = session.scalars(query.distinct(), {"attributes": list(attributes)})
    return [project for project in found if project]
