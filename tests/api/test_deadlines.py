"""A call that nobody waits for any more does nothing, and holds up nobody else."""

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import grpc
import psycopg
import pytest
from sqlalchemy import text

from mulligan import sqlite_turns
from mulligan.database import Database
from mulligan.values.errors import OverdueError
from mulligan.waiting import Waiting, waited_for
from tests.api.instances import beside
from tests.fakes.caller import METHODS, Caller, refused, request_of
from tests.fakes.place import Place, new_name
from tests.fakes.site import Site

LIMIT_S = 60
CREATE = METHODS["CreateProject"]


@contextmanager
def others_write(database: Database) -> Iterator[None]:
    """Hold what every write of a database needs, as another process."""
    if database.is_sqlite:
        connection: Any = sqlite3.connect(str(database.url.database), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
    else:
        url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg.connect(url)
        connection.execute("SELECT * FROM revisions FOR UPDATE")
    try:
        yield
    finally:
        connection.rollback()
        connection.close()


def names_of(caller: Caller) -> set[str]:
    return {project.metadata.name for project in caller.ListProjects(page={"size": 1000}).projects}


def test_a_call_past_its_deadline_leaves_nothing_and_frees_its_thread(
    place: Place, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, name, begun = new_name("late"), new_name("project"), threading.Event()
    begin = Database._write_once

    def write_once(database: Database, change: Any, waiting: Any, **more: Any) -> Any:
        begun.set()
        return begin(database, change, waiting, **more)

    with beside(site, ("iam",), threads=1) as address:
        caller = Caller(address, place.operator.token)
        with others_write(site.installation):
            monkeypatch.setattr(Database, "_write_once", write_once)
            for deadline_s in (0.5, 5, LIMIT_S):
                with pytest.raises(grpc.RpcError) as raised:
                    caller.send(CREATE, request_of(CREATE, name=late), timeout=deadline_s)
                assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                if begun.is_set():
                    break
            assert begun.is_set(), "else it was never begun, which is another test"
            assert late not in names_of(caller), "the one thread is free while others still write"
        caller.CreateProject(name=name)
        names = names_of(caller)
        assert name in names
        assert late not in names


def waits(database: Database) -> bool:
    """Whether somebody waits for what others hold of a database."""
    if database.is_sqlite:
        return True
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(database.read(lambda session: session.scalar(query)))


def test_a_call_that_its_caller_cancels_is_stopped_and_leaves_nothing(
    place: Place, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled, used = new_name("cancelled"), SimpleQueue[Database]()
    begin = Database._write_once

    def write_once(database: Database, change: Any, waiting: Any, **more: Any) -> Any:
        if database not in (site.database, site.installation):
            used.put(database)
        return begin(database, change, waiting, **more)

    with beside(site, ("iam",), threads=1) as address:
        caller = Caller(address, place.operator.token)
        with others_write(site.installation):
            monkeypatch.setattr(Database, "_write_once", write_once)
            monkeypatch.setattr(sqlite_turns, "TURN_S", 0.1)
            call = caller.begin(CREATE, request_of(CREATE, name=cancelled))
            database = used.get(timeout=LIMIT_S)
            while not waits(site.installation):
                assert not call.done()
            call.cancel()
            assert cancelled not in names_of(caller), "the one thread is free while others write"
            pool: Any = database.engine.pool
            give_up_at = time.monotonic() + LIMIT_S
            while pool.checkedout():  # Health reads there, too, now and then.
                assert time.monotonic() < give_up_at, "its connection is given back"
            if not database.is_sqlite:
                assert not waits(site.installation), "its statement was stopped"
        caller.CreateProject(name=new_name("project"))
        assert cancelled not in names_of(caller)


async def test_what_has_no_thread_when_nobody_waits_any_more_is_never_begun() -> None:
    begun: list[Waiting] = []
    released = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(released.wait)
        with pytest.raises(OverdueError):
            await waited_for(threads, begun.append, ends_at=0.0)
        cancelled = asyncio.create_task(waited_for(threads, begun.append, ends_at=math.inf))
        await asyncio.sleep(0)  # It is in the queue now.
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        released.set()
    assert not begun


def test_no_call_waits_longer_than_the_service_may(place: Place, site: Site) -> None:
    operator = place.operator
    mask = {"paths": ["spec.transaction_timeout"]}
    operator.IamConfigure(spec={"transaction_timeout": {"seconds": 1}}, update_mask=mask)
    try:
        with beside(site, ("iam",)) as address, others_write(site.installation):
            caller = Caller(address, operator.token)
            with refused("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"):
                caller.CreateProject(name=new_name("late"))
    finally:
        operator.IamConfigure(update_mask=mask)
