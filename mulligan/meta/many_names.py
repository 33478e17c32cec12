"""Many objects' names at once, in a few statements however many they are."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mulligan.database import one_of
from mulligan.meta.names import (
    Name,
    NameRow,
    OldSlug,
    answer_to,
    check_name,
    describe,
    free_slug,
    id_used,
    name_taken,
    not_there,
    slug_of,
    take_slugs,
    value_of,
)
from mulligan.values.errors import ConflictError, InvalidArgumentError

_NAMES: Any = NameRow.__table__
_OLD: Any = OldSlug.__table__

MOST_OLD_SLUGS = 32
"""So many of an object are shown and copied: who is renamed often makes no message too large."""

_NUMBERED = (
    select(
        _OLD,
        func.row_number()
        .over(partition_by=_OLD.c.id, order_by=(_OLD.c.since.desc(), _OLD.c.slug))
        .label("number"),
    )
    .where(one_of(_OLD.c.id, "ids"))
    .subquery()
)
_LATEST_OLD = (
    select(_NUMBERED.c.id, _NUMBERED.c.slug)
    .where(_NUMBERED.c.number <= MOST_OLD_SLUGS)
    .order_by(_NUMBERED.c.since, _NUMBERED.c.slug)
)
_UNDER_THEIR_IDS = update(NameRow).values(name=NameRow.id, slug=NameRow.id)
"""Has the names and slugs of rows out of the way, until they get others."""

_RENAME = (
    update(_NAMES)
    .where(_NAMES.c.id == bindparam("renamed"))
    .values(name=bindparam("to"), slug=bindparam("as_slug"))
)


def give_names(
    session: Session, object_type: str, wanted: Mapping[str, str], *, region: str
) -> dict[str, Name]:
    """Give many operator objects of a region their names, by id, in six statements at most.

    Raises:
        InvalidArgumentError: a name can't be one, or stands twice.
        AlreadyExistsError: a living object of this type and region has one, or an id was used.
    """
    checked = {object_id: check_name(object_type, name) for object_id, name in wanted.items()}
    for used in describe(session, checked):
        raise id_used(used)
    slugs = _slugs_for(session, object_type, region, list(checked.values()))
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
        take_slugs(session, object_type, region, slugs)
    return {row["id"]: value_of(NameRow(**row)) for row in rows}


def rename_many(session: Session, object_type: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Give living objects other names, by id; they may take each other's.

    It takes two statements, and six for each of their projects or regions.

    Returns:
        The names before, by id, of those that had another one.

    Raises:
        InvalidArgumentError: a name can't be one, or stands twice.
        AlreadyExistsError: another living object of this type and owner has one.
        NotFoundError: one is not there, or has ended.
    """
    locked = (
        select(NameRow.id, NameRow.owner, NameRow.name, NameRow.slug)
        .where(
            NameRow.object_type == object_type,
            NameRow.released_at.is_(None),
            one_of(_NAMES.c.id, "ids"),
        )
        .order_by(NameRow.id)
        .with_for_update()
    )
    rows = {row.id: row for row in session.execute(locked, {"ids": [*wanted]})}
    changed: dict[str, dict[str, str]] = defaultdict(dict)
    for one, name in wanted.items():
        if one not in rows:
            raise not_there(object_type, one)
        checked = check_name(object_type, name)
        if checked != rows[one].name:
            changed[rows[one].owner][one] = checked
    before = {one: rows[one].name for renamed in changed.values() for one in renamed}
    session.execute(
        _UNDER_THEIR_IDS.where(one_of(_NAMES.c.id, "ids")),
        {"ids": [*before]},
        execution_options={"synchronize_session": False},
    )
    for owner, renamed in changed.items():
        slugs = {one: rows[one].slug for one in renamed}
        _rename_of(session, object_type, owner, renamed, slugs)
    return before


def _rename_of(
    session: Session,
    object_type: str,
    owner: str,
    renamed: Mapping[str, str],
    slugs_before: Mapping[str, str],
) -> None:
    """Rename objects of one owner that stand under their ids by now."""
    slugs = _slugs_for(session, object_type, owner, list(renamed.values()))
    try:
        session.execute(
            _RENAME,
            [
                {"renamed": one, "to": name, "as_slug": slug}
                for (one, name), slug in zip(renamed.items(), slugs, strict=True)
            ],
        )
    except IntegrityError as error:
        raise ConflictError("another object was named at the same moment; try again") from error
    taken = set(slugs)
    left = {slug: one for one, slug in slugs_before.items() if slug not in taken}
    take_slugs(session, object_type, owner, [*slugs, *left])
    answer_to(session, object_type, owner, left)


def old_slugs(session: Session, object_ids: Collection[str]) -> dict[str, list[str]]:
    """Read to which old slugs living objects answer, by id: the latest of each, the oldest first.

    Index: old_slugs (id).
    """
    found: dict[str, list[str]] = defaultdict(list)
    if object_ids:
        for row in session.execute(_LATEST_OLD, {"ids": [*object_ids]}):
            found[row.id].append(row.slug)
    return found


class Copied(NamedTuple):
    """What another database calls an object; `old` are the latest slugs that it had before."""

    name: str
    slug: str
    old: Sequence[str] = ()


def copy_names(session: Session, object_type: str, copied: Mapping[str, Copied]) -> None:
    """Name objects of the whole installation as another database names them.

    Who has such a name or slug here lost it there, which is copied later: until then it stands
    under its id.

    Args:
        session: a session.
        object_type: account, project or region.
        copied: by id.
    """
    _copy_present(session, object_type, copied)
    was = old_slugs(session, copied)
    lost: set[str] = set()
    answering: dict[str, str] = {}
    for one, named in copied.items():
        before = was.get(one, ())
        answering |= {slug: one for slug in named.old if slug not in before}
        # Of one that had more it was not said which of the earlier ones are others' by now.
        if len(named.old) < MOST_OLD_SLUGS:
            lost |= {*before} - {*named.old}
    take_slugs(session, object_type, "", [*lost, *answering])
    answer_to(session, object_type, "", answering)


def _copy_present(session: Session, object_type: str, copied: Mapping[str, Copied]) -> None:
    known = select(NameRow.id, NameRow.name, NameRow.slug, NameRow.released_at).where(
        one_of(_NAMES.c.id, "ids")
    )
    rows = {row.id: row for row in session.execute(known, {"ids": [*copied]})}
    changed = {
        one: named
        for one, named in copied.items()
        if one not in rows or rows[one][1:] != (named.name, named.slug, None)
    }
    if not changed:
        return
    slugs = [named.slug for named in changed.values()]
    in_the_way = or_(one_of(_NAMES.c.name, "names"), one_of(_NAMES.c.slug, "slugs"))
    session.execute(
        _UNDER_THEIR_IDS.where(*_living(object_type, ""), in_the_way),
        {"names": [named.name for named in changed.values()], "slugs": slugs},
        execution_options={"synchronize_session": False},
    )
    _write_copied(session, object_type, changed, rows)
    take_slugs(session, object_type, "", slugs)


def _write_copied(
    session: Session,
    object_type: str,
    copied: Mapping[str, Copied],
    known: Collection[str],
) -> None:
    """Write names that nobody else has; who was released before is not any more."""
    new = [
        {"id": one, "object_type": object_type, "owner": "", "name": name, "slug": slug}
        for one, (name, slug, _) in copied.items()
        if one not in known
    ]
    if new:
        session.execute(insert(_NAMES), new)
    others = [
        {"renamed": one, "to": name, "as_slug": slug}
        for one, (name, slug, _) in copied.items()
        if one in known
    ]
    if others:
        session.execute(_RENAME.values(released_at=None), others)


def _living(object_type: str, owner: str) -> Sequence[ColumnElement[bool]]:
    return (
        NameRow.object_type == object_type,
        NameRow.owner == owner,
        NameRow.released_at.is_(None),
    )


def _slugs_for(
    session: Session, object_type: str, owner: str, wanted: Sequence[str]
) -> Sequence[str]:
    """Find slugs for names of one type and owner, each its own.

    Raises:
        InvalidArgumentError: a name stands twice.
        AlreadyExistsError: a living object has one.
    """
    for name, times in Counter(wanted).most_common(1):
        if times > 1:
            raise InvalidArgumentError(
                f"two {object_type}s would be named {name!r}; name them apart", field="name"
            )
    living = _living(object_type, owner)
    named = select(NameRow.name).where(*living, one_of(_NAMES.c.name, "wanted")).limit(1)
    for name in session.scalars(named, {"wanted": wanted}):
        raise name_taken(object_type, name)
    return _free_slugs(session, living, wanted)


def _free_slugs(
    session: Session, living: Sequence[ColumnElement[bool]], wanted: Sequence[str]
) -> list[str]:
    """Give each name a slug that neither a living object has nor another of the names.

    Numbered slugs may be anywhere, so where one is needed all of the living are read.
    Index: names (object_type, owner, slug).
    """
    bases = [slug_of(name) for name in wanted]
    read = select(NameRow.slug).where(*living)
    taken = set(session.scalars(read.where(one_of(_NAMES.c.slug, "bases")), {"bases": bases}))
    if taken or len(set(bases)) < len(bases):
        taken = set(session.scalars(read))
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(2))
    slugs = []
    for base in bases:
        slugs.append(free_slug(base, taken, numbers[base]))
        taken.add(slugs[-1])
    return slugs
