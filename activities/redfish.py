"""What an executor does to a server through its BMC: `activities.contracts.redfish`, done.

Each activity reads before it writes, finds an effect that is there already to be success, and reads
back what it wrote. The parts: `bmc` speaks Redfish, `server_control` has power and boot override,
`virtual_media` the virtual CD drive, `server_inventory` what a server has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import urllib3
from temporalio import activity

from activities import lease
from activities.bmc import Bmc, Body, Patience, connected, links, text
from activities.bmc_line import Turns
from activities.config_drive import config_drive_iso, prepare_config_drive
from activities.contracts.hardware import Done, Fenced, OperationLog
from activities.contracts.redfish import (
    BmcAccess,
    BmcTarget,
    BootMedium,
    InspectServer,
    RamdiskFile,
    ServerInventory,
    ServerLook,
    StagedServer,
    StageServer,
    VerifiedServer,
    VerifyServer,
)
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.media import MediaStore
from activities.operation_logs import OperationLogs
from activities.quirks import quirk_of
from activities.server_control import (
    await_bmc,
    boot_once_from_cd,
    boot_once_from_disk,
    find_system,
    power_cycle,
    power_of,
    power_off,
    power_on,
    read_power,
    restart_bmc,
)
from activities.server_inventory import read_inventory
from activities.settings import ExecutorSettings
from activities.virtual_media import eject, find_slots, insert, require_slots
from mulligan.values.errors import HardwareBusyError

STARTED_FROM_DISK = "started from disk"
"""Heartbeat's mark: a later try of boot_disk takes a server that is on for one that it started."""

STARTED_FROM_MEDIUM = "started from the medium"
"""Heartbeat's mark: a later try of boot_medium takes a server that is on for booted anew."""

BMC_RESTARTS = "the BMC restarts"
"""Heartbeat's mark: a later try waits for the BMC and does not restart it again."""

POWER_CYCLES = "the power is cut"
"""Heartbeat's mark: a later try waits until the server comes on by itself."""

LACKING_FOR_GOOD = 3
"""The try with which a part of the inventory that is still busy counts as not offered.

One that is in error (500), also when it was asked again, does so at once: some BMCs always are.
"""


class Redfish:
    """The activities of `activities.contracts.redfish`, with what they need."""

    def __init__(
        self,
        settings: ExecutorSettings,
        keys: RegionKeys,
        images: ImageCache,
        media: MediaStore,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._images = images
        self._media = media
        self._patience = patience or Patience()
        self._logs = OperationLogs(settings.state_folder)
        self._turns = Turns()

    @activity.defn(name="redfish.verify")
    def verify(self, request: VerifyServer) -> VerifiedServer:
        """Try credentials, find the system, read power and virtual media; check our own address."""
        with self._server(request, request.access) as (bmc, path, system):
            slots = find_slots(bmc, system)
            manager = _first_manager(bmc, system)
            notes = [*_notes_on_trust(request.access), *bmc.notes]
            if not slots:
                notes.append("no virtual CD drive: machines can't be deployed on this server")
            notes.append(
                f"whether the BMC itself reaches {self._settings.media_url} shows when it first "
                "fetches a medium"
            )
            _check_served(f"{self._settings.media_url}/healthz")
            return VerifiedServer(
                system=path,
                system_uuid=text(system, "UUID"),
                vendor=text(system, "Manufacturer"),
                model=text(system, "Model"),
                redfish_version=str(bmc.root.redfish_version or ""),
                bmc_firmware=text(manager, "FirmwareVersion"),
                power=power_of(system),
                virtual_media=slots[0].place if slots else "none",
                notes=tuple(dict.fromkeys(notes)),
            )

    @activity.defn(name="redfish.inspect")
    def inspect(self, request: InspectServer) -> ServerInventory:
        """Read a server's inventory as far as its BMC tells it."""
        with self._server(request, request.access) as (bmc, _, system):
            found = read_inventory(bmc, system)
            passing = [error for error in bmc.unread if error.details["status"] != "500"]
            if passing and activity.info().attempt < LACKING_FOR_GOOD:
                raise passing[-1]
            return found

    @activity.defn(name="redfish.look")
    def look(self, request: InspectServer) -> ServerLook:
        """Read power and media; changes nothing."""
        with self._server(request, request.access) as (bmc, path, system):
            return ServerLook(
                power=bmc.steady(lambda: read_power(bmc, path)),
                has_our_medium=any(slot.ours for slot in find_slots(bmc, system)),
            )

    @activity.defn(name="redfish.restart_bmc")
    def restart_bmc(self, request: BmcTarget) -> Done:
        """Restart the BMC, never the server, and wait until it answers again."""
        was_told = BMC_RESTARTS in activity.info().heartbeat_details
        with self._server(request, request.access) as (bmc, _, system):
            if not was_told:
                restart_bmc(bmc, system)
                lease.mark(BMC_RESTARTS)
            await_bmc(bmc)
            return Done()

    @activity.defn(name="redfish.power_cycle")
    def power_cycle(self, request: BmcTarget) -> Done:
        """Take the server's power away, wholly where that is offered, and leave it off."""
        was_told = POWER_CYCLES in activity.info().heartbeat_details
        with self._server(request, request.access) as (bmc, path, _):
            power_cycle(bmc, path, told=lambda: lease.mark(POWER_CYCLES), was_told=was_told)
            return Done()

    @activity.defn(name="redfish.stage")
    def stage(self, request: StageServer) -> StagedServer:
        """Fetch and verify the image, write config drive and boot medium, and serve them."""
        operation, server = request.operation, request.access.server
        image = None
        if request.image is not None:
            cached = self._images.fetch(request.image, lease.beat)
            raw = self._images.raw(cached, lease.beat)
            image = self._media.serve_image(operation, server, raw)
        self._media.write_boot_medium(operation, server)
        return StagedServer(image=image, config_drive=self._stage_config_drive(request))

    @activity.defn(name="redfish.boot_medium")
    def boot_medium(self, request: BootMedium) -> Done:
        """Power off, insert the medium, boot from it once, power on; each is read back.

        A server that is on with exactly this medium was booted from it by an earlier try, unless it
        is to be booted anew and no earlier try did so.
        """
        is_booted = not request.anew or STARTED_FROM_MEDIUM in activity.info().heartbeat_details
        url = self._media.boot_url(request.operation, request.access.server)
        _check_served(url)
        with self._server(request, request.access) as (bmc, path, system):
            slots = require_slots(bmc, path, system)
            is_in = any(slot.holds(url) for slot in slots)
            if is_booted and is_in and bmc.steady(lambda: read_power(bmc, path)) == "on":
                return Done(changed=False)
            power_off(bmc, path)
            insert(bmc, slots, url)
            boot_once_from_cd(bmc, path)
            lease.mark(STARTED_FROM_MEDIUM)
            power_on(bmc, path)
            return Done()

    @activity.defn(name="redfish.boot_disk")
    def boot_disk(self, request: BmcTarget) -> Done:
        """Eject our medium and boot from disk, whatever the power was."""
        was_started = STARTED_FROM_DISK in activity.info().heartbeat_details
        with self._server(request, request.access) as (bmc, path, system):
            if was_started and bmc.steady(lambda: read_power(bmc, path)) == "on":
                return Done(changed=False)
            power_off(bmc, path)
            _eject_ours(bmc, system)
            boot_once_from_disk(bmc, path)
            lease.mark(STARTED_FROM_DISK)
            power_on(bmc, path)
            return Done()

    @activity.defn(name="redfish.power_off")
    def power_off(self, request: BmcTarget) -> Done:
        """Power the server off, eject our medium, and read both back."""
        with self._server(request, request.access) as (bmc, path, system):
            switched = power_off(bmc, path)
            ejected = _eject_ours(bmc, system)
            return Done(changed=switched or ejected)

    @activity.defn(name="redfish.unstage")
    def unstage(self, request: BmcTarget) -> Done:
        """Stop serving what was staged for the operation and delete it."""
        return Done(changed=self._media.remove(request.operation))

    @activity.defn(name="redfish.read_log")
    def read_log(self, request: BmcTarget) -> tuple[OperationLog, ...]:
        """Read what ramdisk and BMC said during the operation."""
        return self._logs.read(request.operation)

    def _stage_config_drive(self, request: StageServer) -> RamdiskFile | None:
        if request.image is None or request.config_drive is None:
            return None
        drive = prepare_config_drive(
            self._settings,
            self._keys,
            operation=request.operation,
            machine=request.machine,
            image=request.image,
            nics=request.nics,
            plan=request.config_drive,
        )
        return self._media.serve_config_drive(
            request.operation, request.access.server, config_drive_iso(drive)
        )

    @contextmanager
    def _server(self, request: Fenced, access: BmcAccess) -> Iterator[tuple[Bmc, str, Body]]:
        """Connect to a server's BMC and find its system; what it answers is kept in the log."""

        def hear(line: str) -> None:
            if line:
                now = datetime.now(UTC).isoformat(timespec="milliseconds")
                self._logs.append(request.operation, "bmc", f"{now} {line}\n")

        with connected(
            access,
            self._keys,
            beat=lease.beat,
            hear=hear,
            patience=self._patience.told(request.configured),
            turns=self._turns,
            state_folder=self._settings.state_folder,
        ) as bmc:
            path, system = find_system(bmc)
            patience = quirk_of(system).patience or self._patience
            bmc.patience = patience.told(request.configured)
            yield bmc, path, system


def _eject_ours(bmc: Bmc, system: Body) -> bool:
    """Take our media out of the server's drives; says whether there was one."""
    ours = [slot for slot in find_slots(bmc, system) if slot.ours]
    for slot in ours:
        eject(bmc, slot)
    return bool(ours)


def _first_manager(bmc: Bmc, system: Body) -> Body:
    path = next(iter(links(system, "Links", "ManagedBy")), None)
    return bmc.get_if_offered(path, "Manager")


def _notes_on_trust(access: BmcAccess) -> Iterator[str]:
    if access.address.startswith("http://"):
        yield "the BMC is reached over http: its credentials travel readable"
    elif not access.verify_tls:
        yield "the BMC's certificate is not verified"


def _check_served(url: str) -> None:
    """See that our own media server answers at an address that we give to others.

    Raises:
        HardwareBusyError: MEDIA_URL_UNREACHABLE.
    """
    address = url.partition("/media/")[0].removesuffix("/healthz")
    try:
        answer = urllib3.request("HEAD", url, timeout=5, retries=False, redirect=False)
        if answer.status == 200:
            return
        why = f"it answers {answer.status}"
    except urllib3.exceptions.HTTPError as error:
        why = f"it does not answer ({type(error).__name__})"
    raise HardwareBusyError(
        f"the executor's media are to be served at {address}, but {why} there; set --media-url to "
        "an address of the executor that BMCs and machines reach",
        code="MEDIA_URL_UNREACHABLE",
    )
