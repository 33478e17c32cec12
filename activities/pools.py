"""A host's storage pool, and the volumes of machines in it.

A machine's volumes are `root-<machine>`, a thin copy of the shared `base-<sha256 of the image>`,
and `config-<machine>`.
"""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO, FileIO
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

import libvirt

from activities import lease
from activities.contracts.hypervisor import HostAccess, StagedMachine
from activities.disk_space import in_room_of
from activities.images import CachedImage
from activities.libvirt_connections import is_session
from activities.libvirt_xml import backing_store, pool_xml, text_at, volume_xml
from activities.locks import hold_lock
from mulligan.values.errors import HardwareError

Result = TypeVar("Result")

Content = BytesIO | FileIO
"""What is uploaded: bytes, or an unbuffered file (its holes are looked for by its descriptor)."""

REMOTE_POOL_FOLDER = "/var/lib/libvirt/images/mulligan"

BASE_NAME = re.compile(r"base-[0-9a-f]{64}(\.whole)?")
"""A shared base of ours, in a pool that others may use too."""

MACHINE_VOLUME = re.compile(r"(?:root|config)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
"""A volume of a machine of ours."""

SECTOR_BYTES = 512


def volumes_of(machine: str) -> StagedMachine:
    """Name a machine's volumes."""
    return StagedMachine(root_volume=f"root-{machine}", config_volume=f"config-{machine}")


@dataclass(frozen=True)
class Pool:
    """A host's pool through one connection. Who changes it holds its lock."""

    access: HostAccess
    connection: libvirt.virConnect
    state_folder: Path

    def running(self) -> libvirt.virStoragePool:
        """Give the storage pool, running; make it when the host doesn't have it."""
        pool = self._found()
        if pool is not None and pool.isActive():
            return pool
        with hold_lock(self.state_folder / "locks" / "making-a-pool", lease.beat):
            pool = self._found() or self._define()
            if not pool.isActive():
                lease.require(f"start pool {self.access.pool}")
                pool.create(0)
            return pool

    def machine_volumes(self) -> Mapping[str, list[str]]:
        """List the volumes of machines, by machine; none where there is no pool."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        names = self.running().listVolumes() if self._found() is not None else []
        for name in sorted(names):
            if named := MACHINE_VOLUME.fullmatch(name):
                found[named[1]].append(name)
        return found

    def make_root_volume(self, name: str, image: CachedImage, disk_gib: int) -> None:
        """Make a machine's disk: it holds what differs from the image."""
        if self._volume(name) is None:
            backing = backing_store(self._base_volume(image).path(), image.disk_format)
            self._create(name, volume_xml(name, disk_gib << 30, "qcow2", backing))

    def write_volume(self, name: str, content: Content, size: int) -> libvirt.virStorageVol:
        """Upload a volume, replacing one of this name. libvirt's test driver keeps no content.

        One that could not be written to its end gives its room back.
        """
        volume = self._volume(name)
        if volume is not None:
            _delete(volume)
        volume = self._create(name, volume_xml(name, size, "raw"))
        if self.connection.getType() != "TEST":
            try:
                _upload(self.connection, volume, content, size)
            except BaseException:
                with suppress(libvirt.libvirtError, HardwareError):
                    _delete(volume)
                raise
        return volume

    def delete_volumes(self, volumes: StagedMachine) -> bool:
        """Delete a machine's volumes and the bases that no root volume needs any more."""
        if self._found() is None:
            return False
        found = [self._volume(volumes.root_volume), self._volume(volumes.config_volume)]
        for volume in found:
            if volume is not None:
                _delete(volume)
        self._delete_unused_bases()
        return any(found)

    def _found(self) -> libvirt.virStoragePool | None:
        return _or_none(
            libvirt.VIR_ERR_NO_STORAGE_POOL,
            lambda: self.connection.storagePoolLookupByName(self.access.pool),
        )

    def _define(self) -> libvirt.virStoragePool:
        folder = REMOTE_POOL_FOLDER
        if is_session(self.access.uri):
            folder = str(self.state_folder / "pool")
        lease.require(f"define pool {self.access.pool}")
        pool = self.connection.storagePoolDefineXML(pool_xml(self.access.pool, folder))
        lease.require(f"make the folder of pool {self.access.pool}")
        pool.build(0)
        return pool

    def _volume(self, name: str) -> libvirt.virStorageVol | None:
        pool = self.running()
        return _or_none(libvirt.VIR_ERR_NO_STORAGE_VOL, lambda: pool.storageVolLookupByName(name))

    def _create(self, name: str, xml: str) -> libvirt.virStorageVol:
        pool = self.running()
        lease.require(f"create volume {name}")
        return pool.createXML(xml, 0)

    def _base_volume(self, image: CachedImage) -> libvirt.virStorageVol:
        """Give the image's volume, made where it is missing.

        A killed upload must not pass for an image: a second volume, made last, says that it is
        whole. (Copying it on the host instead would have libvirt probe what is in it.)
        """
        name = f"base-{image.sha256}"
        folder = self._own_folder()
        if folder is not None:
            if self._volume(name) is None:
                lease.require(f"create volume {name}")
                with in_room_of(folder, f"volume {name}"):
                    _link(image.path, folder / name)
                self.running().refresh(0)
            return self.running().storageVolLookupByName(name)
        found, whole = self._volume(name), self._volume(f"{name}.whole")
        if found is not None and whole is not None:
            return found
        if whole is not None:
            _delete(whole)
        with image.path.open("rb", buffering=0) as file:
            uploaded = self.write_volume(name, file, image.path.stat().st_size)
        self._create(f"{name}.whole", volume_xml(f"{name}.whole", SECTOR_BYTES, "raw"))
        return uploaded

    def _own_folder(self) -> Path | None:
        """Give the pool's folder where it is this machine's and below the state folder."""
        folder = Path(text_at(self.running().XMLDesc(), "target/path"))
        own = is_session(self.access.uri) and folder.is_relative_to(self.state_folder)
        return folder if own else None

    def _delete_unused_bases(self) -> None:
        """Delete bases that nothing stands on, each after the word that it is whole.

        libvirt refuses one that another executor uploads just now.
        """
        folder = self._own_folder()
        if folder is not None:
            for part in _parts_beside(folder):
                part.unlink(missing_ok=True)
        volumes = {volume.name(): volume for volume in self.running().listAllVolumes()}
        used = {text_at(volume.XMLDesc(), "backingStore/path") for volume in volumes.values()}
        for name, volume in sorted(volumes.items(), reverse=True):
            if BASE_NAME.fullmatch(name) and volume.path().removesuffix(".whole") not in used:
                _or_none(libvirt.VIR_ERR_OPERATION_INVALID, partial(_delete, volume))


def _delete(volume: libvirt.virStorageVol) -> None:
    lease.require(f"delete volume {volume.name()}")
    volume.delete(0)


def _or_none(code: int, call: Callable[[], Result]) -> Result | None:
    """Give what a call gives, None when libvirt answers with this error code."""
    try:
        return call()
    except libvirt.libvirtError as error:
        if error.get_error_code() == code:
            return None
        raise


def _link(source: Path, target: Path) -> None:
    """Put a file at a place at once, as another name of it or, across file systems, as a copy."""
    try:
        os.link(source, target)
    except OSError:
        part = target.parent.with_name(f"{target.parent.name}.{token_hex(4)}.part")
        try:
            shutil.copyfile(source, part)
            lease.require(f"create volume {target.name}")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _parts_beside(folder: Path) -> Iterator[Path]:
    """Find copies in the making for a pool: not in its folder, where they would be volumes.

    Called under the pool's lock: those that are there were left by a killed executor.
    """
    return folder.parent.glob(f"{folder.name}.*.part")


def _upload(
    connection: libvirt.virConnect, volume: libvirt.virStorageVol, content: Content, size: int
) -> None:
    """Send a volume's content; a file's holes stay holes."""
    lease.require(f"upload volume {volume.name()}")
    stream = connection.newStream(0)
    try:
        if isinstance(content, FileIO):
            flags = libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM
            volume.upload(stream, 0, size, flags)
            stream.sparseSendAll(_read, _section, _skip, content)
        else:
            volume.upload(stream, 0, size, 0)
            stream.sendAll(_read, content)
    except BaseException:
        with suppress(libvirt.libvirtError):
            stream.abort()
        raise
    stream.finish()


def _read(_stream: libvirt.virStream, size: int, content: Content) -> bytes:
    lease.beat(f"{content.tell() >> 20} MiB uploaded")
    lease.require("upload a volume")
    return content.read(size)


def _section(_stream: libvirt.virStream, content: FileIO) -> tuple[bool, int]:
    """Tell whether data or a hole comes next in an unbuffered file, and how long it is."""
    lease.require("upload a volume")
    here, descriptor = content.tell(), content.fileno()
    try:
        data = os.lseek(descriptor, here, os.SEEK_DATA)
    except OSError:  # ENXIO: only a hole is left
        return False, os.fstat(descriptor).st_size - here
    if data > here:
        content.seek(here)
        return False, data - here
    length = os.lseek(descriptor, here, os.SEEK_HOLE) - here
    content.seek(here)
    return True, length


def _skip(_stream: libvirt.virStream, length: int, content: FileIO) -> int:
    return content.seek(length, os.SEEK_CUR)
