"""Names of objects, unique among the living of one type and owner.

A tenant's object has a unique name per (type, project), an operator's per (type, region), and what
belongs to the whole installation (projects, accounts, regions) per type.

Who is renamed gets a new slug and still answers to the old one, until another living object of its
type and owner takes that.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

from slugify import slugify
from sqlalchemy import (
    ColumnElement,
    Index,
    String,
    Uuid,
    and_,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id, IdAsText, one_of
from mulligan.values.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
)

MAX_LENGTH = 255
_LIVING = text("released_at IS NULL")
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


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
_NAMED: Any = [
    cast(column, IdAsText).label(column.key) if isinstance(column.type, Uuid) else column
    for column in (_NAMES.c[field] for field in Name._fields)
]


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
        raise _used(object_id)
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
    _take_slugs(session, object_type, owner, [row.slug])
    return _value(row)


def rename(session: Session, object_type: str, object_id: str, name: str) -> Name:
    """Give a living object another name and a slug for it; it still answers to its old slug.

    Raises:
        InvalidArgumentError: the name is empty, too long, not printable, or looks like a UUID.
        AlreadyExistsError: another living object of this type and owner has it.
        NotFoundError: there is no living object of this type with this id.
    """
    row = session.get(NameRow, object_id, with_for_update=True, populate_existing=True)
    if row is None or row.object_type != object_type or row.released_at is not None:
        raise NotFoundError(
            f"there is no {object_type} {object_id} that could be renamed; see `mulligan "
            f"{object_type} list`",
            object_type=object_type,
            object_id=object_id,
        )
    owner, name, before = row.owner, check_name(object_type, name), row.slug
    row.slug = _slug_for(session, object_type, owner, object_id, name)
    row.name = name
    if row.slug == before:
        _flush(session)
        return _value(row)
    _take_slugs(session, object_type, owner, [before, row.slug])
    _answer_to(session, object_type, owner, object_id, before)
    return _value(row)


def _answer_to(session: Session, object_type: str, owner: str, object_id: str, slug: str) -> None:
    old = {"object_type": object_type, "slug": slug, "owner": owner, "id": object_id}
    session.execute(insert(OldSlug), [old | {"since": datetime.now(UTC)}])


def _slug_for(session: Session, object_type: str, owner: str, object_id: str, name: str) -> str:
    """Find the slug for an object's name that no other one has; its own is as good.

    Raises:
        AlreadyExistsError: another living object of this type and owner has the name.
    """
    base = _slug(name)
    others = select(NameRow.name, NameRow.slug).where(
        NameRow.object_type == object_type,
        NameRow.owner == owner,
        NameRow.released_at.is_(None),
        NameRow.id != object_id,
        or_(NameRow.name == name, NameRow.slug.startswith(base, autoescape=True)),
    )
    taken = {row.name: row.slug for row in session.execute(others)}
    if name in taken:
        raise _taken(object_type, name)
    return _free_slug(base, set(taken.values()), count(2))


def _take_slugs(session: Session, object_type: str, owner: str, slugs: Sequence[str]) -> None:
    """Write what is new, and have nobody answer to these as to old slugs any more."""
    _flush(session)
    session.execute(
        delete(OldSlug).where(
            OldSlug.object_type == object_type,
            OldSlug.owner == owner,
            one_of(OldSlug.__table__.c.slug, "slugs"),
        ),
        {"slugs": slugs},
    )


def _flush(session: Session) -> None:
    """Write what is new.

    Raises:
        ConflictError: somebody took a name or slug since it was seen to be free.
    """
    try:
        session.flush()
    except IntegrityError as error:
        raise ConflictError("another object was named at the same moment; try again") from error


def _value(row: NameRow) -> Name:
    return Name(row.id, row.object_type, row.project, row.region, row.name, row.slug)


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
        raise _used(used)
    for name, times in Counter(checked.values()).most_common(1):
        if times > 1:
            raise InvalidArgumentError(
                f"two of the new {object_type}s are named {name!r}; name them apart", field="name"
            )
    living = (
        NameRow.object_type == object_type,
        NameRow.owner == region,
        NameRow.released_at.is_(None),
    )
    named = select(NameRow.name).where(*living, one_of(_NAMES.c.name, "wanted")).limit(1)
    for name in session.scalars(named, {"wanted": list(checked.values())}):
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
        session.execute(insert(NameRow), rows)
        _take_slugs(session, object_type, region, slugs)
    return {row["id"]: _value(NameRow(**row)) for row in rows}


def copy_names(session: Session, object_type: str, copied: Mapping[str, tuple[str, str]]) -> None:
    """Name objects of the whole installation as another database names them.

    Who has such a name or slug here lost it there, which is copied later: until then it stands
    under its id.

    Args:
        session: a session.
        object_type: account, project or region.
        copied: name and slug by id.
    """
    known = session.scalars(select(NameRow).where(one_of(_NAMES.c.id, "ids")), {"ids": [*copied]})
    rows = {row.id: row for row in known}
    changed = {
        one: named
        for one, named in copied.items()
        if one not in rows or (rows[one].name, rows[one].slug) != named
    }
    if not changed:
        return
    in_the_way = or_(one_of(_NAMES.c.name, "names"), one_of(_NAMES.c.slug, "slugs"))
    session.execute(
        update(NameRow)
        .where(
            NameRow.object_type == object_type,
            NameRow.owner == "",
            NameRow.released_at.is_(None),
            in_the_way,
        )
        .values(name=NameRow.id, slug=NameRow.id),
        {
            "names": [name for name, _ in changed.values()],
            "slugs": [slug for _, slug in changed.values()],
        },
        execution_options={"synchronize_session": False},
    )
    for one, (name, slug) in changed.items():
        before = rows[one].slug if one in rows else ""
        row = NameRow(id=one, object_type=object_type, owner="", name=name, slug=slug)
        session.merge(row)
        _take_slugs(session, object_type, "", [slug])
        if before not in ("", slug):
            _answer_to(session, object_type, "", one, before)


def _free_slugs(
    session: Session, living: Sequence[ColumnElement[bool]], wanted: Sequence[str]
) -> list[str]:
    """Give each name a slug that neither a living object has nor another of the names.

    Numbered slugs may be anywhere, so where one is needed all of the living are read.
    Index: names (object_type, owner, slug).
    """
    bases = [_slug(name) for name in wanted]
    read = select(NameRow.slug).where(*living)
    taken = set(session.scalars(read.where(one_of(_NAMES.c.slug, "bases")), {"bases": bases}))
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


def _used(object_id: str) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"the id {object_id} was used before; choose a new one", field="id", object_id=object_id
    )


def release_name(session: Session, object_id: str) -> None:
    """Free the name of an object that ended; it is still known by it."""
    release_names(session, [object_id])


def release_names(session: Session, object_ids: Collection[str]) -> None:
    """Free the names of objects that ended; to their old slugs they answer no more."""
    ids = {"ids": list(object_ids)}
    session.execute(
        update(NameRow)
        .where(one_of(_NAMES.c.id, "ids"), NameRow.released_at.is_(None))
        .values(released_at=datetime.now(UTC)),
        ids,
    )
    session.execute(delete(OldSlug).where(one_of(OldSlug.__table__.c.id, "ids")), ids)


_DESCRIBED = select(*_NAMED).where(one_of(_NAMES.c.id, "ids"))


def describe(session: Session, object_ids: Iterable[str]) -> dict[str, Name]:
    """Read the names of many objects at once."""
    ids = [object_id for object_id in object_ids if is_uuid(object_id)]
    found = session.execute(_DESCRIBED, {"ids": ids}).all() if ids else ()
    return {row[0]: Name._make(row) for row in found}


def regions_of(session: Session, object_ids: Collection[str]) -> dict[str, str]:
    """Read in which regions objects live, by id; who has no name, or no region, is absent."""
    query = select(NameRow.id, NameRow.region).where(
        one_of(_NAMES.c.id, "ids"), NameRow.region.is_not(None)
    )
    found = session.execute(query, {"ids": list(object_ids)})
    return {object_id: region for object_id, region in found if region}


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
        asked: names, slugs or UUIDs, however many: they are one statement, or two where some
            are no names.
        owners: only objects of these projects or regions; None for any.

    Raises:
        InvalidArgumentError: several objects answer to one of them equally well.
    """
    ids = {text_.lower(): text_ for text_ in asked if is_uuid(text_)}
    wanted = {"object_type": object_type, "ids": list(ids), "owners": owners}
    best: dict[str, Any] = {}
    others: Counter[str] = Counter()
    for statements in (_BY_NAME, _BY_SLUG):
        left = [word for word in asked if word not in best] if best else asked
        if not left:
            break
        for row in session.execute(statements[owners is not None], wanted | {"asked": left}).all():
            rank, word = row[0], row[1] or ids[row[2]]
            first = best.setdefault(word, row)
            if rank < first[0]:
                best[word] = row
                del others[word]
            elif rank == first[0] and row is not first:
                others[word] += 1
    for word, more in others.items():
        raise InvalidArgumentError(
            f"{word!r} is the name of {more + 1} objects of type {object_type}; say which "
            "project or region, or give the id",
            field="names",
        )
    return {word: Name._make(best[word][2:]) for word in asked if word in best}


def _resolving(*parts: tuple[int, Any, Any, Any], of_owners: bool) -> Any:
    """Make a statement that resolves, of parts: rank, word, table and condition.

    It gives the rank, the word that was asked for, empty for an id, and the object.
    """
    return union_all(
        *(
            select(literal(rank).label("rank"), word.label("word"), *_NAMED)
            .select_from(source)
            .where(
                _NAMES.c.object_type == bindparam("object_type"),
                which,
                *([one_of(_NAMES.c.owner, "owners")] if of_owners else ()),
            )
            for rank, word, source, which in parts
        )
    )


_OLD: Any = OldSlug.__table__
_LIVES = _NAMES.c.released_at.is_(None)
_BY_NAME = [
    _resolving(
        (0, literal(""), _NAMES, one_of(_NAMES.c.id, "ids")),
        (0, _NAMES.c.name, _NAMES, and_(_LIVES, one_of(_NAMES.c.name, "asked"))),
        of_owners=of_owners,
    )
    for of_owners in (False, True)
]
"""Indexes: the primary key; names (object_type, name, owner)."""

_BY_SLUG = [
    _resolving(
        (1, _NAMES.c.slug, _NAMES, and_(_LIVES, one_of(_NAMES.c.slug, "asked"))),
        (
            2,
            _OLD.c.slug,
            _OLD.join(_NAMES, _NAMES.c.id == _OLD.c.id),
            and_(
                _LIVES,
                _OLD.c.object_type == bindparam("object_type"),
                one_of(_OLD.c.slug, "asked"),
            ),
        ),
        of_owners=of_owners,
    )
    for of_owners in (False, True)
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
    name = unicodedata.normalize("NFC", name).strip()
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
    return _UUID.fullmatch(text_) is not None
