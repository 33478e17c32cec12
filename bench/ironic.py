"""OpenStack's Ironic as a peer: standalone, without Keystone, on its fake hardware and SQLite.

It comes from PyPI by name into an environment of its own below our cache folder. API and conductor
are one process, which is how Ironic's own documentation runs it on one machine.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import urllib3

from bench.figures import NotMeasuredError
from bench.peers import installed
from deploy.ports import free_port
from tests.e2e import processes

API_VERSION = "1.50"
READY_LIMIT_S = 60
LOOK_S = 0.1
"""How often the states of all nodes are read: Ironic tells nobody when one changes."""

OPTIONS = {
    "DEFAULT": {
        "auth_strategy": "noauth",
        "rpc_transport": "none",
        "host": "bench",
        "enabled_hardware_types": "fake-hardware",
        "enabled_bios_interfaces": "no-bios",
        "enabled_boot_interfaces": "fake",
        "enabled_console_interfaces": "no-console",
        "enabled_deploy_interfaces": "fake",
        "enabled_firmware_interfaces": "no-firmware",
        "enabled_inspect_interfaces": "no-inspect",
        "enabled_management_interfaces": "fake",
        "enabled_network_interfaces": "noop",
        "enabled_power_interfaces": "fake",
        "enabled_raid_interfaces": "no-raid",
        "enabled_rescue_interfaces": "no-rescue",
        "enabled_storage_interfaces": "noop",
        "enabled_vendor_interfaces": "fake",
        "default_deploy_interface": "fake",
    },
    "conductor": {"automated_clean": "false"},
}


class Ironic:
    """One Ironic in a folder of its own."""

    def __init__(self, programs: Path, folder: Path, deploy_s: float) -> None:
        self._programs = programs
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._http = urllib3.PoolManager(maxsize=32, retries=False)
        self._configure(deploy_s)

    @classmethod
    @contextmanager
    def running(cls, *, deploy_s: float = 0) -> Iterator[Self]:
        """Install it unless it is there, and run it; `deploy_s` is what each deployment takes.

        Raises:
            NotMeasuredError: it can't be installed or started.
        """
        folder = Path(tempfile.mkdtemp(prefix="bench-ironic", dir="/tmp"))
        ironic = cls(installed("Ironic", "bin/ironic", "ironic"), folder, deploy_s)
        try:
            ironic._run("ironic-dbsync", "create_schema")
            ironic.start()
            yield ironic
        finally:
            ironic.kill()
            shutil.rmtree(folder)

    def start(self) -> None:
        """Start it and wait until its conductor offers the fake hardware.

        Raises:
            NotMeasuredError: it did not start.
        """
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "ironic"), *self._arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        give_up_at = time.monotonic() + READY_LIMIT_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise NotMeasuredError(f"Ironic did not start: {self._last_words()}")
            time.sleep(LOOK_S)

    def kill(self) -> None:
        """Kill all its processes with SIGKILL, at once: the one that was started has children."""
        if self._process is not None and self._process.returncode is None:
            children = processes.children(self._process.pid)
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            processes.wait_until_gone(*children)

    def enrol(self, count: int) -> list[str]:
        """Make that many nodes available; gives their ids."""
        nodes = [
            self._call("POST", "nodes", {"driver": "fake-hardware", "name": f"node-{number}"})
            for number in range(count)
        ]
        ids = [str(node["uuid"]) for node in nodes]
        for target, state in (("manage", "manageable"), ("provide", "available")):
            for node in ids:
                self._ask(node, target)
            self.wait(ids, state)
        return ids

    def deploy(self, nodes: Sequence[str], *, clients: int) -> None:
        """Have nodes deployed by that many clients, each asking for one after another."""
        with ThreadPoolExecutor(clients) as threads:
            list(threads.map(lambda node: self._ask(node, "active"), nodes))

    def states(self, nodes: Collection[str]) -> dict[str, str]:
        """Read the states of nodes."""
        found = self._call("GET", "nodes?fields=uuid,provision_state&limit=1000")["nodes"]
        return {
            node["uuid"]: node["provision_state"] for node in found if node["uuid"] in set(nodes)
        }

    def wait(self, nodes: Collection[str], *states: str, timeout_s: float = 300) -> float:
        """Wait until all nodes are in one of the states; gives when (`time.monotonic`).

        Raises:
            NotMeasuredError: not all came to it in time.
        """
        give_up_at = time.monotonic() + timeout_s
        while True:
            found = self.states(nodes)
            if all(state in states for state in found.values()):
                return time.monotonic()
            if time.monotonic() > give_up_at:
                raise NotMeasuredError(f"Ironic's nodes were not {states} within {timeout_s} s")
            time.sleep(LOOK_S)

    def _ask(self, node: str, target: str) -> None:
        self._call("PUT", f"nodes/{node}/states/provision", {"target": target})

    def _call(self, method: str, path: str, body: object = None) -> Any:
        """Make a call; one that is refused because the node is busy is made again."""
        while True:
            answer = self._http.request(
                method,
                f"http://127.0.0.1:{self._port}/v1/{path}",
                body=None if body is None else json.dumps(body),
                headers={
                    "Content-Type": "application/json",
                    "X-OpenStack-Ironic-API-Version": API_VERSION,
                },
                timeout=60,
            )
            if answer.status < 300:
                return json.loads(answer.data) if answer.data else None
            if answer.status not in (409, 503):
                raise NotMeasuredError(f"Ironic answered {answer.status}: {answer.data[:300]!r}")
            time.sleep(LOOK_S)

    def _is_ready(self) -> bool:
        try:
            return bool(self._call("GET", "drivers")["drivers"])
        except urllib3.exceptions.HTTPError:
            return False

    def _configure(self, deploy_s: float) -> None:
        own = {
            "api": {"host_ip": "127.0.0.1", "port": str(self._port)},
            "database": {"connection": f"sqlite:///{self._folder}/ironic.sqlite"},
            "oslo_concurrency": {"lock_path": str(self._folder / "locks")},
            "fake": {"deploy_delay": str(deploy_s)},
        }
        lines = []
        for section, options in {**OPTIONS, **own}.items():
            lines += [f"[{section}]", *(f"{name} = {text}" for name, text in options.items())]
        lines.insert(1, f"state_path = {self._folder}")
        (self._folder / "ironic.conf").write_text("\n".join(lines) + "\n")

    @property
    def _arguments(self) -> list[str]:
        return ["--config-file", str(self._folder / "ironic.conf")]

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), *self._arguments, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotMeasuredError(f"{program} failed: {done.stderr.strip()[-500:]}")

    def _last_words(self) -> str:
        return (self._folder / "log").read_text(errors="replace").strip()[-500:]
