"""Locks between all executors of a machine, which outlive neither a killed holder nor a frozen one.

The kernel frees the lock of a process that dies. One that is frozen (SIGSTOP, a debugger) keeps it,
so the holder notes again and again that it is alive: as the file's time, which a full disk takes
too. When it has not for so long that Temporal has given its work to another executor
(`activities.lease`), who waits puts the file aside and takes a new one in its place.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from activities.lease import BEAT_S, FRESH_S, LONGEST_WRITE_S, Heartbeat, boottime

SILENT_S = FRESH_S + LONGEST_WRITE_S + 2 * BEAT_S + 1
"""How long a holder may be silent: longer than Temporal waits (`workflows.policies.BEATS`).

Its last note may be older by BEAT_S than its last heartbeat.
"""

LOOKED_AT_S = 2 * BEAT_S + 1
"""How long one who waits sees the same note, which may be an earlier holder's, before it counts."""


@contextmanager
def hold_lock(path: Path, heartbeat: Heartbeat) -> Iterator[None]:
    """Hold a lock alone, across threads and processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiter = _Waiter(path)
    while (file := _take(path)) is None:
        heartbeat(f"waiting for {path.name}")
        waiter.look()
        time.sleep(0.1)
    with file, _noting_life(file):
        yield


def _take(path: Path) -> FileIO | None:
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    if _is_at(path, file):
        return file
    file.close()  # it was put aside meanwhile
    return None


def _is_at(path: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


@contextmanager
def _noting_life(file: FileIO) -> Iterator[None]:
    ended = threading.Event()

    def note() -> None:
        while True:
            now_ns = int(boottime() * 1e9)
            os.utime(file.fileno(), ns=(now_ns, now_ns))
            if ended.wait(BEAT_S):
                return

    thread = threading.Thread(target=note, name="lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class _Waiter:
    """Waits for a lock, and sees when its holder has been silent for too long."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._note = _note_at(path)
        self._seen_at = boottime()

    def look(self) -> None:
        note, now = _note_at(self._path), boottime()
        if note is None or note != self._note:
            self._note, self._seen_at = note, now
            return
        alive_at = (
            note.alive_at if note.alive_at <= now else self._seen_at
        )  # a new file's is a date
        if now - self._seen_at > LOOKED_AT_S and now - alive_at > SILENT_S:
            self._put_aside()

    def _put_aside(self) -> None:
        """Unlink the file that was seen: one waiter at a time, and nobody else's."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _note_at(self._path) == self._note:
                self._path.unlink(missing_ok=True)
        except BlockingIOError:
            pass  # another one who waits does it
        finally:
            os.close(folder)


class _Note(NamedTuple):
    """Which file a lock is, and when its holder said that it lives (`boottime`)."""

    file: int
    alive_at: float


def _note_at(path: Path) -> _Note | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _Note(found.st_ino, found.st_mtime_ns / 1e9)
