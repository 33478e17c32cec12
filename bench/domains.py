"""What happens to a libvirt's domains, heard by a connection of our own, with its time."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import libvirt

from bench.figures import NotMeasuredError

DEFINED = libvirt.VIR_DOMAIN_EVENT_DEFINED
STARTED = libvirt.VIR_DOMAIN_EVENT_STARTED


class Domains:
    """The events so far; `connection` stays open as long as they are heard."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self.connection = connection
        self._heard: dict[tuple[str, int], list[float]] = defaultdict(list)
        self._changed = threading.Condition()

    def on_event(self, _: Any, domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        """Take a lifecycle event from libvirt."""
        with self._changed:
            self._heard[domain.UUIDString(), event].append(time.monotonic())
            self._changed.notify_all()

    def when(self, domain: str, event: int, *, timeout_s: float = 60) -> float:
        """Wait until something happened to a domain; gives when (`time.monotonic`).

        Raises:
            NotMeasuredError: it did not happen in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._heard[domain, event], timeout_s):
                raise NotMeasuredError(f"domain {domain} did not start within {timeout_s} s")
            return self._heard[domain, event][0]

    def how_often(self, domain: str, event: int) -> int:
        """Tell how often something happened to a domain."""
        with self._changed:
            return len(self._heard[domain, event])


@contextmanager
def listening(uri: str) -> Iterator[Domains]:
    """Hear of everything that happens to domains as long as the context lasts."""
    _start_event_loop()
    connection = libvirt.open(uri)
    domains = Domains(connection)
    kind = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
    registered = connection.domainEventRegisterAny(None, kind, domains.on_event, None)
    try:
        yield domains
    finally:
        connection.domainEventDeregisterAny(registered)
        connection.close()


@cache
def _start_event_loop() -> None:
    """Start libvirt's event loop, one per process; before the first connection is opened."""
    libvirt.virEventRegisterDefaultImpl()

    def run() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=run, name="libvirt-events", daemon=True).start()
