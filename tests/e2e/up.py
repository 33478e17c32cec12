"""`mulligan up` as a process: started, stopped, killed, and parts of it killed."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.e2e import processes

MULLIGAN = str(Path(sys.executable).with_name("mulligan"))
READY_LIMIT_S = 120
STOP_LIMIT_S = 90


class Up:
    """One `mulligan up` and what it said since it was last started."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = [MULLIGAN, "up", *arguments]
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []
        self._changed = threading.Condition()
        self.ready_after_s = 0.0

    def start(self) -> str:
        """Start it and wait until it is ready; gives the bootstrap token, if it printed one."""
        started = time.monotonic()
        self._said = []
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        reader = threading.Thread(target=self._hear, args=[self._process.stdout], daemon=True)
        reader.start()
        self.wait_until_it_says(lambda line: line == "ready", READY_LIMIT_S)
        self.ready_after_s = time.monotonic() - started
        tokens = [line.split()[-1] for line in self._said if line.startswith("bootstrap token:")]
        return tokens[-1] if tokens else ""

    def stop(self) -> None:
        """Stop it as an operator or systemd does, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_LIMIT_S)

    def kill(self) -> None:
        """Kill it and wait until all that it started is gone too; libvirt's daemon is not its."""
        pid = self._running.pid
        parts = processes.children(pid)
        processes.kill(pid)
        self._running.wait(STOP_LIMIT_S)
        processes.wait_until_gone(
            *(part for part, command in parts.items() if b"libvirtd" not in command)
        )

    def kill_part(self, role: str) -> None:
        """Kill the control worker or the executor, and wait until it is being started again."""
        (pid,) = [
            pid
            for pid, command in processes.children(self._running.pid).items()
            if command.endswith(f"\0serve\0{role}\0".encode())
        ]
        said = len(self._said)
        processes.kill(pid)
        again = f"{role} ended with -9; starting it again"
        self.wait_until_it_says(lambda line: line == again, 30, after=said)

    def wait_until_it_says(
        self, happened: Callable[[str], bool], timeout_s: float, *, after: int = 0
    ) -> None:
        """Wait for a line of its output."""
        with self._changed:
            heard = self._changed.wait_for(
                lambda: any(happened(line) for line in self._said[after:]) or self._has_ended(),
                timeout_s,
            )
            lines = self._said[after:]
        assert heard, f"within {timeout_s} s it only said {lines}"
        assert any(happened(line) for line in lines), f"it ended and said {lines}"

    def argument(self, flag: str) -> str:
        """Give what it was told with a flag."""
        return self._command[self._command.index(flag) + 1]

    @property
    def temporal_address(self) -> str:
        """Where its Temporal listens."""
        return f"127.0.0.1:{self.argument('--temporal-port')}"

    @property
    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "it was not started"
        return self._process

    def _has_ended(self) -> bool:
        return self._running.poll() is not None

    def _hear(self, output: IO[str]) -> None:
        said = self._said
        for line in output:
            with self._changed:
                said.append(line.rstrip())
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
