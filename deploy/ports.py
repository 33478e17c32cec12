"""Ports that nobody uses."""

import errno
import secrets
import socket
from contextlib import ExitStack

_FIRST, _MANY = 20_000, 10_000


def free_ports(count: int) -> int:
    """Find free TCP ports of 127.0.0.1 in a row; gives the first.

    They are where Linux takes none for outgoing connections unless it is told to (ip(7),
    ip_local_port_range), so that a connection that somebody opens meanwhile does not take them.

    Raises:
        OSError: no port may be had at all.
    """
    while True:
        first = _FIRST + secrets.randbelow(_MANY)
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return first


def free_port() -> int:
    """Find a free TCP port of 127.0.0.1."""
    return free_ports(1)
