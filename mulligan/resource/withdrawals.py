"""What is taken from under a claim: providers not offered any more, others past their plan."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.resource.occupation import present, usage
from mulligan.resource.standing import Claim
from mulligan.resource.tables import InventoryRow, ProviderRow


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A provider that is not offered now, and why; `unhealthy` is said from outside."""

    provider: str
    reason: str
    unhealthy: bool = False


def withdrawn(session: Session, claim: Claim, now: datetime) -> list[Withdrawn]:
    """List the providers of a claim that are not offered now, by id."""
    ids = {part.provider for part in claim.allocations}
    found = []
    query = select(ProviderRow).where(ProviderRow.id.in_(ids)).order_by(ProviderRow.id)
    for row in session.scalars(query):
        if row.unhealthy_until is not None and row.unhealthy_until > now:
            found.append(Withdrawn(row.id, "provider is marked unhealthy", unhealthy=True))
        elif not row.available:
            found.append(Withdrawn(row.id, row.unavailable_reason))
    return found


def overrun_by_others(session: Session, claim: Claim, now: datetime) -> bool:
    """Say whether others, past their plan, still use what a claim has now."""
    for part in claim.allocations:
        used = usage(session, part.provider, present(now), now).get(part.resource_type, 0)
        inventory = session.get(InventoryRow, (part.provider, part.resource_type))
        if used > (inventory.capacity if inventory else 0):
            return True
    return False
