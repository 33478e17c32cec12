"""Ports are free, in a row, and where no connection takes them; or it is said why there is none."""

import errno
import secrets
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from deploy import ports


def test_ports_in_a_row_may_be_listened_on() -> None:
    first = ports.free_ports(3)
    with ExitStack() as stack:
        for port in range(first, first + 3):
            stack.enter_context(socket.socket()).bind(("127.0.0.1", port))


def test_a_taken_port_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = ports.free_port()
    chosen = iter((taken - 20_000, taken - 19_999))
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(chosen))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken))
        assert ports.free_port() == taken + 1


def test_that_no_port_may_be_had_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(socket, "socket", forbidden)
    with pytest.raises(OSError, match="too many"):
        ports.free_port()
