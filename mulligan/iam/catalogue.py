"""The catalogue: which sites there are, which regions they serve, and where their services are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.iam import objects, processes
from mulligan.iam.processes import FORGOTTEN_AFTER, LEASE
from mulligan.iam.tables import (
    Account,
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
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    NotFoundError,
    PermissionDeniedError,
)

REGISTER = "IamService/RegisterService"
REST = ""
"""In the place of a region: all that no other site serves."""

SERVING = "operator"
"""The role on a region, for the rest on the system, with which a credential may have it served."""


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
    """Give the id of the site that has this database; the first process that asks makes it up."""
    fresh = _insert(session, OwnSite).values(id=1, site=str(uuid4()))
    session.execute(fresh.on_conflict_do_nothing())
    return session.scalars(select(OwnSite.site)).one()


def register(session: Session, said: Registration, now: datetime, caller: Caller) -> ServiceRow:
    """Take a process up in the catalogue, and its site if that is new.

    Raises:
        PermissionDeniedError: the caller may not say where services are (NO_REGISTRAR), or not
            those of this site (SITE_OF_ANOTHER), or has no role with which it may serve a region.
        NotFoundError: there is no such region.
        FailedPreconditionError: REGION_SERVED: another site serves one of the regions;
            SITE_SERVES_OTHERWISE: a living process of this site says that it serves others.
        AlreadyExistsError: another site has a process with this id.
        TooManyError: TOO_MANY_SERVICES.
        ConflictError: another one is being taken up all the time.
    """
    _require_registrar(session, caller)
    wanted = {objects.keep(session, Region, one).id for one in sorted(said.regions)} or {REST}
    _require_roles(caller, wanted)
    processes.hold(session)
    site = _locked_site(session, said.site, caller, now)
    own = set(session.scalars(select(SiteRegion.region).where(SiteRegion.site == site.id)))
    others = site.registrar not in (SERVICES, caller.account)
    if others and session.get(Account, site.registrar) is None:
        # Who made it known is gone: another credential may follow it, but only in the same regions.
        _require_roles(caller, own)
        site.registrar = caller.account
        _tell(session, site, "updated", caller, "another account says where its services are")
    _require_own(caller, site)
    beside = [one for one in processes.alive(session, site.id, now) if one.id != said.id]
    if beside and wanted != own:
        raise _serves_otherwise(site, own, beside)
    if _serve(session, site.id, wanted):
        # One that comes back with what was said before is to say it anew, and is refused.
        processes.forget_dead(session, site.id, now)
        words = f"serves {', '.join(map(_words, sorted(wanted)))}"
        _tell(session, site, "updated" if own else "created", caller, words)
    row = _take_up(session, said, site.id, now)
    words = f"serves {', '.join(said.kinds)} of site {site.id} at {said.address or 'iam'}"
    event = events.Event("service", row.id, "created", author=caller.account, message=words)
    events.append(session, event)
    return row


def _take_up(session: Session, said: Registration, site: str, now: datetime) -> ServiceRow:
    """Write a process down in the place of what is known of it and of those that it follows."""
    gone = (ServiceRow.address == said.address) & (ServiceRow.seen_at <= now - LEASE)
    forgotten = ServiceRow.seen_at < now - FORGOTTEN_AFTER
    session.execute(
        delete(ServiceRow).where(
            ServiceRow.site == site, (ServiceRow.id == said.id) | gone | forgotten
        )
    )
    if session.get(ServiceRow, said.id) is not None:
        raise AlreadyExistsError(
            f"service {said.id} is of another site; make up another id", field="id"
        )
    processes.make_room(session, site, now)
    row = ServiceRow(
        id=said.id,
        site=site,
        kinds=list(said.kinds),
        address=said.address,
        version=said.version,
        registered_at=now,
        seen_at=now,
    )
    session.add(row)
    return row


def _locked_site(session: Session, site: str, caller: Caller, now: datetime) -> SiteRow:
    """Find a site, which is made if it is new, and keep it from being deleted meanwhile."""
    new = _insert(session, SiteRow).values(id=site, registrar=caller.account, created_at=now)
    as_it_is = new.on_conflict_do_update(
        index_elements=[SiteRow.id], set_={"created_at": SiteRow.created_at}
    )
    found: SiteRow = session.scalars(as_it_is.returning(SiteRow)).one()
    return found


def _insert(session: Session, table: type[SiteRow] | type[OwnSite]) -> Any:
    """Insert as it is done where somebody else may do so at the same time."""
    insert: Any = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[
        session.get_bind().dialect.name
    ]
    return insert(table)


def _tell(session: Session, site: SiteRow, kind: str, caller: Caller, words: str) -> None:
    event = events.Event("site", site.id, kind, author=caller.account, message=words)
    events.append(session, event)


def _is_trusted(caller: Caller) -> bool:
    """Whether somebody may speak for any site: the services beside iam, and admins (people)."""
    return caller.account == SERVICES or (caller.has("admin") and not caller.application)


def _require_registrar(session: Session, caller: Caller) -> None:
    """Refuse who may not say where services are: clients send their tokens there."""
    if _is_trusted(caller):
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
        f"they made with {REGISTER} among the methods, as long as they are admins; have one make "
        "another credential, see docs/sites.md",
        code="NO_REGISTRAR",
    )


def _require_own(caller: Caller, site: SiteRow) -> None:
    """Refuse to speak for a site that somebody else made known."""
    if site.registrar != caller.account and not _is_trusted(caller):
        raise PermissionDeniedError(
            f"site {site.id} was made known by another account, {site.registrar}; register with "
            "that one, or stop the site's services and end it with `mulligan service delete`",
            code="SITE_OF_ANOTHER",
            object_type="site",
            object_id=site.id,
            field="site",
        )


def _require_roles(caller: Caller, regions: Collection[str]) -> None:
    """Refuse to have regions served by who was not given them: their callers' tokens go there."""
    for region in sorted(regions):
        if not (_is_trusted(caller) or caller.has_in(SERVING, region)):
            raise PermissionDeniedError(
                f"serving {_words(region)} needs the role {SERVING} on "
                f"{'it' if region else 'the system'}; make the application credential with it, or "
                "name other regions with --serves-region",
                object_type="region",
                object_id=region,
                field="regions",
            )


def _words(region: str) -> str:
    return f"region {region}" if region else "all regions that no site names"


def _serves_otherwise(
    site: SiteRow, own: Collection[str], alive: Sequence[ServiceRow]
) -> FailedPreconditionError:
    """Say that the living processes of a site serve other regions."""
    return FailedPreconditionError(
        f"site {site.id} serves {', '.join(map(_words, sorted(own)))}, as {len(alive)} of its "
        f"processes say, such as {alive[0].id} at {alive[0].address or 'iam'}; start this one with "
        "the same --serves-region, or stop those: what this one says holds once none of them is "
        f"alive, {LEASE.total_seconds():.0f} s after one was killed",
        code="SITE_SERVES_OTHERWISE",
        object_type="site",
        object_id=site.id,
        field="regions",
    )


def _serve(session: Session, site: str, wanted: Collection[str]) -> bool:
    """Have a site serve regions, and these only; says whether that is a change."""
    held = {row.region: row for row in session.scalars(select(SiteRegion))}
    for region in sorted(wanted):
        row = held.get(region)
        if row is None:
            session.add(SiteRegion(region=region, site=site))
        elif row.site != site:
            raise FailedPreconditionError(
                f"site {row.site} serves {_words(region)}, so site {site} can't; name other "
                "regions with --serves-region, or end that site with `mulligan service delete`",
                code="REGION_SERVED",
                object_type="region",
                object_id=region,
                field="regions",
            )
    own = {region: row for region, row in held.items() if row.site == site}
    for region in own.keys() - wanted:
        session.delete(own[region])
    return own.keys() != wanted


def renew(session: Session, service: str, now: datetime, caller: Caller) -> None:
    """Note that a process is alive; nobody is told of it.

    Raises:
        PermissionDeniedError: NO_REGISTRAR, SITE_OF_ANOTHER, or the caller has the role no more
            with which it may have the site's regions served.
        NotFoundError: it is not registered, or not any more.
    """
    row = _own_service(session, service, caller)
    own = session.scalars(select(SiteRegion.region).where(SiteRegion.site == row.site))
    _require_roles(caller, set(own))
    row.seen_at = now


def withdraw(session: Session, service: str, caller: Caller) -> None:
    """Take a process out of the catalogue; its site stays.

    Raises:
        PermissionDeniedError: NO_REGISTRAR, SITE_OF_ANOTHER.
        NotFoundError: it is not registered.
    """
    row = _own_service(session, service, caller)
    session.delete(row)
    events.append(session, events.Event("service", row.id, "deleted", author=caller.account))


def _own_service(session: Session, service: str, caller: Caller) -> ServiceRow:
    """Find and lock a process of a site for which the caller may speak."""
    _require_registrar(session, caller)
    query = select(ServiceRow, SiteRow).join(SiteRow, SiteRow.id == ServiceRow.site)
    locked = query.where(ServiceRow.id == service).with_for_update(of=ServiceRow)
    found = session.execute(locked).one_or_none()
    if found is None:
        raise _not_there("service", service)
    row, site = found
    _require_own(caller, site)
    return row


def delete_site(session: Session, site: str, now: datetime, *, author: str | None = None) -> None:
    """Forget a site whose services are away for good: others may serve its regions then.

    Raises:
        NotFoundError: there is no such site.
        FailedPreconditionError: SITE_ALIVE.
    """
    row = session.get(SiteRow, site, with_for_update=True)
    if row is None:
        raise _not_there("site", site)
    alive = select(ServiceRow.id).where(ServiceRow.site == row.id, ServiceRow.seen_at > now - LEASE)
    if (service := session.scalar(alive.limit(1))) is not None:
        raise FailedPreconditionError(
            f"site {row.id} has services, such as {service}; stop them, or wait "
            f"{LEASE.total_seconds():.0f} s if they are",
            code="SITE_ALIVE",
            object_type="site",
            object_id=row.id,
        )
    session.delete(row)
    events.append(session, events.Event("site", row.id, "deleted", author=author))


def sites(session: Session, caller: Caller) -> list[Site]:
    """Read the sites by id, each with the regions that the caller sees; none is at two sites.

    A site without any is shown to readers of the system only.
    """
    found = {one: Site(one) for one in session.scalars(select(SiteRow.id).order_by(SiteRow.id))}
    # Who registers between these statements is in the later ones only, and in the next answer.
    for row in session.scalars(select(ServiceRow).order_by(ServiceRow.id)):
        if site := found.get(row.site):
            site.services.append(row)
    for region, served_by in _served(session):
        if (site := found.get(served_by)) and caller.sees(region):
            site.regions.append(region)
    return [site for site in found.values() if site.regions or caller.has("reader")]


def named_regions(session: Session) -> dict[str, str]:
    """Read the site of each region that one names, and under REST that of all others."""
    return {row.region: row.site for row in session.scalars(select(SiteRegion))}


def _served(session: Session) -> list[tuple[str, str]]:
    """Pair each region with its site: the one that names it, or the nearest region above it."""
    named = named_regions(session)
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
