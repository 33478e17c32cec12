"""Usage: what is used, reserved and free per provider, group, region and project."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    exists,
    false,
    func,
    select,
    true,
    union,
)
from sqlalchemy.orm import Session

from mulligan.resource.groups import belonging, get_group
from mulligan.resource.occupation import occupies, peaks_per
from mulligan.resource.providers import get_provider
from mulligan.resource.quotas import projects_below
from mulligan.resource.tables import (
    AllocationRow,
    GroupRow,
    InventoryRow,
    ProjectRow,
    ProviderRow,
    QuotaRow,
)
from mulligan.resource.values import Page, check_id, page_size
from mulligan.values.amount import check_resource_type
from mulligan.values.window import Window

Amounts = Mapping[tuple[str, str], int]
"""By what they are of, and resource type."""


class By(StrEnum):
    """Of what usage is summed up."""

    PROVIDER = "provider"
    GROUP = "group"
    REGION = "region"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a resource type is taken in a window.

    Args:
        of: UUID of the provider, group, region or project.
        resource_type: such as VCPU.
        capacity: what there is, offered or not; of a project its own quota; None: no limit is set.
        used: at the peak, by claims that have begun.
        reserved: at the peak, by claims that begin later.
        peak: by both at the same time.
    """

    of: str
    resource_type: str
    capacity: int | None
    used: int
    reserved: int
    peak: int

    @property
    def free(self) -> int | None:
        """What is left at the peak; below 0 where there is less than there was; None: no limit."""
        return None if self.capacity is None else self.capacity - self.peak


@dataclass(frozen=True)
class Narrowed:
    """Which use counts: of a region, of what belongs to a group, of a provider, of a project.

    A project counts with all that are under it; then nothing is told of what others could have.

    Raises:
        InvalidArgumentError: an id or the resource type can't be one.
    """

    region: str = ""
    group: str = ""
    provider: str = ""
    resource_type: str = ""
    project: str = ""

    def __post_init__(self) -> None:
        for name in ("region", "group", "provider", "project"):
            given = getattr(self, name)
            object.__setattr__(self, name, check_id(given, field=name) if given else "")
        if self.resource_type:
            check_resource_type(self.resource_type)

    @property
    def in_part(self) -> bool:
        """Whether only some of the providers count."""
        return bool(self.region or self.group or self.provider)

    def allocations(self) -> ColumnElement[bool]:
        """The allocations that count."""
        rows = AllocationRow
        found = [self._of_providers(rows.provider, rows.region, rows.resource_type)]
        if self.project:
            below = projects_below(ProjectRow.project == self.project)
            of_project = select(below.c.project).where(below.c.top == self.project)
            found.append((rows.project == self.project) | rows.project.in_(of_project))
        return and_(*found)

    def inventories(self) -> ColumnElement[bool]:
        """The inventories that count, of which `ProviderRow` is the provider."""
        rows = InventoryRow
        return self._of_providers(rows.provider, ProviderRow.region, rows.resource_type)

    def _of_providers(self, provider: Any, region: Any, resource_type: Any) -> ColumnElement[bool]:
        found: list[ColumnElement[bool]] = []
        if self.region:
            found.append(region == self.region)
        if self.provider:
            found.append(provider == self.provider)
        if self.group:
            there = belonging(GroupRow.id == self.group)
            found.append(provider.in_(select(there.c.provider)))
        if self.resource_type:
            found.append(resource_type == self.resource_type)
        return and_(true(), *found)


@dataclass(frozen=True)
class _Axis:
    """Of what usage is summed up, in SQL.

    Args:
        ids: what is told of even when nothing of it is used, to be narrowed to those in a page.
        key: what an allocation is of.
        link: how the key goes with allocations.
        capacity: key, resource type and what there is.
    """

    ids: Select[Any]
    key: ColumnElement[str]
    link: ColumnElement[bool]
    capacity: Select[str, str, int] | None


def list_usage(
    session: Session,
    by: By,
    window: Window,
    *,
    narrowed: Narrowed | None = None,
    after: str = "",
    limit: int = 0,
    now: datetime,
) -> Page[Usage]:
    """Read a page of usage in the order of what it is of, then of resource type.

    Args:
        session: a session.
        by: of what.
        window: of which time.
        narrowed: which use counts; by default all.
        after: the token of the page before.
        limit: of at most this many providers, groups, regions or projects; 0 for 100.
        now: the present.

    Raises:
        InvalidArgumentError: an id, the resource type or the token can't be one.
        NotFoundError: there is no such group or provider.
    """
    limit, wanted = page_size(limit), narrowed or Narrowed()
    if not wanted.project:
        _require(session, wanted, now)
    axis = _AXES[by](wanted)
    ids = _ids(axis, by, wanted, window, now).subquery("ids")
    [column] = ids.c
    query = select(column).order_by(column).limit(limit + 1)
    if after:
        query = query.where(column > check_id(after, field="page.token"))
    page = Page.cut(list(session.scalars(query)), limit, lambda one: one)
    return Page(_usage(session, axis, page.items, wanted, window, now), page.next_token)


def _ids(
    axis: _Axis, by: By, wanted: Narrowed, window: Window, now: datetime
) -> Select[Any] | CompoundSelect[Any]:
    """Of what there is something to tell; a project's reader isn't told of what it doesn't use."""
    in_use = (
        select(axis.key)
        .where(axis.link, wanted.allocations(), occupies(AllocationRow, window, now))
        .distinct()
    )
    if wanted.project:
        return in_use.where(axis.key == wanted.project) if by is By.PROJECT else in_use
    if by is By.PROJECT:
        return union(in_use, axis.ids)
    return axis.ids


def _require(session: Session, wanted: Narrowed, now: datetime) -> None:
    """Refuse a group or provider that is not there; who may not see all isn't told which are."""
    if wanted.group:
        get_group(session, wanted.group)
    if wanted.provider:
        get_provider(session, wanted.provider, now=now)


def _usage(
    session: Session, axis: _Axis, ids: list[str], wanted: Narrowed, window: Window, now: datetime
) -> list[Usage]:
    rows = AllocationRow
    scope = and_(axis.link, axis.key.in_(ids), wanted.allocations())

    def peaks(which: ColumnElement[bool]) -> Amounts:
        found = session.execute(peaks_per(axis.key, and_(scope, which), window, now))
        return {(of, resource_type): peak for of, resource_type, peak in found}

    used, reserved, peak = (
        peaks(which) for which in (rows.acquire_at <= now, rows.acquire_at > now, true())
    )
    capacity = _capacity(session, axis, ids, wanted)
    return [
        Usage(
            *what,
            capacity.get(what),
            used.get(what, 0),
            reserved.get(what, 0),
            peak.get(what, 0),
        )
        for what in sorted(capacity.keys() | peak.keys())
    ]


def _capacity(session: Session, axis: _Axis, ids: list[str], wanted: Narrowed) -> Amounts:
    if axis.capacity is None:
        return _quotas(session, ids, wanted)
    if wanted.project:
        return {}
    query = axis.capacity.where(axis.capacity.selected_columns[0].in_(ids), wanted.inventories())
    found = session.execute(query)
    # PostgreSQL sums up to numerics.
    return {(of, resource_type): int(amount) for of, resource_type, amount in found}


def _quotas(session: Session, projects: list[str], wanted: Narrowed) -> Amounts:
    """What projects may have; what they use in a part of all is compared with no limit."""
    if wanted.in_part:
        return {}
    rows = session.scalars(select(QuotaRow).where(QuotaRow.project.in_(projects)))
    limits: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        for resource_type, amount in row.amounts.items():
            if wanted.resource_type in ("", resource_type):
                limits[row.project, resource_type] = amount
    return limits


def _of_provider(wanted: Narrowed) -> _Axis:
    stock, rows = InventoryRow, ProviderRow
    ids = select(rows.id).where(exists().where(stock.provider == rows.id, wanted.inventories()))
    capacity = select(stock.provider, stock.resource_type, stock.capacity)
    return _Axis(
        ids,
        AllocationRow.provider.expression,
        true(),
        capacity.join(rows, rows.id == stock.provider),
    )


def _of_group(wanted: Narrowed) -> _Axis:
    stock, there = InventoryRow, belonging()
    ids = select(GroupRow.id)
    if wanted.region:
        ids = ids.where(GroupRow.region == wanted.region)
    if wanted.group:
        ids = ids.where(GroupRow.id == wanted.group)
    if wanted.provider:
        of_provider = select(there.c.group).where(there.c.provider == wanted.provider)
        ids = ids.where(GroupRow.id.in_(of_provider))
    capacity = (
        select(there.c.group, stock.resource_type, func.sum(stock.capacity))
        .join(there, there.c.provider == stock.provider)
        .join(ProviderRow, ProviderRow.id == stock.provider)
        .group_by(there.c.group, stock.resource_type)
    )
    return _Axis(ids, there.c.group, there.c.provider == AllocationRow.provider, capacity)


def _of_region(wanted: Narrowed) -> _Axis:
    stock, rows = InventoryRow, ProviderRow
    joined = select(rows.region).join(stock, rows.id == stock.provider)
    capacity = (
        select(rows.region, stock.resource_type, func.sum(stock.capacity))
        .join(stock, rows.id == stock.provider)
        .group_by(rows.region, stock.resource_type)
    )
    ids = joined.where(wanted.inventories()).distinct()
    return _Axis(ids, AllocationRow.region.expression, true(), capacity)


def _of_project(wanted: Narrowed) -> _Axis:
    below = projects_below()
    limited = select(QuotaRow.project).where(false() if wanted.in_part else true())
    return _Axis(limited, below.c.top, below.c.project == AllocationRow.project, None)


_AXES = {
    By.PROVIDER: _of_provider,
    By.GROUP: _of_group,
    By.REGION: _of_region,
    By.PROJECT: _of_project,
}
