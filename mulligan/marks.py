"""What was said about an object, by whom and why: maintenance, protected, locked, retired."""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id
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


def set_mark(session: Session, object_id: str, kind: str, reason: str, author: str) -> None:
    """Set or restate a mark.

    Raises:
        InvalidArgumentError: there is no such kind, or no reason.
    """
    if kind not in KINDS:
        raise InvalidArgumentError(
            f"there is no mark {kind!r}; there are {', '.join(KINDS)}", field="kind"
        )
    if not reason.strip():
        raise InvalidArgumentError(f"say why: a {kind} mark needs a reason", field="reason")
    now = datetime.now(UTC)
    session.merge(
        Mark(object_id=object_id, kind=kind, reason=reason.strip(), author=author, since=now)
    )


def clear_mark(session: Session, object_id: str, kind: str) -> None:
    """Take a mark back; one that isn't there is fine."""
    session.execute(delete(Mark).where(Mark.object_id == object_id, Mark.kind == kind))


def marks_of(session: Session, object_ids: Iterable[str]) -> dict[str, list[Mark]]:
    """Read the marks of many objects at once."""
    ids = list(object_ids)
    found: dict[str, list[Mark]] = {object_id: [] for object_id in ids}
    for mark in session.scalars(select(Mark).where(Mark.object_id.in_(ids)).order_by(Mark.kind)):
        found[mark.object_id].append(mark)
    return found


def refuse_if_marked(session: Session, object_type: str, object_id: str, *kinds: str) -> None:
    """Refuse an action on a marked object.

    Raises:
        FailedPreconditionError: the object has one of the marks.
    """
    for mark in marks_of(session, [object_id])[object_id]:
        if mark.kind in kinds:
            raise FailedPreconditionError(
                f"{object_type} {object_id} is marked {mark.kind} ({mark.reason}) and "
                f"{KINDS[mark.kind]}; clear the mark first",
                object_type=object_type,
                object_id=object_id,
            )
