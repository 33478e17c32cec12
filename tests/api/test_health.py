"""A service says that it can't work when what it stands on is away, and that it can again."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import create_engine, text
from temporalio.service import RPCError, RPCStatusCode

from api import health as healths
from api import server
from api.health import Health, Part
from mulligan.configuration import CHANNEL
from tests.api.instances import instance
from tests.databases import PostgreSQL

LIMIT_S = 30
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
IAM = "mulligan.iam.v1.IamService"


@contextmanager
def watched(address: str, service: str) -> Iterator[Iterator[int]]:
    """What the health service tells of a service, as it comes."""
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest(service=service)
        yield (told.status for told in stub.Watch(asked, timeout=LIMIT_S))


def test_while_its_database_is_away_a_service_does_not_serve(
    postgresql_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE_S", 0.1)
    names = [postgresql_server.create_database() for _ in range(2)]
    urls = [postgresql_server.url(name).render_as_string() for name in names]
    with ExitStack() as running:
        address = running.enter_context(instance(urls[0], urls[1]))
        with watched(address, IAM) as told:
            assert next(told) == SERVING
            allow(postgresql_server, names[1], False)
            assert next(told) == NOT_SERVING
            with watched(address, "mulligan.meta.v1.MetaService") as of_meta:
                assert next(of_meta) == SERVING, "its own database is there"
            with watched(address, "") as of_all:
                assert next(of_all) == NOT_SERVING
            allow(postgresql_server, names[1], True)
            assert next(told) == SERVING
            running.close()
            assert next(told) == NOT_SERVING, "it drained"


def allow(server: PostgreSQL, database: str, allowed: bool) -> None:
    server.administer(f"ALTER DATABASE {database} ALLOW_CONNECTIONS {allowed}")
    ended = f"pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    server.administer(f"SELECT {ended}")


def test_a_service_of_an_earlier_release_than_its_database_does_not_serve(
    postgresql_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE_S", 0.1)
    urls = [
        postgresql_server.url(postgresql_server.create_database()).render_as_string()
        for _ in range(2)
    ]
    with instance(urls[0], urls[1]) as address, watched(address, IAM) as told:
        assert next(told) == SERVING
        bring_to(urls[1], "9999")
        assert next(told) == NOT_SERVING
        bring_to(urls[1], "0001")
        assert next(told) == SERVING


def bring_to(url: str, revision: str) -> None:
    """Say in the database that its tables are those of a revision, as a migration does."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32))",
            "DELETE FROM alembic_version",
            f"INSERT INTO alembic_version VALUES ('{revision}')",
            f"SELECT pg_notify('{CHANNEL}', '')",
        ):
            connection.execute(text(statement))
    engine.dispose()


async def told_by(health: Health, service: str) -> int:
    asked = health_pb2.HealthCheckRequest(service=service)
    answer = await health.servicer.Check(asked, None)  # type: ignore[arg-type]
    return int(answer.status)


class Looked:
    """A part that is as the test says, and is waited for."""

    def __init__(self, name: str, *services: str) -> None:
        self.why = ""
        self._looks: asyncio.Queue[None] = asyncio.Queue()
        self.part = Part(name, services, self._look)

    async def _look(self) -> str:
        self._looks.put_nowait(None)
        return self.why

    async def again(self) -> None:
        """Wait until it was looked at from now on, and what was seen was told."""
        while not self._looks.empty():
            self._looks.get_nowait()
        async with asyncio.timeout(LIMIT_S):
            # The second look begins when what the first one saw has been told.
            await self._looks.get()
            await self._looks.get()


async def test_what_one_part_lacks_only_those_say_who_stand_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pause in ("AGAIN_S", "REST_S", "LOOK_S"):
        monkeypatch.setattr(healths, pause, 0.0)
    health = Health({"meta": "M", "control": "C"})
    temporal, database = Looked("Temporal", "control"), Looked("the database", "meta", "control")
    async with health.watching([temporal.part, database.part]):
        assert [await told_by(health, name) for name in ("M", "C", "")] == [SERVING] * 3
        temporal.why = "nobody answers"
        await temporal.again()
        assert await told_by(health, "M") == SERVING
        assert await told_by(health, "C") == await told_by(health, "") == NOT_SERVING
        database.why = "it is away"
        await database.again()
        assert await told_by(health, "M") == NOT_SERVING
        temporal.why = database.why = ""
        await temporal.again()
        await database.again()
        assert [await told_by(health, name) for name in ("M", "C", "")] == [SERVING] * 3
        await health.drain()
        await database.again()
        assert [await told_by(health, name) for name in ("M", "C", "")] == [NOT_SERVING] * 3


async def test_a_part_that_does_not_answer_in_time_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(healths, "ANSWER_S", 0.0)
    health, told, answers = Health({"meta": "M"}), asyncio.Event(), asyncio.Event()

    async def look() -> str:
        await answers.wait()
        return ""

    async def set_status(name: str, status: Any) -> None:
        await keep(name, status)
        told.set()

    keep = health.servicer.set
    monkeypatch.setattr(health.servicer, "set", set_status)
    part = Part("the database", ["meta"], look)
    health._parts = [part]
    looking = asyncio.create_task(health._look_at(part))
    async with asyncio.timeout(LIMIT_S):
        await told.wait()
    assert await told_by(health, "M") == NOT_SERVING
    answers.set()
    await looking
    assert await told_by(health, "M") == SERVING


async def test_temporal_is_away_when_it_says_so_or_nothing() -> None:
    async def says_no(**_: Any) -> bool:
        return False

    async def says_nothing(**_: Any) -> bool:
        raise RPCError("nobody answers", RPCStatusCode.UNAVAILABLE, b"")

    async def says_yes(**_: Any) -> bool:
        return True

    assert await healths._look_at_temporal(says_no)() == "it says that it does not serve"
    assert await healths._look_at_temporal(says_nothing)() == "nobody answers"
    assert await healths._look_at_temporal(says_yes)() == ""
