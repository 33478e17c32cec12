"""Calendars: who has what of each provider, and when."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select, true
from sqlalchemy.orm import Session

from mulligan.resource.groups import belonging, get_group
from mulligan.resource.occupation import occupies
from mulligan.resource.providers import narrowed
from mulligan.resource.standing import status_at
from mulligan.resource.tables import (
    AllocationRow,
    ClaimRow,
    GroupRow,
    InventoryRow,
    ProviderRow,
)
from mulligan.resource.values import Page, check_id, page_size
from mulligan.values.window import Window


@dataclass(frozen=True, slots=True)
class Booking:
    """What one claim has of a provider: its plan, and for how long it is kept free afterwards."""

    claim: str
    project: str
    consumer: str | None
    state: str
    reason: str
    window: Window
    margin_s: int
    amount: int
    overrun: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One resource type of one provider, with what is booked of it, in order of time."""

    provider: str
    resource_type: str
    capacity: int
    bookings: tuple[Booking, ...]


def list_lanes(
    session: Session,
    window: Window,
    *,
    region: str = "",
    type: str = "",  # noqa: A002 (the column's word)
    resource_type: str = "",
    group: str = "",
    provider: str = "",
    project: str = "",
    after: str = "",
    limit: int = 0,
    now: datetime,
) -> Page[Lane]:
    """Read a page of the calendar of providers in the order of their ids.

    Args:
        session: a session.
        window: of which time.
        region: only of this region (UUID).
        type: only providers of this type.
        resource_type: only of this one.
        group: only what belongs to this group (UUID).
        provider: only this one (UUID).
        project: only what this project has (UUID); then nothing is told of others.
        after: the token of the page before.
        limit: at most this many providers; 0 for 100.
        now: the present.

    Raises:
        InvalidArgumentError: an id or the type can't be one.
        NotFoundError: there is no such group, and it was not asked for one project.
    """
    limit = page_size(limit)
    rows, booked = ProviderRow, occupies(AllocationRow, window, now)
    query = narrowed(select(rows.id), region=region, type=type, group="")
    if after:
        query = query.where(rows.id > check_id(after, field="page.token"))
    if group:
        group = check_id(group, field="group")
        if not project:
            get_group(session, group)
        there = belonging(GroupRow.id == group)
        query = query.where(rows.id.in_(select(there.c.provider)))
    if provider:
        query = query.where(rows.id == check_id(provider, field="provider"))
    if project:
        booked = and_(booked, AllocationRow.project == check_id(project, field="project"))
    table = AllocationRow if project else InventoryRow
    has = select(table.provider).where(booked if project else true())
    if resource_type:
        has = has.where(table.resource_type == resource_type)
    query = query.where(rows.id.in_(has))
    found = list(session.scalars(query.order_by(rows.id).limit(limit + 1)))
    page = Page.cut(found, limit, lambda one: one)
    lanes = _lanes(session, page.items, resource_type, booked, now)
    return Page([one for one in lanes if one.bookings or not project], page.next_token)


def _lanes(
    session: Session,
    providers: list[str],
    resource_type: str,
    which: ColumnElement[bool],
    now: datetime,
) -> list[Lane]:
    """The lanes of providers with those allocations that count."""
    stock = select(InventoryRow.provider, InventoryRow.resource_type, InventoryRow.capacity).where(
        InventoryRow.provider.in_(providers)
    )
    booked: dict[tuple[str, str], list[Booking]] = defaultdict(list)
    rows = AllocationRow
    query = (
        select(rows.provider, rows.resource_type, rows.amount, rows.margin_s, ClaimRow)
        .join(ClaimRow, ClaimRow.id == rows.claim)
        .where(rows.provider.in_(providers), which)
    )
    if resource_type:
        stock = stock.where(InventoryRow.resource_type == resource_type)
        query = query.where(rows.resource_type == resource_type)
    for provider, name, amount, margin_s, claim in session.execute(query):
        status = status_at(claim, now)
        booked[provider, name].append(
            Booking(
                claim.id,
                claim.project,
                claim.consumer,
                status.state,
                status.reason,
                Window(claim.acquire_at, claim.planned_release_at),
                margin_s,
                amount,
                claim.planned_release_at <= now,
            )
        )
    ordered = sorted(session.execute(stock).all())
    return [
        Lane(
            provider,
            name,
            capacity,
            tuple(sorted(booked[provider, name], key=lambda b: (b.window.acquire_at, b.claim))),
        )
        for provider, name, capacity in ordered
    ]
