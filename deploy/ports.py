"""Ports that nobody uses."""

import secrets
import socket
from contextlib import ExitStack, suppress

_FIRST, _MANY = 20_000, 10_000


def free_ports(count: int) -> int:
    """Find free TCP ports of 127.0.0.1 in a row; gives the first.

    They are where the kernel takes none for outgoing connections (ip(7), ip_local_port_range), so
    that a connection that somebody opens meanwhile does not take them.
    """
    while True:
        first = _FIRST + secrets.randbelow(_MANY)
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def free_port() -> int:
    """Find a free TCP port of 127.0.0.1."""
    return free_ports(1)
