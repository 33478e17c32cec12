"""Networks and NICs as values, complete and consistent from construction."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NoReturn

from mulligan.resource.values import check_id, choose
from mulligan.values.errors import InvalidArgumentError

Address = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network

GREATEST_VLAN = 4094
"""IEEE 802.1Q: 0 and 4095 are not VLANs; 0 stands for untagged here."""

_BRIDGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
"""What Linux takes as an interface's name (IFNAMSIZ leaves 15 characters)."""


class AddressMode(StrEnum):
    """Who says which address a NIC gets."""

    AUTO = "auto"
    STATIC = "static"
    DHCP = "dhcp"


@dataclass(frozen=True)
class NetworkSpec:
    """What operators say of a network, complete and consistent from construction.

    Args:
        prefix: CIDR, such as 10.0.2.0/24.
        gateway: inside the prefix, outside the range; empty for none.
        dns: addresses of DNS servers, anywhere.
        vlan: 0 for untagged.
        host_bridge: bridge on hypervisor hosts; empty for user-mode networking.
        first_address: first address handed out; by default the lowest usable one.
        last_address: last address handed out; by default the highest usable one.

    Raises:
        InvalidArgumentError: a value can't be used; `field` says which (spec.prefix, ...).
    """

    prefix: str
    gateway: str = ""
    dns: tuple[str, ...] = ()
    vlan: int = 0
    host_bridge: str = ""
    first_address: str = ""
    last_address: str = ""

    def __post_init__(self) -> None:
        network = _parse_prefix(self.prefix)
        self._put("prefix", str(network))
        self._put("dns", tuple(str(_parse_address(server, "dns")) for server in self.dns))
        gateway = _inside(network, self.gateway, "gateway") if self.gateway else None
        self._put("gateway", str(gateway or ""))
        self._check_link()
        first, last = self._range(network, gateway)
        if int(first) > int(last):
            refuse_spec("last_address", f"{last} comes before the first address {first}; swap them")
        if gateway and int(first) <= int(gateway) <= int(last):
            refuse_spec(
                "gateway", f"gateway {gateway} lies inside the range {first} - {last} and would "
                "be handed out; choose a range without it",
            )  # fmt: skip
        self._put("first_address", str(first))
        self._put("last_address", str(last))

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _check_link(self) -> None:
        if not 0 <= self.vlan <= GREATEST_VLAN:
            refuse_spec("vlan", f"there is no VLAN {self.vlan}; give 1 to 4094, or 0 for untagged")
        if self.host_bridge and not _BRIDGE.fullmatch(self.host_bridge):
            refuse_spec(
                "host_bridge", f"{self.host_bridge!r} can't be a bridge; give its name on hosts"
            )

    def _range(self, network: Prefix, gateway: Address | None) -> tuple[Address, Address]:
        lowest, highest = _usable(network)
        first, last = lowest, highest
        if lowest != highest and gateway == lowest:
            first = lowest + 1
        elif lowest != highest and gateway == highest:
            last = highest - 1
        if self.first_address:
            first = _inside(network, self.first_address, "first_address")
        if self.last_address:
            last = _inside(network, self.last_address, "last_address")
        return first, last

    @property
    def first(self) -> int:
        """The first address handed out, as a number."""
        return int(ip_address(self.first_address))

    @property
    def last(self) -> int:
        """The last address handed out, as a number."""
        return int(ip_address(self.last_address))

    @property
    def addresses(self) -> int:
        """How many addresses are handed out."""
        return self.last - self.first + 1


def refuse_spec(field: str, words: str) -> NoReturn:
    """Raise the error that names a field of the spec."""
    raise InvalidArgumentError(words, field=f"spec.{field}")


def _parse_prefix(prefix: str) -> Prefix:
    try:
        network = ip_network(prefix)
    except ValueError as error:
        raise InvalidArgumentError(
            f"{prefix!r} is not a prefix ({error}); give CIDR such as 10.0.2.0/24",
            field="spec.prefix",
        ) from error
    if "/" not in prefix or network.num_addresses < 2:
        refuse_spec("prefix", f"{prefix!r} has no room for machines; give CIDR such as 10.0.2.0/24")
    return network


def _parse_address(address: str, field: str) -> Address:
    try:
        return ip_address(address)
    except ValueError as error:
        raise InvalidArgumentError(
            f"{address!r} is not an IP address; give one such as 10.0.2.1", field=f"spec.{field}"
        ) from error


def _usable(network: Prefix) -> tuple[Address, Address]:
    """The lowest and highest address that a machine can have (RFC 3021 for /31)."""
    lowest, highest = network.network_address, network.broadcast_address
    if network.num_addresses == 2:
        return lowest, highest
    return lowest + 1, highest - (network.version == 4)


def _inside(network: Prefix, address: str, field: str) -> Address:
    parsed = _parse_address(address, field)
    if parsed not in network:
        refuse_spec(field, f"{field} {parsed} is not inside {network}; choose one that is")
    lowest, highest = _usable(network)
    if not int(lowest) <= int(parsed) <= int(highest):
        refuse_spec(
            field,
            f"{field} {parsed} is the network's own or broadcast address; "
            f"choose from {lowest} to {highest}",
        )
    return parsed


@dataclass(frozen=True, slots=True)
class Network:
    """A network with the number of its addresses that are taken now."""

    id: str
    region: str
    project: str | None
    spec: NetworkSpec
    addresses: int
    addresses_used: int
    generation: int
    created_at: datetime


@dataclass(frozen=True)
class NicWanted:
    """One NIC of a request.

    Args:
        network: UUID.
        mode: auto takes the lowest free address, static the given one, dhcp none.
        address: for static only.

    Raises:
        InvalidArgumentError: mode and address do not go together.
    """

    network: str
    mode: AddressMode = AddressMode.AUTO
    address: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "network", check_id(self.network, field="nics.network"))
        put(self, "mode", choose(AddressMode, self.mode, "nics.mode"))
        if self.mode is AddressMode.STATIC and not self.address:
            raise InvalidArgumentError("a static NIC needs its address", field="nics.address")
        if self.mode is not AddressMode.STATIC and self.address:
            raise InvalidArgumentError(
                f"an address is for static NICs, and this one is {self.mode}; leave it out",
                field="nics.address",
            )
        if self.address:
            try:
                put(self, "address", str(ip_address(self.address)))
            except ValueError as error:
                raise InvalidArgumentError(
                    f"{self.address!r} is not an IP address", field="nics.address"
                ) from error


@dataclass(frozen=True, slots=True)
class AddressClaim:
    """One NIC of a claim; `address` is empty when DHCP gives it one."""

    network: str
    mode: str
    address: str
    mac: str
