"""Answers by request id, so that a retry of a mutation gets the answer of its first try."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import LargeBinary, String, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from mulligan.database import Base, Id
from mulligan.values.errors import AlreadyExistsError


class Answer(Base):
    """What a request was answered, by account and request id."""

    __tablename__ = "answers"
    account: Mapped[str] = mapped_column(Id, primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    method: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    response: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]


def earlier_answer(
    session: Session, account: str, request_id: str, method: str, digest: str
) -> bytes | None:
    """Find the answer that the same request got before.

    Raises:
        AlreadyExistsError: the request id was used for a request with other content.
    """
    rows = Answer.__table__.c
    kept = select(rows.method, rows.digest, rows.response)
    mine = kept.where(rows.account == account, rows.request_id == request_id)
    answer = session.execute(mine).one_or_none()
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
    rows: Any = Answer.__table__
    session.execute(
        insert(rows).values(
            account=account,
            request_id=request_id,
            method=method,
            digest=digest,
            response=response,
            at=datetime.now(UTC),
        )
    )
