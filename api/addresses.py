"""Where a caller calls from."""

from ipaddress import ip_address, ip_network
from urllib.parse import unquote


def address_of(peer: str) -> str:
    """Read the IP address of a caller from what gRPC calls it; of IPv6 its /64, which one has.

    Empty for a caller on this machine's socket file.
    """
    kind, _, rest = unquote(peer).partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    address = ip_address(rest.rpartition(":")[0].strip("[]").partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network((address, 32 if address.version == 4 else 64), strict=False))
