"""The virtual lab comes up in its folder and leaves nothing."""

import os
import select
import signal
import subprocess
import time
from pathlib import Path

import libvirt
import pytest
import urllib3

from deploy.lab import VirtualServer, VirtualServers, some_servers
from deploy.session_libvirt import SessionLibvirt, end_process, listening_pid
from mulligan.values.errors import FailedPreconditionError


def processes(folder: Path) -> list[str]:
    """Find the processes that name a folder in their command or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in words and int(process.name) != os.getpid():
            found.append((process / "comm").read_text().strip())
    return found


def test_it_comes_back_as_it_was_and_leaves_nothing(tmp_path: Path) -> None:
    (server,) = some_servers(1, disk_mib=16)
    with SessionLibvirt(tmp_path / "libvirt") as session:
        servers = VirtualServers(tmp_path / "servers", session.uri, [server])
        servers.start()
        connection = libvirt.open(session.uri)
        connection.lookupByUUIDString(server.uuid).create()
        servers.disk_path(server).write_bytes(b"kept")
        servers.stop(keep_servers=True)
        servers.start()
        assert connection.lookupByUUIDString(server.uuid).isActive()
        assert servers.disk_path(server).read_bytes() == b"kept"
        servers.stop()
        assert connection.listAllDomains() == []
        assert connection.listAllStoragePools() == []
        connection.close()
        assert list((tmp_path / "libvirt").rglob("*VARS*")) == []
    assert [path.name for path in tmp_path.iterdir()] == ["libvirt"]
    assert processes(tmp_path) == []


def test_an_emulator_that_a_killed_predecessor_left_is_replaced(tmp_path: Path) -> None:
    with SessionLibvirt(tmp_path / "libvirt") as session:
        servers = some_servers(1, disk_mib=16)
        first = VirtualServers(tmp_path / "servers", session.uri, servers)
        first.start()
        second = VirtualServers(tmp_path / "servers", session.uri, servers)
        second.start()
        second.stop()
    assert processes(tmp_path) == []


def bmc_answer(servers: VirtualServers, server: VirtualServer) -> int:
    """Ask the BMC about a server, waiting for a BMC that just starts."""
    patient = urllib3.Retry(total=200, connect=200, read=5, backoff_factor=0.05, backoff_max=0.2)
    headers = urllib3.make_headers(basic_auth=f"{servers.username}:{servers.password}")
    with urllib3.PoolManager() as pool:
        url = f"{servers.address}{server.system}"
        return pool.request("GET", url, headers=headers, retries=patient).status


def wait_for_end_of(process: int) -> None:
    """Wait until a process, given by its pidfd, has ended."""
    assert select.select([process], [], [], 20)[0], "it goes on"
    os.close(process)


def test_the_bmc_finds_a_libvirt_that_was_killed_and_started_again(tmp_path: Path) -> None:
    (server,) = some_servers(1, disk_mib=16)
    with (
        SessionLibvirt(tmp_path / "libvirt") as session,
        VirtualServers(tmp_path / "servers", session.uri, [server]) as servers,
    ):
        assert bmc_answer(servers, server) == 200
        bmc = os.pidfd_open(int((tmp_path / "servers/emulator.pid").read_text()))
        daemon = listening_pid(session.socket)
        assert daemon is not None
        killed = os.pidfd_open(daemon)
        os.kill(daemon, signal.SIGKILL)
        wait_for_end_of(killed)
        session.start()
        wait_for_end_of(bmc)
        assert bmc_answer(servers, server) == 200
    assert processes(tmp_path) == []


def test_a_daemon_that_a_killed_predecessor_left_is_taken_over(tmp_path: Path) -> None:
    first = SessionLibvirt(tmp_path / "libvirt")
    first.start()
    second = SessionLibvirt(tmp_path / "libvirt")
    second.start()
    second.stop()
    with pytest.raises(libvirt.libvirtError):
        libvirt.open(first.uri)
    first.stop()


def test_a_long_path_is_reached_through_a_short_link_that_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name-" * 8)
    with SessionLibvirt(folder) as session:
        libvirt.open(session.uri).close()
        assert len(session.environment["XDG_RUNTIME_DIR"]) < 50
        link = Path(session.environment["XDG_RUNTIME_DIR"]).parent
        assert link.resolve() == folder
    assert not link.is_symlink()


def test_a_link_to_elsewhere_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name-" * 8)
    session = SessionLibvirt(folder)
    link = Path(session.environment["XDG_RUNTIME_DIR"]).parent
    link.symlink_to(tmp_path)
    try:
        with pytest.raises(FailedPreconditionError, match="in the way"):
            session.start()
    finally:
        link.unlink()


def test_a_path_for_which_no_link_is_short_enough_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / ("x" * 100)))
    with pytest.raises(FailedPreconditionError, match="too long"):
        SessionLibvirt(tmp_path / ("y" * 100))


def test_a_process_that_does_not_listen_is_killed() -> None:
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; exec sleep 60"]
    with subprocess.Popen(deaf, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "deaf\n"
        started = time.monotonic()
        end_process(child.pid, 0.3)
        assert time.monotonic() - started < 5
        assert not Path(f"/proc/{child.pid}").exists()
