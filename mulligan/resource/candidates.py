"""Which providers a request fits, in which order, and constraint by constraint why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from mulligan.resource.occupation import peaks
from mulligan.resource.tables import (
    AllocationRow,
    CapabilityRow,
    InventoryRow,
    PropertyRow,
    ProviderRow,
)
from mulligan.resource.values import ClaimRequest, Placement
from mulligan.values.amount import Amount

AVAILABLE = "available"

# Core columns: a statement of them is put together in a third of the time of mapped attributes.
PROVIDERS = ProviderRow.__table__.c
INVENTORIES = InventoryRow.__table__.c
ALLOCATIONS = AllocationRow.__table__.c
CAPABILITIES = CapabilityRow.__table__.c
PROPERTIES = PropertyRow.__table__.c


@dataclass(frozen=True)
class Constraint:
    """One condition that a provider meets or not, in words and in SQL.

    `by_time` says that waiting can help: it depends on what others have claimed.
    """

    words: str
    holds: ColumnElement[bool]
    by_time: bool = False


@dataclass(frozen=True)
class Pool:
    """Of one resource type that is asked for, per provider: what it has and what is used of it.

    `portion` is 1 where the amount keeps to min and max unit and step.
    """

    amount: Amount
    portion: ColumnElement[int]
    capacity: ColumnElement[int]
    used: ColumnElement[int]

    @property
    def free(self) -> ColumnElement[int]:
        """What is left of the capacity at the peak."""
        return self.capacity - self.used


def pools_of(request: ClaimRequest, now: datetime) -> CTE:
    """Lay what each provider has and what is used of it side by side, one row per provider.

    Inventories and peaks are stacked and grouped rather than joined: that is linear in both,
    whatever a planner expects of the filters (joined, PostgreSQL ran through all peaks for each
    provider)::

        SELECT provider,
               max(CASE WHEN resource_type = 'VCPU' THEN capacity ELSE 0 END) AS capacity_0,
               max(CASE WHEN resource_type = 'VCPU' THEN peak ELSE 0 END) AS used_0, ...
        FROM (SELECT provider, resource_type, capacity, ..., 0 AS peak FROM inventories ...
              UNION ALL SELECT provider, resource_type, 0, ..., peak FROM <peaks>)
        GROUP BY provider
    """
    types = [amount.resource_type for amount in request.amounts]
    claimed = and_(ALLOCATIONS.region == request.region, ALLOCATIONS.resource_type.in_(types))
    offered = and_(PROVIDERS.region == request.region, INVENTORIES.resource_type.in_(types))
    if request.provider:
        claimed = and_(claimed, ALLOCATIONS.provider == request.provider)
        offered = and_(offered, PROVIDERS.id == request.provider)
    used = peaks(claimed, request.window, now).subquery("used")
    nothing = literal(0, BigInteger)
    has = (INVENTORIES.capacity, INVENTORIES.min_unit, INVENTORIES.max_unit, INVENTORIES.step_size)
    stacked = union_all(
        select(INVENTORIES.provider, INVENTORIES.resource_type, *has, nothing.label("peak"))
        .join_from(ProviderRow.__table__, InventoryRow.__table__)
        .where(offered),
        select(used.c.provider, used.c.resource_type, *[nothing] * len(has), used.c.peak),
    ).subquery("stacked")
    columns = [
        column
        for index, amount in enumerate(request.amounts)
        for column in _side_by_side(stacked.c, amount, index)
    ]
    return select(stacked.c.provider, *columns).group_by(stacked.c.provider).cte("pools")


def _side_by_side(rows: Any, amount: Amount, index: int) -> Iterator[ColumnElement[int]]:
    same = rows.resource_type == amount.resource_type
    portion = and_(
        same,
        rows.min_unit <= amount.amount,
        rows.max_unit >= amount.amount,
        # Rows of peaks have a step of 0 and a greatest unit of 0.
        literal(amount.amount, BigInteger) % func.nullif(rows.step_size, 0) == 0,
    )
    for name, value in (
        (f"portion_{index}", case((portion, 1), else_=0)),
        (f"capacity_{index}", case((same, rows.capacity), else_=0)),
        (f"used_{index}", case((same, rows.peak), else_=0)),
    ):
        yield func.max(value).label(name)


class Question:
    """A request as SQL: where to look, what must hold, and what is free.

    Each constraint's SQL is used twice, to choose and to explain, so the two can't disagree::

        SELECT providers.id FROM providers LEFT JOIN (<pools>) pools ON provider = providers.id
        WHERE providers.region = :r AND providers.available
          AND (unhealthy_until IS NULL OR unhealthy_until <= :now) AND EXISTS (<capability>) ...
          AND portion_0 = 1 AND capacity_0 >= :amount AND capacity_0 - used_0 >= :amount
        ORDER BY capacity_0 - used_0 DESC, providers.id

    Indexes: providers (region, type, available); the primary keys of inventories, capabilities and
    properties; allocations as in `peaks`.
    """

    def __init__(self, request: ClaimRequest, *, project: str, now: datetime) -> None:
        self.request, self.now = request, now
        self._table = pools_of(request, now)
        columns = self._table.c
        self.pools = [
            Pool(amount, columns[f"portion_{i}"], columns[f"capacity_{i}"], columns[f"used_{i}"])
            for i, amount in enumerate(request.amounts)
        ]
        self._visible = or_(PROVIDERS.project.is_(None), PROVIDERS.project == project)
        self.constraints = [*self._demands(), *self._limits()]

    def over(self, query: Any) -> Any:
        """Have a query look at the providers, each beside what it has and what is used of it."""
        providers = ProviderRow.__table__
        beside = self._table.c.provider == PROVIDERS.id
        return query.select_from(providers.outerjoin(self._table, beside)).where(self._visible)

    def _demands(self) -> Iterator[Constraint]:
        request = self.request
        yield Constraint("in the region", PROVIDERS.region == request.region)
        if request.provider_type:
            holds = PROVIDERS.type == request.provider_type
            yield Constraint(f"of type {request.provider_type}", holds)
        yield Constraint(AVAILABLE, and_(PROVIDERS.available.is_(True), healthy(self.now)))
        if request.provider:
            named = PROVIDERS.id == request.provider
            yield Constraint(f"provider {request.provider}", named)
        for capability in request.required_capabilities:
            yield Constraint(f"with capability {capability}", _has(capability))
        for capability in request.forbidden_capabilities:
            yield Constraint(f"without capability {capability}", ~_has(capability))
        for name, value in request.minimum_properties.items():
            yield Constraint(f"with {name} of at least {value}", _measures(name, value))

    def _limits(self) -> Iterator[Constraint]:
        for pool in self.pools:
            yield Constraint(
                f"handing out {_words(pool.amount)} at once (min, max unit and step)",
                pool.portion == 1,
            )
        for pool in self.pools:
            yield Constraint(
                f"large enough for {_words(pool.amount)} when empty",
                pool.capacity >= pool.amount.amount,
            )
        for pool in self.pools:
            yield Constraint(
                f"with {_words(pool.amount)} free in the window",
                pool.free >= pool.amount.amount,
                by_time=True,
            )


def healthy(now: datetime) -> ColumnElement[bool]:
    """Say that nobody calls a provider unhealthy, or that the mark has expired."""
    until = PROVIDERS.unhealthy_until
    return or_(until.is_(None), until <= now)


def _words(amount: Amount) -> str:
    return f"{amount.amount} {amount.resource_type}"


def _has(capability: str) -> ColumnElement[bool]:
    return exists().where(
        CAPABILITIES.provider == PROVIDERS.id, CAPABILITIES.capability == capability
    )


def _measures(name: str, value: int) -> ColumnElement[bool]:
    return exists().where(
        PROPERTIES.provider == PROVIDERS.id,
        PROPERTIES.name == name,
        PROPERTIES.value >= value,
    )


def find_candidates(
    session: Session, request: ClaimRequest, *, project: str, now: datetime, limit: int
) -> list[str]:
    """Find the providers that fit, best first.

    Spread puts the one with most free first, pack the one with least: compared by the amounts in
    the request's order, ties by provider id.
    """
    question = Question(request, project=project, now=now)
    spread = request.placement is Placement.SPREAD
    order = [pool.free.desc() if spread else pool.free.asc() for pool in question.pools]
    query = (
        question.over(select(PROVIDERS.id))
        .where(*[constraint.holds for constraint in question.constraints])
        .order_by(*order, PROVIDERS.id)
        .limit(limit)
    )
    return list(session.scalars(query))
