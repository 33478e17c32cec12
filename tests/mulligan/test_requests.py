"""Answers are kept for retries, and as long as the events of what they answered."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import tuple_, update

from deploy.roles.forgetting import forget_older
from mulligan import requests
from mulligan.database import Database
from mulligan.requests import Answer

ACCOUNTS = (str(UUID(int=1)), str(UUID(int=2)))
KEPT = timedelta(days=400)


def keep(database: Database, account: str, request_id: str) -> None:
    database.write(
        lambda session: requests.keep_answer(session, account, request_id, "Set", "x", b"answer")
    )


def is_kept(database: Database, account: str, request_id: str) -> bool:
    earlier = database.read(
        lambda session: requests.earlier_answer(session, account, request_id, "Set", "x")
    )
    return earlier == b"answer"


def test_old_answers_are_forgotten_and_younger_ones_stay(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PAGE", 2)
    every = [(account, f"request-{number}") for number in range(5) for account in ACCOUNTS]
    old = {each for each in every if each[1] in ("request-1", "request-4")}
    for each in every:
        keep(database, *each)
    long_ago = update(Answer).values(at=datetime.now(UTC) - KEPT - timedelta(hours=1))
    old_ones = tuple_(Answer.account, Answer.request_id).in_(old)
    database.write(lambda session: session.execute(long_ago.where(old_ones)) and None)
    forget_older(database, KEPT, KEPT)
    assert [each for each in every if not is_kept(database, *each)] == sorted(old, key=every.index)
