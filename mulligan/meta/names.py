"""Names of objects, unique among the living of one type and owner.

A tenant's object has a unique name per (type, project), an operator's per (type, region), and what
belongs to the whole installation (projects, accounts, regions) per type.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

from slugify import slugify
from sqlalchemy import ColumnElement, Index, String, insert, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id
from mulligan.values.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError

MAX_LENGTH = 255
_LIVING = text("released_at IS NULL")


class Name(Base):
    """The name of one object; `owner` is the project, region or nothing that makes it unique."""

    __tablename__ = "names"
    __table_args__ = (
        Index(
            "uq_names_living_name",
            *("object_type", "owner", "name"),
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
        Index(
            "uq_names_living_slug",
            *("object_type", "owner", "slug"),
            unique=True,
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
    )
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    object_type: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(36))
    project: Mapped[str | None] = mapped_column(Id)
    region: Mapped[str | None] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(MAX_LENGTH))
    slug: Mapped[str] = mapped_column(String(MAX_LENGTH))
    released_at: Mapped[datetime | None]


def give_name(
    session: Session,
    object_type: str,
    object_id: str,
    name: str,
    *,
    project: str | None = None,
    region: str | None = None,
) -> Name:
    """Give an object its name and a slug that nobody else has.

    Raises:
        InvalidArgumentError: the name is empty, too long, not printable, or looks like a UUID.
        AlreadyExistsError: a living object of this type and owner has it.
    """
    name = check_name(object_type, name)
    owner = project or region or ""
    taken = set(
        session.execute(
            select(Name.name, Name.slug).where(
                Name.object_type == object_type,
                Name.owner == owner,
                Name.released_at.is_(None),
                or_(Name.name == name, Name.slug.startswith(_slug(name), autoescape=True)),
            )
        )
    )
    if any(taken_name == name for taken_name, _ in taken):
        raise _taken(object_type, name)
    slug = _free_slug(_slug(name), {slug for _, slug in taken}, count(2))
    row = Name(
        id=object_id,
        object_type=object_type,
        owner=owner,
        project=project,
        region=region,
        name=name,
        slug=slug,
    )
    session.add(row)
    session.flush()
    return row


def give_names(
    session: Session, object_type: str, wanted: Mapping[str, str], *, region: str
) -> dict[str, Name]:
    """Give many operator objects of a region their names, by id, in five statements at most.

    Raises:
        InvalidArgumentError: a name can't be one, or stands twice.
        AlreadyExistsError: a living object of this type and region has one, or an id was used.
    """
    checked = {object_id: check_name(object_type, name) for object_id, name in wanted.items()}
    for used in describe(session, checked):
        raise AlreadyExistsError(
            f"the id {used} was used before; choose a new one", field="id", object_id=used
        )
    for name, times in Counter(checked.values()).most_common(1):
        if times > 1:
            raise InvalidArgumentError(
                f"two of the new {object_type}s are named {name!r}; name them apart", field="name"
            )
    living = (
        Name.object_type == object_type,
        Name.owner == region,
        Name.released_at.is_(None),
    )
    named = select(Name.name).where(*living, Name.name.in_(checked.values()))
    for name in session.scalars(named.limit(1)):
        raise _taken(object_type, name)
    slugs = _free_slugs(session, living, list(checked.values()))
    rows: list[dict[str, Any]] = [
        {
            "id": object_id,
            "object_type": object_type,
            "owner": region,
            "region": region,
            "name": name,
            "slug": slug,
        }
        for (object_id, name), slug in zip(checked.items(), slugs, strict=True)
    ]
    if rows:
        session.execute(insert(Name), rows)
    return {row["id"]: Name(**row) for row in rows}


def _free_slugs(
    session: Session, living: Sequence[ColumnElement[bool]], wanted: Sequence[str]
) -> list[str]:
    """Give each name a slug that neither a living object has nor another of the names.

    Numbered slugs may be anywhere, so where one is needed all of the living are read.
    Index: names (object_type, owner, slug).
    """
    bases = [_slug(name) for name in wanted]
    read = select(Name.slug).where(*living)
    taken = set(session.scalars(read.where(Name.slug.in_(bases))))
    if taken or len(set(bases)) < len(bases):
        taken = set(session.scalars(read))
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
    slugs = []
    for base in bases:
        slugs.append(_free_slug(base, taken, numbers[base]))
        taken.add(slugs[-1])
    return slugs


def _taken(object_type: str, name: str) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"another {object_type} is named {name!r} already; choose another name",
        code="NAME_TAKEN",
        field="name",
        object_type=object_type,
    )


def release_name(session: Session, object_id: str) -> None:
    """Free the name of an object that ended; it is still known by it."""
    release_names(session, [object_id])


def release_names(session: Session, object_ids: Collection[str]) -> None:
    """Free the names of objects that ended."""
    session.execute(
        update(Name)
        .where(Name.id.in_(object_ids), Name.released_at.is_(None))
        .values(released_at=datetime.now(UTC))
    )


def describe(session: Session, object_ids: Iterable[str]) -> dict[str, Name]:
    """Read the names of many objects at once."""
    ids = {object_id for object_id in object_ids if is_uuid(object_id)}
    return {row.id: row for row in session.scalars(select(Name).where(Name.id.in_(ids)))}


def name_of(session: Session, object_id: str) -> str:
    """Read one object's name, or its id when it never had one."""
    row = session.get(Name, object_id)
    return row.name if row else object_id


def resolve(
    session: Session,
    object_type: str,
    asked: Sequence[str],
    *,
    owners: Sequence[str] | None = None,
) -> dict[str, Name]:
    """Find living objects by name, slug or id; what isn't found is absent.

    Args:
        session: a session.
        object_type: machine, server, ...
        asked: names, slugs or UUIDs.
        owners: only objects of these projects or regions; None for any.
    """
    ids = [text for text in asked if is_uuid(text)]
    wanted = select(Name).where(
        Name.object_type == object_type,
        or_(
            Name.id.in_(ids),
            Name.released_at.is_(None) & (Name.name.in_(asked) | Name.slug.in_(asked)),
        ),
    )
    if owners is not None:
        wanted = wanted.where(Name.owner.in_(owners))
    rows = list(session.scalars(wanted))
    found: dict[str, Name] = {}
    for text_ in asked:
        matches = [row for row in rows if text_ in _words_for(row)]
        exact = [row for row in matches if text_ in (row.id, row.name)] or matches
        if len({row.id for row in exact}) > 1:
            raise InvalidArgumentError(
                f"{text_!r} is the name of {len(exact)} objects of type {object_type}; say which "
                "project or region, or give the id",
                field="names",
            )
        if exact:
            found[text_] = exact[0]
    return found


def _words_for(row: Name) -> tuple[str, ...]:
    """Give what an object can be asked for by; one that ended only by its id."""
    return (row.id, row.name, row.slug) if row.released_at is None else (row.id,)


def require(session: Session, object_type: str, asked: str) -> str:
    """Find the id of one living object of the whole installation by name, slug or id.

    Raises:
        NotFoundError: there is none.
    """
    found = resolve(session, object_type, [asked])
    if asked not in found:
        raise NotFoundError(
            f"there is no {object_type} {asked!r}", object_type=object_type, object_id=asked
        )
    return found[asked].id


def check_name(object_type: str, name: str) -> str:
    """Check that a name can be one, and give it in its normal form (NFC).

    Raises:
        InvalidArgumentError: it is empty, too long, not printable, or looks like a UUID.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > MAX_LENGTH:
        raise InvalidArgumentError(
            f"a {object_type} needs a name of 1 to {MAX_LENGTH} characters", field="name"
        )
    if not name.isprintable() or any(unicodedata.category(char) == "Cf" for char in name):
        raise InvalidArgumentError(
            f"the name of a {object_type} must not have control or formatting characters",
            field="name",
        )
    if is_uuid(name):
        raise InvalidArgumentError("a name must not look like an id (UUID)", field="name")
    return name


def _slug(name: str) -> str:
    return slugify(name, max_length=MAX_LENGTH - 8) or "x"


def _free_slug(slug: str, taken: Collection[str], numbers: Iterator[int]) -> str:
    """Give a slug, or the first of its numbered forms that is free."""
    free = slug
    while free in taken:
        suffix = f"-{next(numbers)}"
        free = slug[: MAX_LENGTH - len(suffix)] + suffix
    return free


def is_uuid(text_: str) -> bool:
    """Say whether a text is a UUID in its usual form."""
    try:
        return str(UUID(text_)) == text_.lower()
    except ValueError:
        return False
