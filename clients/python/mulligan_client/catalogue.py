"""The sites of an installation as iam tells of them: who has which region, and where it is."""

import ipaddress
import math
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mulligan_client.errors import AWAY, MulliganCallError
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.transport import Target

READ_AGAIN_AFTER_S = 60.0
"""A site that is new, or has moved, is known after so long at the latest."""

NO_SITES_FOR_S = 10.0
"""A catalogue without sites is read again after so long: those that start register in a moment."""

LEFT_ALONE_S = 30.0
"""So long iam is not asked again where it did not answer, and something is known."""

_NO_CATALOGUE = ("UNIMPLEMENTED", "CREDENTIAL_LIMITED")
"""What iam says that has no catalogue, or shows it not to a credential for other methods only."""

_OWN_NAMES = ("localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback")
"""Often of this machine, in /etc/hosts and in front of domains; DNS may say another one."""

_CARRY_IPV4 = (0, 0xFFFF, 0xFFFF_0000, 0x64_FF9B << 64)
"""The first 96 bits of IPv6 addresses that end with one of IPv4: ::/96, ::ffff:0:0/96, and NAT64's
::ffff:0:0:0/96 and 64:ff9b::/96 (RFC 4291, 2765 and 6052)."""


@dataclass(frozen=True)
class Site:
    """A site; addresses by service, those first that were alive. Its id is empty if it has none."""

    id: str = ""
    regions: frozenset[str] = frozenset()
    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # Whether iam heard of one of its processes lately.
    alive: bool = True
    # The services of which one of its processes is alive.
    living: frozenset[str] = frozenset()
    # Those that a token may not go to.
    untrusted: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"site {self.id}" if self.id else "the site"


class Kept(Protocol):
    """Where the catalogue is kept beyond the process; of one sign-in: another may see other sites.

    Both take errors of theirs upon themselves.
    """

    def read(self) -> iam_pb2.ListServicesResponse | None:
        """Give what was told last; None: it is not known."""

    def serves(self, error: MulliganCallError) -> None:
        """Hear that it holds, as iam does not answer."""

    def write(self, told: iam_pb2.ListServicesResponse) -> None:
        """Keep what was told, in place of what was before."""


ONLY_SITE = Site()
"""Everything is where iam is: of an iam that has no catalogue, or that nobody signed in at yet."""


class Catalogue:
    """Asks iam for the catalogue when it is needed and old, for all threads once, and keeps it.

    `ask` calls ListServices, or gives None while nobody is signed in; it is told whether to wait
    for an iam that is being restarted, because nothing is known yet. `iam` is where that goes;
    `only` a site's UUID, to know no other; `beside` the address of what is where iam is, unless
    that goes without saying; `kept` what iam told an earlier process, which holds as long as iam
    does not answer this one.
    """

    def __init__(
        self,
        ask: Callable[[bool], iam_pb2.ListServicesResponse | None],
        iam: Target,
        only: str = "",
        clock: Callable[[], float] = time.monotonic,
        *,
        beside: str = "",
        kept: Kept | None = None,
    ) -> None:
        self._beside, self._kept = beside, kept
        self._ask, self._iam, self._only, self._clock = ask, iam, only.lower(), clock
        self._reading = threading.Lock()
        self._sites: Sequence[Site] = ()
        self._read_at = self._good_until = self._left_alone_until = -math.inf
        self._failure: tuple[float, MulliganCallError] | None = None

    def sites(self) -> Sequence[Site]:
        """Give the sites, one at least.

        Raises:
            MulliganCallError: iam does not tell and has not told before, or it has no such site.
        """
        began = self._clock()
        if began < self._good_until:
            return self._sites
        if self._sites:
            # What is known is good enough for those that come while one reads.
            self._read_since(began, wait=False)
            return self._sites
        with self._reading:
            if self._failure and self._failure[0] > began:
                raise self._failure[1]
            return self._sites or self._read() or (ONLY_SITE,)

    def now(self) -> float:
        """Give the moment, for `refresh`."""
        return self._clock()

    def refresh(self, since: float) -> bool:
        """Read it again unless that was done after a moment; False: nothing newer is to be had."""
        return self._read_since(since, wait=True)

    def _read_since(self, since: float, *, wait: bool) -> bool:
        if not self._reading.acquire(blocking=wait):
            return False
        try:
            if self._read_at > since:
                return True
            if self._clock() < self._left_alone_until:
                return False
            return bool(self._read())
        except MulliganCallError:
            self._left_alone_until = self._clock() + LEFT_ALONE_S
            return False  # What is known of it stays good enough.
        finally:
            self._reading.release()

    def _read(self) -> Sequence[Site]:
        """Read the sites; none: nobody is signed in."""
        try:
            answer = self._ask(not self._sites)
            if answer is None:
                return self._sites if not self._only else self._nobody()
            found = self._chosen([self._site(one) for one in answer.sites])
        except MulliganCallError as error:
            if not self._only and error.code in _NO_CATALOGUE:
                return self._keep(self._sites or (ONLY_SITE,), READ_AGAIN_AFTER_S)
            if not self._sites and self._goes_on_without(error):
                return self._sites
            self._failure = self._clock(), error
            raise
        if not found:
            return self._keep((ONLY_SITE,), NO_SITES_FOR_S)
        if self._kept:
            self._kept.write(answer)
        return self._keep(found, READ_AGAIN_AFTER_S)

    def _goes_on_without(self, error: MulliganCallError) -> bool:
        """Take up what iam told an earlier process, if it is away; that is no news of iam's."""
        if self._kept is None or error.grpc_status not in AWAY or error.of_renewal:
            return False
        told = self._kept.read()
        found = [self._site(one) for one in told.sites] if told else []
        self._sites = [one for one in found if self._only in ("", one.id)]
        if not self._sites:
            return False
        self._good_until = self._left_alone_until = self._clock() + LEFT_ALONE_S
        self._kept.serves(error)
        return True

    def _keep(self, sites: Sequence[Site], good_for_s: float) -> Sequence[Site]:
        self._sites, self._read_at = sites, self._clock()
        self._good_until = self._read_at + good_for_s
        return sites

    def _nobody(self) -> Sequence[Site]:
        raise MulliganCallError(
            code="UNAUTHENTICATED",
            grpc_status="UNAUTHENTICATED",
            message=f"nobody is signed in, so it is not known where site {self._only} is; log in",
        )

    def _chosen(self, found: Sequence[Site]) -> Sequence[Site]:
        chosen = [one for one in found if self._only in ("", one.id)]
        if self._only and not chosen:
            raise _no_such_site(self._only)
        return chosen

    def _site(self, told: iam_pb2.Site) -> Site:
        addresses: dict[str, tuple[str, ...]] = {}
        for service in sorted(told.services, key=lambda one: not one.alive):
            if self._is_trusted(service.address):
                where = service.address or self._beside
                for kind in service.kinds:
                    known = addresses.get(kind, ())
                    addresses[kind] = tuple(dict.fromkeys((*known, where)))
        return Site(
            told.id,
            frozenset(told.regions),
            addresses,
            alive=any(one.alive for one in told.services),
            living=frozenset(kind for one in told.services if one.alive for kind in one.kinds),
            untrusted=tuple(
                one.address for one in told.services if not self._is_trusted(one.address)
            ),
        )

    def _is_trusted(self, address: str) -> bool:
        """Whether a token may go there: not in the clear, and not to this machine by mistake.

        Another machine's iam leads not to this one. A token goes without TLS only to this machine,
        or where iam itself is reached so over the network: somebody has asked for that.
        """
        if not address:
            return True
        try:
            target = Target.parse(address)
        except ValueError:
            return False
        if _may_be_here(target.host) and not _is_here(self._iam.host):
            return False
        if target.tls or _is_here(target.host):
            return True
        return not (self._iam.tls or _may_be_here(self._iam.host))


class OneSite:
    """One site of a catalogue, wherever it is by now."""

    def __init__(self, catalogue: "Catalogue | OneSite", site: Site) -> None:
        self._catalogue, self._site = catalogue, site

    def sites(self) -> Sequence[Site]:
        """Give it.

        Raises:
            MulliganCallError: there is no such site any more.
        """
        if not self._site.id:
            return (self._site,)
        found = [one for one in self._catalogue.sites() if one.id == self._site.id]
        if not found:
            raise _no_such_site(self._site.id)
        return found

    def now(self) -> float:
        """Give the moment, for `refresh`."""
        return self._catalogue.now()

    def refresh(self, since: float) -> bool:
        """Read the catalogue again, as that does."""
        return self._catalogue.refresh(since)


def is_silent(sites: Sequence[Site], site: Site, service: str) -> bool:
    """Tell whether iam, too, has not heard lately of a process of a service at a site."""
    return any(one.id == site.id != "" and service not in one.living for one in sites)


def _no_such_site(site: str) -> MulliganCallError:
    return MulliganCallError(
        code="NOT_FOUND",
        grpc_status="NOT_FOUND",
        message=f"there is no site {site}; see `mulligan service list`",
        object_type="site",
        object_id=site,
    )


def _is_here(host: str) -> bool:
    """Whether a host is this machine wherever it is asked for (RFC 6761): no DNS says otherwise."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".").lower()
        return name == "localhost" or name.endswith(".localhost")
    carried = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return any(one.is_loopback or one.is_unspecified for one in (found, carried or found))


def _may_be_here(host: str) -> bool:
    """Whether a name or number, however it is written, leads to this machine on some network."""
    name = host.rstrip(".").lower()
    try:
        found = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            found = ipaddress.ip_address(socket.inet_aton(name))  # such as 127.1
        except (OSError, UnicodeError):
            labels = name.split(".")
            return labels[0] in _OWN_NAMES or labels[-1] == "localhost"
    carried = found
    if isinstance(found, ipaddress.IPv6Address) and int(found) >> 32 in _CARRY_IPV4:
        carried = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
    return any(one.is_loopback or one.is_unspecified for one in (found, carried))
