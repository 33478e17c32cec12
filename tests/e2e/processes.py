"""Processes as the kernel sees them: whose children, what they name, when they end."""

import os
import select
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def naming(folder: Path) -> dict[int, str]:
    """Find the processes that name a folder in their command or environment, by id."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if os.fsencode(folder) in words and int(process.name) != os.getpid():
            found[int(process.name)] = name
    return found


def children(pid: int) -> dict[int, bytes]:
    """Give the children of a process and their command lines."""
    found = {}
    for task in list(Path(f"/proc/{pid}/task").iterdir()):
        with suppress(OSError):  # a thread or a child ended meanwhile
            for child in (task / "children").read_text().split():
                found[int(child)] = Path(f"/proc/{child}/cmdline").read_bytes()
    return found


def kill(*pids: int, timeout_s: float = 30) -> None:
    """Kill processes with SIGKILL and wait until they are gone."""
    handles = _handles(pids)
    for handle in handles:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    _wait_for_ends(handles, timeout_s)


def wait_until_gone(*pids: int, timeout_s: float = 30) -> None:
    """Wait until processes that somebody else ends are gone."""
    _wait_for_ends(_handles(pids), timeout_s)


def _handles(pids: Iterable[int]) -> list[int]:
    """Get hold of those of the processes that are there; a handle never means another one."""
    handles = []
    for pid in pids:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(pid))
    return handles


def _wait_for_ends(handles: list[int], timeout_s: float) -> None:
    try:
        for handle in handles:
            ended, _, _ = select.select([handle], [], [], timeout_s)
            assert ended, "a process did not end"
    finally:
        for handle in handles:
            os.close(handle)
