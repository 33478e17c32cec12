"""Servers that aren't there: libvirt machines behind a real Redfish service.

Each has what provisioning needs of a server: UEFI, an empty disk with a serial number, a network
interface with a MAC, a virtual CD drive and a serial console. Their BMC is sushy-tools' emulator.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid5

import bcrypt
import libvirt

from deploy.daemon_watch import DaemonWatch
from deploy.ports import free_port
from deploy.session_libvirt import end_process
from mulligan.values.errors import UnavailableError

POOL = "default"
"""The storage pool that the emulator wants; it keeps inserted media there."""

READY_LIMIT_S = 30.0
STOP_LIMIT_S = 5.0

_NAMES = UUID("6e1b0a3c-59c5-4e0e-8d0f-0b0f3d1a8c11")


@dataclass(frozen=True)
class VirtualServer:
    """One server of the lab. Memory in whole GiB: the emulator tells no fractions."""

    name: str
    mac: str
    disk_serial: str
    disk_mib: int = 2048
    memory_gib: int = 1
    vcpus: int = 1

    @property
    def uuid(self) -> str:
        """The server's UUID, the same whenever it is made."""
        return str(uuid5(_NAMES, self.name))

    @property
    def system(self) -> str:
        """The server's path in Redfish."""
        return f"/redfish/v1/Systems/{self.uuid}"


def some_servers(count: int, *, prefix: str = "lab", disk_mib: int = 2048) -> list[VirtualServer]:
    """Think up servers: lab-1, lab-2 and so on."""
    return [
        VirtualServer(
            name=f"{prefix}-{number}",
            mac=f"52:54:00:4d:{number >> 8:02x}:{number & 255:02x}",
            disk_serial=f"{prefix.upper()}DISK{number:04d}",
            disk_mib=disk_mib,
        )
        for number in range(1, count + 1)
    ]


class VirtualServers:
    """Virtual servers of one libvirt and the BMC in front of them, with their files in `folder`.

    `address` is the Redfish service of all of them; it asks for `username` and `password`. When the
    daemon behind the socket of `libvirt_uri` was replaced, the BMC is restarted: the emulator keeps
    its connection, dead or not.
    """

    def __init__(
        self,
        folder: Path,
        libvirt_uri: str,
        servers: Sequence[VirtualServer],
        *,
        username: str = "admin",
        password: str = "password",  # noqa: S107 - of a lab that listens on this machine only
        port: int = 0,
    ) -> None:
        self.servers = tuple(servers)
        self.username = username
        self.password = password
        self._folder = folder
        self._uri = libvirt_uri
        self._port = port or free_port()
        self._watch: DaemonWatch | None = None

    @property
    def address(self) -> str:
        """The address of the BMC."""
        return f"http://127.0.0.1:{self._port}"

    def disk_path(self, server: VirtualServer) -> Path:
        """Give the file that is a server's disk (raw)."""
        return self._folder / "pool" / f"{server.name}.img"

    def console_path(self, server: VirtualServer) -> Path:
        """Give the file into which a server's serial console is written."""
        return self._folder / f"{server.name}.console"

    def start(self) -> None:
        """Define the servers that aren't there yet, switched off, and start their BMC.

        Raises:
            UnavailableError: the emulator did not start; says what it said.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with _connected(self._uri) as connection:
            pool = self._make_pool(connection)
            for server in self.servers:
                _make_disk(pool, server)
                if _find(connection, server) is None:
                    connection.defineXML(self._domain_xml(server))
        self._stop_watching()
        watch = self._new_watch()
        self._start_emulator()
        if watch is not None:
            watch.start()
            self._watch = watch

    def stop(self, *, keep_servers: bool = False) -> None:
        """End the BMC and remove the servers with their NVRAM, volumes, pool and files.

        With `keep_servers` only the BMC ends, and a later start goes on with the same servers.
        """
        self._stop_watching()
        self._end_emulator()
        if keep_servers:
            return
        with _connected(self._uri) as connection:
            for server in self.servers:
                _remove(connection, server)
            _remove_pool(connection, self._folder / "pool")
        shutil.rmtree(self._folder, ignore_errors=True)

    def remove_ejected_media(self) -> list[str]:
        """Delete what the emulator keeps of media that were ejected; gives the volumes' names."""
        disks = {str(self.disk_path(server)) for server in self.servers}
        removed = []
        with _connected(self._uri) as connection:
            pool = self._make_pool(connection)
            pool.refresh()
            used = "".join(domain.XMLDesc() for domain in connection.listAllDomains())
            for volume in pool.listAllVolumes():
                if volume.path() not in disks and volume.path() not in used:
                    removed.append(volume.name())
                    volume.delete()
        return removed

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _new_watch(self) -> DaemonWatch | None:
        sockets = parse_qs(urlsplit(self._uri).query).get("socket")
        return DaemonWatch(Path(sockets[0]), self._start_emulator) if sockets else None

    def _stop_watching(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def _make_pool(self, connection: libvirt.virConnect) -> libvirt.virStoragePool:
        path = self._folder / "pool"
        path.mkdir(exist_ok=True)
        pool = _find_pool(connection)
        if pool is None:
            pool = connection.storagePoolDefineXML(
                _xml("pool", {"type": "dir"}, name=POOL, target={"path": str(path)})
            )
        if not pool.isActive():
            pool.create()
        return pool

    def _domain_xml(self, server: VirtualServer) -> str:
        domain = ET.Element("domain", type="qemu")
        ET.SubElement(domain, "name").text = server.name
        ET.SubElement(domain, "uuid").text = server.uuid
        ET.SubElement(domain, "memory", unit="GiB").text = str(server.memory_gib)
        ET.SubElement(domain, "vcpu").text = str(server.vcpus)
        firmware = ET.SubElement(domain, "os", firmware="efi")
        ET.SubElement(firmware, "type", arch="x86_64", machine="q35").text = "hvm"
        features = ET.SubElement(firmware, "firmware")
        ET.SubElement(features, "feature", enabled="no", name="secure-boot")
        ET.SubElement(ET.SubElement(domain, "features"), "acpi")
        self._add_devices(ET.SubElement(domain, "devices"), server)
        return ET.tostring(domain, encoding="unicode")

    def _add_devices(self, devices: ET.Element, server: VirtualServer) -> None:
        disk = ET.SubElement(devices, "disk", type="file", device="disk")
        ET.SubElement(disk, "driver", name="qemu", type="raw", discard="unmap")
        ET.SubElement(disk, "source", file=str(self.disk_path(server)))
        ET.SubElement(disk, "target", dev="vda", bus="virtio")
        ET.SubElement(disk, "serial").text = server.disk_serial
        ET.SubElement(disk, "boot", order="1")
        drive = ET.SubElement(devices, "disk", type="file", device="cdrom")
        ET.SubElement(drive, "target", dev="sda", bus="sata")
        interface = ET.SubElement(devices, "interface", type="user")
        ET.SubElement(interface, "mac", address=server.mac)
        ET.SubElement(interface, "model", type="virtio")
        serial = ET.SubElement(devices, "serial", type="file")
        ET.SubElement(serial, "source", path=str(self.console_path(server)), append="on")
        ET.SubElement(serial, "target", port="0")
        randomness = ET.SubElement(devices, "rng", model="virtio")
        ET.SubElement(randomness, "backend", model="random").text = "/dev/urandom"

    def _start_emulator(self) -> None:
        self._end_emulator()
        config = self._write_emulator_config()
        log = self._folder / "emulator.log"
        with log.open("ab") as output:
            emulator = subprocess.Popen(
                [sys.executable, "-m", "sushy_tools.emulator.main", "--config", str(config)],
                env=self._emulator_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (self._folder / "emulator.pid").write_text(str(emulator.pid))
        give_up_at = time.monotonic() + READY_LIMIT_S
        while not self._emulator_answers():
            if emulator.poll() is not None or time.monotonic() > give_up_at:
                said = log.read_text(errors="replace").strip()[-1000:]
                self._end_emulator()
                raise UnavailableError(f"the Redfish emulator did not start: {said}")
            time.sleep(0.05)

    def _write_emulator_config(self) -> Path:
        """Write the emulator's configuration, which is a Python file.

        bcrypt at its cheapest: the emulator checks the password anew for each request.
        """
        digest = bcrypt.hashpw(self.password.encode(), bcrypt.gensalt(4)).decode()
        users = self._folder / "emulator.users"
        users.touch(mode=0o600)
        users.write_text(f"{self.username}:{digest}\n")
        options = {
            "SUSHY_EMULATOR_LISTEN_IP": "127.0.0.1",
            "SUSHY_EMULATOR_LISTEN_PORT": self._port,
            "SUSHY_EMULATOR_LIBVIRT_URI": self._uri,
            "SUSHY_EMULATOR_STORAGE_POOL": POOL,
            "SUSHY_EMULATOR_AUTH_FILE": str(users),
            "SUSHY_EMULATOR_STATE_DIR": str(self._folder / "emulator"),
            "SUSHY_EMULATOR_FEATURE_SET": "full",
        }
        config = self._folder / "emulator.conf"
        config.write_text("".join(f"{name} = {value!r}\n" for name, value in options.items()))
        return config

    def _emulator_environment(self) -> Mapping[str, str]:
        """Have fetched media kept in our folder, and nothing configured from outside."""
        temporary = self._folder / "emulator-media"
        temporary.mkdir(exist_ok=True)
        ours = {k: v for k, v in os.environ.items() if not k.startswith("SUSHY_EMULATOR_")}
        return {**ours, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}

    def _emulator_answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
            return True
        return False

    def _end_emulator(self) -> None:
        """End the emulator, also one that a killed predecessor left behind."""
        file = self._folder / "emulator.pid"
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if os.fsencode(self._folder / "emulator.conf") in command:
                end_process(pid, STOP_LIMIT_S)
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _connected(uri: str) -> Iterator[libvirt.virConnect]:
    connection = libvirt.open(uri)
    try:
        yield connection
    finally:
        connection.close()


def _make_disk(pool: libvirt.virStoragePool, server: VirtualServer) -> None:
    """Make a server's empty disk unless it is there."""
    name = f"{server.name}.img"
    pool.refresh()
    if name not in pool.listVolumes():
        size = str(server.disk_mib << 20)
        pool.createXML(_xml("volume", {}, name=name, capacity=size, allocation="0"))


def _remove(connection: libvirt.virConnect, server: VirtualServer) -> None:
    """End a server and undefine it with its NVRAM."""
    domain = _find(connection, server)
    if domain is None:
        return
    if domain.isActive():
        domain.destroy()
    domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


def _remove_pool(connection: libvirt.virConnect, folder: Path) -> None:
    """Delete the pool's volumes and the pool, if it is the one in our folder."""
    pool = _find_pool(connection)
    if pool is None:
        return
    description = ET.fromstring(pool.XMLDesc())  # noqa: S314 - libvirt's own words
    if description.findtext("target/path") != str(folder):
        return
    if pool.isActive():
        pool.refresh()
        for volume in pool.listAllVolumes():
            volume.delete()
        pool.destroy()
    pool.undefine()


def _find(connection: libvirt.virConnect, server: VirtualServer) -> libvirt.virDomain | None:
    found = {domain.UUIDString(): domain for domain in connection.listAllDomains()}
    return found.get(server.uuid)


def _find_pool(connection: libvirt.virConnect) -> libvirt.virStoragePool | None:
    found = {pool.name(): pool for pool in connection.listAllStoragePools()}
    return found.get(POOL)


def _xml(tag: str, attributes: Mapping[str, str], **children: str | Mapping[str, str]) -> str:
    """Write an element with children, which are texts or elements of texts."""
    element = ET.Element(tag, dict(attributes))
    for name, content in children.items():
        child = ET.SubElement(element, name)
        if isinstance(content, str):
            child.text = content
        else:
            for inner, words in content.items():
                ET.SubElement(child, inner).text = words
    return ET.tostring(element, encoding="unicode")
