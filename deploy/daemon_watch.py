"""Noticing that a daemon was replaced by another one, for what can't do that itself."""

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from deploy.session_libvirt import listening_pid
from mulligan.values.errors import UnavailableError

LOOK_S = 0.1


class DaemonWatch:
    """Calls `on_replaced`, in a thread, each time that another daemon serves a unix socket.

    It begins with the daemon that is there when this is made. `on_replaced` is called again when
    it raises UnavailableError.
    """

    def __init__(self, path: Path, on_replaced: Callable[[], None]) -> None:
        self._path = path
        self._on_replaced = on_replaced
        self._pid = listening_pid(path)
        self._ended = threading.Event()
        self._end = -1
        self._thread = threading.Thread(target=self._run, name="daemon-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._end = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until nothing is called any more."""
        self._ended.set()
        os.eventfd_write(self._end, 1)
        self._thread.join()
        os.close(self._end)

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._pid is not None:
                self._wait_for_end_of(self._pid)
            self._pid = self._successor()
            if self._pid is not None:
                try:
                    self._on_replaced()
                except UnavailableError:
                    self._pid = None

    def _wait_for_end_of(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            select.select([process, self._end], [], [])
            os.close(process)

    def _successor(self) -> int | None:
        """Wait for a daemon; None when the watch ended."""
        while not self._ended.wait(LOOK_S):
            if pid := listening_pid(self._path):
                return pid
        return None
