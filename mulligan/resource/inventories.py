"""What providers have: replaced or changed, never below what is claimed from now on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.resource.differences import Difference, Key, difference, write_difference
from mulligan.resource.occupation import from_now_on, occupies, peaks
from mulligan.resource.tables import AllocationRow, InventoryRow
from mulligan.resource.values import Inventory
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from mulligan.values.window import WITHOUT_END

TOLD_CLAIMS = 5


@dataclass(frozen=True)
class InventoryChange:
    """What is to become of an inventory that a provider has; None leaves it as it is."""

    resource_type: str
    total: int | None = None
    reserved: int | None = None
    min_unit: int | None = None
    max_unit: int | None = None
    step_size: int | None = None
    allocation_ratio: float | None = None

    def applied_to(self, now: Inventory) -> Inventory:
        """Give the inventory as it is afterwards.

        Raises:
            InvalidArgumentError: a number would be out of its range.
        """
        said = {name: value for name, value in vars(self).items() if value is not None}
        return replace(now, **said)


@dataclass(frozen=True)
class InventoriesChange:
    """What is to become of a provider's inventories: all replaced, or some added, changed, removed.

    Raises:
        InvalidArgumentError: a resource type stands twice, or both ways are used.
    """

    add: Sequence[Inventory] = ()
    modify: Sequence[InventoryChange] = ()
    remove: Sequence[str] = ()
    replace: Sequence[Inventory] | None = None

    def __post_init__(self) -> None:
        named = [one.resource_type for one in self.given]
        named += [*(one.resource_type for one in self.modify), *self.remove]
        if len(set(named)) < len(named):
            raise InvalidArgumentError(
                "a resource type stands twice in the inventories; give each once",
                field="inventories",
            )
        if self.replace is not None and (self.add or self.modify or self.remove):
            raise InvalidArgumentError(
                "inventories are replaced or changed one by one; decide on one way",
                field="inventories",
            )

    @property
    def given(self) -> list[Inventory]:
        """The inventories that it gives as a whole."""
        return [*self.add, *(self.replace or ())]

    def applied_to(self, provider: str, now: Mapping[str, Inventory]) -> dict[str, Inventory]:
        """Give what a provider has afterwards, by resource type.

        Raises:
            AlreadyExistsError: it has what is to be added.
            InvalidArgumentError: a number would be out of its range.
            NotFoundError: it hasn't what is to be modified or removed.
        """
        if self.replace is not None:
            return {one.resource_type: one for one in self.replace}
        after = dict(now)
        for one in self.add:
            if one.resource_type in after:
                raise AlreadyExistsError(
                    f"provider {provider} has {one.resource_type} already; modify it instead",
                    field="inventories.add",
                    object_type="provider",
                    object_id=provider,
                )
            after[one.resource_type] = one
        for name in (*(one.resource_type for one in self.modify), *self.remove):
            if name not in after:
                raise NotFoundError(
                    f"provider {provider} has no inventory of {name}; add it instead",
                    object_type="provider",
                    object_id=provider,
                )
        after |= {one.resource_type: one.applied_to(now[one.resource_type]) for one in self.modify}
        for name in self.remove:
            del after[name]
        return after


def change_inventories(
    session: Session, changes: Mapping[str, InventoriesChange], now: datetime
) -> dict[str, str]:
    """Change what many providers have; their rows are locked. Gives in words what changed.

    Raises:
        AlreadyExistsError, InvalidArgumentError, NotFoundError: as `InventoriesChange.applied_to`.
        FailedPreconditionError: less than what is claimed at some time from now on.
    """
    before = read_inventories(session, changes)
    after = {
        provider: change.applied_to(provider, before[provider])
        for provider, change in changes.items()
    }
    found = difference(_flat(before), _flat(after))
    if found:
        _refuse_below_claims(session, found, _flat(before), now)
        write_inventories(session, found)
    return _words(found, _flat(before))


def read_inventories(
    session: Session, providers: Mapping[str, Any]
) -> dict[str, dict[str, Inventory]]:
    """Read what providers have, by resource type."""
    found: dict[str, dict[str, Inventory]] = {provider: {} for provider in providers}
    query = select(InventoryRow).where(InventoryRow.provider.in_(list(providers)))
    for row in session.scalars(query.execution_options(populate_existing=True)):
        found[row.provider][row.resource_type] = inventory_of(row)
    return found


def write_inventories(session: Session, found: Difference[Inventory]) -> None:
    """Write a difference of inventories."""
    rows = Difference(_rows(found.added), _rows(found.changed), _rows(found.removed))
    write_difference(session, InventoryRow, ("provider", "resource_type"), rows)


def _rows(inventories: Mapping[Key, Inventory]) -> dict[Key, Mapping[str, Any]]:
    return {key: _columns(one) for key, one in inventories.items()}


def _flat(inventories: Mapping[str, Mapping[str, Inventory]]) -> dict[Key, Inventory]:
    return {(p, name): one for p, has in inventories.items() for name, one in has.items()}


def _refuse_below_claims(
    session: Session,
    found: Difference[Inventory],
    before: Mapping[Key, Inventory],
    now: datetime,
) -> None:
    shrunk = {
        k: one.capacity for k, one in found.changed.items() if one.capacity < before[k].capacity
    }
    shrunk |= dict.fromkeys(found.removed, 0)
    if not shrunk:
        return
    providers = {provider for provider, _ in shrunk}
    used = peaks(AllocationRow.provider.in_(providers), from_now_on(now), now)
    for provider, resource_type, peak in sorted(session.execute(used).all()):
        capacity = shrunk.get((provider, resource_type))
        if capacity is not None and capacity < peak:
            raise below_claims(session, (provider, resource_type), capacity, peak, now)


def below_claims(
    session: Session, key: Key, capacity: int, peak: int, now: datetime
) -> FailedPreconditionError:
    """Say that less would be there than is claimed, and by whom, how much, until when."""
    provider, resource_type = key
    return FailedPreconditionError(
        f"provider {provider} would have a capacity of {capacity} {resource_type}, but {peak} are "
        f"claimed at the peak from now on: {_claimants(session, key, now)}; release claims first, "
        f"or keep a capacity of at least {peak}",
        field="inventories",
        object_type="provider",
        object_id=provider,
    )


def _claimants(session: Session, key: Key, now: datetime) -> str:
    """Name the claims that use it longest."""
    rows = AllocationRow
    query = (
        select(rows.claim, rows.amount, rows.occupied_until)
        .where(
            rows.provider == key[0],
            rows.resource_type == key[1],
            occupies(rows, from_now_on(now), now),
        )
        .order_by(rows.occupied_until.desc(), rows.claim)
    )
    found = list(session.execute(query))
    told = [
        f"{amount} by claim {claim} "
        + (f"until {until.isoformat()}" if until < WITHOUT_END else "without end")
        for claim, amount, until in found[:TOLD_CLAIMS]
    ]
    if len(found) > TOLD_CLAIMS:
        told.append(f"{len(found) - TOLD_CLAIMS} more")
    return ", ".join(told)


def _words(found: Difference[Inventory], before: Mapping[Key, Inventory]) -> dict[str, str]:
    said: dict[str, list[str]] = defaultdict(list)
    for (provider, name), one in found.added.items():
        said[provider].append(f"{name} {one.capacity} added")
    for key, one in found.changed.items():
        old, new = before[key].capacity, one.capacity
        said[key[0]].append(f"{key[1]} {old} → {new}" if old != new else f"{key[1]} changed")
    for provider, name in found.removed:
        said[provider].append(f"{name} removed")
    return {provider: f"inventories: {', '.join(words)}" for provider, words in said.items()}


def inventory_of(row: InventoryRow) -> Inventory:
    """Read an inventory from its row."""
    return Inventory(
        resource_type=row.resource_type,
        total=row.total,
        reserved=row.reserved,
        min_unit=row.min_unit,
        max_unit=row.max_unit,
        step_size=row.step_size,
        allocation_ratio=row.allocation_ratio,
    )


def _columns(inventory: Inventory) -> dict[str, Any]:
    return {
        "total": inventory.total,
        "reserved": inventory.reserved,
        "min_unit": inventory.min_unit,
        "max_unit": inventory.max_unit,
        "step_size": inventory.step_size,
        "allocation_ratio": inventory.allocation_ratio,
        "capacity": inventory.capacity,
    }
