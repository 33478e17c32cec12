"""A site's copy of what it needs to know of iam's objects while iam is away.

Projects and regions stand in the tables that iam has them in, of the site's own database; their
names, and those of accounts, in meta's. Only what follows iam's Watch writes them.

Several processes of a site follow. The row that says how far the copy is, locked first, has them
take turns: what one of them took in already the others leave as it is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.iam.tables import Bootstrap, CopyRow, Project, Region, spec_columns
from mulligan.meta import many_names, names
from mulligan.meta.many_names import Copied
from mulligan.values.errors import FailedPreconditionError
from mulligan.values.regions import RegionSpec

_TABLES: dict[str, type[Project] | type[Region]] = {"project": Project, "region": Region}
FOLLOWED = ("account", "project", "region")
"""The types of object that are copied."""


@dataclass(frozen=True)
class Original:
    """An object as iam has it; of an account only the name is copied; `spec` is a region's."""

    type: str
    id: str
    name: str
    slug: str
    old_slugs: Sequence[str]
    parent: str | None
    created_at: datetime
    generation: int
    spec: RegionSpec | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """What may change of it, by column."""
        of_regions = spec_columns(self.spec) if self.spec is not None else {}
        return {"generation": self.generation, **of_regions}


def refuse_own(session: Session) -> None:
    """Refuse a site's database that is iam's own: there the copy would end what iam just made.

    Raises:
        FailedPreconditionError: it is.
    """
    if session.get(Bootstrap, 1) is not None:
        raise FailedPreconditionError(
            "the site's database is iam's own, but each needs one for itself; give the site "
            "another one with --database-url",
            field="database_url",
        )


def revision(session: Session) -> int:
    """Read up to which of iam's revisions the copy is; 0: there is none yet."""
    return session.execute(select(CopyRow.revision)).scalar_one()


def take(
    session: Session, originals: Sequence[Original], ended: Collection[str], revision: int
) -> None:
    """Take in objects as they are at a revision or after it, and that others ended.

    All that iam changed before the revision has to be taken in already.
    """
    row = _lock(session)
    if row.revision < revision:
        row.revision = revision
        _end(session, ended)
        _write(session, originals)


def take_all(
    session: Session, originals: Sequence[Original], revision: int, refused: int = 0
) -> None:
    """Take in everything that there is at a revision; what is not among it has ended.

    Where the copy is further already, this was read too early, and nothing of it is taken. But iam
    may be further back than it was, from a backup: then it did not know the revision `refused`.
    """
    row = _lock(session)
    went_back = revision < refused <= row.revision
    if row.revision > revision and not went_back:
        return
    row.revision = revision
    _end(session, names.living(session, FOLLOWED) - {one.id for one in originals})
    _write(session, originals)


def _lock(session: Session) -> CopyRow:
    return session.execute(select(CopyRow).with_for_update()).scalar_one()


def _write(session: Session, originals: Sequence[Original]) -> None:
    for object_type in FOLLOWED:
        some = [one for one in originals if one.type == object_type]
        if object_type in _TABLES:
            _write_places(session, _TABLES[object_type], some)
        called = {one.id: Copied(one.name, one.slug, one.old_slugs) for one in some}
        many_names.copy_names(session, object_type, called)


def _write_places(
    session: Session, table: type[Project] | type[Region], places: Sequence[Original]
) -> None:
    """Write places in a few statements however many they are; who was read is not deleted."""
    columns: Any = table.__table__
    query = select(table.id).where(one_of(columns.c.id, "ids"))
    there = set(session.scalars(query, {"ids": [one.id for one in places]}))
    new = [one for one in places if one.id not in there]
    if new:
        session.execute(
            insert(columns),
            [
                {"id": one.id, "parent": one.parent, "created_at": one.created_at, **one.columns}
                for one in new
            ],
        )
    # Also at the generation that it has: a release that knew less of it may have written the row.
    if changed := [one for one in places if one.id in there]:
        session.execute(
            update(columns).where(columns.c.id == bindparam("copied")).values(deleted_at=None),
            [{"copied": one.id, **one.columns} for one in changed],
        )


def _end(session: Session, ended: Collection[str]) -> None:
    if not ended:
        return
    now = datetime.now(UTC)
    for table in _TABLES.values():
        session.execute(
            update(table)
            .where(one_of(table.__table__.c.id, "ended"), table.deleted_at.is_(None))
            .values(deleted_at=now),
            {"ended": list(ended)},
        )
    names.release_names(session, ended)
