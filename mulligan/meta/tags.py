"""Tags: free texts on objects, for people. Nothing is checked of what they say.

No decision of Mulligan reads one: a test keeps all but the front door from this module. Tags of
what was deleted are never shown, as its id never comes back.
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
    """A tag of an object."""

    __tablename__ = "tags"
    __table_args__ = (Index(None, "tag", "object_id"),)
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
    author: str | None = None,
) -> dict[str, list[str]]:
    """Add tags to objects and take others away; what changes nothing is no change.

    Args:
        session: a session.
        objects: that are there.
        add: what each is to have.
        remove: what none is to have; what stands in both is added.
        replace: they are to have no others than `add`.
        author: the account that asks.

    Returns:
        The tags that each has, by id.

    Raises:
        InvalidArgumentError: a tag can't be one.
        FailedPreconditionError: TOO_MANY_TAGS.
    """
    more = {check_tag(tag, "add") for tag in add}
    less = {check_tag(tag, "remove") for tag in remove}
    before = tags_of(session, [one.id for one in objects])
    after: dict[str, list[str]] = {}
    for one in objects:
        had = set(before.get(one.id, ()))
        has = more if replace else (had - less) | more
        after[one.id] = sorted(has)
        if len(has) > MOST_TAGS and has - had:
            raise FailedPreconditionError(
                f"{one.object_type} {one.id} would have {len(has)} tags; it can have {MOST_TAGS}",
                code="TOO_MANY_TAGS",
                object_type=one.object_type,
                object_id=one.id,
            )
        if has != had:
            _change(session, one, gone=had - has, new=has - had)
            _tell(session, one, author)
    return after


def _change(session: Session, one: Known, *, gone: Collection[str], new: Collection[str]) -> None:
    if gone:
        which = delete(TagRow).where(TagRow.object_id == one.id, one_of(_TAGS.c.tag, "gone"))
        session.execute(which, {"gone": list(gone)})
    if new:
        rows = [{**columns_of(one), "tag": tag} for tag in sorted(new)]
        session.execute(insert(TagRow), rows)


def _tell(session: Session, one: Known, author: str | None) -> None:
    event = events.Event(
        one.object_type,
        one.id,
        "tagged",
        project=one.project,
        region=one.region,
        author=author,
        message="has other tags",
    )
    events.append(session, event)


def tags_of(session: Session, object_ids: Collection[str]) -> dict[str, list[str]]:
    """Read the tags of objects, sorted, by id; who has none is absent. Index: the primary key."""
    query = select(TagRow.object_id, TagRow.tag).where(one_of(_TAGS.c.object_id, "ids"))
    found: defaultdict[str, list[str]] = defaultdict(list)
    for object_id, tag in session.execute(query, {"ids": list(object_ids)}):
        found[object_id].append(tag)
    return {one: sorted(tags) for one, tags in found.items()}


def tagged(
    session: Session, tags: Collection[str], wanted: Wanted, *, every: bool, after: str, limit: int
) -> list[str]:
    """List the ids of what has one of some tags, or every one. Index: tags (tag, object_id).

    Args:
        session: a session.
        tags: the tags.
        wanted: to which objects the list is narrowed.
        every: only what has all of them.
        after: the id after which the page starts.
        limit: at most this many.
    """
    asked = {check_tag(tag, "tags") for tag in tags}
    query = select(TagRow.object_id).where(one_of(_TAGS.c.tag, "tags"), *wanted.among(TagRow))
    if after:
        query = query.where(TagRow.object_id > after)
    query = query.group_by(TagRow.object_id).order_by(TagRow.object_id).limit(limit)
    if every:
        query = query.having(func.count() == len(asked))
    return list(session.scalars(query, {"tags": list(asked)}))
