"""A site's copy of what it needs to know of iam's objects while iam is away.

Projects and regions stand in the tables that iam has them in, of the site's own database; their
names, and those of accounts, in meta's. Only what follows iam's Watch writes them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.iam.tables import CopyRow, Project, Region, spec_columns
from mulligan.meta import many_names, names
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
    parent: str | None
    created_at: datetime
    generation: int
    spec: RegionSpec | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """What may change of it."""
        of_regions = spec_columns(self.spec) if self.spec is not None else {}
        return {"generation": self.generation, **of_regions}


def revision(session: Session) -> int:
    """Read up to which of iam's revisions the copy is; 0: there is none yet."""
    row = session.get(CopyRow, 1)
    return row.revision if row else 0


def take(
    session: Session, originals: Sequence[Original], ended: Collection[str], revision: int
) -> None:
    """Take in objects as they are at a revision, and that others ended.

    What an earlier reading took in already stays: several processes of a site read.
    """
    row = session.get(CopyRow, 1, with_for_update=True)
    if row is None:
        session.add(CopyRow(id=1, revision=revision))
    elif row.revision < revision:
        row.revision = revision
    for one in originals:
        _take_place(session, one)
    for object_type in FOLLOWED:
        some = [one for one in originals if one.type == object_type]
        many_names.copy_names(session, object_type, {one.id: (one.name, one.slug) for one in some})
    _end(session, ended)


def take_all(session: Session, originals: Sequence[Original], revision: int) -> None:
    """Take in everything that there is at a revision; what is not among it has ended."""
    there = {one.id for one in originals}
    known = {
        *(session.scalars(select(Project.id).where(Project.deleted_at.is_(None)))),
        *(session.scalars(select(Region.id).where(Region.deleted_at.is_(None)))),
    }
    take(session, originals, known - there, revision)


def _take_place(session: Session, one: Original) -> None:
    if one.type not in _TABLES:
        return
    table = _TABLES[one.type]
    known = session.scalar(select(table.generation).where(table.id == one.id))
    if known is None:
        row = table(id=one.id, parent=one.parent, created_at=one.created_at, **one.columns)
        session.add(row)
    elif known < one.generation:
        session.execute(update(table).where(table.id == one.id).values(**one.columns))


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
