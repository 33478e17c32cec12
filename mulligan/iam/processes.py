"""The processes that serve sites: which of them are alive, and how many there may be."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from mulligan.database import is_conflict
from mulligan.iam.tables import ServiceRow
from mulligan.values.errors import ConflictError, TooManyError

LEASE = timedelta(seconds=30)
"""A service that was not seen for so long is away; it is to be seen three times meanwhile."""

FORGOTTEN_AFTER = timedelta(days=1)
"""So long a process that was killed is shown as away; another one may have taken its place."""

PER_SITE = 64
"""Processes of one site that stand in the catalogue."""

IN_ALL = 4096
"""Those of all sites: a catalogue of so many is read in one message of less than 4 MiB."""

_REGISTERING = 0x6D756C63
"""Key of PostgreSQL's advisory lock: who registers counts what is there."""

WAITS_MS = 250
"""Who registers waits so long for a lock, then makes way for others that write, and comes back."""

STANDS_STILL_MS = 5000
"""Who registers and says nothing for so long is frozen: PostgreSQL ends it, and frees its locks."""

_LIMITS = text(
    "SELECT set_config('lock_timeout', :waits, true), "
    "set_config('idle_in_transaction_session_timeout', :stands_still, true)"
)


def hold(session: Session) -> None:
    """Keep others from registering meanwhile; on SQLite who writes is alone anyway.

    Raises:
        ConflictError: somebody else registers, and takes its time.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    session.execute(_LIMITS, {"waits": str(WAITS_MS), "stands_still": str(STANDS_STILL_MS)})
    try:
        session.execute(select(func.pg_advisory_xact_lock(_REGISTERING)))
    except DBAPIError as error:
        if not is_conflict(error):
            raise
        raise ConflictError(
            "another process is being registered, and its instance of iam takes its time"
        ) from error


def alive(session: Session, site: str, now: datetime) -> Sequence[ServiceRow]:
    """Read the living processes of a site, and have renewals of all of them wait meanwhile."""
    query = select(ServiceRow).where(ServiceRow.site == site).order_by(ServiceRow.id)
    locked = query.with_for_update().execution_options(populate_existing=True)
    return [one for one in session.scalars(locked) if one.seen_at > now - LEASE]


def forget_dead(session: Session, site: str, now: datetime) -> None:
    """Forget the processes of a site that are away: one that comes back registers anew."""
    dead = ServiceRow.seen_at <= now - LEASE
    session.execute(delete(ServiceRow).where(ServiceRow.site == site, dead))


def make_room(session: Session, site: str, now: datetime) -> None:
    """Have room for one process more of a site; those that are away make way, the longest first.

    Raises:
        TooManyError: TOO_MANY_SERVICES: as many are alive as there may be.
    """
    if _is_full(session, PER_SITE, now, site):
        raise TooManyError(
            f"site {site} has {PER_SITE} processes, and there can't be more; stop some, or have "
            "each serve more of its services",
            code="TOO_MANY_SERVICES",
            object_type="site",
            object_id=site,
        )
    if _is_full(session, IN_ALL, now):
        raise TooManyError(
            f"the sites have {IN_ALL} processes, and there can't be more; stop some, see "
            "`mulligan service list`",
            code="TOO_MANY_SERVICES",
        )


def _is_full(session: Session, most: int, now: datetime, site: str = "") -> bool:
    """Tell whether there is no room among a site's processes, or among all of them.

    Index: ix_services_site, or the whole of the table, which has no more than IN_ALL rows.
    """
    of_them = (ServiceRow.site == site) if site else ServiceRow.site.is_not(None)
    count = select(func.count()).select_from(ServiceRow).where(of_them)
    over = session.execute(count).scalar_one() + 1 - most
    if over <= 0:
        return False
    dead = of_them & (ServiceRow.seen_at <= now - LEASE)
    longest = select(ServiceRow.id).where(dead).order_by(ServiceRow.seen_at, ServiceRow.id)
    ids = session.scalars(longest.limit(over)).all()
    # One that is renewed meanwhile stays.
    session.execute(delete(ServiceRow).where(ServiceRow.id.in_(ids), dead))
    return session.execute(count).scalar_one() >= most
