"""Regions: where objects live, in trees. No region ever moves."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.iam import objects, roles
from mulligan.iam.tables import Bootstrap, Project, Region, SiteRegion
from mulligan.meta import names
from mulligan.values.caller import Caller
from mulligan.values.errors import FailedPreconditionError
from mulligan.values.listing import Listed, Listing
from mulligan.values.regions import RegionSpec

AS_ABOVE = RegionSpec()
"""Everybody sees it, and it has the failure domains of the region above it."""


def create_region(
    session: Session,
    name: str,
    parent: str = "",
    spec: RegionSpec = AS_ABOVE,
    *,
    caller: Caller | None = None,
) -> Region:
    """Create a region, at the top or below another one.

    Raises:
        NotFoundError: there is no such parent, or a project that is to see it and that the caller
            would know is not there.
        AlreadyExistsError: another region has the name.
    """
    above = objects.keep(session, Region, parent).id if parent else None
    region = str(uuid4())
    if session.scalar(select(Region.id).limit(1)) is None:
        prepared = session.get(Bootstrap, 1)
        region = (prepared.first_region if prepared else None) or region
    _require_projects(session, spec.visible_to, caller)
    row = Region(id=region, parent=above, created_at=datetime.now(UTC), spec=spec)
    session.add(row)
    names.give_name(session, "region", row.id, name)
    objects.tell(session, row, "created", "", caller.account if caller else None)
    return row


def get_region(session: Session, caller: Caller, region: str) -> Region:
    """Find a region by id.

    Raises:
        NotFoundError: there is none, it is deleted, or the caller doesn't see it.
    """
    return get_regions(session, caller, [region])[0]


def get_regions(session: Session, caller: Caller, ids: Sequence[str]) -> list[Region]:
    """Find regions by id, in the order of the ids.

    Raises:
        NotFoundError: one is not there, or the caller doesn't see it.
    """
    for one in ids:
        if not caller.sees(one):
            raise objects.not_there("region", one)
    return objects.get_all(session, Region, ids)


def list_regions(
    session: Session, caller: Caller, listing: Listing, *, parent: str = ""
) -> Listed[Region]:
    """Read a page of the regions that a caller sees; with `parent` those right below that one."""
    query = select(Region)
    if hidden := caller.hidden_regions:
        query = query.where(Region.id.not_in(hidden))
    if parent:
        query = query.where(Region.parent == parent)
    return objects.page(session, Region, query, listing, whole=not parent and not hidden)


def update_region(
    session: Session,
    region: str,
    *,
    name: str | None = None,
    change: Callable[[RegionSpec], RegionSpec] | None = None,
    generation: int = 0,
    caller: Caller,
) -> Region:
    """Change a region's name or what is said of it; what changes nothing is no change.

    Raises:
        NotFoundError: there is no such region, or a project that is to see it and that the caller
            would know is not there.
        StaleError: it is not at that generation any more (0: whatever it is at).
    """
    row = objects.lock(session, Region, region, read_at=generation)
    words = [] if name is None else [objects.rename(session, row, name)]
    if change is not None:
        before, after = row.spec, change(row.spec)
        _require_projects(session, set(after.visible_to) - set(before.visible_to), caller)
        row.spec = after
        words += _changes(before, after)
    if told := ", ".join(filter(None, words)):
        row.generation += 1
        objects.tell(session, row, "updated", told, caller.account)
    return row


def _require_projects(session: Session, shown_to: Collection[str], caller: Caller | None) -> None:
    """Refuse projects that are not there; of those that the caller may not read nothing is told."""
    known = (one for one in shown_to if caller is None or caller.has("reader", one))
    objects.get_all(session, Project, sorted(known))


def _changes(before: RegionSpec, after: RegionSpec) -> Iterator[str]:
    """Say in words how what is said of a region changed; not to which projects, who read of it."""
    if before.failure_domains != after.failure_domains:
        domains = (f"{kind} {' '.join(c)}" for kind, c in after.failure_domains.items())
        yield f"has of its own: {'; '.join(domains) or 'no failure domains'}"
    if before.shown_to != after.shown_to:
        yield f"is visible: {after.visibility}"


def delete_region(session: Session, region: str, *, author: str | None = None) -> Region:
    """Delete a region with the roles on it; its row stays, so that its id never comes back.

    What lives in it at its site stays until an operator ends it; nothing new can be asked there.

    Raises:
        NotFoundError: there is no such region.
        FailedPreconditionError: HAS_REGIONS_BELOW; REGION_SERVED: a site names it.
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
    site = session.scalar(select(SiteRegion.site).where(SiteRegion.region == row.id))
    if site is not None:
        raise FailedPreconditionError(
            f"site {site} serves region {row.id}; start its services with other regions at "
            "--serves-region, or end the site with `mulligan service delete`",
            code="REGION_SERVED",
            object_type="region",
            object_id=row.id,
        )
    roles.revoke_all_on(session, region=row.id, author=author)
    row.deleted_at = datetime.now(UTC)
    row.generation += 1
    names.release_name(session, row.id)
    objects.tell(session, row, "deleted", "", author)
    return row
