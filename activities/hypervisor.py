"""Virtual machines on a hypervisor host, through libvirt: volumes, domain, console, and its end.

Everything reads before it writes, so that a repeated activity finds its effect and succeeds. A
machine's domain has the machine's id as UUID and carries operation and fence in its metadata; its
volumes are `root-<machine>`, a thin copy of the shared `base-<sha256 of the image>`, and
`config-<machine>`. libvirt calls back when a domain stops; nothing asks again and again.
"""

import logging
import os
import queue
import re
import shutil
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from io import BytesIO, FileIO
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import libvirt
from temporalio import activity

from activities import lease
from activities.config_drive import config_drive_iso, prepare_config_drive
from activities.contracts.hardware import Done, OperationLog
from activities.contracts.hypervisor import (
    HostAccess,
    HostInventory,
    InspectHost,
    ReadConsole,
    RemoveMachine,
    StagedMachine,
    StageMachine,
    StartedMachine,
    StartMachine,
)
from activities.images import CachedImage, ImageCache, hold_lock
from activities.keys import RegionKeys
from activities.operation_logs import KEPT_BYTES, compress, single_name
from activities.redaction import redact
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareBusyError, HardwareError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

OnStopped = Callable[[str, str], None]
"""Told (operation id, domain name) when a machine stopped that nobody here asked to stop."""

Content = BytesIO | FileIO
"""What is uploaded: bytes, or an unbuffered file (its holes are looked for by its descriptor)."""

METADATA_NAMESPACE = "https://mulligan.dev/libvirt/machine/1"
ET.register_namespace("mulligan", METADATA_NAMESPACE)

REMOTE_POOL_FOLDER = "/var/lib/libvirt/images/mulligan"

BASE_NAME = re.compile(r"base-[0-9a-f]{64}(\.whole)?")
"""A shared base of ours, in a pool that others may use too."""

SECTOR_BYTES = 512
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_MISSES = 3
"""A host that is silent for 15 seconds is taken for dead; calls to it end with an error then."""

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
NOT_OFFERED_CODES = {libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_INVALID_ARG}

EVENT_LIMIT_S = 5.0
"""How long the event of a stop that libvirt has answered is waited for."""

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


class Hypervisor:
    """Implements the contracts of `activities.contracts.hypervisor`; its methods run in threads."""

    def __init__(
        self,
        settings: ExecutorSettings,
        keys: RegionKeys,
        images: ImageCache,
        *,
        on_stopped: OnStopped | None = None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._images = images
        self._stops = _Stops(on_stopped)
        self._connections = _Connections(self._stops)

    def close(self) -> None:
        """Close the connections to all hosts; machines there go on."""
        self._stops.close()
        self._connections.close()

    def watch(self, access: HostAccess) -> None:
        """Connect to a host, so that `on_stopped` hears of its machines before anything is asked.

        Raises:
            HardwareBusyError: HOST_UNREACHABLE.
        """
        with _in_words(access, "connect"):
            self._connections.get(access.uri)

    @activity.defn(name="hypervisor.inspect")
    def inspect(self, request: InspectHost) -> HostInventory:
        """Read what a host has.

        Raises:
            HardwareBusyError: HOST_UNREACHABLE.
        """
        with _in_words(request.access, "inspect"):
            return self._host(request.access).inventory()

    @activity.defn(name="hypervisor.stage")
    def stage(self, request: StageMachine) -> StagedMachine:
        """Fetch and verify the image, and make root volume and config drive.

        Raises:
            HardwareError: IMAGE_LARGER_THAN_DISK, the codes of `ImageCache.fetch`, SECRET_*.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY, IMAGE_SERVER_UNREACHABLE.
        """
        image = self._images.fetch(request.image, lease.beat)
        if image.virtual_size_bytes > request.disk_gib << 30:
            raise HardwareError(
                f"image {request.image.name} is a disk of {image.virtual_size_bytes} bytes, the "
                f"machine's has {request.disk_gib} GiB; ask for a larger disk or another image",
                code="IMAGE_LARGER_THAN_DISK",
                field="disk_gib",
            )
        iso = self._config_drive(request)
        volumes = _volumes_of(request.machine)
        with _in_words(request.access, f"stage machine {request.machine}"):
            host = self._host(request.access)
            with self._pool_lock(request.access):
                host.make_root_volume(volumes.root_volume, image, request.disk_gib)
                if not host.runs(request.machine):
                    host.write_volume(volumes.config_volume, BytesIO(iso), len(iso))
        return volumes

    @activity.defn(name="hypervisor.start")
    def start(self, request: StartMachine) -> StartedMachine:
        """Define and start the domain; one that runs already for this operation is success.

        Raises:
            HardwareError: STALE_FENCE, DOMAIN_NOT_OURS, LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY.
        """
        with _in_words(request.access, f"start machine {request.machine}"):
            host = self._host(request.access)
            domain = host.domain(request.machine)
            if domain is None:
                domain = host.define(request, self._console_file(request.access, request.machine))
            else:
                _check_owner(domain, request.machine, request.operation, request.fence)
            if not domain.isActive():
                domain.create()
            return StartedMachine(domain_uuid=domain.UUIDString(), domain_name=domain.name())

    @activity.defn(name="hypervisor.remove")
    def remove(self, request: RemoveMachine) -> Done:
        """Stop and undefine the domain, delete its volumes, and the base that nobody uses now.

        Raises:
            HardwareError: STALE_FENCE, DOMAIN_NOT_OURS, LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY.
        """
        with _in_words(request.access, f"remove machine {request.machine}"):
            host = self._host(request.access)
            domain = host.domain(request.machine)
            if domain is not None:
                _check_owner(domain, request.machine, None, request.fence)
                with self._stops.expected(request.machine) as stopped:
                    _stop(domain, stopped, request.grace_s)
                _undefine(domain)
            with self._pool_lock(request.access):
                deleted = host.delete_volumes(_volumes_of(request.machine))
        self._delete_console(request.machine)
        return Done(changed=domain is not None or deleted)

    @activity.defn(name="hypervisor.read_console")
    def read_console(self, request: ReadConsole) -> OperationLog:
        """Read the tail of the serial console, empty when there is none."""
        path = self._console_file(request.access, request.machine)
        if path is None:
            command = f"virsh -c {request.access.uri} console {_domain_name(request.machine)}"
            text = f"the console is kept on the host; read it there: {command}\n"
            return _operation_log(text.encode())
        return _operation_log(_tail(path))

    def _host(self, access: HostAccess) -> "_Host":
        return _Host(access, self._connections.get(access.uri), self._settings.state_folder)

    def _pool_lock(self, access: HostAccess) -> AbstractContextManager[None]:
        """Let one at a time change a pool: bases are made once, and never deleted too early."""
        name = blake2b(f"{access.uri}\n{access.pool}".encode(), digest_size=8).hexdigest()
        return hold_lock(self._settings.state_folder / "locks" / f"pool-{name}", lease.beat)

    def _config_drive(self, request: StageMachine) -> bytes:
        """Write the config drive. VLANs are the host bridge's business, the guest sees none."""
        nics = [nic.model_copy(update={"vlan": 0}) for nic in request.nics]
        drive = prepare_config_drive(
            self._settings,
            self._keys,
            operation=request.operation,
            machine=request.machine,
            image=request.image,
            nics=nics,
            plan=request.config_drive,
        )
        return config_drive_iso(drive)

    def _console_file(self, access: HostAccess, machine: str) -> Path | None:
        if not _is_session(access.uri):
            return None
        return self._settings.state_folder / "console" / f"{single_name(machine)}.log"

    def _delete_console(self, machine: str) -> None:
        """Delete the console's log, and the parts (.log.0 ...) that virtlogd made of a long one."""
        for path in (self._settings.state_folder / "console").glob(f"{machine}.log*"):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Machinery:
    """What a host's libvirt offers to run: `virt` is kvm, qemu or test."""

    architecture: str
    virt: str
    uefi: bool


@dataclass(frozen=True)
class _Host:
    """One host through one connection."""

    access: HostAccess
    connection: libvirt.virConnect
    state_folder: Path

    def inventory(self) -> HostInventory:
        machinery = self.machinery()
        capabilities = [f"arch:{machinery.architecture}", f"virt:{machinery.virt}"]
        if machinery.uefi:
            capabilities.append("firmware:uefi")
        return HostInventory(
            hostname=self.connection.getHostname(),
            hypervisor=self.connection.getType().lower(),
            hypervisor_version=_version(self.connection.getVersion()),
            architecture=machinery.architecture,
            cpus=self.connection.getInfo()[2],
            memory_mib=self._memory_mib(),
            disk_gib=self.pool().info()[1] >> 30,
            capabilities=tuple(capabilities),
            foreign_domains=self.foreign_domains(),
        )

    def _memory_mib(self) -> int:
        """Read the memory that the host's kernel has; where drivers don't tell, that of its nodes.

        The nodes' sum falls short where memory was plugged in later (seen: 12 of 24 GiB).
        """
        try:
            kib = self.connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"]
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:
                raise
            return int(self.connection.getInfo()[1])
        return int(kib) >> 10

    def machinery(self) -> _Machinery:
        """Read what the host runs guests with, for its own architecture."""
        capabilities = _parsed(self.connection.getCapabilities())
        architecture = capabilities.findtext("host/cpu/arch", "")
        types = {
            domain.get("type", "")
            for guest in capabilities.findall("guest/arch")
            if guest.get("name") == architecture
            for domain in guest.findall("domain")
        }
        if "kvm" in types and self._virtualizes(capabilities, architecture):
            virt = "kvm"
        else:
            virt = next(iter(sorted(types - {"kvm"})), "qemu")
        return _Machinery(architecture, virt, self._offers_uefi(architecture, virt))

    def _virtualizes(self, capabilities: ET.Element, architecture: str) -> bool:
        """Tell whether the CPU has what KVM needs.

        On x86 a kvm device may be there without it (kvm-pvm inside a microVM): libvirt then offers
        kvm, and guests end in "KVM internal error" at their first instructions.
        """
        cpu = capabilities.find("host/cpu")
        if architecture != "x86_64" or cpu is None:
            return True
        expanded = self.connection.baselineCPU(
            [ET.tostring(cpu, encoding="unicode")],
            libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
        )
        names = {feature.get("name") for feature in _parsed(expanded)}
        return bool(names & {"vmx", "svm"})

    def _offers_uefi(self, architecture: str, virt: str) -> bool:
        try:
            offered = self.connection.getDomainCapabilities(
                None, architecture, _chipset(architecture), virt
            )
        except libvirt.libvirtError as error:
            if error.get_error_code() in NOT_OFFERED_CODES:
                return False
            raise
        values = _parsed(offered).findall("os/enum[@name='firmware']/value")
        return "efi" in [value.text for value in values]

    def foreign_domains(self) -> tuple[str, ...]:
        running = self.connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        return tuple(sorted(domain.name() for domain in running if _owner(domain) is None))

    def domain(self, machine: str) -> libvirt.virDomain | None:
        return _or_none(
            libvirt.VIR_ERR_NO_DOMAIN, lambda: self.connection.lookupByUUIDString(machine)
        )

    def runs(self, machine: str) -> bool:
        domain = self.domain(machine)
        return domain is not None and bool(domain.isActive())

    def define(self, request: StartMachine, console: Path | None) -> libvirt.virDomain:
        if console is not None:
            console.parent.mkdir(parents=True, exist_ok=True)
        machinery = self.machinery()
        return self.connection.defineXML(_domain_xml(request, machinery, console))

    def pool(self) -> libvirt.virStoragePool:
        """Give the storage pool, running; make it when the host doesn't have it."""
        pool = self._found_pool()
        if pool is not None and pool.isActive():
            return pool
        with hold_lock(self.state_folder / "locks" / "making-a-pool", lease.beat):
            pool = self._found_pool() or self._define_pool()
            if not pool.isActive():
                pool.create(0)
            return pool

    def _found_pool(self) -> libvirt.virStoragePool | None:
        return _or_none(
            libvirt.VIR_ERR_NO_STORAGE_POOL,
            lambda: self.connection.storagePoolLookupByName(self.access.pool),
        )

    def _define_pool(self) -> libvirt.virStoragePool:
        folder = REMOTE_POOL_FOLDER
        if _is_session(self.access.uri):
            folder = str(self.state_folder / "pool")
        name, path = _element("name", self.access.pool), _element("path", folder)
        target = _element("target", path)
        pool = self.connection.storagePoolDefineXML(
            _xml(_element("pool", name, target, type="dir"))
        )
        pool.build(0)
        return pool

    def volume(self, name: str) -> libvirt.virStorageVol | None:
        pool = self.pool()
        return _or_none(libvirt.VIR_ERR_NO_STORAGE_VOL, lambda: pool.storageVolLookupByName(name))

    def make_root_volume(self, name: str, image: CachedImage, disk_gib: int) -> None:
        """Make a machine's disk: it holds what differs from the image. Called under the lock."""
        if self.volume(name) is not None:
            return
        base = self._base_volume(image)
        backing = _element(
            "backingStore",
            _element("path", base.path()),
            _element("format", type=image.disk_format),
        )
        self._create_volume(name, disk_gib << 30, "qcow2", backing)

    def _base_volume(self, image: CachedImage) -> libvirt.virStorageVol:
        """Give the image's volume, made where it is missing.

        A killed upload must not pass for an image: a second volume, made last, says that it is
        whole. (Copying it on the host instead would have libvirt probe what is in it.)
        """
        name = f"base-{image.sha256}"
        folder = Path(_text(self.pool().XMLDesc(), "target/path"))
        if _is_session(self.access.uri) and folder.is_relative_to(self.state_folder):
            if self.volume(name) is None:
                _link(image.path, folder / name)
                self.pool().refresh(0)
            return self.pool().storageVolLookupByName(name)
        found, whole = self.volume(name), self.volume(f"{name}.whole")
        if found is not None and whole is not None:
            return found
        if whole is not None:
            whole.delete(0)
        with image.path.open("rb", buffering=0) as file:
            uploaded = self.write_volume(name, file, image.path.stat().st_size)
        self._create_volume(f"{name}.whole", SECTOR_BYTES, "raw")
        return uploaded

    def write_volume(self, name: str, content: Content, size: int) -> libvirt.virStorageVol:
        """Upload a volume, replacing one of this name. libvirt's test driver keeps no content."""
        volume = self.volume(name)
        if volume is not None:
            volume.delete(0)
        volume = self._create_volume(name, size, "raw")
        if self.connection.getType() != "TEST":
            _upload(self.connection, volume, content, size)
        return volume

    def _create_volume(
        self, name: str, size: int, disk_format: str, *more: ET.Element
    ) -> libvirt.virStorageVol:
        return self.pool().createXML(_volume_xml(name, size, disk_format, *more), 0)

    def delete_volumes(self, volumes: StagedMachine) -> bool:
        """Delete a machine's volumes and the bases that no root volume needs any more."""
        if self._found_pool() is None:
            return False
        found = [self.volume(volumes.root_volume), self.volume(volumes.config_volume)]
        for volume in found:
            if volume is not None:
                volume.delete(0)
        self._delete_unused_bases()
        return any(found)

    def _delete_unused_bases(self) -> None:
        """Delete bases that nothing stands on, each after the word that it is whole.

        libvirt refuses one that another executor uploads just now.
        """
        volumes = {volume.name(): volume for volume in self.pool().listAllVolumes()}
        used = {_text(volume.XMLDesc(), "backingStore/path") for volume in volumes.values()}
        for name, volume in sorted(volumes.items(), reverse=True):
            if BASE_NAME.fullmatch(name) and volume.path().removesuffix(".whole") not in used:
                _or_none(libvirt.VIR_ERR_OPERATION_INVALID, volume.delete)


class _Connections:
    """One connection per URI, opened when needed and again when it died."""

    def __init__(self, stops: "_Stops") -> None:
        self._stops = stops
        self._open: dict[str, libvirt.virConnect] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, uri: str) -> libvirt.virConnect:
        with self._locks[uri]:
            connection = self._open.get(uri)
            if connection is None or not connection.isAlive():
                lease.beat(f"connecting to {uri}")
                connection = self._open[uri] = self._connect(uri)
            return connection

    def _connect(self, uri: str) -> libvirt.virConnect:
        start_event_loop()
        connection = libvirt.open(session_uri(uri))
        with suppress(libvirt.libvirtError):  # drivers within the process have no keep-alive
            connection.setKeepAlive(KEEPALIVE_INTERVAL_S, KEEPALIVE_MISSES)
        connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._stops.on_event, None
        )
        return connection

    def close(self) -> None:
        while self._open:
            _, connection = self._open.popitem()
            with suppress(libvirt.libvirtError):
                connection.close()


class _Stops:
    """Who waits for which domain to stop. What nobody waits for is told to `on_stopped`.

    That is done from a thread of its own: an event's callback must not call libvirt.
    """

    def __init__(self, on_stopped: OnStopped | None) -> None:
        self._on_stopped = on_stopped
        self._waiting: dict[str, threading.Event] = {}
        self._unexpected: queue.SimpleQueue[libvirt.virDomain | None] = queue.SimpleQueue()
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
        if event != libvirt.VIR_DOMAIN_EVENT_STOPPED:
            return
        waiting = self._waiting.get(domain.UUIDString())
        if waiting is not None:
            waiting.set()
        elif self._on_stopped is not None:
            self._unexpected.put(domain)

    def _tell(self) -> None:
        while (domain := self._unexpected.get()) is not None:
            try:
                owner, name = _owner(domain), domain.name()
                if owner is not None and self._on_stopped is not None:
                    self._on_stopped(owner.operation, name)
            except libvirt.libvirtError:
                # The domain is gone: an operation removed it, and knows.
                continue
            except Exception:
                logger.exception("could not tell that a machine stopped")


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
    if not _is_session(uri) or urlsplit(uri).query or os.geteuid() != 0:
        return uri
    runtime = os.environ.get("XDG_RUNTIME_DIR") or "/run/user/0"
    return f"qemu+unix:///session?socket={runtime}/libvirt/libvirt-sock"


def _is_session(uri: str) -> bool:
    """Tell whether the host is this machine's session daemon, whose files are ours to read."""
    parts = urlsplit(uri)
    return parts.path == "/session" and not parts.netloc


@contextmanager
def _in_words(access: HostAccess, doing: str) -> Iterator[None]:
    """Turn libvirt's errors into ours, with its code and words."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise _hardware_error(access, doing, error) from error


def _hardware_error(access: HostAccess, doing: str, error: libvirt.libvirtError) -> HardwareError:
    code, domain = error.get_error_code(), error.get_error_domain()
    said = f"could not {doing} on host {access.host} ({access.uri}): {error} (libvirt {code})"
    details = {"object_type": "host", "object_id": access.host, "libvirt_code": str(code)}
    if code in REFUSED_CODES:
        remedy = "give the executor access to this libvirt"
        return HardwareError(f"{said}; {remedy}", code="HOST_ACCESS_REFUSED", **details)
    if domain in UNREACHABLE_DOMAINS or code in UNREACHABLE_CODES:
        remedy = "it is tried again, check that libvirt runs there and can be reached"
        return HardwareBusyError(f"{said}; {remedy}", code="HOST_UNREACHABLE", **details)
    if code in BUSY_CODES:
        return HardwareBusyError(f"{said}; it is tried again", code="HOST_BUSY", **details)
    remedy = "put it right on the host and ask again"
    return HardwareError(f"{said}; {remedy}", code="LIBVIRT_REFUSED", **details)


@dataclass(frozen=True)
class _Owner:
    """Whose a domain is, as its metadata says."""

    machine: str
    operation: str
    fence: int


def _owner(domain: libvirt.virDomain) -> _Owner | None:
    """Read whose a domain is; None when it is not one of ours."""
    kind = libvirt.VIR_DOMAIN_METADATA_ELEMENT
    try:
        element = _parsed(domain.metadata(kind, METADATA_NAMESPACE))
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return None
        raise
    return _Owner(
        machine=element.get("id", ""),
        operation=element.get("operation", ""),
        fence=int(element.get("fence", "0")),
    )


def _check_owner(
    domain: libvirt.virDomain, machine: str, operation: str | None, fence: int
) -> None:
    """Refuse a domain that is not this machine's, or that a later operation took over.

    `operation` None asks for any operation up to the fence.
    """
    owner, name = _owner(domain), domain.name()
    if owner is None or owner.machine != machine:
        raise HardwareError(
            f"domain {name} has the id of machine {machine} but was not made by Mulligan; "
            "remove or rename it on the host",
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


def _stop(domain: libvirt.virDomain, stopped: threading.Event, grace_s: int) -> None:
    """Stop a domain; with grace it is asked first and its own end is waited for."""
    if grace_s and domain.isActive():
        with suppress(libvirt.libvirtError):  # a guest that can't be asked is stopped below
            domain.shutdown()
            _wait(stopped, domain, grace_s)
    try:
        if domain.isActive():
            domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_DEFAULT)
            # The event may come after the answer; then it must not look like news.
            stopped.wait(EVENT_LIMIT_S)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID or domain.isActive():
            raise


def _wait(stopped: threading.Event, domain: libvirt.virDomain, grace_s: int) -> None:
    """Wait for the event, waking each second to say that we live, and to see that libvirt does."""
    deadline = time.monotonic() + grace_s
    while (left := deadline - time.monotonic()) > 0:
        if stopped.wait(min(left, 1)) or not domain.connect().isAlive():
            return
        lease.beat(f"waiting for {domain.name()} to power off")


def _undefine(domain: libvirt.virDomain) -> None:
    """Undefine a domain with all that libvirt keeps beside it, as far as its driver knows it."""
    for flags in UNDEFINE_FLAGS:
        try:
            domain.undefineFlags(flags)
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return
            if error.get_error_code() not in NOT_OFFERED_CODES or not flags:
                raise
        else:
            return


def _domain_name(machine: str) -> str:
    return f"mulligan-{machine}"


def _volumes_of(machine: str) -> StagedMachine:
    return StagedMachine(root_volume=f"root-{machine}", config_volume=f"config-{machine}")


def _chipset(architecture: str) -> str | None:
    return "q35" if architecture == "x86_64" else None


def _domain_xml(request: StartMachine, machinery: _Machinery, console: Path | None) -> str:
    """Lay a machine out as a libvirt domain (libvirt.org/formatdomain.html)."""
    root = _element(
        "domain",
        _element("name", _domain_name(request.machine)),
        _element("uuid", request.machine),
        _element("title", "".join(c if c.isprintable() else " " for c in request.title)),
        _element("metadata", _metadata(request)),
        _element("memory", str(request.memory_mib), unit="MiB"),
        _element("vcpu", str(request.vcpus)),
        _operating_system(machinery),
        _element("features", _element("acpi")),
        _element("clock", offset="utc"),
        _element("on_poweroff", "destroy"),
        _element("on_reboot", "restart"),
        _element("on_crash", "destroy"),
        _devices(request, machinery, console),
        type=machinery.virt,
    )
    if machinery.virt != "test":
        mode = "host-passthrough" if machinery.virt == "kvm" else "maximum"
        root.append(_element("cpu", mode=mode))
    return _xml(root)


def _metadata(request: StartMachine) -> ET.Element:
    return _element(
        f"{{{METADATA_NAMESPACE}}}machine",
        id=request.machine,
        operation=request.operation,
        fence=str(request.fence),
    )


def _operating_system(machinery: _Machinery) -> ET.Element:
    """Ask for UEFI without Secure Boot, whose keys an image of one's own isn't signed with."""
    kind = _element("type", "hvm", arch=machinery.architecture)
    chipset = _chipset(machinery.architecture)
    if chipset:
        kind.set("machine", chipset)
    if not machinery.uefi:
        return _element("os", kind)
    secure_boot = _element("feature", enabled="no", name="secure-boot")
    return _element("os", kind, _element("firmware", secure_boot), firmware="efi")


def _devices(request: StartMachine, machinery: _Machinery, console: Path | None) -> ET.Element:
    pool, volumes = request.access.pool, request.volumes
    devices = _element(
        "devices",
        _element(
            "disk",
            _element("driver", name="qemu", type="qcow2", discard="unmap"),
            _element("source", pool=pool, volume=volumes.root_volume),
            _element("target", dev="vda", bus="virtio"),
            _element("boot", order="1"),
            type="volume",
            device="disk",
        ),
        _element(
            "disk",
            _element("driver", name="qemu", type="raw"),
            _element("source", pool=pool, volume=volumes.config_volume),
            # A disk: the cloud kernel of Debian has no driver for SATA, and virtio it needs anyway.
            _element("target", dev="vdb", bus="virtio"),
            _element("readonly"),
            type="volume",
            device="disk",
        ),
        _element("rng", _element("backend", "/dev/urandom", model="random"), model="virtio"),
        _serial(console),
    )
    devices.extend(_interface(nic.mac, nic.host_bridge) for nic in request.nics)
    return devices


def _serial(console: Path | None) -> ET.Element:
    if console is None:
        return _element("serial", type="pty")
    return _element("serial", _element("source", path=str(console), append="on"), type="file")


def _interface(mac: str, bridge: str) -> ET.Element:
    """Lay out a NIC; no ROM: machines boot from their disk, and looking for PXE takes its time."""
    parts = [_element("mac", address=mac), _element("model", type="virtio")]
    if bridge:
        parts.append(_element("source", bridge=bridge))
    parts.append(_element("rom", enabled="no"))
    return _element("interface", *parts, type="bridge" if bridge else "user")


def _volume_xml(name: str, size: int, disk_format: str, *more: ET.Element) -> str:
    """Lay out a volume. Raw ones are sparse; libvirt never looks into them for their format."""
    return _xml(
        _element(
            "volume",
            _element("name", name),
            _element("capacity", str(size), unit="bytes"),
            _element("allocation", "0", unit="bytes"),
            _element("target", _element("format", type=disk_format)),
            *more,
        )
    )


def _or_none(code: int, call: Callable[[], Result]) -> Result | None:
    """Give what a call gives, None when libvirt answers with this error code."""
    try:
        return call()
    except libvirt.libvirtError as error:
        if error.get_error_code() == code:
            return None
        raise


def _element(tag: str, *content: ET.Element | str, **attributes: str) -> ET.Element:
    element = ET.Element(tag, attributes)
    for part in content:
        if isinstance(part, str):
            element.text = part
        else:
            element.append(part)
    return element


def _xml(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")


def _parsed(xml: str) -> ET.Element:
    """Read what libvirt wrote: it parsed and formatted all of it itself, entities included."""
    return ET.fromstring(xml)  # noqa: S314


def _text(xml: str, path: str) -> str:
    return _parsed(xml).findtext(path, "")


def _version(number: int) -> str:
    """Read libvirt's version number: major * 1,000,000 + minor * 1,000 + release."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"


def _link(source: Path, target: Path) -> None:
    """Put a file at a place at once, as another name of it or, across file systems, as a copy."""
    try:
        os.link(source, target)
    except OSError:
        with tempfile.TemporaryDirectory(dir=target.parent.parent) as folder:
            shutil.copyfile(source, Path(folder) / target.name)
            (Path(folder) / target.name).replace(target)


def _upload(
    connection: libvirt.virConnect, volume: libvirt.virStorageVol, content: Content, size: int
) -> None:
    """Send a volume's content; a file's holes stay holes."""
    stream = connection.newStream(0)
    try:
        if isinstance(content, FileIO):
            flags = libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM
            volume.upload(stream, 0, size, flags)
            stream.sparseSendAll(_read, _section, _skip, content)
        else:
            volume.upload(stream, 0, size, 0)
            stream.sendAll(_read, content)
    except BaseException:
        with suppress(libvirt.libvirtError):
            stream.abort()
        raise
    stream.finish()


def _read(_stream: libvirt.virStream, size: int, content: Content) -> bytes:
    lease.beat(f"{content.tell() >> 20} MiB uploaded")
    return content.read(size)


def _section(_stream: libvirt.virStream, content: FileIO) -> tuple[bool, int]:
    """Tell whether data or a hole comes next in an unbuffered file, and how long it is."""
    here, descriptor = content.tell(), content.fileno()
    try:
        data = os.lseek(descriptor, here, os.SEEK_DATA)
    except OSError:  # ENXIO: only a hole is left
        return False, os.fstat(descriptor).st_size - here
    if data > here:
        content.seek(here)
        return False, data - here
    length = os.lseek(descriptor, here, os.SEEK_HOLE) - here
    content.seek(here)
    return True, length


def _skip(_stream: libvirt.virStream, length: int, content: FileIO) -> int:
    return content.seek(length, os.SEEK_CUR)


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - KEPT_BYTES))
            return file.read(KEPT_BYTES)
    except FileNotFoundError:
        return b""


def _operation_log(text: bytes) -> OperationLog:
    """Pack a console's text; cloud-init prints its report's address there, token and all."""
    redacted = redact(text.decode(errors="replace")).encode()
    return OperationLog(source="console", compressed=compress(redacted))
