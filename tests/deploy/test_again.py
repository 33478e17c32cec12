"""What `mulligan up` started and what died is started again, and not in a mad loop."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import again
from deploy.again import Pauses, end_of, kept_running
from deploy.dev_server import DevServer
from deploy.session_libvirt import SessionLibvirt, listening_pid
from deploy.temporal import cache_folder, find_temporal
from deploy.up import keep_libvirt, keep_temporal
from mulligan.values.errors import UnavailableError
from tests.e2e import processes


@pytest.fixture
def short_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mg", dir="/tmp") as folder:
        yield Path(folder)


def test_pauses_grow_until_a_part_ran_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pauses = Pauses()
    taken = [pauses.next_s() for _ in range(8)]
    assert taken == [0.5, 1, 2, 4, 8, 16, 30, 30]
    now[0] += again.LONGEST_PAUSE_S + again.STEADY_S + 1
    assert pauses.next_s() == 0.5


async def test_a_start_that_fails_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "FIRST_PAUSE_S", 0.001)
    dies, runs, said = asyncio.Event(), asyncio.Event(), list[str]()
    results = iter([UnavailableError("no memory"), OSError("no command"), None])

    async def ended() -> str:
        await dies.wait()
        dies.clear()
        return "with 1"

    async def start() -> None:
        if failure := next(results):
            raise failure
        runs.set()

    async with kept_running("part", ended, start, said.append):
        dies.set()
        async with asyncio.timeout(20):
            await runs.wait()
    assert said == [
        "part ended with 1; starting it again",
        "part did not start (no memory); starting it again",
        "part did not start (no command); starting it again",
        "part runs again",
    ]


async def test_temporal_is_started_again_on_the_same_port(tmp_path: Path) -> None:
    command = find_temporal(cache_folder(os.environ))
    server = DevServer(command, tmp_path / "db", log=tmp_path / "log")
    said: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.timeout(120), server, keep_temporal(server, said.put_nowait):
        address = server.address
        [first] = running(tmp_path)
        os.kill(first, signal.SIGKILL)
        assert await said.get() == "temporal ended with -9; starting it again"
        assert await said.get() == "temporal runs again"
        assert server.address == address
        assert running(tmp_path) not in ([], [first])


async def test_libvirts_daemon_is_started_again(short_folder: Path) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    with SessionLibvirt(short_folder) as libvirt:
        async with asyncio.timeout(60), keep_libvirt(libvirt, said.put_nowait):
            first = libvirt.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            assert await said.get() == "libvirtd ended; starting it again"
            assert await said.get() == "libvirtd runs again"
            assert listening_pid(libvirt.socket) == libvirt.pid != first


async def test_the_end_of_a_process_that_is_gone_is_not_waited_for() -> None:
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    async with asyncio.timeout(20):
        await end_of(process.pid)
    assert process.returncode == 0


def running(folder: Path) -> list[int]:
    """The server's process; what it was started through has become it."""
    return [
        pid
        for pid, command in processes.children(os.getpid()).items()
        if os.fsencode(folder / "db") in command
    ]
