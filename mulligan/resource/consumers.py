"""Which machines use which claims, and what is offered: for who compares that with machines."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.resource.tables import CONFIRMED, ClaimRow, ProviderRow


def used_claims(session: Session, region: str = "") -> list[tuple[str, str, str]]:
    """List (claim, region, machine) of the claims that are not released and that a machine uses."""
    query = select(ClaimRow.id, ClaimRow.region, ClaimRow.consumer).where(
        ClaimRow.state == CONFIRMED, ClaimRow.consumer.is_not(None)
    )
    if region:
        query = query.where(ClaimRow.region == region)
    return [(claim, where, str(machine)) for claim, where, machine in session.execute(query)]


def offered(session: Session, types: Collection[str], region: str = "") -> set[str]:
    """List the providers of some types that are offered to requests."""
    query = select(ProviderRow.id).where(ProviderRow.type.in_(types), ProviderRow.available)
    if region:
        query = query.where(ProviderRow.region == region)
    return set(session.scalars(query))
