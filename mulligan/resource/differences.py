"""Writing what is new, changed and gone of many rows: three statements, however many rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.orm import Session

V = TypeVar("V")

Key = tuple[str, ...]
"""A primary key."""


@dataclass(frozen=True, slots=True)
class Difference(Generic[V]):
    """What is to be done to come from one state to another."""

    added: dict[Key, V]
    changed: dict[Key, V]
    removed: dict[Key, V]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def difference(before: Mapping[Key, V], after: Mapping[Key, V]) -> Difference[V]:
    """Compare two states."""
    return Difference(
        added={key: value for key, value in after.items() if key not in before},
        changed={k: v for k, v in after.items() if k in before and before[k] != v},
        removed={key: value for key, value in before.items() if key not in after},
    )


def write_difference(
    session: Session,
    table: Any,
    keys: Sequence[str],
    found: Difference[Mapping[str, Any]],
) -> None:
    """Bring a table's rows from one state to another.

    Args:
        session: a session.
        table: the mapped class.
        keys: the columns of the primary key, in the order of the difference's keys.
        found: the difference; values are the other columns.
    """
    rows = table.__table__

    def named(key: Key, prefix: str = "") -> dict[str, Any]:
        return {f"{prefix}{name}": part for name, part in zip(keys, key, strict=True)}

    same = [rows.c[name] == bindparam(f"key_{name}") for name in keys]
    if found.removed:
        session.execute(delete(rows).where(*same), [named(key, "key_") for key in found.removed])
    if found.changed:
        columns = next(iter(found.changed.values()))
        statement = update(rows).where(*same).values({name: bindparam(name) for name in columns})
        changed = [{**named(k, "key_"), **row} for k, row in found.changed.items()]
        session.execute(statement, changed)
    if found.added:
        session.execute(insert(rows), [{**named(k), **row} for k, row in found.added.items()])
