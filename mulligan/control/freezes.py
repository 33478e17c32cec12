"""Freezes: an operator's stop of everything that powers, wipes, deletes or starts."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.control.tables import Freeze, Operation
from mulligan.values.errors import InvalidArgumentError
from mulligan.values.status import Status

WHOLE_SITE = ""
SITE_ITSELF = str(UUID(int=0))
"""The object of the events of a freeze of the whole site."""


def freeze(session: Session, region: str, reason: str, author: str) -> Freeze:
    """Freeze a region, or the whole site (""); one that is frozen already gets the new reason.

    Raises:
        InvalidArgumentError: no reason is given.
    """
    if not reason.strip():
        raise InvalidArgumentError("say why: a freeze needs a reason", field="reason")
    now = datetime.now(UTC)
    row = session.merge(Freeze(region=region, reason=reason.strip(), author=author, since=now))
    _announce(session, region, author, "frozen", f"frozen: {row.reason}")
    return row


def thaw(session: Session, region: str, author: str) -> None:
    """Take a freeze back; one that isn't there is fine."""
    row = session.get(Freeze, region)
    if row is not None:
        session.delete(row)
        _announce(session, region, author, "thawed", "thawed: what waited goes on")


def list_freezes(
    session: Session, *, after: str | None = None, limit: int | None = None
) -> list[Freeze]:
    """List what is frozen: the site (""), and regions after one in the order of their ids."""
    query = select(Freeze).order_by(Freeze.region).limit(limit)
    if after is not None:
        query = query.where(Freeze.region > after)
    return list(session.scalars(query))


def why_frozen(session: Session, region: str) -> str:
    """Say in words why nothing may power, wipe, delete or start in a region; empty when it may."""
    rows = session.scalars(
        select(Freeze).where(Freeze.region.in_((WHOLE_SITE, region))).order_by(Freeze.region)
    )
    row = next(iter(rows), None)
    if row is None:
        return ""
    what = f"region {row.region}" if row.region else "the site"
    thaw_it = f"mulligan thaw --region {row.region}" if row.region else "mulligan thaw --site"
    return f"{what} is frozen since {row.since:%Y-%m-%d %H:%M} UTC ({row.reason}); `{thaw_it}`"


def concerned(session: Session, region: str) -> list[Operation]:
    """List the running operations that a freeze of a region, or of the site, concerns."""
    query = select(Operation).where(Operation.state == "running")
    if region:
        query = query.where(Operation.region == region)
    return list(session.scalars(query))


def _announce(session: Session, region: str, author: str, state: str, message: str) -> None:
    status = Status(state, message, datetime.now(UTC))
    event = events.Event(
        "region" if region else "site",
        region or SITE_ITSELF,
        "freeze",
        region=region or None,
        author=author,
        status=status,
        message=message,
    )
    events.append(session, event)
