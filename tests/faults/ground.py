"""A region with hardware to break: a real executor, a real libvirt, and a BMC with a played server.

Effects are real and seen from outside, yet nothing has to boot: disks are empty, and the test says
what a machine would say.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import libvirt
from google.protobuf.message import Message

from activities.bmc import Patience
from activities.libvirt_connections import start_event_loop
from activities.settings import ExecutorSettings
from deploy.ports import free_port
from deploy.session_libvirt import SessionLibvirt
from mulligan_client.sealing import seal
from tests.fakes.lying_bmc import LyingBmc
from tests.fakes.place import Place, new_name
from tests.fakes.site import Site
from tests.faults import checker
from tests.faults.checker import Records, SeenBmc, SeenHost
from tests.faults.inject import Injector
from tests.faults.metal import Machines, PlayedServer
from tests.lab import serving
from worker.executor import running_executor

HASTY = Patience(
    pause_s=0.01, power_s=0.2, media_s=0.1, boot_s=0.1, bmc_goes_s=0.1, bmc_comes_s=0.2
)
IMAGE = b"\1" * (1 << 20)
SPEC = {"vcpus": 1, "memory_mib": 64, "disk_gib": 1}


class Witness:
    """Counts how often libvirt says that a domain was defined."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self.definitions: Counter[str] = Counter()
        kind = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        connection.domainEventRegisterAny(None, kind, self._hear, None)

    def _hear(self, _: Any, domain: Any, event: int, _detail: int, _opaque: Any) -> None:
        if event == libvirt.VIR_DOMAIN_EVENT_DEFINED:
            self.definitions[domain.UUIDString()] += 1


@dataclass
class Ground:
    """Everything of one region; `bmcs` are its servers by id. Clean between two scenarios.

    `proxies` are those of the servers whose BMC can be made to lie.
    """

    place: Place
    injector: Injector
    settings: ExecutorSettings
    session: SessionLibvirt
    observer: libvirt.virConnect
    witness: Witness
    machines: Machines
    open: ExitStack
    host: str = ""
    server: str = ""
    silent: str = ""
    talking: str = ""
    bmcs: dict[str, PlayedServer] = field(default_factory=dict)
    proxies: dict[str, LyingBmc] = field(default_factory=dict)
    known_problems: set[str] = field(default_factory=set)
    _records: Records | None = None

    @property
    def site(self) -> Site:
        return self.place.site

    @property
    def region(self) -> str:
        return self.place.region

    @property
    def bmc(self) -> PlayedServer:
        """The BMC of the region's server."""
        return self.bmcs[self.server]

    # What there is

    def fill(self) -> None:
        """Enrol a host and a server, and offer images with and without a word of their own."""
        # What a place makes when it is first asked for would differ between runs.
        _ = self.place.image, self.place.network, self.place.member
        self.silent, self.talking = (self._image(say) for say in ("none", "phone-home"))
        self.host = self.add_host("").metadata.id
        self.server = self.add_server()
        for endpoint in (self.host, self.server):
            ended = self.place.end_of_check(endpoint)
            assert ended.status.state == "done", ended.status.reason

    def _image(self, activation: str) -> str:
        path = self.settings.state_folder / "offered" / "image.raw"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(IMAGE)
        image = self.place.create_image(
            url=path.as_uri(),
            sha256=hashlib.sha256(IMAGE).hexdigest(),
            activation=activation,
        )
        return str(image.metadata.id)

    def add_host(self, mark: str) -> Any:
        """Enrol the libvirt as a host; each mark makes it another one."""
        spec = {"uri": f"{self.session.uri}{mark}", "pool": "faults"}
        return self.place.operator.CreateHost(name=new_name("host"), region=self.region, spec=spec)

    def add_server(self, *, can_lie: bool = False, **more: Any) -> str:
        """Enrol a server with a BMC of its own."""
        bmc = PlayedServer(machines=self.machines, manager_resets=("GracefulRestart",))
        bmc.resets = (*bmc.resets, "PowerCycle")
        # As its first deployment leaves it: each run is to find the same.
        bmc.boot["BootSourceOverrideMode"] = "UEFI"
        server, address = str(uuid4()), self.open.enter_context(serving(bmc.app))
        if can_lie:
            self.proxies[server] = self.open.enter_context(LyingBmc(address))
            address = self.proxies[server].address
        [key, *_] = self.place.operator.ListRegionKeys(region=self.region).keys
        content = {"endpoint": server, "address": address, "region": self.region}
        sealed = seal(key.public_key, key.key_id, **content, username="admin", password="password")
        spec = {"address": address, "sealed_credentials": sealed, **more}
        self.bmcs[server] = bmc
        self.place.add_server(id=server, spec=spec)
        return server

    # What is asked

    def provision(self, kind: str = "virtual", *, talks: bool = False) -> Any:
        """Ask for a machine; gives the operation that begins."""
        wish = SPEC if kind == "virtual" else {"vcpus": 0, "memory_mib": 0, "disk_gib": 0}
        image = self.talking if talks or kind == "baremetal" else self.silent
        return self.place.provision(kind, spec={**wish, "image": image})

    def machine(self, kind: str = "virtual") -> str:
        """Give a machine that is active."""
        ended = self.end(self.provision(kind))
        assert ended.status.state == "done", ended.status.reason
        return str(ended.object_id)

    def end(self, operation: Message) -> Any:
        """Wait until an operation has ended."""
        return self.site.end_of(cast("Any", operation).metadata.id)

    def until_said(self, operation: str, words: str) -> None:
        """Wait until an operation says something."""
        self.place.operator.until(lambda event: words in event.message, operation=operation)

    # What is seen

    @property
    def records(self) -> Records:
        """The records as `problems` saw them last."""
        return self._records or self._read_records()

    def _read_records(self) -> Records:
        return self.site.read(lambda session: checker.read_records(session, self.region))

    def writes(self) -> dict[str, list[str]]:
        """What each BMC was told so far."""
        return {server: list(bmc.writes) for server, bmc in self.bmcs.items()}

    def problems(self) -> list[str]:
        """Check everything of the region, from outside; tells what was not told before."""
        found = [problem for bmc in self.bmcs.values() for problem in bmc.rest()]
        self._records = records = self._read_records()
        found += checker.check_records(records)
        found += self.site.run(checker.check_workflows(records, self.site.client, self.region))
        found += checker.check_host(records, self._seen_host())
        found += checker.check_files(records, self.settings.state_folder)
        for server in records.servers:
            found += checker.check_bmc(records, self._seen_bmc(server))
        new = [one for one in found if one not in self.known_problems]
        self.known_problems |= set(found)
        return new

    def _seen_host(self) -> SeenHost:
        nvram = Path(self.session.environment["XDG_CONFIG_HOME"]) / "libvirt/qemu/nvram"
        return SeenHost(
            id=self.host,
            connection=self.observer,
            definitions=self.witness.definitions,
            nvram=nvram,
            files=self.settings.state_folder,
        )

    def _seen_bmc(self, server: str) -> SeenBmc:
        bmc = self.bmcs[server]
        return SeenBmc(
            server=server,
            is_on=bmc.power == "On",
            medium=bmc.image,
            inserts=bmc.writes.count("insert"),
            starts=bmc.starts,
            is_clean=not bmc.disk,
        )


@contextmanager
def ground(site: Site, injector: Injector, folder: Path) -> Iterator[Ground]:
    """Have a region with an executor, a libvirt and nothing enrolled yet."""
    place = Place(site)
    http_port, https_port = free_port(), free_port()
    settings = ExecutorSettings(
        region=place.region,
        state_folder=folder / "executor",
        ramdisk_folder=folder / "ramdisk",
        media_url=f"http://127.0.0.1:{http_port}",
        ramdisk_url=f"https://127.0.0.1:{https_port}",
        report_url=f"http://127.0.0.1:{http_port}",
        image_folder=folder / "executor" / "offered",
    )
    settings.ramdisk_folder.mkdir(parents=True)
    for name in ("efi.img", "vmlinuz", "initrd.img", "grub.cfg"):
        (settings.ramdisk_folder / name).write_bytes(name.encode() * 512)
    start_event_loop()
    with ExitStack() as stack:
        session = stack.enter_context(SessionLibvirt(folder / "libvirt"))
        observer = libvirt.open(session.uri)
        stack.callback(observer.close)
        stack.callback(_destroy_all, observer)
        stack.enter_context(_executor(site, settings, injector))
        yield Ground(
            place,
            injector,
            settings,
            session,
            observer,
            Witness(observer),
            Machines(settings),
            stack,
        )


@contextmanager
def _executor(site: Site, settings: ExecutorSettings, injector: Injector) -> Iterator[None]:
    """Run a real executor on the site's loop."""
    ready: Future[asyncio.Event] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        running = running_executor(
            site.client, settings, listen="127.0.0.1", patience=HASTY, interceptors=[injector]
        )
        async with running:
            ready.set_result(stop)
            await stop.wait()

    serving_it = asyncio.run_coroutine_threadsafe(serve(), site.loop)
    serving_it.add_done_callback(lambda ended: _tell(ready, ended))
    stop = ready.result(30)
    try:
        yield
    finally:
        site.loop.call_soon_threadsafe(stop.set)
        serving_it.result(60)


def _tell(ready: Future[Any], ended: Future[None]) -> None:
    """Have whoever waits for an executor hear that it could not start."""
    if not ready.done():
        ready.set_exception(ended.exception() or RuntimeError("the executor ended at once"))


def _destroy_all(connection: libvirt.virConnect) -> None:
    for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
        domain.destroy()
