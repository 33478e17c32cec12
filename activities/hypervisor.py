"""Virtual machines on a hypervisor host, through libvirt: made, started, stopped, read, and ended.

Everything reads before it writes, so that a repeated activity finds its effect and succeeds; each
write is made only while the activity holds its lease. A machine's domain has the machine's id as
UUID. libvirt calls back when a domain stops; nothing asks again and again.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from io import BytesIO
from pathlib import Path

import libvirt
from temporalio import activity

from activities import lease
from activities.config_drive import config_drive_iso, prepare_config_drive
from activities.contracts.hardware import Done, OperationLog
from activities.contracts.hypervisor import (
    FoundMachine,
    HostAccess,
    HostInventory,
    HostSurvey,
    InspectHost,
    MachineTarget,
    ReadConsole,
    RemoveMachine,
    StagedMachine,
    StageMachine,
    StartedMachine,
    StartMachine,
    StartMachineAgain,
    StopMachine,
)
from activities.domains import (
    OnStopped,
    Stops,
    check_owner,
    gone_is_fine,
    start_domain,
    state_of,
    stop_domain,
    take_over,
    undefine,
)
from activities.host_inventory import read_inventory, read_machinery
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.libvirt_connections import Connections, is_session
from activities.libvirt_xml import domain_name, domain_xml
from activities.locks import hold_lock
from activities.operation_logs import KEPT_BYTES, compress, single_name
from activities.pools import Pool, volumes_of
from activities.redaction import redact
from activities.settings import ExecutorSettings
from activities.watched_hosts import WatchedHosts
from mulligan.values import told
from mulligan.values.errors import HardwareError


class Hypervisor:
    """Implements the contracts of `activities.contracts.hypervisor`; its methods run in threads.

    With `on_stopped` it listens, until it is closed, to every host on which machines were started.
    """

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
        self._stops = Stops(on_stopped)
        self._watched = WatchedHosts(settings.state_folder / "hosts", self.watch)
        self._connections = Connections(self._stops, self._watched.look_now)
        if on_stopped is not None:
            self._watched.start()

    def close(self) -> None:
        """Close the connections to all hosts; machines there go on."""
        self._watched.close()
        self._stops.close()
        self._connections.close()

    def watch(self, access: HostAccess) -> None:
        """Connect to a host, so that `on_stopped` hears of its machines before anything is asked.

        Raises:
            HardwareBusyError: HOST_UNREACHABLE.
        """
        self._connections.listen(access)

    @activity.defn(name="hypervisor.inspect")
    def inspect(self, request: InspectHost) -> HostInventory:
        """Read what a host has.

        Raises:
            HardwareBusyError: HOST_UNREACHABLE.
        """
        with self._connections.to(request.access, "inspect") as connection:
            return read_inventory(connection, self._pool(request.access, connection).running())

    @activity.defn(name="hypervisor.survey")
    def survey(self, request: InspectHost) -> HostSurvey:
        """List the machines of which a host has a domain or volumes.

        A pool that doesn't run is started, because nobody can look into it otherwise.

        Raises:
            HardwareBusyError: HOST_UNREACHABLE.
        """
        with self._connections.to(request.access, "survey") as connection:
            volumes = self._pool(request.access, connection).machine_volumes()
            running = dict(filter(None, map(state_of, connection.listAllDomains())))
        return HostSurvey(
            machines=tuple(
                FoundMachine(
                    machine=machine,
                    has_domain=machine in running,
                    running=running.get(machine, False),
                    volumes=tuple(volumes.get(machine, ())),
                )
                for machine in sorted(running.keys() | volumes.keys())
            )
        )

    @activity.defn(name="hypervisor.stage")
    def stage(self, request: StageMachine) -> StagedMachine:
        """Fetch and verify the image, and make root volume and config drive.

        Raises:
            HardwareError: IMAGE_LARGER_THAN_DISK, the codes of `ImageCache.fetch`, SECRET_*,
                STALE_FENCE, DOMAIN_NOT_OURS, LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY, IMAGE_SERVER_UNREACHABLE, DISK_FULL.
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
        volumes = volumes_of(request.machine)
        with self._changed_pool(request.access, f"stage machine {request.machine}") as pool:
            domain = _find(pool.connection, request.machine)
            if domain is not None:
                check_owner(domain, None, request.fence)
            pool.make_root_volume(volumes.root_volume, image, request.disk_gib)
            if domain is None or not domain.isActive():
                pool.write_volume(volumes.config_volume, BytesIO(iso), len(iso))
        return volumes

    @activity.defn(name="hypervisor.start")
    def start(self, request: StartMachine) -> StartedMachine:
        """Define and start the domain; one that runs already for this operation is success.

        Raises:
            HardwareError: STALE_FENCE, DOMAIN_NOT_OURS, LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY, DISK_FULL.
        """
        with self._connections.to(request.access, f"start machine {request.machine}") as connection:
            domain = _find(connection, request.machine)
            if domain is None:
                domain = self._define(connection, request)
            check_owner(domain, request.operation, request.fence)
            self._watched.add(request.access)
            start_domain(domain)
            name = domain.name()
            if not domain.isActive():
                self._stops.on_ended(request.operation, name)
            return StartedMachine(domain_uuid=domain.UUIDString(), domain_name=name)

    @activity.defn(name="hypervisor.stop")
    def stop(self, request: StopMachine) -> Done:
        """Shut the domain off, and leave it defined with its volumes.

        Raises:
            HardwareError: MACHINE_NOT_ON_HOST, STALE_FENCE, DOMAIN_NOT_OURS, LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY.
        """
        with self._connections.to(request.access, f"stop machine {request.machine}") as connection:
            domain = _defined(connection, request)
            with self._stops.expected(request.machine) as stopped:
                take_over(domain, request.operation, request.fence)
                was_on = bool(domain.isActive())
                stop_domain(domain, stopped, request.operation, request.grace_s)
            return Done(changed=was_on)

    @activity.defn(name="hypervisor.start_again")
    def start_again(self, request: StartMachineAgain) -> StartedMachine:
        """Start the domain that is defined; one that runs is success.

        Raises:
            HardwareError: MACHINE_NOT_ON_HOST, MACHINE_STOPPED, STALE_FENCE, DOMAIN_NOT_OURS,
                LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY, DISK_FULL.
        """
        doing = f"start machine {request.machine} again"
        with self._connections.to(request.access, doing) as connection:
            domain = _defined(connection, request)
            take_over(domain, request.operation, request.fence)
            self._watched.add(request.access)
            self._pool(request.access, connection).running()  # the host may have been restarted
            start_domain(domain)
            if not domain.isActive():
                raise HardwareError(
                    f"machine {request.machine} stopped as soon as it was started on host "
                    f"{request.access.host}; see its console there",
                    code="MACHINE_STOPPED",
                    object_type="machine",
                    object_id=request.machine,
                )
            return StartedMachine(domain_uuid=domain.UUIDString(), domain_name=domain.name())

    @activity.defn(name="hypervisor.remove")
    def remove(self, request: RemoveMachine) -> Done:
        """Stop and undefine the domain, delete its volumes, and the base that nobody uses now.

        Raises:
            HardwareError: STALE_FENCE, DOMAIN_NOT_OURS, LIBVIRT_REFUSED.
            HardwareBusyError: HOST_UNREACHABLE, HOST_BUSY.
        """
        doing = f"remove machine {request.machine}"
        with self._connections.to(request.access, doing) as connection:
            domain = _find(connection, request.machine)
            if domain is not None:
                with gone_is_fine(), self._stops.expected(request.machine) as stopped:
                    check_owner(domain, None, request.fence)
                    stop_domain(domain, stopped, request.operation, request.grace_s)
                    undefine(domain)
        with self._changed_pool(request.access, doing) as pool:
            deleted = pool.delete_volumes(volumes_of(request.machine))
        self._delete_console(request.machine)
        return Done(changed=domain is not None or deleted)

    @activity.defn(name="hypervisor.read_console")
    def read_console(self, request: ReadConsole) -> OperationLog:
        """Read the tail of the serial console, empty when there is none."""
        path = self._console_file(request.access, request.machine)
        if path is None:
            kept = "the console is kept on the host"
            command = f"virsh -c {request.access.uri} console {domain_name(request.machine)}"
            text = told.both(f"{kept}; ask an operator for it", f"{kept}; read it there: {command}")
            return _operation_log(f"{text}\n".encode())
        return _operation_log(_tail(path))

    def _define(self, connection: libvirt.virConnect, request: StartMachine) -> libvirt.virDomain:
        console = self._console_file(request.access, request.machine)
        if console is not None:
            console.parent.mkdir(parents=True, exist_ok=True)
        xml = domain_xml(request, read_machinery(connection), console)
        lease.require(f"define machine {request.machine}")
        return connection.defineXML(xml)

    def _pool(self, access: HostAccess, connection: libvirt.virConnect) -> Pool:
        return Pool(access, connection, self._settings.state_folder)

    @contextmanager
    def _changed_pool(self, access: HostAccess, doing: str) -> Iterator[Pool]:
        """Give a host's pool to be changed; libvirt's errors are told in our words."""
        with self._connections.to(access, doing) as connection, self._pool_lock(access):
            yield self._pool(access, connection)

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
        if not is_session(access.uri):
            return None
        return self._settings.state_folder / "console" / f"{single_name(machine)}.log"

    def _delete_console(self, machine: str) -> None:
        """Delete the console's log, and the parts (.log.0 ...) that virtlogd made of a long one."""
        for path in (self._settings.state_folder / "console").glob(f"{machine}.log*"):
            path.unlink(missing_ok=True)


def _find(connection: libvirt.virConnect, machine: str) -> libvirt.virDomain | None:
    try:
        return connection.lookupByUUIDString(machine)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def _defined(connection: libvirt.virConnect, target: MachineTarget) -> libvirt.virDomain:
    domain = _find(connection, target.machine)
    if domain is None:
        raise HardwareError(
            f"host {target.access.host} has no domain of machine {target.machine}; nothing of it "
            "can be started there: decommission it",
            code="MACHINE_NOT_ON_HOST",
            object_type="machine",
            object_id=target.machine,
        )
    return domain


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
