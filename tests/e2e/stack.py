"""A whole Mulligan in a folder of its own: `mulligan up`, a host, servers, an image, a tenant."""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.demo import Built
from deploy.lab import VirtualServer, VirtualServers, some_servers
from deploy.ports import free_ports
from deploy.session_libvirt import SessionLibvirt
from mulligan_client.client import Client
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from mulligan_client.store import Store
from tests.e2e import processes
from tests.e2e.installation import Installation, bootstrap, sha256_of
from tests.e2e.up import MULLIGAN, Up

__all__ = ["DISK_MIB", "Stack", "environment_in", "running_stack", "sha256_of"]

DISK_MIB = 128
"""A wipe takes its time for each MiB; the image has 48."""


@dataclass(frozen=True)
class Said:
    """What a command of `mulligan` answered."""

    code: int
    out: str
    errors: str


@dataclass
class Stack(Installation):
    """Everything that runs, and the ways to drive it. The administrator is signed in."""

    built: Built
    up: Up
    unreachable: control_pb2.Server = field(default_factory=control_pb2.Server)
    """A server whose BMC does not answer; that this is given up takes minutes."""
    _unused: list[VirtualServer] = field(default_factory=list)

    @property
    def temporal_address(self) -> str:
        """Where its Temporal listens."""
        return self.up.temporal_address

    def mulligan(
        self, *words: str | Path, token: str = "", config: Path | None = None, given: str = ""
    ) -> Said:
        """Run the `mulligan` command as an operator does."""
        environment = environment_in(self.folder)
        environment["MULLIGAN_CONFIG_DIR"] = str(config or self.folder / "client")
        if token:
            environment["MULLIGAN_TOKEN"] = token
        done = subprocess.run(
            [MULLIGAN, *(str(word) for word in words)],
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def start_again(self) -> None:
        """Start it after a stop or a kill; the servers' BMC finds the new libvirt."""
        self.up.start()
        self.lab.start()

    def new_server(self) -> tuple[VirtualServer, str]:
        """Enrol a server of the lab that nobody had yet; gives it and its id when available."""
        server = self.unknown_server()
        enrolled = self.enrol(server)
        assert self.wait(enrolled.operation).status.state == "done"
        assert self.server(enrolled.metadata.id).status.state == "available"
        return server, enrolled.metadata.id

    def unknown_server(self) -> VirtualServer:
        """Give a server of the lab that nobody has enrolled, to nobody else again."""
        return self._unused.pop(0)

    def log(self, operation: str) -> str:
        """Read what was said during an operation."""
        said = self.mulligan("operation", "log", operation)
        assert said.code == 0, said.errors
        return said.out


def environment_in(folder: Path) -> dict[str, str]:
    """Give an environment in which whatever is written outside of the state folder shows."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("MULLIGAN_", "XDG_", "TEMPORAL_"))
    }
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    return {**kept, **places, "MULLIGAN_CACHE": f"{cache}/mulligan"}


@contextmanager
def running_stack(built: Built, *arguments: str, servers: int = 0) -> Iterator[Stack]:
    """Run a stack with a host; afterwards nothing of it runs, and nothing is outside its state.

    The ports stay the same when it is started again, because guests know them.
    """
    folder = Path(tempfile.mkdtemp(prefix="e2e", dir="/tmp"))
    for name in ("home", "tmp", "images"):
        (folder / name).mkdir()
    state, uri = folder / "state", SessionLibvirt(folder / "state" / "libvirt").uri
    port = free_ports(5)
    address = f"127.0.0.1:{port}"
    up = Up(
        [
            *("--state", str(state), "--listen", address),
            *("--temporal-port", str(port + 1), "--ui-port", str(port + 2)),
            *("--media-port", str(port + 3)),
            *("--image-folder", str(folder / "images"), "--ramdisk", str(built.ramdisk)),
            *arguments,
        ],
        environment_in(folder),
    )
    try:
        token = up.start()
        with (
            Client(address) as client,
            VirtualServers(
                state / "lab",
                uri,
                some_servers(servers, prefix="e2e", disk_mib=DISK_MIB),
                password=secrets.token_urlsafe(12),
            ) as lab,
        ):
            stack = _bootstrapped(folder, built, up, client, lab, address, token)
            yield stack
            _end_virtual_machines(stack)
    finally:
        up.stop()
        left = processes.naming(folder)
        processes.kill(*left)  # what a failed test has left would disturb others
    assert left == {}
    assert {name: list((folder / name).iterdir()) for name in ("home", "tmp")} == {
        "home": [],
        "tmp": [],
    }
    shutil.rmtree(folder)


def _bootstrapped(
    folder: Path,
    built: Built,
    up: Up,
    client: Client,
    lab: VirtualServers,
    address: str,
    token: str,
) -> Stack:
    tenant = bootstrap(client, address, token)
    Store(folder / "client").write(tenant.login)
    state = folder / "state"
    stack = Stack(
        folder=folder,
        state=state,
        built=built,
        up=up,
        client=client,
        login=tenant.login,
        password=tenant.password,
        uri=SessionLibvirt(state / "libvirt").uri,
        lab=lab,
        network=tenant.network,
        image="",
        _unused=list(lab.servers[:-1]),
    )
    stack.add_host("hypervisor", "qemu:///session")
    stack.image = stack.add_image("tiny", stack.offer(built.image, "tiny.raw"))
    return stack


def _end_virtual_machines(stack: Stack) -> None:
    """End what a failed test left; servers are ended by the lab."""
    request = control_pb2.ListMachinesRequest(project=stack.login.project)
    for machine in stack.client.control.ListMachines(request).machines:
        if machine.spec.kind == "virtual" and machine.status.state == "active":
            stack.end(machine.metadata.id)
