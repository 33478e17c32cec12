"""Changing many providers in one call: made, moved, filled, deleted; all of it or nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.orm import Session

from mulligan import events, marks
from mulligan.generations import refuse_stale
from mulligan.renaming import rename_many
from mulligan.resource import owners, registry, trees
from mulligan.resource.features import (
    CapabilitiesChange,
    PropertiesChange,
    change_capabilities,
    change_properties,
)
from mulligan.resource.inventories import InventoriesChange, change_inventories
from mulligan.resource.occupation import not_lapsed
from mulligan.resource.standards import MANAGED_TYPES
from mulligan.resource.tables import (
    AllocationRow,
    CapabilityNameRow,
    CapabilityRow,
    DistanceRow,
    InventoryRow,
    MemberRow,
    PropertyRow,
    ProviderRow,
    ProviderTypeRow,
    ResourceTypeRow,
    SharingRow,
)
from mulligan.resource.values import Inventory, check_id, check_provider_type
from mulligan.values.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
)

MOST_PROVIDERS = 10_000
"""How many one call may change: it is one transaction and one message."""


@dataclass(frozen=True)
class NewProvider:
    """A provider to make; `parent` may be another of the same call.

    Raises:
        InvalidArgumentError: an id or the type can't be one, or what is below another has an owner.
    """

    id: str
    type: str
    project: str | None = None
    parent: str | None = None
    inventories: Sequence[Inventory] = ()
    capabilities: Sequence[str] = ()
    properties: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", check_id(self.id, field="id"))
        check_provider_type(self.type, field="type")
        for name in ("project", "parent"):
            given = getattr(self, name)
            object.__setattr__(self, name, check_id(given, field=name) if given else None)
        if self.project and self.parent:
            raise owners.refuse_on_child(self.id)


@dataclass(frozen=True)
class ProviderChange:
    """What is to become of one provider.

    Args:
        provider: UUID.
        generation: the one at which the caller read it; 0: whatever it is at.
        under: the provider to move it under; "" makes it the top of a tree; None leaves it there.
        inventories: what becomes of them, if anything.
        capabilities: likewise.
        properties: likewise.
        name: another name for it; None: it stays.
        project: the owner of the tree of which it is the top; "" for nobody; None: it stays.

    Raises:
        InvalidArgumentError: an id is no UUID.
    """

    provider: str
    generation: int = 0
    under: str | None = None
    inventories: InventoriesChange | None = None
    capabilities: CapabilitiesChange | None = None
    properties: PropertiesChange | None = None
    name: str | None = None
    project: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "provider", check_id(self.provider, field="id"))
        for name in ("under", "project"):
            if given := getattr(self, name):
                object.__setattr__(self, name, check_id(given, field=name))

    @property
    def fills(self) -> bool:
        """Say whether it changes what the provider has or can do."""
        return bool(self.inventories or self.capabilities or self.properties)


def create_providers(
    session: Session,
    region: str,
    new: Sequence[NewProvider],
    *,
    unavailable: str = "",
    author: str | None = None,
    now: datetime,
    by_control: bool = False,
) -> None:
    """Make providers with what they have.

    Args:
        session: a session.
        region: UUID of their region.
        new: what to make.
        unavailable: why they are not offered; empty: they are.
        author: UUID of the account that asks.
        now: the present.
        by_control: control makes the provider of a server or host.

    Raises:
        AlreadyExistsError: there is a provider with one of the ids.
        InvalidArgumentError: no such type, parent, or name; or control makes such providers.
    """
    region = check_id(region, field="region")
    check_count([one.id for one in new], field="providers")
    _check_new(session, new, by_control=by_control)
    columns = [
        {
            "id": one.id,
            "region": region,
            "project": one.project,
            "type": one.type,
            "parent": one.parent,
            "root": top,
            "available": not unavailable,
            "unavailable_reason": unavailable,
            "generation": 1,
            "created_at": now,
        }
        for one, top in _first_to_last(session, new, region)
    ]
    if columns:
        session.execute(insert(ProviderRow), columns)
    _fill(session, new, now)
    for one in new:
        event = events.Event(
            "provider", one.id, "created", region=region, author=author, generation=1, at=now,
        )  # fmt: skip
        events.append(session, event)


def _fill(session: Session, new: Sequence[NewProvider], now: datetime) -> None:
    inventories = {n.id: InventoriesChange(add=n.inventories) for n in new if n.inventories}
    change_inventories(session, inventories, now)
    capabilities = {n.id: CapabilitiesChange(add=n.capabilities) for n in new if n.capabilities}
    change_capabilities(session, capabilities)
    properties = {n.id: PropertiesChange(put=n.properties) for n in new if n.properties}
    change_properties(session, properties)


def check_count(ids: Sequence[str], *, field: str) -> None:
    """Refuse a call that names no provider, more than one may, or one twice.

    Raises:
        InvalidArgumentError: it does.
    """
    if not 1 <= len(ids) <= MOST_PROVIDERS:
        raise InvalidArgumentError(
            f"{len(ids)} providers in one call are too {'many' if ids else 'few'}; send 1 to "
            f"{MOST_PROVIDERS}",
            field=field,
        )
    [(most, count)] = Counter(ids).most_common(1)
    if count > 1:
        raise InvalidArgumentError(
            f"provider {most} stands in the call {count} times; name each once", field=field
        )


def _check_new(session: Session, new: Sequence[NewProvider], *, by_control: bool) -> None:
    if not by_control:
        for one in new:
            if one.type in MANAGED_TYPES:
                raise InvalidArgumentError(
                    f"a provider of type {one.type} comes with its {one.type}; use `mulligan "
                    f"{one.type} add`",
                    field="type",
                )
    taken = trees.existing(session, [one.id for one in new])
    if taken:
        raise AlreadyExistsError(
            f"there is a provider {min(taken)} already",
            object_type="provider",
            object_id=min(taken),
        )
    registry.require_names(session, ProviderTypeRow, (one.type for one in new), "type")
    _require_known(
        session,
        (inventory for one in new for inventory in one.inventories),
        (name for one in new for name in one.capabilities),
    )


def _require_known(
    session: Session, inventories: Iterable[Inventory], capabilities: Iterable[str]
) -> None:
    types = (one.resource_type for one in inventories)
    registry.require_names(session, ResourceTypeRow, types, "inventories.resource_type")
    registry.require_names(session, CapabilityNameRow, capabilities, "capabilities")


def _first_to_last(
    session: Session, new: Sequence[NewProvider], region: str
) -> list[tuple[NewProvider, str | None]]:
    """Order them so that each comes after what it is under, with its tree's top (none: itself)."""
    ids = {one.id for one in new}
    outside = {one.parent for one in new if one.parent and one.parent not in ids}
    rows = trees.lock_trees(session, trees.existing(session, outside)) if outside else {}
    tops = {one: trees.check_parent(rows, one, region).root or one for one in outside}
    below = defaultdict(list)
    for one in new:
        below[one.parent if one.parent in ids else None].append(one)
    ordered = list(below[None])
    for one in ordered:  # grows while it is walked
        tops[one.id] = tops[one.parent] if one.parent else one.id
        ordered += below[one.id]
    if len(ordered) < len(new):
        circle = min(ids - {one.id for one in ordered})
        raise InvalidArgumentError(
            f"provider {circle} would be below itself; mend the parents", field="parent"
        )
    return [(one, tops[one.id] if one.parent else None) for one in ordered]


def change_providers(
    session: Session,
    changes: Sequence[ProviderChange],
    *,
    author: str | None = None,
    now: datetime,
    by_control: bool = False,
) -> list[ProviderRow]:
    """Change providers; what changes nothing leaves the generation as it is.

    Raises:
        AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError: a change
            can't be made, the message names it; nothing was changed.
        StaleError: one is not at the generation that was said; says what changed since.
    """
    check_count([change.provider for change in changes], field="changes")
    rows = _lock(session, changes)
    renamed: list[tuple[ProviderRow, str]] = []
    for change in changes:
        row = rows[change.provider]
        refuse_stale(
            session, "provider", row.id, generation=row.generation, read_at=change.generation
        )
        if change.fills and not by_control:
            refuse_managed(row, "what it has and can do")
        if change.project is not None and not by_control:
            refuse_managed(row, "whose it is")
        if change.name is not None:
            refuse_managed(row, "its name")
            renamed.append((row, change.name))
    if renamed:
        rename_many(session, "provider", renamed, author=author)
    _check_names(session, changes, now, by_control=by_control)
    said = _apply(session, rows, changes, now)
    for provider, words in said.items():
        rows[provider].generation += 1
        tell(session, rows[provider], "updated", now, "; ".join(words), author=author)
    session.flush()
    return [rows[change.provider] for change in changes]


def _lock(session: Session, changes: Sequence[ProviderChange]) -> dict[str, ProviderRow]:
    ids = {change.provider for change in changes}
    parents = {change.under for change in changes if change.under}
    moving = [change.provider for change in changes if change.under is not None]
    if moving:
        wanted = ids | trees.existing(session, parents)
        return trees.lock_trees(session, wanted, moving=moving)
    return trees.lock_providers(session, ids)


def refuse_managed(row: ProviderRow, what: str) -> None:
    """Refuse to touch what control keeps of a server's or host's provider.

    Raises:
        FailedPreconditionError: it is such a provider.
    """
    if row.type in MANAGED_TYPES:
        raise FailedPreconditionError(
            f"provider {row.id} belongs to a {row.type}, and {what} follows from that; use "
            f"`mulligan {row.type}`, or put it into a group",
            object_type="provider",
            object_id=row.id,
        )


def _check_names(
    session: Session, changes: Sequence[ProviderChange], now: datetime, *, by_control: bool
) -> None:
    inventories = [one for c in changes if c.inventories for one in c.inventories.given]
    capabilities = [name for c in changes if c.capabilities for name in c.capabilities.given]
    if by_control:
        types = {one.resource_type for one in inventories}
        registry.adopt_names(session, ResourceTypeRow, types, now)
        registry.adopt_names(session, CapabilityNameRow, set(capabilities), now)
    else:
        _require_known(session, inventories, capabilities)


def _apply(
    session: Session,
    rows: Mapping[str, ProviderRow],
    changes: Sequence[ProviderChange],
    now: datetime,
) -> dict[str, list[str]]:
    """Make the changes; gives in words what became of each provider that is not as it was."""
    said: dict[str, list[str]] = defaultdict(list)
    moves = {
        c.provider: c.under
        for c in changes
        if c.under is not None and (c.under or None) != rows[c.provider].parent
    }
    if moves:
        tops = {provider: rows[provider].root or provider for provider in moves}
        trees.move_providers(session, rows, moves)
        for provider, parent in moves.items():
            said[provider].append(
                f"moved under provider {parent}" if parent else "moved to the top"
            )
        for provider, words in owners.follow_tops(session, rows, tops, now).items():
            said[provider].append(words)
    given = {c.provider: c.project for c in changes if c.project is not None}
    for provider, words in owners.change_owners(session, rows, given, now).items():
        said[provider].append(words)
    inventories = {c.provider: c.inventories for c in changes if c.inventories}
    capabilities = {c.provider: c.capabilities for c in changes if c.capabilities}
    properties = {c.provider: c.properties for c in changes if c.properties}
    for told in (
        change_inventories(session, inventories, now) if inventories else {},
        change_capabilities(session, capabilities) if capabilities else {},
        change_properties(session, properties) if properties else {},
    ):
        for provider, words in told.items():
            said[provider].append(words)
    return said


def delete_providers(
    session: Session,
    providers: Sequence[str],
    *,
    author: str | None = None,
    now: datetime,
    by_control: bool = False,
) -> list[ProviderRow]:
    """Delete providers with all that is known of them; their past claims stay on record.

    Gives what they were.

    Raises:
        FailedPreconditionError: claims use one now or later, others are below it, or it is
            control's.
        NotFoundError: one is not there.
    """
    ids = [check_id(provider, field="ids") for provider in providers]
    check_count(ids, field="ids")
    locked = trees.lock_trees(session, ids)
    rows = {provider: locked[provider] for provider in ids}
    if not by_control:
        for row in rows.values():
            refuse_managed(row, "its end")
    _refuse_claimed(session, ids, now)
    _refuse_parents(session, ids)
    for table in (InventoryRow, CapabilityRow, PropertyRow, MemberRow, SharingRow):
        session.execute(delete(table).where(table.provider.in_(ids)))
    session.execute(delete(DistanceRow).where(or_(DistanceRow.a.in_(ids), DistanceRow.b.in_(ids))))
    marks.forget_marks(session, ids)
    session.execute(delete(ProviderRow).where(ProviderRow.id.in_(ids)))
    for row in rows.values():
        tell(session, row, "deleted", now, author=author)
    return list(rows.values())


def _refuse_claimed(session: Session, providers: Sequence[str], now: datetime) -> None:
    rows = AllocationRow
    using = (
        select(rows.provider, rows.claim)
        .where(rows.provider.in_(providers), rows.occupied_until > now, not_lapsed(rows, now))
        .distinct()
        .order_by(rows.provider, rows.claim)
    )
    claims: dict[str, list[str]] = defaultdict(list)
    for provider, claim in session.execute(using):
        claims[provider].append(claim)
    for provider, found in claims.items():
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise FailedPreconditionError(
            f"provider {provider} is used, now or later, by claims {', '.join(found[:5])}{more}; "
            "release them first",
            object_type="provider",
            object_id=provider,
        )


def _refuse_parents(session: Session, providers: Sequence[str]) -> None:
    rows = ProviderRow
    below = select(rows.parent).where(rows.parent.in_(providers), rows.id.not_in(providers))
    found = Counter(session.scalars(below))
    for parent, count in found.items():
        raise FailedPreconditionError(
            f"{count} providers are below provider {parent}; delete those first",
            object_type="provider",
            object_id=str(parent),
        )


def tell(
    session: Session,
    row: ProviderRow,
    kind: str,
    now: datetime,
    message: str = "",
    *,
    author: str | None = None,
) -> None:
    """Tell who has a role on its region how a provider changed, with its generation after it.

    Its owner is told nothing: what operators say of it is not the owner's to read.
    """
    event = events.Event(
        "provider", row.id, kind, region=row.region, author=author, message=message,
        generation=None if kind == "deleted" else row.generation, at=now,
    )  # fmt: skip
    events.append(session, event)
