"""Locks between all executors of a machine, which outlive neither a killed holder nor a frozen one.

The kernel frees the lock of a process that dies. One that is frozen (SIGSTOP, a debugger) keeps it,
so the holder notes in the file, again and again, that it is alive. When it has not for as long as
its leases may last (`activities.lease`), it can write to no hardware any more, and who waits puts
the file aside and takes a new one in its place.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from activities.lease import BEAT_S, FRESH_S, LONGEST_WRITE_S, Heartbeat, boottime

SILENT_S = FRESH_S + LONGEST_WRITE_S
"""How long a holder may be silent: no lease of its lasts longer."""

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
            os.pwrite(file.fileno(), f"{boottime():020.3f}".encode(), 0)
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
        self._note = b""
        self._seen_at = boottime()

    def look(self) -> None:
        try:
            note = self._path.read_bytes()
        except FileNotFoundError:
            return
        if note != self._note:
            self._note, self._seen_at = note, boottime()
            return
        now, alive_at = boottime(), float(note or self._seen_at)
        if now - self._seen_at > LOOKED_AT_S and now - alive_at > SILENT_S:
            self._put_aside()

    def _put_aside(self) -> None:
        """Unlink the file that was seen: one waiter at a time, and nobody else's."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._path.read_bytes() == self._note:
                self._path.unlink()
        except (BlockingIOError, FileNotFoundError):
            pass  # another one who waits does it
        finally:
            os.close(folder)
