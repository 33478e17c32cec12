"""A libvirt of one's own: a session daemon whose files all stand in one folder.

libvirt's session mode keeps sockets, configuration, NVRAM and logs in XDG folders. Here these are
in a folder that the caller gives, so that nothing is left anywhere else. The paths of unix sockets
are limited to 107 bytes; a longer folder is reached through a short symbolic link.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from mulligan.values.errors import FailedPreconditionError, UnavailableError

SOCKET_PATH_BYTES = 107
"""unix(7): sun_path has 108 bytes, the last one is zero."""

LONGEST_BELOW = "config/libvirt/qemu/lib/domain-99999-abcdefghijklmnopqrst/monitor.sock"
"""The longest path of a socket that libvirt makes in session mode, below our folder."""

READY_LIMIT_S = 20.0
STOP_LIMIT_S = 20.0

AS_A_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
"""libvirt has no session for root; in a user namespace of its own the daemon isn't root."""

QEMU_CONF = """\
# Consoles are written by QEMU itself: otherwise libvirt starts a virtlogd that outlives it.
stdio_handler = "file"
"""


class SessionLibvirt:
    """A libvirt session daemon with everything in `folder`; one that runs there is taken over.

    `uri` reaches it from any process of any user. `environment` is what a process that isn't root's
    needs for `qemu:///session` to mean the same; GLib keeps the XDG folders that it saw first, so a
    process that meets several of these must use `uri`.
    """

    def __init__(self, folder: Path, daemon_environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder.resolve()
        self._daemon_environment = daemon_environment or {}
        self._short = _short_path(self._folder)
        self._pid: int | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The XDG variables of this libvirt."""
        return {
            f"XDG_{name.upper()}": str(self._short / name.partition("_")[0])
            for name in ("runtime_dir", "config_home", "cache_home", "data_home")
        }

    @property
    def uri(self) -> str:
        """The address of this libvirt."""
        return f"qemu+unix:///session?socket={quote(str(self.socket))}"

    @property
    def socket(self) -> Path:
        """Where the daemon listens."""
        return self._short / "runtime" / "libvirt" / "libvirt-sock"

    @property
    def pid(self) -> int | None:
        """The daemon's process, as of the last start."""
        return self._pid

    def start(self) -> None:
        """Make the folders and start the daemon, or take over the one that runs there.

        Raises:
            FailedPreconditionError: libvirtd is not installed, or the link's place is taken.
            UnavailableError: the daemon did not start; says what it said.
        """
        self._make_folders()
        if self._running_pid() is None:
            self._start_daemon()
        self._pid = self._running_pid()

    def stop(self) -> None:
        """End the daemon, wait until it is gone, and remove its link. Machines keep running."""
        pid, self._pid = self._running_pid(), None
        if pid is not None:
            end_process(pid, STOP_LIMIT_S)
        if self._short != self._folder:
            self._short.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _make_folders(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._short != self._folder:
            _make_link(self._short, self._folder)
        for folder in self.environment.values():
            Path(folder).mkdir(exist_ok=True, mode=0o700)
        conf = self._short / "config" / "libvirt" / "qemu.conf"
        conf.parent.mkdir(exist_ok=True)
        conf.write_text(QEMU_CONF)

    def _start_daemon(self) -> None:
        program = shutil.which("libvirtd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if program is None:
            raise FailedPreconditionError(
                "libvirtd is not installed; install the packages in deploy/packages.txt"
            )
        log = self._folder / "libvirtd.log"
        with log.open("wb") as output:
            daemon = subprocess.Popen(
                [program] if os.geteuid() else [*AS_A_USER, program],
                env={**os.environ, **self.environment, **self._daemon_environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        give_up_at = time.monotonic() + READY_LIMIT_S
        while not self._answers():
            if daemon.poll() is not None or time.monotonic() > give_up_at:
                daemon.kill()
                daemon.wait()
                said = log.read_text(errors="replace").strip()[-500:]
                raise UnavailableError(f"libvirtd did not start in {self._folder}: {said}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(self.socket))
            return True
        return False

    def _running_pid(self) -> int | None:
        return listening_pid(self.socket)


def listening_pid(path: Path) -> int | None:
    """Find the process that serves a unix socket, which the kernel knows; None when nobody does."""
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(str(path))
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(credentials[:4], "little")
    return None


def end_process(pid: int, within_s: float) -> None:
    """Ask a process to end, kill it when it doesn't, and wait until it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        give_up_at = time.monotonic() + within_s
        while time.monotonic() < give_up_at:
            if _is_gone(pid):
                return
            time.sleep(0.02)


def _is_gone(pid: int) -> bool:
    """Say whether a process ended, collecting it when it was our child."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def _short_path(folder: Path) -> Path:
    """Give a folder a name that leaves room for libvirt's sockets: its own, or a link's."""
    if len(os.fsencode(folder / LONGEST_BELOW)) <= SOCKET_PATH_BYTES:
        return folder
    digest = hashlib.blake2b(os.fsencode(folder), digest_size=6).hexdigest()
    short = Path(tempfile.gettempdir()) / f"mulligan-{os.getuid()}-{digest}"
    if len(os.fsencode(short / LONGEST_BELOW)) > SOCKET_PATH_BYTES:
        raise FailedPreconditionError(
            f"{folder} is too long a path for libvirt's sockets ({SOCKET_PATH_BYTES} bytes), and "
            f"so is {short}; use a shorter state folder, or a shorter TMPDIR"
        )
    return short


def _make_link(link: Path, folder: Path) -> None:
    """Link to a folder; one of another user, or to elsewhere, is refused."""
    with contextlib.suppress(FileExistsError):
        link.symlink_to(folder)
    if link.is_symlink() and link.lstat().st_uid == os.getuid() and link.readlink() == folder:
        return
    raise FailedPreconditionError(
        f"{link} is in the way: libvirt needs it as a short link to {folder}; remove it"
    )
