"""Processes that register while an instance of iam is frozen in the middle of registering one."""

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.database import WRITERS, Database
from mulligan.iam import catalogue, processes
from mulligan.iam.catalogue import Registration
from mulligan.iam.tables import ServiceRow
from mulligan.values.caller import SYSTEM, Caller
from mulligan.values.errors import ConflictError, NotFoundError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADMIN = Caller(str(uuid4()), {SYSTEM: "admin"})
SOON_S = 30.0
"""More than any of this takes on a busy machine, and less than for ever."""


def registering(site: str = "", serves: Collection[str] = ()) -> Callable[[Session], ServiceRow]:
    said = Registration(str(uuid4()), site or str(uuid4()), ["meta"], "http://site", "1", serves)
    return lambda session: catalogue.register(session, said, NOW, ADMIN)


@contextmanager
def frozen_registration(
    database: Database, register: Callable[[Session], object]
) -> Iterator[None]:
    """Another instance has begun to register, and does nothing more until this ends."""
    other = Database(database.url.render_as_string(hide_password=False))
    with other._session(other.engine, None) as session:
        register(session)
        session.flush()
        try:
            yield
        finally:
            session.rollback()
            other.close()


def test_others_write_while_a_registration_is_frozen(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STANDS_STILL_MS", 1000 * int(SOON_S))
    database = postgresql_database
    with (
        ThreadPoolExecutor(WRITERS + 1) as threads,
        frozen_registration(database, registering()),
    ):
        refused = [threads.submit(database.write, registering()) for _ in range(WRITERS)]
        began = time.monotonic()
        while not all(one.done() for one in refused):
            own_site = threads.submit(database.write, catalogue.own_site)
            assert own_site.result(SOON_S)
            assert time.monotonic() < began + SOON_S
        for one in refused:
            with pytest.raises(ConflictError, match="another process is being registered"):
                one.result()
    database.write(registering())


def test_a_registration_that_stands_still_is_ended_and_tried_again(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STANDS_STILL_MS", 100)
    database, site = postgresql_database, str(uuid4())
    frozen, meanwhile = registering(site), registering(site)
    registered: list[str] = []

    def stand_still(session: Session) -> None:
        frozen(session)
        session.flush()
        if not registered:
            with ThreadPoolExecutor(1) as thread:
                registered.append(thread.submit(database.write, meanwhile).result(SOON_S).id)

    database.write(stand_still)
    found = database.read(lambda session: session.scalars(select(ServiceRow.id)).all())
    assert len(found) == 2
    assert registered[0] in found


def test_a_registration_that_says_nonsense_waits_for_nobody(
    postgresql_database: Database,
) -> None:
    with (
        frozen_registration(postgresql_database, registering()),
        pytest.raises(NotFoundError, match="no region"),
    ):
        postgresql_database.write(registering(serves=[str(uuid4())]))
