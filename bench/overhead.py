"""What Mulligan adds to a virtual machine whose image is cached, beside libvirt's calls alone."""

import os
import re
import shutil
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlencode
from uuid import uuid4

import libvirt
import urllib3

from bench.domains import STARTED, Domains, listening
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.site import Site, Watching, running_site
from deploy.demo import Built, StoryError, build
from deploy.temporal import cache_folder

POOL = "mulligan"
REPORT_URL = re.compile(rb"http://[0-9.]+:(\d+)(/report/[A-Za-z0-9._~=-]+)")


@dataclass(frozen=True)
class Times:
    """One machine's: request to start, report to active, and the bare calls after it."""

    start_s: float
    activate_s: float
    straight_s: float


def overhead(size: Size) -> Iterator[Figure]:
    """Time one machine after another on the session libvirt; medians.

    start: from when the client sends the request until a second connection to libvirt hears that
    the domain is started, which libvirt says at the end of the create call.
    activate: from when the report is sent until Watch shows the machine active. The report is sent
    by us as cloud-init's phone_home does it, to the URL on the machine's config drive, as soon as
    the operation waits for it, which any guest's boot takes longer than: the boot is no part of it,
    though the guest does boot meanwhile.
    Peer: the same volumes and the same domain made by libvirt's calls alone on the same daemon,
    after each machine: root volume on the base, config volume, upload, define, create.
    """
    built = test_image()
    with running_site("--ramdisk", str(built.ramdisk)) as site:
        site.add_host("qemu:///session")
        image = site.add_image(
            "tiny", Path(shutil.copy(built.image, site.folder / "images" / "tiny.raw"))
        )
        with listening(site.libvirt_uri) as domains, site.watching() as watching:
            first = _made(site, domains, watching, image, "first")[0]
            times = [
                _one(site, domains, watching, image, f"machine-{number}")
                for number in range(size.overheads)
            ]
            site.decommission(first)
    start, activate = median(one.start_s for one in times), median(one.activate_s for one in times)
    yield Figure(
        "provision",
        "overhead",
        "s",
        median(one.start_s + one.activate_s for one in times),
        peer="libvirt's calls alone",
        peer_value=median(one.straight_s for one in times),
        target=Target("at most", value=0.5),
    )
    yield Figure("provision", "overhead_start", "s", start)
    yield Figure("provision", "overhead_activate", "s", activate)


def test_image() -> Built:
    """Give the test image and the ramdisk, built on this machine unless they are there.

    Raises:
        NotMeasuredError: they can't be built.
    """
    try:
        return build(cache_folder(os.environ))
    except StoryError as error:
        raise NotMeasuredError(str(error)) from error


def _one(site: Site, domains: Domains, watching: Watching, image: str, name: str) -> Times:
    machine, start_s, activate_s = _made(site, domains, watching, image, name)
    straight_s = _straight(domains.connection, machine)
    site.decommission(machine)
    return Times(start_s, activate_s, straight_s)


def _made(
    site: Site, domains: Domains, watching: Watching, image: str, name: str
) -> tuple[str, float, float]:
    """Make a machine and report for it; gives its id and both times."""
    asked = time.monotonic()
    operation = site.provision(name, image)
    machine = operation.object_id
    started = domains.when(machine, STARTED)
    watching.wait([operation.metadata.id], "activate")
    url = _report_url(domains.connection, machine)
    form = urlencode({"hostname": name, "instance_id": machine})
    reported = time.monotonic()
    answer = urllib3.request("POST", url, body=form)
    if answer.status != 200:
        raise NotMeasuredError(f"the report of {name} was answered with {answer.status}")
    active = watching.wait([machine], "active").get(machine)
    if active is None:
        raise NotMeasuredError(f"machine {name} did not become active")
    return machine, started - asked, active - reported


def _report_url(connection: libvirt.virConnect, machine: str) -> str:
    """Read from the config drive where the guest reports; its host is this machine's loopback."""
    found = REPORT_URL.search(_config_drive(connection, machine))
    if found is None:
        raise NotMeasuredError(f"the config drive of machine {machine} has no report URL")
    port, path = found.groups()
    return f"http://127.0.0.1:{port.decode()}{path.decode()}"


def _config_drive(connection: libvirt.virConnect, machine: str) -> bytes:
    return Path(_volume(connection, f"config-{machine}").path()).read_bytes()


def _volume(connection: libvirt.virConnect, name: str) -> libvirt.virStorageVol:
    return connection.storagePoolLookupByName(POOL).storageVolLookupByName(name)


def _straight(connection: libvirt.virConnect, machine: str) -> float:
    """Make a twin of a machine by libvirt's calls alone, and remove it; gives how long that took.

    Only what makes it is timed. It carries no mark of Mulligan.
    """
    twin = str(uuid4())
    root, config = (_volume(connection, f"{kind}-{machine}") for kind in ("root", "config"))
    root_xml, config_xml = (one.XMLDesc().replace(machine, twin) for one in (root, config))
    domain_xml = _twin(connection.lookupByUUIDString(machine), twin)
    content = _config_drive(connection, machine)
    pool = connection.storagePoolLookupByName(POOL)

    started = time.monotonic()
    volumes = [pool.createXML(root_xml), pool.createXML(config_xml)]
    _upload(connection, volumes[1], content)
    domain = connection.defineXML(domain_xml)
    domain.create()
    took_s = time.monotonic() - started

    domain.destroy()
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    for volume in volumes:
        volume.delete()
    return took_s


def _twin(domain: libvirt.virDomain, twin: str) -> str:
    """Describe a domain like another one, without its metadata."""
    xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    described = ET.fromstring(xml.replace(domain.UUIDString(), twin))
    for metadata in described.findall("metadata"):
        described.remove(metadata)
    return ET.tostring(described, encoding="unicode")


def _upload(connection: libvirt.virConnect, volume: libvirt.virStorageVol, content: bytes) -> None:
    stream = connection.newStream()
    volume.upload(stream, 0, len(content))
    for start in range(0, len(content), 1 << 16):
        stream.send(content[start : start + (1 << 16)])
    stream.finish()
