"""What happens to a libvirt's domains, told by libvirt itself and heard in a process of its own.

libvirt-python has one event loop a process, which the tests of other folders use otherwise.
`python -m tests.e2e.lifecycle URI` writes a line for each: the domain's UUID and what happened. It
connects again when libvirt's daemon died; what happened meanwhile is not heard.
"""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import libvirt

HAPPENED = {
    libvirt.VIR_DOMAIN_EVENT_DEFINED: "defined",
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED: "undefined",
    libvirt.VIR_DOMAIN_EVENT_STARTED: "started",
    libvirt.VIR_DOMAIN_EVENT_STOPPED: "stopped",
}

LISTENING = "listening"


class Lifecycle:
    """The events heard so far; complete after the end of `listening`."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()

    def of(self, domain: str) -> Counter[str]:
        """Count what happened to a domain (UUID)."""
        with self._changed:
            told = [line.split() for line in self._lines if line != LISTENING]
        return Counter(what for uuid, what in told if uuid == domain)

    def wait_for(self, domain: str, what: str, timeout_s: float) -> None:
        """Wait until something happened to a domain."""
        with self._changed:
            heard = self._changed.wait_for(lambda: f"{domain} {what}" in self._lines, timeout_s)
        assert heard, f"domain {domain} was not {what} within {timeout_s} s"

    def wait_until_connected(self, times: int, timeout_s: float = 30) -> None:
        """Wait until it has connected to libvirt so often, the first time included."""
        with self._changed:
            connected = self._changed.wait_for(
                lambda: self._lines.count(LISTENING) >= times, timeout_s
            )
        assert connected, f"libvirt could not be listened to within {timeout_s} s"

    def hear(self, output: IO[str]) -> None:
        """Take in what is written, to its end."""
        for line in output:
            with self._changed:
                self._lines.append(line.strip())
                self._changed.notify_all()


@contextmanager
def listening(uri: str) -> Iterator[Lifecycle]:
    """Hear of everything that happens to domains as long as the context lasts."""
    heard = Lifecycle()
    command = [sys.executable, "-m", "tests.e2e.lifecycle", uri]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        hearing = threading.Thread(target=heard.hear, args=[process.stdout], daemon=True)
        hearing.start()
        try:
            heard.wait_until_connected(1)
            yield heard
        finally:
            process.stdin.close()
            hearing.join(30)
            process.terminate()  # one that has ended does not mind


def main(uri: str) -> None:
    """Write events until standard input ends."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    libvirt.virEventRegisterDefaultImpl()
    ended: list[bool] = []

    def write(_connection: Any, domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        if event in HAPPENED:
            print(domain.UUIDString(), HAPPENED[event], flush=True)

    def end(*_: object) -> None:
        ended.append(True)

    libvirt.virEventAddHandle(
        sys.stdin.fileno(),
        libvirt.VIR_EVENT_HANDLE_READABLE | libvirt.VIR_EVENT_HANDLE_HANGUP,
        end,
        None,
    )
    libvirt.virEventAddTimeout(1000, lambda *_: None, None)  # so that a dead connection is seen
    connection = None
    while not ended:
        try:
            if connection is None or not connection.isAlive():
                connection = libvirt.open(uri)
                connection.domainEventRegisterAny(
                    None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, write, None
                )
                print(LISTENING, flush=True)
        except libvirt.libvirtError:
            connection = None
            time.sleep(0.02)
            continue
        libvirt.virEventRunDefaultImpl()


if __name__ == "__main__":
    main(sys.argv[1])
