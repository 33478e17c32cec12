"""Locks between executors: alone, whoever dies or is frozen."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from activities import locks
from activities.lease import BEAT_S
from activities.locks import SILENT_S, hold_lock
from workflows.policies import BEATS

HOLDS = """
import sys
from pathlib import Path
from activities import locks
locks.BEAT_S = 0.05
with locks.hold_lock(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
print("let go", flush=True)
"""
ENOUGH_LOOKS = 15
"""Of a tenth of a second each: longer than what a holder may be silent in these tests."""


class TiredError(Exception):
    """Who waits gives up."""


class Tires:
    """A heartbeat that waits no longer than for so many looks."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def __call__(self, _doing: str) -> None:
        self.left -= 1
        if not self.left:
            raise TiredError


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT_S", 0.05)
    monkeypatch.setattr(locks, "SILENT_S", 0.5)
    monkeypatch.setattr(locks, "LOOKED_AT_S", 0.3)


@contextmanager
def another_holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.send_signal(signal.SIGCONT)
            holder.kill()


def test_a_frozen_holder_is_passed_over_and_frees_nothing_when_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one"
    with another_holder(path) as holder:
        holder.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED)
        with hold_lock(path, Tires(600)):
            holder.send_signal(signal.SIGCONT)
            holder.communicate("", timeout=60)
            assert holder.returncode == 0
            with pytest.raises(TiredError), hold_lock(path, Tires(ENOUGH_LOOKS)):
                pass


def test_a_holder_that_lives_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with another_holder(path) as holder:
        with pytest.raises(TiredError), hold_lock(path, Tires(ENOUGH_LOOKS)):
            pass
        holder.kill()
        holder.wait(60)
        with hold_lock(path, Tires(600)):
            pass


def test_a_holder_is_passed_over_only_when_temporal_has_given_its_work_away() -> None:
    assert BEATS.total_seconds() + BEAT_S <= SILENT_S


def test_the_note_of_an_earlier_holder_says_nothing_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.touch()
    os.utime(path, (1, 1))
    with hold_lock(path, Tires(1)), pytest.raises(TiredError):  # noqa: SIM117
        with hold_lock(path, Tires(ENOUGH_LOOKS)):
            pass
