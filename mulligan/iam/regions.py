"""Regions: where objects live, in trees."""

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam.tables import Bootstrap, Region
from mulligan.meta import names
from mulligan.values.errors import NotFoundError


def create_region(
    session: Session, name: str, parent: str = "", *, author: str | None = None
) -> Region:
    """Create a region, at the top or below another one."""
    if parent and session.get(Region, parent) is None:
        raise NotFoundError(f"there is no region {parent}", object_type="region", object_id=parent)
    region = str(uuid4())
    if session.scalar(select(Region.id).limit(1)) is None:
        prepared = session.get(Bootstrap, 1)
        region = (prepared.first_region if prepared else None) or region
    row = Region(id=region, parent=parent or None, created_at=datetime.now(UTC))
    session.add(row)
    names.give_name(session, "region", row.id, name)
    events.append(session, events.Event("region", row.id, "created", region=row.id, author=author))
    return row


def get_region(session: Session, region: str) -> Region:
    """Find a region by id.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Region, region)
    if row is None:
        raise NotFoundError(
            f"there is no region {region}; see `mulligan region list`",
            object_type="region",
            object_id=region,
            field="region",
        )
    return row


def list_regions(session: Session, after: str, limit: int) -> list[Region]:
    """List regions by id."""
    query = select(Region).where(Region.id > after) if after else select(Region)
    return list(session.scalars(query.order_by(Region.id).limit(limit)))
