"""What runs once, at the start, runs in a process that ends; its failures are told in its words."""

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from deploy.apart import LaterError, run_apart
from deploy.roles.databases import open_database
from mulligan.database import Database
from mulligan.migrations import is_migrated
from mulligan.values.errors import UnavailableError

NOWHERE = "postgresql+psycopg://nobody@/site?host=/nowhere"


async def test_a_database_is_migrated_apart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/site.sqlite"
    async with AsyncExitStack() as stack:
        assert is_migrated(await open_database(stack, url))


async def test_why_a_migration_failed_is_told_in_its_own_words(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/site.sqlite"
    database = Database(url)
    database.write(lambda s: s.execute(text("CREATE TABLE providers (of_somebody_else TEXT)")))
    assert not is_migrated(database)
    database.close()
    async with AsyncExitStack() as stack:
        with pytest.raises(UnavailableError) as raised:
            await open_database(stack, url)
    assert f"{url} can't be used: " in raised.value.message
    assert "table providers already exists" in raised.value.message


async def test_what_may_succeed_later_says_so() -> None:
    with pytest.raises(LaterError) as raised:
        await run_apart("deploy.migrating", given=NOWHERE)
    assert "/nowhere" in raised.value.message


async def test_who_stops_waiting_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Queue[asyncio.subprocess.Process]()
    create = asyncio.create_subprocess_exec

    async def noting(*words: Any, **options: Any) -> asyncio.subprocess.Process:
        process = await create(*words, **options)
        begun.put_nowait(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noting)
    database = Database(f"sqlite:///{tmp_path}/site.sqlite")
    with database.engine.execution_options(mulligan_write=True).begin():  # It waits for this.
        migrating = asyncio.create_task(run_apart("deploy.migrating", given=str(database.url)))
        process = await begun.get()
        migrating.cancel()
        with suppress(asyncio.CancelledError):
            await migrating
    database.close()
    assert (process.returncode or 0) < 0, "a signal ended it"


@pytest.mark.parametrize(
    ("kept", "needed_apart"),
    [("deploy.roles.services, deploy.roles.worker", "alembic"), ("deploy.up", "temporalio")],
)
def test_what_stays_imports_nothing_of_what_runs_apart(kept: str, needed_apart: str) -> None:
    kept = f"import sys, {kept}; print('{needed_apart}' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", kept], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_what_lies_in_the_working_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deploy.py").write_text("print('not ours')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LaterError):
        await run_apart("deploy.migrating", given=NOWHERE)
