"""One watch of several sites: each is watched by itself, and what they tell comes as it comes."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from mulligan_client.catalogue import Site
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2

AHEAD = 1000
"""So many changes are read before they are asked for; the servers keep the others."""


class Watcher(Protocol):
    """A client of one site."""

    def close(self) -> None:
        """End its calls."""


Away = Callable[[Site, MulliganCallError], None]
_Told = common_pb2.Event | tuple[Site, Exception | None]
"""A change, or that a site's watch has ended and why."""


class MergedWatch:
    """The changes of several sites, each site's in its order.

    Each site counts revisions of its own, so those of the changes say nothing of their order. A
    site that is away for longer than a watch waits is told to `away`, and the others go on.
    """

    def __init__(
        self,
        watches: Sequence[tuple[Site, Watcher, Iterator[common_pb2.Event]]],
        away: Away | None,
    ) -> None:
        """Begin; each watch is read in a thread of its own."""
        self._watches, self._away = watches, away
        self._told: queue.Queue[_Told] = queue.Queue(AHEAD)
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[common_pb2.Event]:
        """Give one change after the other, until all watches have ended.

        Raises:
            MulliganCallError: a watch failed, and its site is not merely away.
        """
        for site, _, events in self._watches:
            threading.Thread(target=self._follow, args=(site, events), daemon=True).start()
        left = len(self._watches)
        try:
            while left:
                told = self._told.get()
                if isinstance(told, common_pb2.Event):
                    yield told
                    continue
                left -= 1
                if told[1] is not None:
                    self._lost(told[0], told[1], left)
        finally:
            self._end()

    def _lost(self, site: Site, error: Exception, left: int) -> None:
        if self._away is None or not left:
            raise error
        if not isinstance(error, MulliganCallError) or error.grpc_status != "UNAVAILABLE":
            raise error
        self._away(site, error)

    def _follow(self, site: Site, events: Iterator[common_pb2.Event]) -> None:
        try:
            for event in events:
                self._told.put(event)
                if self._ended.is_set():
                    return
        except Exception as error:  # whatever it is, it is the reader's to know
            self._told.put((site, error))
        else:
            self._told.put((site, None))

    def _end(self) -> None:
        self._ended.set()
        for _, client, _ in self._watches:
            client.close()
        # A thread that waits for room finds some, and sees that it has ended.
        with suppress(queue.Empty):
            while True:
                self._told.get_nowait()
