"""The catalogue: which sites there are, which regions they serve, and where their services are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam import objects
from mulligan.iam.tables import (
    ApplicationCredential,
    Assignment,
    OwnSite,
    Region,
    ServiceRow,
    SiteRegion,
    SiteRow,
)
from mulligan.iam.tokens import SERVICES
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import FailedPreconditionError, NotFoundError, PermissionDeniedError

LEASE = timedelta(seconds=30)
"""A service that was not seen for so long is away; it is to be seen three times meanwhile."""

FORGOTTEN_AFTER = timedelta(days=1)
"""So long a process that was killed is shown as away; another one may have taken its place."""

REGISTER = "IamService/RegisterService"
REST = ""
"""In the place of a region: all that no other site serves."""


@dataclass(frozen=True)
class Registration:
    """What a process that serves a site says of itself; no regions: what no other site serves."""

    id: str
    site: str
    kinds: Sequence[str]
    address: str
    version: str
    regions: Collection[str]


@dataclass
class Site:
    """A site with the regions that it serves and its processes, those that are away too."""

    id: str
    regions: list[str] = field(default_factory=list)
    services: list[ServiceRow] = field(default_factory=list)


def own_site(session: Session) -> str:
    """Give the id of the site that has this database; the first time it is made up."""
    row = session.get(OwnSite, 1)
    if row is None:
        row = OwnSite(id=1, site=str(uuid4()))
        session.add(row)
        session.flush()
    return row.site


def require_registrar(session: Session, caller: Caller) -> None:
    """Refuse who may not say where services are: clients send their tokens there.

    Raises:
        PermissionDeniedError: the caller is neither of the services beside iam, nor an admin of the
            system, nor a credential that one has made for this.
    """
    if caller.account == SERVICES or (caller.has("admin") and not caller.application):
        return
    if REGISTER in caller.methods:
        creator = select(ApplicationCredential.creator).where(
            ApplicationCredential.account == caller.account
        )
        role = select(Assignment.role).where(
            Assignment.account == creator.scalar_subquery(), Assignment.place == SYSTEM
        )
        if session.scalar(role) == "admin":
            return
    raise PermissionDeniedError(
        "where services are is said by admins of the system, and by application credentials that "
        f"they made with {REGISTER} among the methods; see docs/sites.md",
        code="NO_REGISTRAR",
    )


def register(
    session: Session, said: Registration, now: datetime, *, author: str | None = None
) -> ServiceRow:
    """Take a process up in the catalogue, and its site if that is new.

    Raises:
        NotFoundError: there is no such region.
        FailedPreconditionError: REGION_SERVED: another site serves one of the regions.
    """
    if session.get(SiteRow, said.site) is None:
        session.add(SiteRow(id=said.site, created_at=now))
    _serve(session, said.site, {row.id for row in _regions(session, said.regions)} or {REST})
    gone = (ServiceRow.address == said.address) & (ServiceRow.seen_at < now - LEASE)
    forgotten = ServiceRow.seen_at < now - FORGOTTEN_AFTER
    session.execute(
        delete(ServiceRow).where(
            ServiceRow.site == said.site, (ServiceRow.id == said.id) | gone | forgotten
        )
    )
    row = ServiceRow(
        id=said.id,
        site=said.site,
        kinds=list(said.kinds),
        address=said.address,
        version=said.version,
        registered_at=now,
        seen_at=now,
    )
    session.add(row)
    words = f"serves {', '.join(said.kinds)} of site {said.site} at {said.address or 'iam'}"
    events.append(session, events.Event("service", row.id, "created", author=author, message=words))
    return row


def _regions(session: Session, regions: Collection[str]) -> list[Region]:
    return objects.get_all(session, Region, sorted(regions))


def _serve(session: Session, site: str, wanted: Collection[str]) -> None:
    """Have a site serve regions, and these only."""
    held = {row.region: row for row in session.scalars(select(SiteRegion))}
    for region in sorted(wanted):
        row = held.get(region)
        if row is None:
            session.add(SiteRegion(region=region, site=site))
        elif row.site != site:
            what = f"region {region}" if region else "all regions that no site names"
            raise FailedPreconditionError(
                f"site {row.site} serves {what}, so site {site} can't; name other regions with "
                "--serves-region, or end that site with `mulligan service delete`",
                code="REGION_SERVED",
                object_type="region",
                object_id=region,
                field="regions",
            )
    for region, row in held.items():
        if row.site == site and region not in wanted:
            session.delete(row)


def renew(session: Session, service: str, now: datetime) -> None:
    """Note that a process is alive; nobody is told of it.

    Raises:
        NotFoundError: it is not registered, or not any more.
    """
    seen = update(ServiceRow).where(ServiceRow.id == service).values(seen_at=now)
    if not session.execute(seen.returning(ServiceRow.id)).all():
        raise _not_there("service", service)


def withdraw(session: Session, service: str, *, author: str | None = None) -> None:
    """Take a process out of the catalogue; its site stays.

    Raises:
        NotFoundError: it is not registered.
    """
    row = session.get(ServiceRow, service)
    if row is None:
        raise _not_there("service", service)
    session.delete(row)
    events.append(session, events.Event("service", row.id, "deleted", author=author))


def delete_site(session: Session, site: str, now: datetime, *, author: str | None = None) -> None:
    """Forget a site whose services are away for good: others may serve its regions then.

    Raises:
        NotFoundError: there is no such site.
        FailedPreconditionError: SITE_ALIVE.
    """
    row = session.get(SiteRow, site)
    if row is None:
        raise _not_there("site", site)
    alive = select(ServiceRow.id).where(ServiceRow.site == row.id, ServiceRow.seen_at > now - LEASE)
    if (service := session.scalar(alive.limit(1))) is not None:
        raise FailedPreconditionError(
            f"site {row.id} has services, such as {service}; stop them first",
            code="SITE_ALIVE",
            object_type="site",
            object_id=row.id,
        )
    for table in (ServiceRow, SiteRegion):
        session.execute(delete(table).where(table.site == row.id))
    session.delete(row)
    events.append(session, events.Event("site", row.id, "deleted", author=author))


def sites(session: Session, caller: Caller) -> list[Site]:
    """Read the sites by id; of regions those that the caller sees, each at one site at most."""
    found = {one: Site(one) for one in session.scalars(select(SiteRow.id).order_by(SiteRow.id))}
    for row in session.scalars(select(ServiceRow).order_by(ServiceRow.id)):
        found[row.site].services.append(row)
    for region, site in _served(session):
        if caller.sees(region):
            found[site].regions.append(region)
    return list(found.values())


def _served(session: Session) -> list[tuple[str, str]]:
    """Pair each region with its site: the one that names it, or the nearest region above it."""
    named = {row.region: row.site for row in session.scalars(select(SiteRegion))}
    query = select(Region.id, Region.parent).where(objects.living(Region)).order_by(Region.id)
    above = {row.id: row.parent for row in session.execute(query)}
    served = []
    for region in above:
        at: str | None = region
        while at and at not in named:
            at = above.get(at)
        if site := named.get(at or REST):
            served.append((region, site))
    return served


def _not_there(noun: str, object_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no {noun} {object_id}; see `mulligan service list`",
        object_type=noun,
        object_id=object_id,
        field="id",
    )
