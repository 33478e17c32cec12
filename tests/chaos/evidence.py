"""What is looked at from outside once everything ended; what is wrong comes back as sentences."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import libvirt
from temporalio.client import Client as Temporal

from deploy.lab import VirtualServer
from mulligan.database import Database
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.chaos.parts import Libvirt
from tests.chaos.site import Site
from tests.e2e.lifecycle import Lifecycle, listening
from tests.faults import checker
from tests.faults.checker import Records, SeenBmc, SeenHost

INSERTED = re.compile(r'"POST \S*/(\S+)/VirtualMedia/\S+InsertMedia HTTP/\S+" 20')
"""The emulator's log of a medium that went in; the path names the server."""


@dataclass(frozen=True)
class Witnesses:
    """Who hears, of each host's libvirt by the host's name, what happens to domains."""

    site: Site
    by_host: Mapping[str, Lifecycle]

    def happened(self, domain: str) -> Counter[str]:
        """Count what happened to a domain, on whichever host."""
        return sum((heard.of(domain) for heard in self.by_host.values()), Counter())

    def findings(self) -> list[str]:
        """Say what is wrong; an empty list is good."""
        site = self.site
        if dead := site.dead():
            return [f"{part.name} does not run: {words}" for part, words in dead.items()]
        site.lab.remove_ejected_media()
        records = _records(site)
        found = checker.check_records(records)
        found += asyncio.run(_check_workflows(records, site))
        found += checker.check_files(records, site.state / "executor")
        for host in site.hosts:
            found += self._check_host(records, host)
        enrolled = {one.spec.system: one.metadata.id for one in _servers(site)}
        for server in site.lab.servers:
            if server.system in enrolled:
                seen = self._seen_bmc(server, enrolled[server.system])
                found += checker.check_bmc(records, seen)
        return [*found, *self._started_twice(records)]

    def _check_host(self, records: Records, host: Libvirt) -> list[str]:
        (row,) = [one for one in records.hosts.values() if one.uri == host.session.uri]
        heard = self.by_host[host.folder.name]
        connection = libvirt.open(host.session.uri)
        try:
            seen = SeenHost(
                id=row.id,
                connection=connection,
                definitions=Counter({one: heard.of(one)["defined"] for one in records.machines}),
                nvram=host.folder / "config/libvirt/qemu/nvram",
                files=self.site.state / "executor",
            )
            return checker.check_host(records, seen)
        finally:
            connection.close()

    def _seen_bmc(self, server: VirtualServer, server_id: str) -> SeenBmc:
        log = (self.site.state / "lab" / "emulator.log").read_text(errors="replace")
        connection = libvirt.open(self.site.uri)
        try:
            domain = connection.lookupByUUIDString(server.uuid)
            media = re.findall(r"<source file='([^']+\.iso)", domain.XMLDesc())
            is_on = bool(domain.isActive())
        finally:
            connection.close()
        return SeenBmc(
            server=server_id,
            is_on=is_on,
            medium=media[0] if media else None,
            inserts=sum(server.uuid in path for path in INSERTED.findall(log)),
            starts=self.happened(server.uuid)["started"],
            is_clean=_is_all_zeros(self.site.lab.disk_path(server)),
        )

    def _started_twice(self, records: Records) -> Iterator[str]:
        running = Counter(_guests())
        restored = Counter(
            row.object_id for row in records.operations.values() if row.type == "restore"
        )
        for machine, row in records.machines.items():
            if row.kind != "virtual":
                continue
            starts = self.happened(machine)["started"]
            if starts > 1 + restored[machine]:
                words = f"started {starts} times, and restored {restored[machine]} times"
                yield f"machine {machine} was {words}"
            if running[machine] > (row.state == "active"):
                yield f"machine {machine} is {row.state}, and runs {running[machine]} times"


@contextmanager
def witnesses(site: Site) -> Iterator[Witnesses]:
    """Hear of all domains of a site as long as the context lasts."""
    with ExitStack() as stack:
        yield Witnesses(
            site,
            {
                host.folder.name: stack.enter_context(listening(host.session.uri))
                for host in site.hosts
            },
        )


def _records(site: Site) -> Records:
    database = Database(site.database.server.url("site").render_as_string())
    try:
        return database.read(checker.read_records)
    finally:
        database.close()


async def _check_workflows(records: Records, site: Site) -> list[str]:
    temporal = await Temporal.connect(site.temporal_address, namespace="mulligan")
    return await checker.check_workflows(records, temporal)


def _servers(site: Site) -> list[control_pb2.Server]:
    return list(site.client.control.ListServers(control_pb2.ListServersRequest()).servers)


def _guests() -> Iterator[str]:
    """Give the machine of each QEMU that runs on this computer."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found = re.search(rb"guest=mulligan-([0-9a-f-]{36})", process.read_bytes())
        except OSError:
            continue
        if found:
            yield found[1].decode()


def _is_all_zeros(disk: Path) -> bool:
    with disk.open("rb") as file:
        return not any(any(piece) for piece in iter(lambda: file.read(1 << 20), b""))
