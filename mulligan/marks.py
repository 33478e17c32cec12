"""What was said about an object, by whom and why: maintenance, protected, locked, retired."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import String, Text, bindparam, delete, insert, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id, one_of
from mulligan.values import told
from mulligan.values.errors import FailedPreconditionError, InvalidArgumentError

KINDS = {
    "maintenance": "is not offered; operators may verify and inspect it",
    "protected": "is not deleted, decommissioned or wiped",
    "locked": "takes no operation at all",
    "retired": "is never offered again",
}
NOT_OFFERED = ("maintenance", "locked", "retired")


class Mark(Base):
    """One mark of one object."""

    __tablename__ = "marks"
    object_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Id)
    since: Mapped[datetime]
    expires_at: Mapped[datetime | None]


_MARKS: Any = Mark.__table__
_LASTING = (
    select(Mark)
    .where(
        one_of(_MARKS.c.object_id, "ids"),
        or_(_MARKS.c.expires_at.is_(None), _MARKS.c.expires_at > bindparam("now")),
    )
    .order_by(_MARKS.c.kind)
    .execution_options(populate_existing=True)
)
"""Made once: it is a part of nearly every answer, and is longer made than run."""


def set_mark(session: Session, object_id: str, kind: str, reason: str, author: str) -> None:
    """Set or restate a mark.

    Raises:
        InvalidArgumentError: there is no such kind, or no reason.
    """
    set_marks(session, [object_id], kind, reason, author, now=datetime.now(UTC))


def set_marks(
    session: Session,
    object_ids: Collection[str],
    kind: str,
    reason: str,
    author: str,
    *,
    now: datetime,
    expires_at: datetime | None = None,
    kinds: Mapping[str, str] = KINDS,
) -> None:
    """Set or restate a mark on many objects; one with an expiry ends then by itself.

    Raises:
        InvalidArgumentError: there is no such kind, or no reason.
    """
    _check_kind(kind, kinds)
    if not reason.strip():
        raise InvalidArgumentError(f"say why: a {kind} mark needs a reason", field="reason")
    clear_marks(session, object_ids, kind)
    row = {"kind": kind, "reason": reason.strip(), "author": author, "since": now}
    rows = [{**row, "object_id": one, "expires_at": expires_at} for one in object_ids]
    if rows:
        session.execute(insert(Mark), rows)


def _check_kind(kind: str, kinds: Mapping[str, str]) -> None:
    if kind not in kinds:
        raise InvalidArgumentError(
            f"there is no mark {kind!r}; there are {', '.join(kinds)}", field="kind"
        )


def clear_mark(session: Session, object_id: str, kind: str) -> None:
    """Take a mark back; one that isn't there is fine.

    Raises:
        InvalidArgumentError: there is no such kind.
    """
    _check_kind(kind, KINDS)
    clear_marks(session, [object_id], kind)


def clear_marks(session: Session, object_ids: Collection[str], kind: str) -> None:
    """Take a mark of many objects back."""
    session.execute(delete(Mark).where(Mark.object_id.in_(object_ids), Mark.kind == kind))


def forget_marks(session: Session, object_ids: Collection[str]) -> None:
    """Take all marks of objects back that are no more."""
    session.execute(delete(Mark).where(Mark.object_id.in_(object_ids)))


def marks_of(
    session: Session, object_ids: Iterable[str], *, now: datetime | None = None
) -> dict[str, list[Mark]]:
    """Read the marks of many objects at once; what has expired is gone."""
    ids = list(object_ids)
    found: dict[str, list[Mark]] = {object_id: [] for object_id in ids}
    for mark in session.scalars(_LASTING, {"ids": ids, "now": now or datetime.now(UTC)}):
        found[mark.object_id].append(mark)
    return found


def refuse_if_marked(
    session: Session, object_type: str, object_id: str, *kinds: str, under: str = ""
) -> None:
    """Refuse an action on a marked object.

    Args:
        session: a session.
        object_type: what it is.
        object_id: its UUID.
        kinds: the marks that stand in the way.
        under: UUID of the machine that runs on it; its project reads neither id nor reason.

    Raises:
        FailedPreconditionError: the object has one of the marks.
    """
    for mark in marks_of(session, [object_id])[object_id]:
        if mark.kind not in kinds:
            continue
        words = (
            f"{object_type} {object_id} is marked {mark.kind} ({mark.reason}) and "
            f"{KINDS[mark.kind]}; clear the mark first"
        )
        if under:
            words = told.both(
                f"what machine {under} runs on is marked {mark.kind} and {KINDS[mark.kind]}; ask "
                "an operator to clear the mark",
                words,
            )
        raise FailedPreconditionError(
            words,
            object_type="machine" if under else object_type,
            object_id=under or object_id,
        )
