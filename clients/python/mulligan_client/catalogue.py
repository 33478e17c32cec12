"""The sites of an installation as iam tells of them: who has which region, and where it is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.transport import Target

ASKED_AGAIN_AFTER_S = 30.0
"""So long a catalogue is kept though it leads nowhere, and iam is not asked again if it is away."""


@dataclass(frozen=True)
class Site:
    """A site; addresses by service, those first that were alive. Its id is empty if it has none."""

    id: str = ""
    regions: frozenset[str] = frozenset()
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"site {self.id}" if self.id else "the site"


ONLY_SITE = Site()
"""Everything is where iam is: of an iam that has no catalogue, or does not answer yet."""


class Catalogue:
    """Asks iam for the catalogue when it is first needed, and keeps it.

    `ask` calls ListServices once; `iam` is where that goes; `only` a site's UUID, to know no other.
    """

    def __init__(
        self,
        ask: Callable[[], iam_pb2.ListServicesResponse],
        iam: Target,
        only: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._iam, self._only, self._clock = ask, iam, only, clock
        self._sites: Sequence[Site] = ()
        self._asked_at: float | None = None

    def sites(self) -> Sequence[Site]:
        """Give the sites, one at least."""
        if self._asked_at is None or (not self._sites and self._is_old(self._asked_at)):
            self._read()
        return self._sites or (ONLY_SITE,)

    def refresh(self) -> bool:
        """Ask again where the catalogue led nowhere; False: it is new, or iam does not answer."""
        return self._asked_at is not None and self._is_old(self._asked_at) and self._read()

    def _is_old(self, asked_at: float) -> bool:
        return self._clock() - asked_at > ASKED_AGAIN_AFTER_S

    def _read(self) -> bool:
        self._asked_at = self._clock()
        try:
            answer = self._ask()
        except MulliganCallError as error:
            if error.grpc_status == "UNAUTHENTICATED":
                self._asked_at = None
            return False  # What is known of it stays good enough.
        found = [self._site(one) for one in answer.sites]
        if self._only and self._only not in [one.id for one in found]:
            raise MulliganCallError(
                code="NOT_FOUND",
                grpc_status="NOT_FOUND",
                message=f"there is no site {self._only}; see `mulligan service list`",
                object_type="site",
                object_id=self._only,
            )
        self._sites = [one for one in found if self._only in ("", one.id)]
        return True

    def _site(self, told: iam_pb2.Site) -> Site:
        addresses: dict[str, tuple[str, ...]] = {}
        for service in sorted(told.services, key=lambda one: not one.alive):
            if self._is_trusted(service.address):
                for kind in service.kinds:
                    known = addresses.get(kind, ())
                    addresses[kind] = tuple(dict.fromkeys((*known, service.address)))
        return Site(told.id, frozenset(told.regions), addresses)

    def _is_trusted(self, address: str) -> bool:
        """Whether a token may go there: not in the clear, and not to this machine by mistake.

        What is told over TLS leads to TLS only, and what is told by another machine not to this.
        """
        if not address:
            return True
        try:
            target = Target.parse(address)
        except ValueError:
            return False
        if target.loopback:
            return self._iam.loopback
        return target.tls or not self._iam.tls
