"""One watch of several sites: each is watched by itself, and what they tell comes as it comes."""

import queue
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import TypeGuard

from mulligan_client.catalogue import Site
from mulligan_client.errors import AWAY, MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.routing import Away
from mulligan_client.site_watch import SiteWatch

AHEAD = 1000
"""So many changes are read before they are asked for; the servers keep the others."""

_Told = common_pb2.Event | tuple[Site, Exception | None]
"""A change, or that a site's watch has failed and why; None: it is over."""


class MergedWatch:
    """The changes of several sites, each site's in its order.

    Each site counts revisions of its own, so those of the changes say nothing of their order. A
    site that is away for longer than a watch waits is told to `away`, each time, and taken up where
    it was once it is back.
    """

    def __init__(
        self,
        watches: Sequence[tuple[Site, SiteWatch]],
        away: Away | None,
        late: Sequence[tuple[Site, MulliganCallError]] = (),
    ) -> None:
        """Get ready; each watch is read in a thread of its own.

        Args:
            watches: of each site.
            away: told of sites that are away; None: one that is ends it.
            late: which of the sites can't be watched from now on, and why: told before all else.
        """
        self._watches, self._away, self._late = watches, away, late
        self._told: queue.Queue[_Told] = queue.Queue(AHEAD)
        self._ended = threading.Event()

    def __iter__(self) -> Generator[common_pb2.Event, None, None]:
        """Give one change after the other, until all watches are over.

        Raises:
            MulliganCallError: a watch failed, and its site is not merely away.
        """
        for site, watch in self._watches:
            threading.Thread(target=self._follow, args=(site, watch), daemon=True).start()
        left = len(self._watches)
        try:
            for one in self._late:
                self._tell(*one)
            while left:
                told = self._told.get()
                if isinstance(told, common_pb2.Event):
                    yield told
                    continue
                site, error = told
                if error is None:
                    left -= 1
                else:
                    self._tell(site, error)
        finally:
            self._end()

    def _tell(self, site: Site, error: Exception) -> None:
        if self._away is None or not _is_away(error):
            raise error
        self._away(site, error)

    def _follow(self, site: Site, watch: SiteWatch) -> None:
        while not self._ended.is_set():
            try:
                for event in watch:
                    self._told.put(event)
                    if self._ended.is_set():
                        return
            except Exception as error:  # whatever it is, it is the reader's to know
                self._told.put((site, error))
                if self._away is None or not _is_away(error):
                    return
            else:
                self._told.put((site, None))
                return

    def _end(self) -> None:
        self._ended.set()
        for _, watch in self._watches:
            watch.close()
        # A thread that waits for room finds some, and sees that it has ended.
        with suppress(queue.Empty):
            while True:
                self._told.get_nowait()


def _is_away(error: Exception) -> TypeGuard[MulliganCallError]:
    if not isinstance(error, MulliganCallError):
        return False
    # Its streams break all the time: a proxy before a site that is gone, or one that is dying.
    is_broken = error.code == error.grpc_status in ("INTERNAL", "UNKNOWN")
    return error.grpc_status in AWAY or is_broken
