"""A worker that is told to stop does, whatever is away; one that can't work says so and ends."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from temporalio.client import Client

from activities.contracts.reconcile import RunReconcileRecords
from deploy.connect import connect
from deploy.dev_server import DevServer
from deploy.ports import free_port
from deploy.settings import Settings, load
from deploy.temporal import cache_folder, find_temporal
from tests.databases import PostgreSQL
from tests.e2e import processes
from worker.control import GRACE
from worker.stopping import DRAINED, LEFT_S
from workflows.operation import CONTROL_QUEUE
from workflows.reconcile import ReconcileRecords

pytestmark = pytest.mark.timeout(180)
LIMIT_S = 60
STOPS_WITHIN_S = (GRACE + DRAINED).total_seconds() + LEFT_S + 4
"""The rest is for a machine on which others are at work."""

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'site' AND wait_event_type = 'Lock'"


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL that a test may freeze or kill."""
    server = PostgreSQL()
    server.start()
    server.administer("CREATE DATABASE site")
    yield server
    with suppress(RuntimeError):  # It was killed.
        server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@contextmanager
def working(settings: Settings, log: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a control worker; gives its process once it is ready."""
    words = ("worker", "--database-url", settings.database_url, "--state", str(settings.state))
    where = ("--temporal-address", settings.temporal_address)
    command = [sys.executable, "-m", "deploy.commands", "serve", *words, *where]
    with log.open("w") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
    with process:
        assert any(line.startswith("ready") for line in process.stdout or ())
        try:
            yield process
        finally:
            process.kill()


async def keep_busy(client: Client, server: PostgreSQL, holder: psycopg.Connection) -> None:
    """Have records of workflows wait for what the holder has."""
    holder.execute("LOCK TABLE operations")
    for _ in range(4):
        await client.start_workflow(
            ReconcileRecords.run,
            RunReconcileRecords(),
            id=str(uuid4()),
            task_queue=CONTROL_QUEUE,
        )
    url = server.url("postgres").set(drivername="postgresql").render_as_string()
    with psycopg.connect(url, autocommit=True) as connection:
        while (connection.execute(WAITS).fetchone() or (0,))[0] < 1:
            pass


@contextmanager
def frozen(server: PostgreSQL) -> Iterator[None]:
    pids = [server.pid, *processes.children(server.pid)]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def away(server: PostgreSQL) -> Iterator[None]:
    processes.kill(server.pid, *processes.children(server.pid))
    yield


@pytest.mark.parametrize("is_lost", [frozen, away])
async def test_a_worker_stops_though_its_records_wait_for_a_database(
    server: PostgreSQL,
    tmp_path: Path,
    is_lost: Callable[[PostgreSQL], AbstractContextManager[None]],
) -> None:
    url = server.url("site").render_as_string()
    temporal = DevServer(
        find_temporal(cache_folder(os.environ)), tmp_path / "temporal.db", log=tmp_path / "log"
    )
    async with temporal:
        told = {
            "state": tmp_path,
            "database_url": url,
            "temporal_address": temporal.address,
            "temporal_namespace": temporal.namespace,
        }
        settings = load(None, told, {})
        client = await connect(settings)
        with working(settings, tmp_path / "worker.log") as process:
            plain = server.url("site").set(drivername="postgresql").render_as_string()
            holder = psycopg.connect(plain)
            await keep_busy(client, server, holder)
            with is_lost(server):
                told_at = time.monotonic()
                process.terminate()
                assert process.wait(LIMIT_S) == 0
                took_s = time.monotonic() - told_at
            holder.close()
    assert took_s < STOPS_WITHIN_S


@pytest.mark.parametrize("role", ["worker", "executor"])
async def test_a_worker_whose_namespace_is_not_there_ends_and_says_so(
    tmp_path: Path, role: str
) -> None:
    temporal = DevServer(
        find_temporal(cache_folder(os.environ)), tmp_path / "temporal.db", log=tmp_path / "log"
    )
    async with temporal:
        where = ("--temporal-address", temporal.address, "--temporal-namespace", "nowhere")
        media = f"http://127.0.0.1:{free_port()}"
        region = ("--region", str(uuid4()), "--media-url", media)
        words = (role, "--state", str(tmp_path), *where, *region)
        command = [sys.executable, "-m", "deploy.commands", "serve", *words]
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
        async with asyncio.timeout(LIMIT_S):
            _, said = await process.communicate()
    assert process.returncode == 4
    last = said.decode().splitlines()[-1]
    assert last.startswith("mulligan: the worker of queue ")
    assert "look whether namespace nowhere is there" in last
