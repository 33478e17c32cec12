"""Answers by request id, so that a retry of a mutation gets the answer of its first try."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, String, bindparam, delete, insert, select, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id
from mulligan.values.errors import AlreadyExistsError

PAGE = 500
"""Answers that are looked through at once."""

Key = tuple[str, str]
"""An answer's account (UUID) and request id."""

FIRST: Key = (str(UUID(int=0)), "")
"""Before all others."""


class Answer(Base):
    """What a request was answered, by account and request id."""

    __tablename__ = "answers"
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    method: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    response: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]


_ANSWERS: Any = Answer.__table__
_EARLIER = select(_ANSWERS.c.method, _ANSWERS.c.digest, _ANSWERS.c.response).where(
    _ANSWERS.c.account == bindparam("account"), _ANSWERS.c.request_id == bindparam("request_id")
)
_KEEP = insert(_ANSWERS)
_KEY = (_ANSWERS.c.account, _ANSWERS.c.request_id)


def earlier_answer(
    session: Session, account: str, request_id: str, method: str, digest: str
) -> bytes | None:
    """Find the answer that the same request got before.

    Raises:
        AlreadyExistsError: the request id was used for a request with other content.
    """
    mine = {"account": account, "request_id": request_id}
    answer = session.execute(_EARLIER, mine).one_or_none()
    if answer is None:
        return None
    if (answer.method, answer.digest) != (method, digest):
        raise AlreadyExistsError(
            f"request id {request_id} was used before for another request ({answer.method}); "
            "use a new request id for new content",
            code="REQUEST_ID_REUSED",
            field="request_id",
        )
    response: bytes = answer.response
    return response


def keep_answer(
    session: Session, account: str, request_id: str, method: str, digest: str, response: bytes
) -> None:
    """Remember an answer in the transaction of its change."""
    session.flush()
    kept = {
        "account": account,
        "request_id": request_id,
        "method": method,
        "digest": digest,
        "response": response,
        "at": datetime.now(UTC),
    }
    session.execute(_KEEP, [kept])


def old_answers(
    session: Session, before: datetime, after: Key = FIRST
) -> tuple[list[Key], Key | None]:
    """Find the answers from before a time in the page after a key.

    A table that each change adds to has one index; who forgets, once a day, reads it through.

    Returns:
        The old ones, and the page's last key to go on after: nothing when it was the last page.
    """
    page = select(*_KEY, _ANSWERS.c.at).where(tuple_(*_KEY) > after).order_by(*_KEY).limit(PAGE)
    found = session.execute(page).all()
    keys = [(row.account, row.request_id) for row in found]
    old = [key for key, row in zip(keys, found, strict=True) if row.at < before]
    return old, keys[-1] if len(keys) == PAGE else None


def forget(session: Session, answers: Collection[Key]) -> None:
    """Delete answers, a page of them at most."""
    session.execute(delete(_ANSWERS).where(tuple_(*_KEY).in_(answers)))
