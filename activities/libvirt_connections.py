"""Connections to the libvirt of hosts: opened when needed, and again when one died.

A connection hears of domains that stop. Whatever stopped while there was none is found by looking
when the next one opens, so that nothing has to be asked again and again.
"""

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from urllib.parse import urlsplit

import libvirt

from activities import lease
from activities.contracts.hypervisor import HostAccess
from activities.disk_space import says_full
from activities.domains import Stops
from mulligan.values.errors import HardwareBusyError, HardwareError

OPEN_LIMIT_S = 10.0
"""How long a host may take until a connection is open."""

MOST_IDLE = 2
"""How many connections to a host are kept for the next that works there."""

KEEPALIVE_INTERVAL_S = 2
KEEPALIVE_MISSES = 3
"""A host that is silent for 8 seconds is taken for dead, and calls to it end with an error then.

Less than the longest write (`activities.lease`).
"""

UNREACHABLE_DOMAINS = {libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE, libvirt.VIR_FROM_SSH}
UNREACHABLE_CODES = {
    libvirt.VIR_ERR_NO_CONNECT,
    libvirt.VIR_ERR_RPC,
    libvirt.VIR_ERR_SSH,
    libvirt.VIR_ERR_LIBSSH,
    libvirt.VIR_ERR_GNUTLS_ERROR,
    libvirt.VIR_ERR_INVALID_CONN,
}
BUSY_CODES = {
    libvirt.VIR_ERR_OPERATION_INVALID,
    libvirt.VIR_ERR_OPERATION_TIMEOUT,
    libvirt.VIR_ERR_RESOURCE_BUSY,
    libvirt.VIR_ERR_OPERATION_ABORTED,
}
"""States that pass: OPERATION_INVALID is "still in use", "already running" of somebody else."""
REFUSED_CODES = {
    libvirt.VIR_ERR_AUTH_FAILED,
    libvirt.VIR_ERR_AUTH_CANCELLED,
    libvirt.VIR_ERR_ACCESS_DENIED,
}


class Connections:
    """The connections to all hosts: one that listens to each, and those that are worked with.

    No two threads call a host through one connection at the same time: clients before libvirt 10.3
    can crash the process then (CVE-2024-4418). `on_lost` is told, from a thread of libvirt's, when
    one that listens died.
    """

    def __init__(self, stops: Stops, on_lost: Callable[[], None]) -> None:
        self._stops = stops
        self._on_lost = on_lost
        self._listening: dict[str, libvirt.virConnect] = {}
        self._idle: defaultdict[str, list[libvirt.virConnect]] = defaultdict(list)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        start_event_loop()

    @contextmanager
    def to(self, access: HostAccess, doing: str) -> Iterator[libvirt.virConnect]:
        """Give a connection to a host; what libvirt raises meanwhile is told in our words.

        Raises:
            HardwareError: HOST_ACCESS_REFUSED, LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY, DISK_FULL.
        """
        self.listen(access)
        with _told(access, doing):
            connection = self._take(access)
        try:
            with _told(access, doing, connection):
                yield connection
        finally:
            self._give_back(access.uri, connection)

    def listen(self, access: HostAccess) -> None:
        """Hear of domains that stop on a host, and of those that stopped before.

        Raises:
            HardwareError: HOST_ACCESS_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE.
        """
        uri = access.uri
        with self._locks[uri], _told(access, "connect"):
            connection = self._listening.get(uri)
            if connection is not None and _lives(connection):
                return
            lease.beat(f"connecting to {uri}")
            connection = self._opened(access)
            with suppress(libvirt.libvirtError):  # drivers within the process can't be lost
                connection.registerCloseCallback(lambda *_: self._on_lost(), None)
            connection.domainEventRegisterAny(
                None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._stops.on_event, None
            )
            self._listening[uri] = connection
            self._stops.compare(connection)

    def close(self) -> None:
        """Close all that are not worked with; nothing is heard afterwards."""
        while self._listening:
            _, connection = self._listening.popitem()
            with suppress(libvirt.libvirtError):
                connection.unregisterCloseCallback()
            _close(connection)
        for connections in self._idle.values():
            while connections:
                _close(connections.pop())

    def _take(self, access: HostAccess) -> libvirt.virConnect:
        idle = self._idle[access.uri]
        with suppress(IndexError):
            while not _lives(connection := idle.pop()):
                _close(connection)
            return connection
        return self._opened(access)

    def _opened(self, access: HostAccess) -> libvirt.virConnect:
        """Open a connection, one at a time to a host.

        libvirt would wait for ever for a host that accepts and says nothing. That is left to a
        thread, and nobody else tries as long as it waits.
        """
        opening = self._opening[access.uri]
        if not opening.acquire(timeout=OPEN_LIMIT_S):
            raise _silent(access)
        opened: Future[libvirt.virConnect] = Future()

        def connect() -> None:
            try:
                opened.set_result(_connect(access.uri))
            except Exception as error:
                opened.set_exception(error)
            finally:
                opening.release()

        threading.Thread(target=connect, name="libvirt-open", daemon=True).start()
        try:
            return opened.result(OPEN_LIMIT_S)
        except TimeoutError:
            opened.add_done_callback(_close_late)
            raise _silent(access) from None

    def _give_back(self, uri: str, connection: libvirt.virConnect) -> None:
        if _lives(connection) and len(self._idle[uri]) < MOST_IDLE:
            self._idle[uri].append(connection)
        else:
            _close(connection)


def _connect(uri: str) -> libvirt.virConnect:
    connection = libvirt.open(session_uri(uri))
    with suppress(libvirt.libvirtError):  # drivers within the process have no keep-alive
        connection.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_MISSES)
    return connection


def _lives(connection: libvirt.virConnect) -> bool:
    """Tell whether a connection is open, without asking the host."""
    try:
        return bool(connection.isAlive())
    except libvirt.libvirtError:
        return False


def _close(connection: libvirt.virConnect) -> None:
    with suppress(libvirt.libvirtError):
        connection.close()


def _close_late(opened: Future[libvirt.virConnect]) -> None:
    if opened.exception() is None:
        _close(opened.result())


def _silent(access: HostAccess) -> HardwareBusyError:
    return HardwareBusyError(
        f"host {access.host} ({access.uri}) accepts connections and says nothing for "
        f"{OPEN_LIMIT_S:.0f} s; it is tried again, check that libvirt runs well there",
        code="HOST_UNREACHABLE",
        object_type="host",
        object_id=access.host,
    )


@cache
def start_event_loop() -> None:
    """Start libvirt's event loop, one per process; before the first connection is opened.

    libvirt's habit of printing every error is ended too: errors are raised.
    """
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()

    def run() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=run, name="libvirt-events", daemon=True).start()


def session_uri(uri: str) -> str:
    """Give the URI under which the session daemon answers this user.

    libvirt has no session for root: it takes qemu:///session of root for the system's daemon. A
    session daemon that was started for root in a user namespace is reached by its socket.
    """
    if not is_session(uri) or urlsplit(uri).query or os.geteuid() != 0:
        return uri
    runtime = os.environ.get("XDG_RUNTIME_DIR") or "/run/user/0"
    return f"qemu+unix:///session?socket={runtime}/libvirt/libvirt-sock"


def is_session(uri: str) -> bool:
    """Tell whether the host is this machine's session daemon, whose files are ours to read."""
    parts = urlsplit(uri)
    return parts.path == "/session" and not parts.netloc


@contextmanager
def _told(
    access: HostAccess, doing: str, connection: libvirt.virConnect | None = None
) -> Iterator[None]:
    try:
        yield
    except libvirt.libvirtError as error:
        is_lost = connection is not None and not _lives(connection)
        raise _in_words(access, doing, error, is_lost=is_lost) from error
    except SystemError as error:
        # The binding can't read what libvirt said: it may quote a program that writes no UTF-8.
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise
        said = error.__cause__.object.decode(errors="replace")
        raise HardwareError(
            f"could not {doing} on host {access.host} ({access.uri}): {said}; look at the host, "
            "then ask again",
            code="LIBVIRT_REFUSED",
            object_type="host",
            object_id=access.host,
            libvirt_code=str(libvirt.VIR_ERR_INTERNAL_ERROR),
        ) from error


def _in_words(
    access: HostAccess, doing: str, error: libvirt.libvirtError, *, is_lost: bool
) -> HardwareError:
    """Turn libvirt's error into ours, with its code and words."""
    code, domain = error.get_error_code(), error.get_error_domain()
    said = f"could not {doing} on host {access.host} ({access.uri}): {error} (libvirt {code})"
    details = {"object_type": "host", "object_id": access.host, "libvirt_code": str(code)}
    if code in REFUSED_CODES:
        remedy = "give the executor access to this libvirt"
        return HardwareError(f"{said}; {remedy}", code="HOST_ACCESS_REFUSED", **details)
    if is_lost or domain in UNREACHABLE_DOMAINS or code in UNREACHABLE_CODES:
        remedy = "it is tried again, check that libvirt runs there and can be reached"
        return HardwareBusyError(f"{said}; {remedy}", code="HOST_UNREACHABLE", **details)
    if says_full(str(error)):
        remedy = (
            f"make room in pool {access.pool} or where libvirt keeps its files, it goes on then"
        )
        return HardwareBusyError(f"{said}; {remedy}", code="DISK_FULL", **details)
    if code in BUSY_CODES:
        return HardwareBusyError(f"{said}; it is tried again", code="HOST_BUSY", **details)
    remedy = "put it right on the host and ask again"
    return HardwareError(f"{said}; {remedy}", code="LIBVIRT_REFUSED", **details)
