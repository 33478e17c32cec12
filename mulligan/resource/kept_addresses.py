"""Addresses that outlive their claim: of a server that could not be seen to be off."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mulligan.resource.tables import RELEASED, AddressClaimRow, ClaimRow
from mulligan.values.window import WITHOUT_END


def keep_addresses(session: Session, claim: str) -> None:
    """Keep a released claim's addresses occupied: something may still answer there."""
    _occupy(session, claim, WITHOUT_END)


def free_kept_addresses(session: Session, claim: str, now: datetime) -> None:
    """Free the addresses that were kept of a released claim; those that weren't stay as they are.

    Index: address_claims (claim), its primary key.
    """
    released = select(ClaimRow.id).where(ClaimRow.id == claim, ClaimRow.state == RELEASED)
    if session.scalar(released) is not None:
        _occupy(session, claim, now, AddressClaimRow.occupied_until == WITHOUT_END)


def _occupy(session: Session, claim: str, until: datetime, *which: object) -> None:
    rows = update(AddressClaimRow).where(AddressClaimRow.claim == claim, *which)  # type: ignore[arg-type]
    session.execute(rows.values(release_at=until, occupied_until=until))
