"""Names of objects, unique among the living of one type and owner.

A tenant's object has a unique name per (type, project), an operator's per (type, region), and what
belongs to the whole installation (projects, accounts, regions) per type.

Who is renamed gets a new slug and still answers to the old one, until another living object of its
type and owner takes that.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

from slugify import slugify
from sqlalchemy import (
    Index,
    String,
    Uuid,
    bindparam,
    delete,
    false,
    insert,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id, id_as_text, one_of
from mulligan.meta import said
from mulligan.values.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
)

MAX_LENGTH = 255
_LIVING = text("released_at IS NULL")
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


BY_UNICODE = {"name": 'COLLATE "C"'}
"""How PostgreSQL's indexes for lists order names, whatever the language of the server is."""


class NameRow(Base):
    """The name of one object; `owner` is the project, region or nothing that makes it unique."""

    __tablename__ = "names"
    __table_args__ = (
        Index(
            "uq_names_living_name",
            *("object_type", "name", "owner"),
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
        Index(
            "ix_names_living_slug",
            *("object_type", "slug"),
            sqlite_where=_LIVING,
            postgresql_where=_LIVING,
        ),
        Index(
            "ix_names_owned",
            *("object_type", "owner", "name", "id"),
            postgresql_ops=BY_UNICODE,
        ),
        *(
            Index(
                name,
                *columns,
                postgresql_ops={**BY_UNICODE, **ops},
                sqlite_where=_LIVING,
                postgresql_where=_LIVING,
            )
            for name, columns, ops in (
                (
                    "ix_names_living_owned",
                    ("object_type", "owner", "name", "id"),
                    {"object_type": "DESC"},
                ),
                ("ix_names_living", ("object_type", "name", "id"), {}),
                ("ix_names_living_anything_owned", ("owner", "name", "id"), {"owner": "DESC"}),
            )
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


class OldSlug(Base):
    """A slug that a living object had before it was renamed, and that nobody took since."""

    __tablename__ = "old_slugs"
    __table_args__ = (Index(None, "id"),)
    object_type: Mapped[str] = mapped_column(String(32), primary_key=True)
    slug: Mapped[str] = mapped_column(String(MAX_LENGTH), primary_key=True)
    owner: Mapped[str] = mapped_column(String(36), primary_key=True)
    id: Mapped[str] = mapped_column(Id)
    since: Mapped[datetime]


class Name(NamedTuple):
    """An object's name, as of now; `project` or `region` says whose it is."""

    id: str
    object_type: str
    project: str | None
    region: str | None
    name: str
    slug: str


_NAMES: Any = NameRow.__table__
_OLD: Any = OldSlug.__table__
_NAMED: Any = [
    id_as_text(column).label(column.key) if isinstance(column.type, Uuid) else column
    for column in (_NAMES.c[field] for field in Name._fields)
]


_OTHERS = select(NameRow.name, NameRow.slug).where(
    NameRow.object_type == bindparam("object_type"),
    NameRow.owner == bindparam("owner"),
    NameRow.released_at.is_(None),
    NameRow.id != bindparam("object_id"),
)
# Two, each by an index of its own: with `or`, all of the owner's are read.
_IN_THE_WAY = union_all(
    _OTHERS.where(NameRow.name == bindparam("name")),
    _OTHERS.where(NameRow.slug == bindparam("base")),
)
_LIKE_IT = _OTHERS.where(NameRow.slug.startswith(bindparam("base")))
_TAKE = delete(_OLD).where(
    _OLD.c.object_type == bindparam("object_type"),
    _OLD.c.owner == bindparam("owner"),
    one_of(_OLD.c.slug, "slugs"),
)
_ANSWER_TO = insert(_OLD)
"""Made once: each is longer made than run."""


def give_name(
    session: Session,
    object_type: str,
    object_id: str,
    name: str,
    *,
    project: str | None = None,
    region: str | None = None,
) -> Name:
    """Give an object its name and a slug that no living one has.

    Raises:
        InvalidArgumentError: the name is empty, too long, not printable, or looks like a UUID.
        AlreadyExistsError: a living object of this type and owner has it, or the id was used.
    """
    if session.get(NameRow, object_id) is not None:
        raise id_used(object_id)
    owner, name = project or region or "", check_name(object_type, name)
    row = NameRow(
        id=object_id,
        object_type=object_type,
        owner=owner,
        project=project,
        region=region,
        name=name,
        slug=_slug_for(session, object_type, owner, object_id, name),
    )
    session.add(row)
    take_slugs(session, object_type, owner, [row.slug])
    return value_of(row)


def rename(session: Session, object_type: str, object_id: str, name: str) -> Name:
    """Give a living object another name and a slug for it; it still answers to its old slug.

    Raises:
        InvalidArgumentError: the name is empty, too long, not printable, or looks like a UUID.
        AlreadyExistsError: another living object of this type and owner has it.
        NotFoundError: there is no living object of this type with this id.
    """
    row = session.get(NameRow, object_id, with_for_update=True, populate_existing=True)
    if row is None or row.object_type != object_type or row.released_at is not None:
        raise not_there(object_type, object_id)
    owner, name, before = row.owner, check_name(object_type, name), row.slug
    row.slug = _slug_for(session, object_type, owner, object_id, name)
    row.name = name
    if row.slug == before:
        _flush(session)
        return value_of(row)
    take_slugs(session, object_type, owner, [before, row.slug])
    answer_to(session, object_type, owner, {before: object_id})
    return value_of(row)


def not_there(object_type: str, object_id: str) -> NotFoundError:
    """Say that there is no such living object."""
    return NotFoundError(
        f"there is no {object_type} {object_id} that could be renamed; see `mulligan "
        f"{object_type} list`",
        object_type=object_type,
        object_id=object_id,
    )


def answer_to(session: Session, object_type: str, owner: str, slugs: Mapping[str, str]) -> None:
    """Have objects, by slug, answer to these that they had before and that nobody has now."""
    if not slugs:
        return
    of = {"object_type": object_type, "owner": owner, "since": datetime.now(UTC)}
    session.execute(_ANSWER_TO, [of | {"slug": slug, "id": one} for slug, one in slugs.items()])


def _slug_for(session: Session, object_type: str, owner: str, object_id: str, name: str) -> str:
    """Find the slug for an object's name that no other one has; its own is as good.

    What belongs to the whole installation is no tenant's own: there nobody takes a slug from
    others by a name that is the same, since a name goes before a slug.

    Raises:
        AlreadyExistsError: another living object of this type and owner has the name.
    """
    base = slug_of(name)
    asked = {"object_type": object_type, "owner": owner, "object_id": object_id}
    others = session.execute(_IN_THE_WAY, {**asked, "name": name, "base": base}).all()
    if any(name == row.name or (not owner and name == row.slug) for row in others):
        raise name_taken(object_type, name)
    if not others:
        return base
    taken = {row.slug for row in session.execute(_LIKE_IT, {**asked, "base": base})}
    return free_slug(base, taken, count(2))


def take_slugs(session: Session, object_type: str, owner: str, slugs: Sequence[str]) -> None:
    """Write what is new, and have nobody answer to these as to old slugs any more.

    Raises:
        ConflictError: somebody took a name or slug since it was seen to be free.
    """
    _flush(session)
    of = {"object_type": object_type, "owner": owner}
    session.execute(_TAKE, {**of, "slugs": slugs})


def _flush(session: Session) -> None:
    """Write what is new.

    Raises:
        ConflictError: somebody took a name or slug since it was seen to be free.
    """
    try:
        session.flush()
    except IntegrityError as error:
        raise ConflictError("another object was named at the same moment; try again") from error


def value_of(row: NameRow) -> Name:
    """Give a row's values."""
    return Name(row.id, row.object_type, row.project, row.region, row.name, row.slug)


def name_taken(object_type: str, name: str) -> AlreadyExistsError:
    """Say that another living object has a name."""
    return AlreadyExistsError(
        f"another {object_type} is named {name!r} already; choose another name",
        code="NAME_TAKEN",
        field="name",
        object_type=object_type,
    )


def id_used(object_id: str) -> AlreadyExistsError:
    """Say that an id is not new."""
    return AlreadyExistsError(
        f"the id {object_id} was used before; choose a new one", field="id", object_id=object_id
    )


def release_name(session: Session, object_id: str) -> None:
    """Free the name of an object that ended; it is still known by it."""
    release_names(session, [object_id])


def release_names(session: Session, object_ids: Collection[str]) -> None:
    """Free the names of objects that ended, and forget what is said of them.

    To their old slugs they answer no more.
    """
    ids = {"ids": list(object_ids)}
    session.execute(
        update(NameRow)
        .where(one_of(_NAMES.c.id, "ids"), NameRow.released_at.is_(None))
        .values(released_at=datetime.now(UTC)),
        ids,
    )
    session.execute(delete(OldSlug).where(one_of(OldSlug.__table__.c.id, "ids")), ids)
    said.forget(session, object_ids)


_DESCRIBED = select(*_NAMED).where(one_of(_NAMES.c.id, "ids"))


def describe(session: Session, object_ids: Iterable[str]) -> dict[str, Name]:
    """Read the names of many objects at once."""
    ids = [object_id for object_id in object_ids if is_uuid(object_id)]
    found = session.execute(_DESCRIBED, {"ids": ids}).all() if ids else ()
    return {row[0]: Name._make(row) for row in found}


def living(session: Session, object_types: Collection[str]) -> set[str]:
    """Read the ids of all living objects of some types.

    Index: names (object_type, slug), of the living.
    """
    query = select(NameRow.id).where(NameRow.object_type.in_(object_types), _LIVES)
    return set(session.scalars(query))


def name_of(session: Session, object_id: str) -> str:
    """Read one object's name, or its id when it never had one."""
    row = session.get(NameRow, object_id)
    return row.name if row else object_id


def resolve(
    session: Session,
    object_type: str,
    asked: Sequence[str],
    *,
    owners: Sequence[str] | None = None,
) -> dict[str, Name]:
    """Find living objects by name, slug, old slug or id; what isn't found is absent.

    An id or a name goes before a slug, and a slug before an old one.

    Args:
        session: a session.
        object_type: machine, server, ...
        asked: names, slugs or UUIDs, written in any form, however many: the names are one
            statement, the ids one, and what is neither one.
        owners: only objects of these projects or regions; None for any.

    Raises:
        InvalidArgumentError: several objects answer to one of them equally well.
    """
    ids = {word: word.lower() for word in asked if is_uuid(word)}
    normal = {word: ids.get(word) or normal_form(word) for word in asked}
    best = _by_id(session, object_type, ids.values(), owners) if ids else {}
    which = 0 if owners is None else 1 if len(owners) == 1 else 2
    wanted = {"object_type": object_type, "owners": owners, "owner": owners and owners[0]}
    if left := [word for word in dict.fromkeys(normal.values()) if word not in best]:
        rows = session.execute(_BY_NAME[which], wanted | {"asked": left}).all()
        best |= _one_each(object_type, [row[_NAME_AT] for row in rows], rows)
        left = [word for word in left if word not in best]
    if left:
        rows = session.execute(_BY_SLUG[which], wanted | {"asked": left}).all()
        for is_old in (False, True):
            some = [row for row in rows if row[-2] == is_old and row[-1] not in best]
            best |= _one_each(object_type, [row[-1] for row in some], [row[:-2] for row in some])
    return {word: best[name] for word, name in normal.items() if name in best}


def _by_id(
    session: Session, object_type: str, ids: Iterable[str], owners: Collection[str] | None
) -> dict[str, Name]:
    """Find those of one type by the primary key, which beside the type SQLite would not take."""
    return {
        one: name
        for one, name in describe(session, ids).items()
        if name.object_type == object_type
        and (owners is None or (name.project or name.region or "") in owners)
    }


def _one_each(object_type: str, words: Sequence[str], rows: Sequence[Any]) -> dict[str, Name]:
    found = dict(zip(words, map(Name._make, rows), strict=True))
    if len(found) < len(words):
        word, times = Counter(words).most_common(1)[0]
        raise InvalidArgumentError(
            f"{word!r} is the name of {times} objects of type {object_type}; say which "
            "project or region, or give the id",
            field="names",
        )
    return found


_LIVES = _NAMES.c.released_at.is_(None)
_OWNED: Sequence[Sequence[Any]] = (
    (),
    (_NAMES.c.owner == bindparam("owner"),),
    (one_of(_NAMES.c.owner, "owners"),),
)
_OF_TYPE = _NAMES.c.object_type == bindparam("object_type")
_NAME_AT = Name._fields.index("name")
_BY_NAME = [
    select(*_NAMED).where(_OF_TYPE, _LIVES, one_of(_NAMES.c.name, "asked"), *owned)
    for owned in _OWNED
]
"""Index: names (object_type, name, owner)."""

_BY_SLUG = [
    union_all(
        select(*_NAMED, false(), _NAMES.c.slug.label("word")).where(
            *(_OF_TYPE, _LIVES, one_of(_NAMES.c.slug, "asked"), *owned)
        ),
        select(*_NAMED, true(), _OLD.c.slug.label("word"))
        .join(_OLD, _OLD.c.id == _NAMES.c.id)
        .where(
            *(_OF_TYPE, _LIVES, _OLD.c.object_type == bindparam("object_type"), *owned),
            one_of(_OLD.c.slug, "asked"),
        ),
    )
    for owned in _OWNED
]
"""Indexes: names (object_type, owner, slug) and (object_type, slug); old_slugs' primary key."""


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


def check_name(object_type: str, name: str, *, field: str = "name") -> str:
    """Check that a name can be one, and give it in its normal form (NFC).

    Raises:
        InvalidArgumentError: it is empty, too long, not printable, or looks like a UUID.
    """
    name = normal_form(name)
    if not name or len(name) > MAX_LENGTH:
        raise InvalidArgumentError(
            f"a {object_type} needs a name of 1 to {MAX_LENGTH} characters", field=field
        )
    if not name.isprintable() or any(unicodedata.category(char) == "Cf" for char in name):
        raise InvalidArgumentError(
            f"the name of a {object_type} must not have control or formatting characters",
            field=field,
        )
    if is_uuid(name):
        raise InvalidArgumentError("a name must not look like an id (UUID)", field=field)
    return name


def normal_form(name: str) -> str:
    """Write a name as it is kept: composed (NFC), without blanks around it."""
    return unicodedata.normalize("NFC", name).strip()


def slug_of(name: str) -> str:
    """Write a name so that it can stand in a URI, with room for a number after it."""
    return slugify(name, max_length=MAX_LENGTH - 8) or "x"


def free_slug(slug: str, taken: Collection[str], numbers: Iterator[int]) -> str:
    """Give a slug, or the first of its numbered forms that is free."""
    free = slug
    while free in taken:
        suffix = f"-{next(numbers)}"
        free = slug[: MAX_LENGTH - len(suffix)] + suffix
    return free


def is_uuid(text_: str) -> bool:
    """Say whether a text is a UUID in its usual form."""
    return _UUID.fullmatch(text_) is not None
