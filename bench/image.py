"""A large image on a server: how long beside copying it, and what it costs the executor."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from temporalio.client import Client as Temporal

from activities.contracts.reports import RAMDISK_FACTS
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.overhead import test_image
from bench.site import TEST_MEMORY_MIB, Site, running_site
from deploy.dev_server import NAMESPACE
from deploy.lab import VirtualServers, some_servers
from mulligan_client.client import Client
from mulligan_client.gen.mulligan.control.v1 import control_pb2

ROOM_MIB = 512
RAMDISK_STEP = "boot ramdisk (deploy)"
BOOT_STEPS = ("boot", "activate")


class _Served(SimpleHTTPRequestHandler):
    """Serves a folder, and counts what is asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def image(size: Size) -> Iterator[Figure]:
    """Put a large image on a virtual server by Redfish, and many machines on one image.

    deploy: from the request until the machine has phoned home; the image is cached. Limit: `dd` of
    the same bytes on this machine, synced, and the two boots of that operation: from its step that
    boots the ramdisk until Temporal has the ramdisk's first report, and from its step that boots
    the disk until the machine's report.
    image_fetches: how often the image's HTTP server is asked for it by that many provisions of
    machines of libvirt's test driver at once, and then by the server's; nothing is cached before.
    executor_peak: the most memory that the executor ever had (VmHWM) after all of these.
    """
    built = test_image()
    with tempfile.TemporaryDirectory(prefix="bench-image", dir="/tmp") as name:
        folder = Path(name)
        file = _large(built.image, folder / "offered" / "large.raw", size.image_mib)
        with (
            _serving(file.parent) as (address, asked),
            running_site("--ramdisk", str(built.ramdisk), "--allowed-image-host", address) as site,
        ):
            site.prepare_test_hosts(size.image_provisions)
            before_mb = _peak_mb(site.serving()["executor"])
            _provision_many(site, file, f"http://{address}/{file.name}", size)
            ended, took_s = _deploy(site, file, f"http://{address}/{file.name}", folder, size)
            boots_s = asyncio.run(_boots(site, ended))
            peak_mb = _peak_mb(site.serving()["executor"])
        copied_s = _copied(file, folder / "copy")
    yield Figure(
        "provision",
        "deploy",
        "s",
        took_s,
        limit_value=copied_s + boots_s,
        remark=f"{size.image_mib} MiB; dd {copied_s:.1f} s, two boots {boots_s:.1f} s; "
        + ", ".join(f"{step.name} {_seconds(step):.1f}" for step in ended.steps),
    )
    yield Figure(
        "provision", "image_fetches", "requests", len(asked), target=Target("at most", value=1)
    )
    yield Figure(
        "provision",
        "executor_peak",
        "MB",
        peak_mb,
        target=Target("at most", value=150),
        remark=f"{before_mb:.0f} MB before any image",
    )


def _large(image: Path, file: Path, size_mib: int) -> Path:
    """Make a bootable image of a size: the test image, and noise behind it."""
    file.parent.mkdir()
    shutil.copyfile(image, file)
    with file.open("ab") as out:
        while (left := (size_mib << 20) - out.tell()) > 0:
            out.write(os.urandom(min(left, 1 << 20)))
    return file


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; gives the address and what was asked for."""
    asked: list[str] = []

    class Served(_Served):
        def __init__(self, *words: object) -> None:
            self.asked = asked
            super().__init__(*words, directory=str(folder))  # type: ignore[arg-type]

    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def _provision_many(site: Site, file: Path, url: str, size: Size) -> None:
    """Provision machines of one image at once, on hosts that only pretend to run them."""
    image = site.add_image("large-virtual", file, url=url, activation="none")
    disk_gib = -(-size.image_mib // 1024)

    def ask(client: Client, number: int) -> str:
        name = f"machine-{number}"
        asked = site.provision(
            name, image, memory_mib=TEST_MEMORY_MIB, disk_gib=disk_gib, client=client
        )
        return asked.object_id

    with site.watching() as watching, site.clients(size.clients) as clients:
        machines = clients.ask(size.image_provisions, ask)
        watching.wait(machines, "active", "failed")
        active = watching.reached(machines, "active")
    if len(active) < len(machines):
        raise NotMeasuredError(f"only {len(active)} of {len(machines)} machines became active")


def _deploy(
    site: Site, file: Path, url: str, folder: Path, size: Size
) -> tuple[control_pb2.Operation, float]:
    image = site.add_image("large", file, url=url)
    servers = some_servers(1, disk_mib=size.image_mib + ROOM_MIB)
    with VirtualServers(folder / "lab", site.libvirt_uri, servers) as lab:
        site.enrol(lab, lab.servers[0])
        asked = time.monotonic()
        ended = site.done(site.provision("metal", image, kind="baremetal").metadata.id)
        return ended, time.monotonic() - asked


async def _boots(site: Site, operation: control_pb2.Operation) -> float:
    """Add up both boots of an operation."""
    temporal = await Temporal.connect(site.up.temporal_address, namespace=NAMESPACE)
    history = await temporal.get_workflow_handle(operation.metadata.id).fetch_history()
    reported = next(
        event.event_time.ToMilliseconds()
        for event in history.events
        if event.workflow_execution_signaled_event_attributes.signal_name == RAMDISK_FACTS
    )
    steps = {step.name: step for step in operation.steps}
    ramdisk_s = (reported - steps[RAMDISK_STEP].started_at.ToMilliseconds()) / 1000
    return ramdisk_s + sum(_seconds(steps[name]) for name in BOOT_STEPS)


def _seconds(step: control_pb2.Step) -> float:
    return (step.ended_at.ToMilliseconds() - step.started_at.ToMilliseconds()) / 1000


def _copied(file: Path, target: Path) -> float:
    """Copy a file as `dd` does; gives how long that took."""
    started = time.monotonic()
    subprocess.run(
        ["dd", f"if={file}", f"of={target}", "bs=1M", "conv=fsync", "status=none"], check=True
    )
    return time.monotonic() - started


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise NotMeasuredError(f"process {pid} tells no VmHWM")
