"""Payloads that the hypervisor and the Redfish contracts share: images, networks, config drives."""

from datetime import datetime
from typing import Literal

from activities.contracts.configuration import ForExecutor
from activities.contracts.payload import Payload


class Fenced(ForExecutor):
    """The operation that asks, and the fence that it holds on its end-point."""

    operation: str
    fence: int


class ImageSource(Payload):
    """An image as its record states it; nothing of it is probed or guessed.

    `sha256` is of the file at `url`. `disk_format` is raw or qcow2. The sealed credentials, if the
    URL needs any, bind them to image, the URL's scheme://host:port and region.
    """

    image: str
    name: str
    url: str
    sha256: str
    disk_format: Literal["raw", "qcow2"]
    activation: Literal["phone-home", "power-on", "none"] = "phone-home"
    config_format: Literal["config-2", "cidata"] = "config-2"
    sealed_credentials: str = ""


class NicPlan(Payload):
    """One network interface of a machine. `host_bridge` empty means user-mode networking."""

    mac: str
    network: str
    host_bridge: str = ""
    vlan: int = 0
    mode: Literal["static", "dhcp"]
    address: str = ""
    prefix_length: int = 0
    gateway: str = ""
    dns: tuple[str, ...] = ()


class ConfigDrivePlan(Payload):
    """What the machine is told about itself. User data is sealed to the region's key.

    Before `token_expires_at` the machine may say once, with the token written in its config drive,
    that it is active.
    """

    hostname: str
    ssh_keys: tuple[str, ...] = ()
    sealed_user_data: str = ""
    token_expires_at: datetime


class GuestReport(Payload):
    """What a machine said of itself when it phoned home (the POST of cloud-init's phone_home).

    `address` is what the machine says, else the address from which the report came.
    """

    hostname: str = ""
    fqdn: str = ""
    instance_id: str = ""
    address: str = ""
    ssh_host_keys: tuple[str, ...] = ()


class OperationLog(Payload):
    """The last 64 KiB of what one source said, redacted, zlib-compressed in base64."""

    source: Literal["console", "ramdisk", "bmc"]
    compressed: str


class Done(Payload):
    """The effect is there; `changed` says whether this call made it."""

    changed: bool = True
