"""Hosts whose machines are listened to, also when no operation asks anything of them.

An executor that was started, or lost a connection, has nothing to do for a machine that is only
waited for. So the hosts on which machines were started stand in a folder that the executors of a
region share, and each of them keeps a connection to each.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from activities.contracts.hypervisor import HostAccess
from activities.disk_space import in_room_of
from mulligan.values.errors import HardwareError

logger = logging.getLogger(__name__)

LOOK_S = 5.0
"""How often new hosts and dead connections are looked for; neither asks anything of a host."""

GIVE_UP_S = 1800.0
"""A host that can't be reached for this long is forgotten until a machine is started on it.

Longer than a machine that was started is waited for (`workflows.policies.ACTIVATION`).
"""


class WatchedHosts:
    """Keeps connected, by `connect`, to the hosts that stand in `folder`."""

    def __init__(self, folder: Path, connect: Callable[[HostAccess], None]) -> None:
        self._folder = folder
        self._connect = connect
        self._wake = threading.Event()
        self._ended = False
        self._failing_since: dict[Path, float] = {}
        self._thread = threading.Thread(target=self._run, name="watched-hosts", daemon=True)

    def start(self) -> None:
        """Begin to keep connected."""
        self._thread.start()

    def close(self) -> None:
        """End, without waiting for a host that is just being asked."""
        self._ended = True
        self._wake.set()

    def look_now(self) -> None:
        """Hear that a connection died."""
        self._wake.set()

    def add(self, access: HostAccess) -> None:
        """Have all executors of the region listen to a host from now on."""
        digest = blake2b(access.uri.encode(), digest_size=8).hexdigest()
        path = self._folder / f"{digest}.json"
        if path.exists():
            return
        with in_room_of(self._folder, "the list of hosts"):
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{secrets.token_hex(4)}.part")
            try:
                part.write_text(access.model_dump_json())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._ended:
            self._wake.clear()
            for path in sorted(self._folder.glob("*.json")):
                self._look(path)
            self._wake.wait(LOOK_S)

    def _look(self, path: Path) -> None:
        try:
            self._connect(HostAccess.model_validate_json(path.read_text()))
        except FileNotFoundError:
            return
        except HardwareError as error:
            since = self._failing_since.setdefault(path, time.monotonic())
            if time.monotonic() - since > GIVE_UP_S:
                logger.warning("a host is not listened to any more: %s", error.message)
                path.unlink(missing_ok=True)
        except Exception:
            logger.exception("could not listen to the host of %s", path)
        else:
            self._failing_since.pop(path, None)
