"""Refusals are written soon, and never so many that they fill the database."""

import asyncio
import math
import threading
from collections.abc import Callable, Collection

import pytest
from sqlalchemy.orm import Session

from api.access import methods_of
from api.places import Places
from api.refusals import (
    MOST_KINDS,
    MOST_OF_ONE,
    NOT_TOLD,
    ROWS_A_BEAT,
    WINDOW_S,
    Asking,
    Kind,
    Refusals,
    Tally,
)  # fmt: skip
from api.server import SERVICES
from mulligan import audit
from mulligan.audit import Refusal, Wanted
from mulligan.database import Database
from mulligan.events import EventRow, Origin
from mulligan.iam.objects import Place
from mulligan.values.caller import Caller
from mulligan.values.errors import (
    MulliganError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2

ANN = "99999999-9999-4999-8999-999999999999"


def make(words: str = "no") -> Callable[[], Refusal]:
    return lambda: Refusal(Origin("S/M"), "NOT_FOUND", words)


def kind(number: int = 0) -> Kind:
    return Kind(f"account-{number}", "S/M", "NOT_FOUND")


def test_the_first_is_told_at_once_and_the_rest_of_the_minute_together() -> None:
    tally = Tally()
    tally.note(kind(), False, make("first"), 0)
    assert [(one.message, count) for one, count in tally.take(0, 9)] == [("first", 1)]
    for number in range(100):
        tally.note(kind(), False, make(f"more {number}"), 1)
    assert tally.take(WINDOW_S - 1, 9) == []
    assert [(one.message, count) for one, count in tally.take(WINDOW_S, 9)] == [("more 0", 100)]
    assert tally.take(2 * WINDOW_S, 9) == []
    assert not tally


def test_so_many_rows_are_taken_at_once_and_none_is_forgotten() -> None:
    tally = Tally()
    for number in range(50):
        tally.note(kind(number), False, make(), 0)
    assert [len(tally.take(now, ROWS_A_BEAT)) for now in range(4)] == [20, 20, 10, 0]
    tally.note(kind(0), False, make(), 4)
    assert [count for _, count in tally.take(math.inf, MOST_KINDS)] == [1]


def test_what_is_too_much_is_counted_and_hides_nobody_who_has_a_token() -> None:
    tally = Tally()
    for number in range(10_000):
        tally.note(Kind(f"192.0.2.{number}", "S/M", "TOKEN"), True, make(), 0)
    tally.note(kind(), False, make("Ann's"), 0)
    taken = tally.take(0, MOST_KINDS)
    assert taken[-2][0].message == "Ann's"
    assert (taken[-1][0].result, taken[-1][1]) == (NOT_TOLD, 10_000 - MOST_KINDS // 2)
    assert sum(count for _, count in taken) == 10_001


@pytest.mark.parametrize("anonymous", [True, False])
def test_one_caller_hides_nobody_and_the_rest_of_its_is_one_row(anonymous: bool) -> None:
    tally = Tally()
    for number in range(1_000):
        tally.note(Kind("192.0.2.1/32", "S/M", "NO", str(number)), anonymous, make(), 0)
    tally.note(kind(), anonymous, make("Ann's"), 0)
    *told, rest, last = tally.take(0, MOST_KINDS)
    assert (len(told), last[0].message) == (MOST_OF_ONE, "Ann's")
    assert (rest[0].result, rest[1]) == (NOT_TOLD, 1_000 - MOST_OF_ONE)
    assert tally.take(WINDOW_S, MOST_KINDS) == []
    tally.note(
        Kind("192.0.2.1/32", "S/M", "NO", "a minute later"), anonymous, make("new"), WINDOW_S
    )
    assert [one.message for one, _ in tally.take(WINDOW_S, MOST_KINDS)] == ["new"]


def asking(database: Database) -> Asking:
    methods = methods_of(SERVICES["control"], database)
    method = methods["/mulligan.control.v1.ControlService/DeleteServer"]
    request = control_pb2.DeleteServerRequest(request_id="r-1", id=ANN)
    return Asking(method, "ipv4:192.0.2.7:41", "r-1", request, Caller(ANN, {}))


def written(database: Database) -> list[EventRow]:
    return database.read(lambda session: audit.list_events(session, Wanted(), 0, 100))


def storm(database: Database, calls: int, error: MulliganError) -> list[EventRow]:
    """Refuse calls of one caller, end, and give what was written."""

    async def refuse() -> None:
        asked = asking(database)
        async with Refusals(database).running() as refusals:
            for _ in range(calls):
                refusals.note(asked, error, Places(_nothing))
                await asyncio.sleep(0)

    asyncio.run(refuse())
    return written(database)


def test_no_secret_of_a_request_is_told_with_the_message(database: Database) -> None:
    methods = methods_of(SERVICES["iam"], database)
    for verb, request in (
        ("Login", iam_pb2.LoginRequest(account="hunter21", password="hunter22")),
        ("CreateAccount", iam_pb2.CreateAccountRequest(name="ann", password="hunter22")),
    ):
        asked = Asking(methods[f"/mulligan.iam.v1.IamService/{verb}"], "", "r-1", request)
        said = "hunter22 is no password for hunter21, nor is hunter22 one of ann"
        told = asked.refusal(NotFoundError(said), Places(_nothing)).message
        typed = "…" if verb == "Login" else "hunter21"
        assert told == f"… is no password for {typed}, nor is … one of ann"


async def _nothing(_ids: Collection[str]) -> list[Place]:
    return []


def test_a_storm_of_refusals_is_two_rows_with_its_count(database: Database) -> None:
    told = storm(database, 10_000, NotFoundError("no such server\0"))
    assert len(told) == 2
    assert sum(row.count or 0 for row in told) == 10_000
    for row in told:
        assert (row.author, row.method, row.result) == (
            ANN, "ControlService/DeleteServer", "NOT_FOUND"
        )  # fmt: skip
        assert (row.object_type, row.object_id, row.message) == ("server", ANN, "no such server")
        assert (row.address, row.request_id) == ("192.0.2.7/32", "r-1")


def test_a_watch_that_ends_with_its_token_is_no_refusal(database: Database) -> None:
    assert storm(database, 1, UnauthenticatedError("over", code="TOKEN_EXPIRED")) == []


def test_a_token_from_the_future_is_a_refusal(database: Database) -> None:
    [told] = storm(database, 1, UnauthenticatedError("b", code="TOKEN_EXPIRED", ahead_s="9000"))
    assert told.result == "TOKEN_EXPIRED"


@pytest.mark.parametrize("problem", [UnavailableError("the database is away"), ValueError("odd")])
def test_what_could_not_be_written_is_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    write, away = database.write, [problem]
    tried = threading.Event()

    def write_once_back(change: Callable[[Session], None]) -> None:
        if away:
            tried.set()
            raise away.pop()
        write(change)

    monkeypatch.setattr(database, "write", write_once_back)

    async def refuse() -> None:
        async with Refusals(database).running() as refusals:
            refusals.note(asking(database), NotFoundError("no"), Places(_nothing))
            await asyncio.to_thread(tried.wait, 30)

    asyncio.run(refuse())
    [row] = written(database)
    assert (row.result, row.count) == (NOT_TOLD, 1)
