"""Contracts of what an executor does to a server through its BMC, and of the ramdisk there."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator
from temporalio import activity

from activities.contracts.hardware import (
    ConfigDrivePlan,
    Done,
    Fenced,
    ImageSource,
    NicPlan,
    OperationLog,
)
from activities.contracts.payload import Payload, contract_only


class BmcAccess(Payload):
    """How a BMC is reached: `address` is canonical (scheme://host:port).

    The sealed credentials ("<key id>.<base64>") bind them to server, address and region.
    `system` is the Redfish path of the computer system; empty asks for the only one.
    """

    server: str
    region: str
    address: str
    sealed_credentials: str
    verify_tls: bool = True
    system: str = ""


class VerifyServer(Fenced):
    """Try credentials, find the system, read power, check that virtual media can reach us."""

    access: BmcAccess


class VerifiedServer(Payload):
    """What verify found. `notes` are sentences for the operator, such as what is not offered."""

    system: str
    system_uuid: str = ""
    vendor: str = ""
    model: str = ""
    redfish_version: str = ""
    bmc_firmware: str = ""
    power: Literal["on", "off", "unknown"] = "unknown"
    virtual_media: Literal["manager", "system", "none"] = "none"
    notes: tuple[str, ...] = ()


class InspectServer(Fenced):
    """Read a server's inventory."""

    access: BmcAccess


class ServerLook(Payload):
    """A glance at a server: its power, and whether a medium of ours is in its drive."""

    power: Literal["on", "off", "unknown"] = "unknown"
    has_our_medium: bool = False


class DiskFacts(Payload):
    """One disk. What isn't known is empty or 0."""

    name: str = ""
    size_bytes: int = 0
    serial: str = ""
    wwn: str = ""
    model: str = ""
    media: str = ""


class NicFacts(Payload):
    """One network interface; the MAC in lower case with colons."""

    name: str = ""
    mac: str = ""
    speed_mbps: int = 0
    link_up: bool | None = None


class ServerInventory(Payload):
    """What a server has; `not_offered` names what this BMC does not tell (never an error)."""

    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    architecture: str = ""
    sockets: int = 0
    cpus: int = 0
    memory_mib: int = 0
    disks: tuple[DiskFacts, ...] = ()
    nics: tuple[NicFacts, ...] = ()
    boot_mode: Literal["uefi", "bios", "unknown"] = "unknown"
    not_offered: tuple[str, ...] = ()


class DiskHint(Payload):
    """Which disk is meant: exact serial, else wwn, else name, else the first of `min_bytes`."""

    serial: str = ""
    wwn: str = ""
    name: str = ""
    min_bytes: int = 0


class StageServer(Fenced):
    """Have image, config drive and boot medium ready to be served to one server.

    Without an image the medium boots the ramdisk for a wipe.
    """

    access: BmcAccess
    machine: str = ""
    image: ImageSource | None = None
    nics: tuple[NicPlan, ...] = ()
    config_drive: ConfigDrivePlan | None = None


class RamdiskImage(Payload):
    """The raw image as the ramdisk streams it. Where from is for the ramdisk only: a secret."""

    sha256: str
    size_bytes: int


class RamdiskFile(Payload):
    """A small file that the ramdisk fetches whole."""

    sha256: str


class StagedServer(Payload):
    """What was staged for the server besides its boot medium; the addresses are secrets."""

    image: RamdiskImage | None = None
    config_drive: RamdiskFile | None = None


class BootMedium(Fenced):
    """The server whose BMC should insert the operation's medium and boot it once.

    `anew`: a server that runs from the medium already is booted from it again.
    """

    access: BmcAccess
    anew: bool = False


class BmcTarget(Fenced):
    """A server's BMC."""

    access: BmcAccess


class RamdiskTask(Payload):
    """What the ramdisk does; it asks right before it acts, and a dead operation answers no.

    For a wipe, `disks` empty means every disk that isn't removable or read-only. `server` is the
    one on which it is done: image and config drive were staged for it.
    """

    action: Literal["deploy", "wipe"]
    server: str = ""
    disk: DiskHint = DiskHint()
    disks: tuple[DiskHint, ...] = ()
    image: RamdiskImage | None = None
    config_drive: RamdiskFile | None = None
    after: Literal["reboot", "poweroff"] = "poweroff"


def _only(pattern: str) -> AfterValidator:
    """Take a text for none where everybody is to read it, and it is another one than ours."""
    return AfterValidator(lambda text: text if re.fullmatch(pattern, text) else "")


Step = Annotated[str, _only(r"[a-z]{1,16}")]
Code = Annotated[str, _only(r"[A-Z][A-Z0-9_]{1,40}")]
"""What a ramdisk calls a step and an error; nothing else that it says is for projects."""


class RamdiskFacts(Payload):
    """What the ramdisk saw from inside the server."""

    disks: tuple[DiskFacts, ...] = ()
    nics: tuple[NicFacts, ...] = ()
    cpus: int = 0
    memory_mib: int = 0
    boot_mode: str = ""


class RamdiskProgress(Payload):
    """How far the ramdisk is."""

    step: Step
    percent: int = 0


class RamdiskResult(Payload):
    """How the ramdisk's task ended; `code` and `message` say why it failed."""

    ok: bool
    step: Step = ""
    code: Code = ""
    message: str = ""


@activity.defn(name="redfish.verify")
def verify(request: VerifyServer) -> VerifiedServer:
    """Check that a server can be driven: BMC_CREDENTIALS_REFUSED, BMC_UNREACHABLE say why not."""
    contract_only()


@activity.defn(name="redfish.inspect")
def inspect(request: InspectServer) -> ServerInventory:
    """Read a server's inventory as far as its BMC tells it."""
    contract_only()


@activity.defn(name="redfish.look")
def look(request: InspectServer) -> ServerLook:
    """Read power and media; changes nothing."""
    contract_only()


@activity.defn(name="redfish.restart_bmc")
def restart_bmc(request: BmcTarget) -> Done:
    """Restart the BMC, never the server, and wait until it answers again."""
    contract_only()


@activity.defn(name="redfish.power_cycle")
def power_cycle(request: BmcTarget) -> Done:
    """Take a server's power away and leave it off: for a server on which nothing of a tenant runs.

    A BMC that offers to cut the power wholly (PowerCycle) is asked for that first.
    """
    contract_only()


@activity.defn(name="redfish.stage")
def stage(request: StageServer) -> StagedServer:
    """Fetch and verify the image, write config drive and boot medium, and serve them."""
    contract_only()


@activity.defn(name="redfish.boot_medium")
def boot_medium(request: BootMedium) -> Done:
    """Power off, insert the medium, boot from it once, power on; each is read back."""
    contract_only()


@activity.defn(name="redfish.boot_disk")
def boot_disk(request: BmcTarget) -> Done:
    """Eject the medium and boot from disk, whatever the power was."""
    contract_only()


@activity.defn(name="redfish.power_off")
def power_off(request: BmcTarget) -> Done:
    """Power the server off, eject our medium, and read both back."""
    contract_only()


@activity.defn(name="redfish.unstage")
def unstage(request: BmcTarget) -> Done:
    """Stop serving what was staged for the operation and delete it."""
    contract_only()


@activity.defn(name="redfish.read_log")
def read_log(request: BmcTarget) -> tuple[OperationLog, ...]:
    """Read what ramdisk and BMC said during the operation."""
    contract_only()
