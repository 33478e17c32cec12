"""What happens to a libvirt's domains, told by libvirt itself and heard in a process of its own.

libvirt-python has one event loop a process, which the tests of other folders use otherwise.
`python -m tests.e2e.lifecycle URI` writes a line for each: the domain's UUID and what happened.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libvirt

HAPPENED = {
    libvirt.VIR_DOMAIN_EVENT_DEFINED: "defined",
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED: "undefined",
    libvirt.VIR_DOMAIN_EVENT_STARTED: "started",
    libvirt.VIR_DOMAIN_EVENT_STOPPED: "stopped",
}


class Lifecycle:
    """The events heard so far; complete after the end of `listening`."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def of(self, domain: str) -> Counter[str]:
        """Count what happened to a domain (UUID)."""
        told = (line.split() for line in self._lines)
        return Counter(what for uuid, what in told if uuid == domain)

    def hear(self, lines: str) -> None:
        """Take in what was written."""
        self._lines += lines.splitlines()


@contextmanager
def listening(uri: str) -> Iterator[Lifecycle]:
    """Hear of everything that happens to domains as long as the context lasts."""
    heard = Lifecycle()
    command = [sys.executable, "-m", "tests.e2e.lifecycle", uri]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        try:
            yield heard
        finally:
            heard.hear(process.communicate("end\n", timeout=30)[0])


def main(uri: str) -> None:
    """Write events until standard input ends."""
    libvirt.virEventRegisterDefaultImpl()
    connection = libvirt.open(uri)
    ended = []

    def write(_connection: Any, domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        if event in HAPPENED:
            print(domain.UUIDString(), HAPPENED[event], flush=True)

    def end(*_: object) -> None:
        ended.append(True)

    connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, write, None)
    libvirt.virEventAddHandle(
        sys.stdin.fileno(),
        libvirt.VIR_EVENT_HANDLE_READABLE | libvirt.VIR_EVENT_HANDLE_HANGUP,
        end,
        None,
    )
    print("listening", flush=True)
    while not ended:
        libvirt.virEventRunDefaultImpl()


if __name__ == "__main__":
    main(sys.argv[1])
