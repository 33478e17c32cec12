"""A call that nobody waits for any more does nothing, and holds up nobody else."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import psycopg
import pytest

from mulligan.database import Database
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
    place: Place, site: Site
) -> None:
    late, name = new_name("late"), new_name("project")
    with beside(site, ("iam",), threads=1) as address:
        caller = Caller(address, place.operator.token)
        with others_write(site.installation):
            with pytest.raises(grpc.RpcError) as raised:
                caller.send(CREATE, request_of(CREATE, name=late), timeout=0.5)
            assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert late not in names_of(caller), "the one thread is free while others still write"
        caller.CreateProject(name=name)
        names = names_of(caller)
        assert name in names
        assert late not in names


def test_a_call_that_ends_while_it_waits_for_a_thread_is_never_begun(
    place: Place, site: Site
) -> None:
    first, dropped = new_name("first"), new_name("dropped")
    with beside(site, ("iam",), threads=1) as address, ThreadPoolExecutor(1) as pool:
        caller = Caller(address, place.operator.token)
        with others_write(site.installation):
            running = pool.submit(caller.CreateProject, name=first)
            with pytest.raises(grpc.RpcError) as raised:
                caller.send(CREATE, request_of(CREATE, name=dropped), timeout=0.5)
            assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert running.result(LIMIT_S)
        names = names_of(caller)
        assert first in names
        assert dropped not in names


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
