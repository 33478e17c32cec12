"""Run the Temporal dev server on a file."""

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

from activities.processes import dies_with_parent
from deploy.apart import run_apart
from mulligan.values.errors import FailedPreconditionError, UnavailableError

_log = logging.getLogger(__name__)

Taken = TypeVar("Taken")

READY_LIMIT_S = 60.0
STOP_LIMIT_S = 15.0

HAND_OVER_LIMIT_S = 3.0
"""How long a killed predecessor may take to let go of its file and ports."""

NAMESPACE = "mulligan"

# Ten activities in a row took 1,050 ms without and 250 to 570 ms with these (2 shared cores).
DYNAMIC_CONFIG = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    # A short pause, such as before a retry, takes as long as it says instead of up to 1 s more:
    # that is for the clocks of several machines, and here is one.
    'history.timerProcessorMaxTimeShift="20ms"',
)


class DevServer:
    """A Temporal dev server with its web UI, on 127.0.0.1 and on a file that outlives it.

    It ends with the thread that started it, also when that is killed. Nothing else can use the
    file meanwhile: the server would allow it and both would corrupt it.

        async with DevServer(command, state / "temporal.db", log=state / "temporal.log") as server:
            client = await Client.connect(server.address, namespace=server.namespace)
    """

    def __init__(
        self,
        command: Path,
        database: Path,
        *,
        log: Path,
        port: int = 0,
        ui_port: int = 0,
        namespace: str = NAMESPACE,
    ) -> None:
        """Describe a server; nothing starts yet.

        Args:
            command: the `temporal` command, from find_temporal.
            database: the file; made when missing.
            log: what the server prints is appended here.
            port: of the gRPC front end; 0 for any that is free.
            ui_port: of the web UI; 0 for any that is free.
            namespace: made when missing.
        """
        self.command = command
        self.database = database
        self.log = log
        self.port = port
        self.ui_port = ui_port
        self.namespace = namespace
        self._process: asyncio.subprocess.Process | None = None
        self._lock: BinaryIO | None = None

    @property
    def address(self) -> str:
        """Where clients connect, `127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_url(self) -> str:
        """The web UI's address."""
        return f"http://127.0.0.1:{self.ui_port}"

    async def start(self) -> None:
        """Start the server and return when it answers and has the namespace and its attributes.

        Raises:
            FailedPreconditionError: the file or a port is in use.
            UnavailableError: the server ended or did not answer in time; the message has its words.
        """
        wanted = self.port, self.ui_port
        try:
            await self._start()
        except UnavailableError as error:
            if "address already in use" not in error.message:
                raise
            # A port that was free a moment ago: its inner services choose some for themselves.
            self.port, self.ui_port = wanted
            await self._start()

    async def _start(self) -> None:
        self.database.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._lock = await _patiently(lambda: _lock_database(self.database))
        try:
            self.port = await _patiently(lambda: _free_port("Temporal", self.port))
            self.ui_port = await _patiently(lambda: _free_port("Temporal's web UI", self.ui_port))
            await self._start_process(self._lock)
            await self._wait_until_ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ask the server to end, wait for it, and let go of the file; harmless when it is gone."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(STOP_LIMIT_S):
                    await self._process.wait()
            except TimeoutError:
                _log.warning("Temporal did not end within %d s; killing it", STOP_LIMIT_S)
                self._process.kill()
                await self._process.wait()
        self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def wait(self) -> int:
        """Wait until the server has ended, for whatever reason, and return its exit code."""
        if self._process is None:
            raise RuntimeError("the dev server was not started")
        return await self._process.wait()

    async def __aenter__(self) -> Self:
        """Start the server."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        await self.stop()

    async def _start_process(self, lock: BinaryIO) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *dies_with_parent(),
                *self._command_line(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                # The server holds the lock too, so it lasts as long as the server does.
                pass_fds=(lock.fileno(),),
                # Ctrl-C is for us: workers stop before the server does.
                start_new_session=True,
                env={k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")},
            )

    def _command_line(self) -> list[str]:
        # Metrics, HTTP and the inner services take free ports of their own by default.
        line = [str(self.command), "server", "start-dev", "--ip", "127.0.0.1"]
        line += ["--db-filename", str(self.database), "--namespace", self.namespace]
        line += ["--port", str(self.port), "--ui-port", str(self.ui_port), "--log-level", "error"]
        for setting in DYNAMIC_CONFIG:
            line += ["--dynamic-config-value", setting]
        return line

    async def _wait_until_ready(self) -> None:
        answers = asyncio.create_task(run_apart("deploy.namespace", self.address, self.namespace))
        ends = asyncio.create_task(self.wait())
        try:
            done, _ = await asyncio.wait(
                {answers, ends}, timeout=READY_LIMIT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if answers in done:
                await answers
            elif ends in done:
                raise self._unavailable(f"ended at once with exit code {ends.result()}")
            else:
                raise self._unavailable(f"did not answer within {READY_LIMIT_S:.0f} s")
        finally:
            answers.cancel()
            ends.cancel()
            await asyncio.gather(answers, ends, return_exceptions=True)

    def _unavailable(self, what: str) -> UnavailableError:
        words = self.log.read_text(errors="replace").strip().splitlines()[-3:]
        return UnavailableError(
            f"The Temporal dev server on {self.database} {what}. Its last words: "
            f"{' / '.join(words) or 'none'}. The rest is in {self.log}.",
            code="TEMPORAL_NOT_STARTED",
        )


async def _patiently(take: Callable[[], Taken]) -> Taken:
    """Take what a predecessor may be about to let go of."""
    deadline = time.monotonic() + HAND_OVER_LIMIT_S
    while True:
        try:
            return take()
        except FailedPreconditionError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def _lock_database(database: Path) -> BinaryIO:
    file = database.with_name(f"{database.name}.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise FailedPreconditionError(
            f"Another Temporal dev server uses {database}. Stop it first, or choose another state "
            "folder.",
            code="STATE_IN_USE",
            path=str(database),
        ) from None
    return file


def _free_port(purpose: str, wanted: int) -> int:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise FailedPreconditionError(
                f"Port {wanted} for {purpose} can't be used: {error.strerror}. Stop what listens "
                "there, or choose another port.",
                code="PORT_TAKEN",
                port=str(wanted),
            ) from None
        return int(candidate.getsockname()[1])
