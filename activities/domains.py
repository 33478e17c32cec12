"""Domains of ours on a host: whose one is, how it starts, stops and goes, and who hears of it.

A domain carries its machine, operation and fence in its metadata, and once it was started, that:
one that is not running and was not started is still being made, or was stopped on purpose. While it
runs it carries who asked it to power off, and when.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import libvirt

from activities import lease
from activities.libvirt_xml import METADATA_NAMESPACE, parsed, written
from mulligan.values.errors import HardwareError

logger = logging.getLogger(__name__)

OnStopped = Callable[[str, str], None]
"""Told (operation id, domain name) when a machine stopped that nobody here asked to stop."""

EVENT_LIMIT_S = 5.0
"""How long the event of a stop that libvirt has answered is waited for."""

LEAST_GRACE_S = 5.0
"""Who asks a guest again to power off waits for so long, even if its grace is over."""

NOT_OFFERED_CODES = {libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_INVALID_ARG}

UNDEFINE_FLAGS = (
    libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA,
    libvirt.VIR_DOMAIN_UNDEFINE_NVRAM | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE,
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA,
    0,
)
"""What is asked of an undefine, most first: drivers refuse flags that they don't know."""


@dataclass(frozen=True)
class Owner:
    """Whose a domain is, as its metadata says."""

    machine: str
    operation: str
    fence: int
    was_started: bool


def owner_of(domain: libvirt.virDomain) -> Owner | None:
    """Read whose a domain is; None when it is not one of ours, or somebody's copy of one."""
    try:
        said = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, METADATA_NAMESPACE)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return None
        raise
    element = parsed(said)
    if element.get("id") != domain.UUIDString():
        return None
    return Owner(
        machine=element.get("id", ""),
        operation=element.get("operation", ""),
        fence=int(element.get("fence", "0")),
        was_started=element.get("started") == "yes",
    )


@contextmanager
def gone_is_fine() -> Iterator[None]:
    """Let a domain vanish meanwhile: what was to be done or read of it is done with."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise


def is_foreign(domain: libvirt.virDomain) -> bool:
    """Say whether a domain is there and not one of ours."""
    found = []
    with gone_is_fine():
        found.append(owner_of(domain))
    return found == [None]


def state_of(domain: libvirt.virDomain) -> tuple[str, bool] | None:
    """Read which machine a domain is and whether it runs; None when it isn't ours, or just gone."""
    found = []
    with gone_is_fine():
        owner = owner_of(domain)
        found += [(owner.machine, bool(domain.isActive()))] if owner is not None else []
    return found[0] if found else None


def check_owner(domain: libvirt.virDomain, operation: str | None, fence: int) -> None:
    """Refuse a domain that is not a machine of ours, or that a later operation took over.

    `operation` None asks for any operation up to the fence.

    Raises:
        HardwareError: DOMAIN_NOT_OURS, STALE_FENCE.
    """
    owner, name = owner_of(domain), domain.name()
    if owner is None:
        raise HardwareError(
            f"domain {name} has the id of machine {domain.UUIDString()} but was not made by "
            "Mulligan; remove or rename it on the host",
            code="DOMAIN_NOT_OURS",
        )
    if owner.fence > fence:
        raise HardwareError(
            f"domain {name} belongs to operation {owner.operation} with fence {owner.fence}, this "
            f"operation holds {fence}: a later one took over; nothing was done",
            code="STALE_FENCE",
        )
    if operation is not None and owner.operation != operation:
        raise HardwareError(
            f"domain {name} was started by operation {owner.operation}; decommission the machine "
            "before it is started again",
            code="DOMAIN_NOT_OURS",
        )


def take_over(domain: libvirt.virDomain, operation: str, fence: int) -> None:
    """Write that an operation has a machine's domain now: every earlier one is refused afterwards.

    Until it is started anew nobody is told that it stopped.

    Raises:
        HardwareError: DOMAIN_NOT_OURS, STALE_FENCE.
    """
    check_owner(domain, None, fence)
    name, kind = domain.name(), libvirt.VIR_DOMAIN_METADATA_ELEMENT
    for where in (libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_AFFECT_LIVE):
        if where == libvirt.VIR_DOMAIN_AFFECT_LIVE and not domain.isActive():
            continue
        element = parsed(domain.metadata(kind, METADATA_NAMESPACE, where))
        wanted = {"id": element.get("id", ""), "operation": operation, "fence": str(fence)}
        if not wanted.items() <= element.attrib.items():
            element.attrib = wanted
            lease.require(f"note that operation {operation} has {name}")
            domain.setMetadata(kind, written(element), "mulligan", METADATA_NAMESPACE, where)


def start_domain(domain: libvirt.virDomain) -> None:
    """Start a domain unless it runs, and note beside its definition that it was started."""
    name = domain.name()
    if not domain.isActive():
        lease.require(f"start {name}")
        domain.create()
    kind, stored = libvirt.VIR_DOMAIN_METADATA_ELEMENT, libvirt.VIR_DOMAIN_AFFECT_CONFIG
    element = parsed(domain.metadata(kind, METADATA_NAMESPACE, stored))
    if element.get("started") != "yes":
        element.set("started", "yes")
        lease.require(f"note that {name} was started")
        domain.setMetadata(kind, written(element), "mulligan", METADATA_NAMESPACE, stored)


def stop_domain(
    domain: libvirt.virDomain, stopped: threading.Event, operation: str, grace_s: int
) -> None:
    """Stop a domain; with grace it is asked first and its own end is waited for.

    Its grace begins once: who goes on with an operation, after a freeze or an executor's end, asks
    again and waits for what is left of it.
    """
    name = domain.name()
    if grace_s and domain.isActive():
        lease.require(f"ask {name} to power off")
        with suppress(libvirt.libvirtError):  # a guest that can't be asked is stopped below
            domain.shutdown()
            _wait(stopped, domain, _grace_left(domain, operation, grace_s))
    try:
        if domain.isActive():
            lease.require(f"stop {name}")
            domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_DEFAULT)
            # The event may come after the answer; then it must not look like news.
            stopped.wait(EVENT_LIMIT_S)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID or domain.isActive():
            raise


def _grace_left(domain: libvirt.virDomain, operation: str, grace_s: int) -> float:
    """Note when an operation first asked a running domain to power off; gives its grace's rest.

    All of it where that can't be noted, and `LEAST_GRACE_S` whatever the executors' clocks say.
    """
    kind, running = libvirt.VIR_DOMAIN_METADATA_ELEMENT, libvirt.VIR_DOMAIN_AFFECT_LIVE
    now = time.time()
    with suppress(libvirt.libvirtError):
        element = parsed(domain.metadata(kind, METADATA_NAMESPACE, running))
        by, _, at = element.get("asked", "").partition(" ")
        if by == operation:
            return min(grace_s, max(LEAST_GRACE_S, float(at) + grace_s - now))
        element.set("asked", f"{operation} {now}")
        lease.require(f"note when {domain.name()} was asked to power off")
        domain.setMetadata(kind, written(element), "mulligan", METADATA_NAMESPACE, running)
    return grace_s


def _wait(stopped: threading.Event, domain: libvirt.virDomain, left_s: float) -> None:
    """Wait for the event, waking each second to say that we live, and to see that libvirt does."""
    deadline = time.monotonic() + left_s
    while (left := deadline - time.monotonic()) > 0:
        if stopped.wait(min(left, 1)) or not domain.connect().isAlive():
            return
        lease.beat(f"waiting for {domain.name()} to power off")


def undefine(domain: libvirt.virDomain) -> None:
    """Undefine a domain with all that libvirt keeps beside it, as far as its driver knows it."""
    name = domain.name()
    for flags in UNDEFINE_FLAGS:
        lease.require(f"undefine {name}")
        try:
            domain.undefineFlags(flags)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return
            if error.get_error_code() not in NOT_OFFERED_CODES or not flags:
                raise
        else:
            return


class Stops:
    """Who waits for which domain to stop. What nobody waits for is told to `on_stopped`.

    That is done from a thread of its own: an event's callback must not call libvirt, and the
    connection that listens is called by no other thread.
    """

    def __init__(self, on_stopped: OnStopped | None) -> None:
        self._on_stopped = on_stopped
        self._waiting: dict[str, threading.Event] = {}
        self._unexpected: queue.SimpleQueue[libvirt.virDomain | libvirt.virConnect | None]
        self._unexpected = queue.SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name="libvirt-stops", daemon=True)
        self._teller.start()

    def close(self) -> None:
        """Tell what is still to be told, and end."""
        self._unexpected.put(None)
        self._teller.join()

    @contextmanager
    def expected(self, machine: str) -> Iterator[threading.Event]:
        """Give an event that is set when the machine's domain stops, which is no news then."""
        stopped = self._waiting[machine] = threading.Event()
        try:
            yield stopped
        finally:
            self._waiting.pop(machine, None)

    def on_event(
        self,
        _connection: libvirt.virConnect,
        domain: libvirt.virDomain,
        event: int,
        _detail: int,
        _opaque: object,
    ) -> None:
        """Take a lifecycle event from libvirt."""
        stopped = event == libvirt.VIR_DOMAIN_EVENT_STOPPED
        if stopped and not self._on_inactive(domain) and self._on_stopped is not None:
            self._unexpected.put(domain)

    def compare(self, connection: libvirt.virConnect) -> None:
        """Have the machines found that stopped while nobody listened."""
        if self._on_stopped is not None:
            self._unexpected.put(connection)

    def on_ended(self, operation: str, name: str) -> None:
        """Hear of a machine that ended before anybody could know that it was started."""
        if self._on_stopped is not None:
            self._on_stopped(operation, name)

    def _on_inactive(self, domain: libvirt.virDomain) -> bool:
        """Wake who waits for a domain to stop; says whether somebody did."""
        waiting = self._waiting.get(domain.UUIDString())
        if waiting is not None:
            waiting.set()
        return waiting is not None

    def _tell(self) -> None:
        while (heard := self._unexpected.get()) is not None:
            try:
                inactive = [heard]
                if isinstance(heard, libvirt.virConnect):
                    inactive = heard.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE)
            except libvirt.libvirtError:
                continue  # the host is gone, and looked at again when it is back
            for domain in inactive:
                self._tell_of(domain)

    def _tell_of(self, domain: libvirt.virDomain) -> None:
        try:
            owner, name = owner_of(domain), domain.name()
            # One that was not started yet is being made: its operation starts it.
            if owner is not None and owner.was_started and not self._on_inactive(domain):
                self.on_ended(owner.operation, name)
        except libvirt.libvirtError:
            return  # the domain is gone: an operation removed it, and knows
        except Exception:
            logger.exception("could not tell that a machine stopped")
