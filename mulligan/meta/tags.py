"""Tags: free texts on objects, for people. Nothing is checked of what they say.

What is in no project is seen by many, so there each project has tags of its own besides those that
everybody sees: nobody changes what another project reads. No decision of Mulligan reads a tag: a
test keeps all but the front door, and what forgets them, from this module.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Index, String, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan import events
from mulligan.database import Base, one_of
from mulligan.meta.objects import Known, ObjectColumns, Wanted, columns_of
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError

MAX_LENGTH = 255
MOST_TAGS = 64
"""So many tags has an object at most."""


class TagRow(ObjectColumns, Base):
    """A tag of an object; `owner` is the project that reads it, or empty: whoever sees the object.

    Only on what is in no project it is one of a project.
    """

    __tablename__ = "tags"
    __table_args__ = (
        Index("ix_tags_object", "tag", "object_id"),
        Index("ix_tags_project", "tag", "project", "object_id"),
        Index(None, "owner"),
    )
    owner: Mapped[str] = mapped_column(String(36), primary_key=True)
    tag: Mapped[str] = mapped_column(String(MAX_LENGTH), primary_key=True)


_TAGS: Any = TagRow.__table__


def check_tag(text: str, field: str) -> str:
    """Give a tag in its normal form (NFC).

    Raises:
        InvalidArgumentError: it is empty, too long, or can't be shown.
    """
    tag = unicodedata.normalize("NFC", text)
    if not 0 < len(tag) <= MAX_LENGTH or not tag.isprintable():
        raise InvalidArgumentError(
            f"a tag has 1 to {MAX_LENGTH} characters, without control and formatting characters",
            field=field,
        )
    return tag


def update_tags(
    session: Session,
    objects: Sequence[Known],
    *,
    add: Collection[str],
    remove: Collection[str],
    replace: bool = False,
    owner: str = "",
    author: str | None = None,
) -> None:
    """Add tags to objects and take others away; what changes nothing is no change.

    The objects' locks are held: see `locks`.

    Args:
        session: a session.
        objects: that are there.
        add: what each is to have.
        remove: what none is to have; what stands in both is added.
        replace: they are to have no others than `add`.
        owner: the project whose tags are meant of what is in no project; empty: those that all see.
        author: the account that asks.

    Raises:
        InvalidArgumentError: a tag can't be one.
        FailedPreconditionError: TOO_MANY_TAGS.
    """
    more = {check_tag(tag, "add") for tag in add}
    less = {check_tag(tag, "remove") for tag in remove}
    before = _tags_by_owner(session, [one.id for one in objects], owner)
    rows: list[dict[str, str | None]] = []
    for one in objects:
        whose = "" if one.project else owner
        had = before.get((one.id, whose), set())
        has = more if replace else (had - less) | more
        if len(has) > MOST_TAGS and has - had:
            raise FailedPreconditionError(
                f"{one.object_type} {one.id} would have {len(has)} tags; it can have {MOST_TAGS}",
                code="TOO_MANY_TAGS",
                object_type=one.object_type,
                object_id=one.id,
            )
        if has != had:
            _take_away(session, one, whose, had - has)
            rows += [{**columns_of(one), "owner": whose, "tag": tag} for tag in has - had]
            _tell(session, one, whose, author)
    if rows:
        session.execute(insert(TagRow), rows)


def _take_away(session: Session, one: Known, owner: str, tags: Collection[str]) -> None:
    if tags:
        which = delete(TagRow).where(
            TagRow.object_id == one.id, TagRow.owner == owner, one_of(_TAGS.c.tag, "tags")
        )
        session.execute(which, {"tags": list(tags)})


def _tell(session: Session, one: Known, owner: str, author: str | None) -> None:
    event = events.Event(
        one.object_type,
        one.id,
        "tagged",
        project=owner or one.project,
        region=one.region,
        author=author,
        message="has other tags",
    )
    events.append(session, event)


def tags_of(session: Session, object_ids: Collection[str], owner: str = "") -> dict[str, list[str]]:
    """Read the tags of objects, and those of a project on what is in none, sorted, by id.

    Who has none is absent. Index: the primary key.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for (object_id, _), tags in _tags_by_owner(session, object_ids, owner).items():
        found[object_id] |= tags
    return {one: sorted(tags) for one, tags in found.items()}


def _tags_by_owner(
    session: Session, object_ids: Collection[str], owner: str
) -> dict[tuple[str, str], set[str]]:
    query = select(TagRow.object_id, TagRow.owner, TagRow.tag).where(
        one_of(_TAGS.c.object_id, "ids"), TagRow.owner.in_(("", owner))
    )
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for object_id, whose, tag in session.execute(query, {"ids": list(object_ids)}):
        found[object_id, whose].add(tag)
    return found


def tagged(
    session: Session,
    tags: Collection[str],
    wanted: Wanted,
    *,
    every: bool,
    owner: str = "",
    after: str,
    limit: int,
) -> list[str]:
    """List the ids of what has one of some tags, or every one.

    Indexes: tags (tag, object_id) and (tag, project, object_id).

    Args:
        session: a session.
        tags: the tags.
        wanted: to which objects the list is narrowed.
        every: only what has all of them.
        owner: the project whose tags count besides those that all see.
        after: the id after which the page starts.
        limit: at most this many.
    """
    asked = {check_tag(tag, "tags") for tag in tags}
    # One tag is looked for as such, so that its rows come in the order of the page.
    which = TagRow.tag == min(asked) if len(asked) == 1 else one_of(_TAGS.c.tag, "tags")
    query = select(TagRow.object_id).where(
        which, TagRow.owner.in_(("", owner)), *wanted.among(_TAGS.c)
    )
    if after:
        query = query.where(TagRow.object_id > after)
    query = query.group_by(TagRow.object_id).order_by(TagRow.object_id).limit(limit)
    if every:
        query = query.having(func.count(TagRow.tag.distinct()) == len(asked))
    return list(session.scalars(query, {"tags": list(asked), **wanted.listed}))
