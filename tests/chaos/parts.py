"""The processes of a site, each of which can be killed, frozen, stopped and started again."""

import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import libvirt

from deploy.dev_server import DevServer
from deploy.lab import VirtualServers
from deploy.session_libvirt import SessionLibvirt
from mulligan.values.errors import MulliganError
from tests.databases import PostgreSQL
from tests.e2e import processes
from tests.lab import LoopThread

READY_LIMIT_S = 60.0


class Part(ABC):
    """One of the things that may die; `kind` is what the killer calls it."""

    def __init__(self, kind: str, name: str = "") -> None:
        self.kind = kind
        self.name = name or kind

    @abstractmethod
    def start(self) -> None:
        """Start it, also after a kill, and wait until it answers."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Give the processes that a kill takes."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it as its operator would, at the end."""

    def last_words(self) -> str:
        """Tell what it said last, for one that died by itself."""
        return ""

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait until the kernel has nothing of it any more."""
        processes.kill(*self.pids())

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does (SIGSTOP)."""
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after `freeze`."""
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)


class Served(Part):
    """`mulligan serve` with some roles."""

    def __init__(
        self,
        kind: str,
        roles: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        name: str = "",
    ) -> None:
        super().__init__(kind, name)
        self._command = [sys.executable, "-m", "deploy.commands", "serve", *roles]
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._said: list[str] = []

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process that was started last."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    @property
    def token(self) -> str:
        """The bootstrap token that it printed."""
        (token,) = [line.split()[-1] for line in self._said if line.startswith("bootstrap token:")]
        return token

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        ready = threading.Event()
        hearing = threading.Thread(
            target=self._hear, args=[self._process.stdout, ready], daemon=True
        )
        hearing.start()
        is_ready = ready.wait(READY_LIMIT_S) and self._process.poll() is None
        assert is_ready, f"{self.name} did not start, see {self._log}"

    def pids(self) -> list[int]:
        return [] if self.process.poll() is not None else [self.process.pid]

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"exit code {self.process.poll()}: {lines[-1] if lines else 'it said nothing'}"

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(READY_LIMIT_S)

    def drain(self, within_s: float) -> float:
        """Ask it to end (SIGTERM); gives its seconds until it was gone."""
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(within_s) == 0
        return time.monotonic() - began

    def _hear(self, output: IO[str], ready: threading.Event) -> None:
        for line in output:
            self._said.append(line.strip())
            if line.startswith("ready"):
                ready.set()
        ready.set()  # it ended; who waits sees that


class TemporalServer(Part):
    """Temporal's dev server on a file."""

    def __init__(self, command: Path, folder: Path, port: int, ui_port: int) -> None:
        super().__init__("temporal")
        self._loop = LoopThread().__enter__()
        self._database = folder / "temporal.sqlite"
        log = folder / "temporal.log"
        self.server = DevServer(command, self._database, log=log, port=port, ui_port=ui_port)

    def start(self) -> None:
        self._loop.run(self.server.stop())  # lets go of what a killed one held
        self._loop.run(self.server.start())

    def pids(self) -> list[int]:
        named = os.fsencode(self._database)
        return [pid for pid, line in processes.children(os.getpid()).items() if named in line]

    def stop(self) -> None:
        self._loop.run(self.server.stop())
        self._loop.__exit__()


class Database(Part):
    """PostgreSQL: all of it dies at once, as its machine would."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        super().__init__("postgresql")
        self.server = PostgreSQL(durable=True, environment=environment)
        self._was_started = False

    def start(self) -> None:
        if self._was_started:
            _patiently(self.server.start_again, RuntimeError)
            return
        self.server.start()
        self._was_started = True

    def pids(self) -> list[int]:
        first = self.server.pid  # as its file says, which stays when it is killed
        try:
            is_there = Path(f"/proc/{first}/cmdline").read_bytes() != b""  # nobody's, and no zombie
        except OSError:
            is_there = False
        return [first, *processes.children(first)] if is_there else []

    def stop(self) -> None:
        self.server.stop()


class Libvirt(Part):
    """A libvirt session daemon; its guests are not its processes."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        super().__init__("libvirt", f"libvirt of {folder.name}")
        self.folder = folder
        self.session = SessionLibvirt(folder, environment)

    def start(self) -> None:
        self.session.start()

    def pids(self) -> list[int]:
        return [pid for pid, name in processes.naming(self.folder).items() if name == "libvirtd"]

    def stop(self) -> None:
        self.session.stop()


class Bmc(Part):
    """The emulator that is the BMC of all servers of a lab."""

    def __init__(self, lab: VirtualServers, folder: Path) -> None:
        super().__init__("bmc")
        self.lab = lab
        self._folder = folder

    def start(self) -> None:
        _patiently(self.lab.start, MulliganError, libvirt.libvirtError)

    def pids(self) -> list[int]:
        conf = os.fsencode(self._folder / "emulator.conf")
        return [pid for pid, line in processes.children(os.getpid()).items() if conf in line]

    def stop(self) -> None:
        self.lab.stop()


def _patiently(start: Callable[[], None], *errors: type[Exception]) -> None:
    """Start what may have to wait for its predecessor, or for another part that was killed too."""
    give_up_at = time.monotonic() + READY_LIMIT_S
    while True:
        try:
            return start()
        except errors:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)
