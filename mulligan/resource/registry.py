"""Registered names of types and capabilities. Standard ones stay.

Who uses a name locks its row against `unregister` (FOR KEY SHARE; many may at the same time), so
nothing ever has a name that is not registered.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.generations import refuse_stale
from mulligan.resource.tables import (
    CapabilityNameRow,
    CapabilityRow,
    DistanceRow,
    DistanceTypeRow,
    InventoryRow,
    ProviderRow,
    ProviderTypeRow,
    ResourceTypeRow,
)
from mulligan.resource.values import check_name, check_provider_type
from mulligan.values.amount import check_resource_type
from mulligan.values.errors import (
    AlreadyExistsError,
    ConflictError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from mulligan.values.ids import name_id

NameRow = ProviderTypeRow | ResourceTypeRow | CapabilityNameRow | DistanceTypeRow
N = TypeVar("N", ProviderTypeRow, ResourceTypeRow, CapabilityNameRow, DistanceTypeRow)

GREATEST_MARGIN_S = 30 * 86400
ADOPTED = "found by inspection"
"""The description of a name that nobody registered before it was used."""
WORDS: dict[Any, str] = {
    ProviderTypeRow: "provider type",
    ResourceTypeRow: "resource type",
    CapabilityNameRow: "capability",
    DistanceTypeRow: "distance type",
}
"""What people call a name of each table."""


def register(
    session: Session,
    table: type[N],
    name: str,
    *,
    description: str = "",
    author: str | None = None,
    now: datetime,
    **columns: Any,
) -> N:
    """Register a name of one's own.

    Raises:
        AlreadyExistsError: it is registered.
        InvalidArgumentError: it can't be such a name.
    """
    _check(table, name)
    if session.get(table, name) is not None:
        raise AlreadyExistsError(
            f"there is a {WORDS[table]} {name} already",
            field="name",
            object_type=_object_type(table),
            object_id=name,
        )
    row: N = table(name=name, description=description.strip(), created_at=now, **columns)
    session.add(row)
    session.flush()
    _tell(session, row, "created", author, now)
    return row


def _check(table: type[NameRow], name: str) -> None:
    if table is ProviderTypeRow:
        check_provider_type(name, field="name")
    elif table is ResourceTypeRow:
        check_resource_type(name, field="name")
    else:
        check_name(name, field="name")


def _object_type(table: type[NameRow]) -> str:
    return WORDS[table].replace(" ", "_")


def _tell(
    session: Session, row: NameRow, kind: str, author: str | None, now: datetime, more: str = ""
) -> None:
    """Tell; names have no UUID, so an event gets one that is always the same for the name."""
    table = type(row)
    object_type = _object_type(table)
    event = events.Event(
        object_type,
        name_id(object_type, row.name),
        kind,
        author=author,
        message=f"{WORDS[table]} {row.name} {kind}{more}",
        generation=row.generation if isinstance(row, ProviderTypeRow) else None,
        at=now,
    )
    events.append(session, event)


def require_names(session: Session, table: type[NameRow], names: Iterable[str], field: str) -> None:
    """Refuse names that nobody registered.

    Raises:
        InvalidArgumentError: one is not registered.
    """
    missing = _unknown(session, table, set(names))
    if missing:
        word = WORDS[table]
        raise InvalidArgumentError(
            f"there is no {word} {missing[0]}; see `mulligan {word.replace(' ', '-')} list`, or "
            f"register it with `mulligan {word.replace(' ', '-')} create {missing[0]}`",
            field=field,
        )


def adopt_names(
    session: Session, table: type[NameRow], names: Collection[str], now: datetime
) -> None:
    """Register what inspection found and nobody has registered.

    Raises:
        ConflictError: somebody else did so meanwhile.
    """
    new = _unknown(session, table, set(names))
    if new:
        rows = [table(name=name, description=ADOPTED, created_at=now) for name in new]
        session.add_all(rows)
        try:
            session.flush()
        except IntegrityError as error:
            raise ConflictError(f"{WORDS[table]} {new[0]} was registered meanwhile") from error
        for row in rows:
            _tell(session, row, "created", None, now, f": {ADOPTED}")


def _unknown(session: Session, table: type[NameRow], names: set[str]) -> list[str]:
    known: set[str] = set()
    if names:
        query = select(table.name).where(table.name.in_(names)).order_by(table.name)
        known = set(session.scalars(query.with_for_update(read=True, key_share=True)))
    return sorted(names - known)


def update_provider_type(
    session: Session,
    name: str,
    *,
    cleaning_margin_s: int | None = None,
    description: str | None = None,
    generation: int = 0,
    author: str | None = None,
    now: datetime,
) -> ProviderTypeRow:
    """Change how long a provider of the type is kept free between two claims, or its description.

    Raises:
        InvalidArgumentError: the margin is out of range.
        NotFoundError: there is no such type.
        StaleError: it is not at that generation any more (0: whatever it is at).
    """
    row = _get(session, ProviderTypeRow, name)
    refuse_stale(
        session, "provider_type", name, generation=row.generation, read_at=generation,
        event_id=name_id("provider_type", name),
    )  # fmt: skip
    said = []
    if cleaning_margin_s is not None and cleaning_margin_s != row.cleaning_margin_s:
        said.append(f"cleaning margin {row.cleaning_margin_s} s → {cleaning_margin_s} s")
        row.cleaning_margin_s = check_margin(cleaning_margin_s)
    if description is not None and description.strip() != row.description:
        said.append("description changed")
        row.description = description.strip()
    if said:
        row.generation += 1
        session.flush()
        _tell(session, row, "updated", author, now, f": {', '.join(said)}")
    return row


def check_margin(margin_s: int) -> int:
    """Refuse a cleaning margin that can't be.

    Raises:
        InvalidArgumentError: it is negative or longer than 30 days.
    """
    if not 0 <= margin_s <= GREATEST_MARGIN_S:
        raise InvalidArgumentError(
            f"a cleaning margin of {margin_s} s can't be; give 0 to {GREATEST_MARGIN_S}",
            field="cleaning_margin_s",
        )
    return margin_s


def _get(session: Session, table: type[N], name: str) -> N:
    query = select(table).where(table.name == name).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFoundError(
            f"there is no {WORDS[table]} {name!r}",
            object_type=_object_type(table),
            object_id=name,
        )
    return row


def unregister(
    session: Session, table: type[N], name: str, *, author: str | None = None, now: datetime
) -> None:
    """Forget a name of one's own that nothing uses.

    Raises:
        FailedPreconditionError: it is a standard one, or something uses it.
        NotFoundError: there is no such name.
    """
    row = _get(session, table, name)
    word, details = WORDS[table], {"object_type": _object_type(table), "object_id": name}
    if row.standard:
        raise FailedPreconditionError(f"{word} {name} is a standard one and stays", **details)
    for users, what in _users(table, name):
        user = session.scalar(users.limit(1))
        if user is not None:
            raise FailedPreconditionError(
                f"{word} {name} is in use: {what.format(user)} has it; take it away there first",
                **details,
            )
    session.delete(row)
    session.flush()
    _tell(session, row, "deleted", author, now)


def _users(table: type[NameRow], name: str) -> list[tuple[Any, str]]:
    if table is ProviderTypeRow:
        return [(select(ProviderRow.id).where(ProviderRow.type == name), "provider {}")]
    if table is DistanceTypeRow:
        measured = select(DistanceRow.a).where(DistanceRow.type == name)
        return [(measured, "a distance of {}")]
    if table is CapabilityNameRow:
        held = select(CapabilityRow.provider).where(CapabilityRow.capability == name)
        return [(held, "provider {}")]
    counted = select(InventoryRow.provider).where(InventoryRow.resource_type == name)
    return [(counted, "provider {}")]
