"""Keeps changes of one thing that is said of objects from each other until their transactions end.

Who gives values of an attribute shares its locks: that of the system, and that of each tree of
projects in which there is one of the objects. Who changes the system's definition of it, or one of
a project, has the one of these alone. So no value is given that a definition does not fit which is
changed, made or deleted at the same moment, and a tenant holds up nobody but the tree it is in.

After these comes the lock of each object: one has so many tags and values at most.
"""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from mulligan.values.ids import digest

_ALONE = text(
    "SELECT count(pg_advisory_xact_lock(key)) FROM unnest(CAST(:keys AS BIGINT[])) AS key"
)
_SHARED = text(
    "SELECT count(pg_advisory_xact_lock_shared(key)) FROM unnest(CAST(:keys AS BIGINT[])) AS key"
)


def hold_definitions(
    session: Session, named: Collection[tuple[str, str]], *, shared: bool = False
) -> None:
    """Hold the locks of attributes, each with the project at the top of a tree, or the system's."""
    _hold(session, [f"metadef {attribute} {root}" for attribute, root in named], shared)


def hold_objects(session: Session, object_ids: Collection[str]) -> None:
    """Hold the locks of objects, for what is said of them."""
    _hold(session, [f"said of {one}" for one in object_ids], False)


def _hold(session: Session, names: Collection[str], shared: bool) -> None:
    """Take locks, always in the same order; on SQLite who writes is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        keys = sorted({_key(name) for name in names})
        session.execute(_SHARED if shared else _ALONE, {"keys": keys})


def _key(name: str) -> int:
    """Give a number of 64 bits; that two names have the same one only holds somebody up."""
    return int(digest(name.encode())[:16], 16) - (1 << 63)
