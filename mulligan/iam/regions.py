"""Regions: where objects live, in trees. No region ever moves."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.iam import objects, roles
from mulligan.iam.tables import Bootstrap, Region
from mulligan.meta import names
from mulligan.values.errors import FailedPreconditionError
from mulligan.values.listing import Listed, Listing


def create_region(
    session: Session, name: str, parent: str = "", *, author: str | None = None
) -> Region:
    """Create a region, at the top or below another one.

    Raises:
        NotFoundError: there is no such parent.
        AlreadyExistsError: another region has the name.
    """
    above = objects.keep(session, Region, parent).id if parent else None
    region = str(uuid4())
    if session.scalar(select(Region.id).limit(1)) is None:
        prepared = session.get(Bootstrap, 1)
        region = (prepared.first_region if prepared else None) or region
    row = Region(id=region, parent=above, created_at=datetime.now(UTC))
    session.add(row)
    names.give_name(session, "region", row.id, name)
    objects.tell(session, row, "created", "", author)
    return row


def get_region(session: Session, region: str) -> Region:
    """Find a region by id.

    Raises:
        NotFoundError: there is none, or it is deleted.
    """
    return objects.get(session, Region, region)


def get_regions(session: Session, ids: Sequence[str]) -> list[Region]:
    """Find regions by id, in the order of the ids.

    Raises:
        NotFoundError: one is not there.
    """
    return objects.get_all(session, Region, ids)


def list_regions(session: Session, listing: Listing, *, parent: str = "") -> Listed[Region]:
    """Read a page of regions; with `parent` only those right below that one."""
    query = select(Region)
    if parent:
        query = query.where(Region.parent == parent)
    return objects.page(session, Region, query, listing)


def update_region(
    session: Session, region: str, *, name: str, generation: int = 0, author: str | None = None
) -> Region:
    """Give a region another name; what changes nothing is no change.

    Raises:
        NotFoundError: there is no such region.
        StaleError: it is not at that generation any more (0: whatever it is at).
    """
    row = objects.lock(session, Region, region, read_at=generation)
    words = objects.rename(session, row, name)
    if words:
        row.generation += 1
        objects.tell(session, row, "updated", words, author)
    return row


def delete_region(session: Session, region: str, *, author: str | None = None) -> Region:
    """Delete a region with the roles on it; its row stays, so that its id never comes back.

    What lives in it at its site stays until an operator ends it; nothing new can be asked there.

    Raises:
        NotFoundError: there is no such region.
        FailedPreconditionError: HAS_REGIONS_BELOW.
    """
    row = objects.lock(session, Region, region)
    child = select(Region.id).where(Region.parent == row.id, objects.living(Region))
    below = session.scalar(child.limit(1))
    if below is not None:
        raise FailedPreconditionError(
            f"region {row.id} has others below it, such as {below}; delete them first",
            code="HAS_REGIONS_BELOW",
            object_type="region",
            object_id=row.id,
        )
    roles.revoke_all_on(session, region=row.id, author=author)
    row.deleted_at = datetime.now(UTC)
    row.generation += 1
    names.release_name(session, row.id)
    objects.tell(session, row, "deleted", "", author)
    return row
