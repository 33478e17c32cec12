"""A disk that is full: said in words, nothing half-written stays, and it goes on with room."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from activities.contracts.hardware import ImageSource
from mulligan.values.errors import HardwareBusyError
from tests.activities.virtual_lab import MIB, Daemon, Lab, make_lab, small_file_system

PROGRAM = """
import json, subprocess, sys
from pathlib import Path
from activities.contracts.hardware import ImageSource
from activities.images import ImageCache
from activities.keys import RegionKeys
from activities.media import MediaStore
from activities.settings import ExecutorSettings
from mulligan.values.errors import HardwareError

small, offered, source = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
address = "http://127.0.0.1:1"
settings = ExecutorSettings(
    region="r1", state_folder=small, ramdisk_folder=offered, media_url=address,
    ramdisk_url=address, report_url=address, image_folder=offered,
)
keys = RegionKeys.load(offered / "keys", "r1")
cache, image = ImageCache(settings), ImageSource(**source)

def tried(work):
    try:
        said = work()
        reason = "done"
    except HardwareError as error:
        said, reason = error.message, error.reason
    files = {p.name: p.stat().st_size for f in ("images", "media") for p in small.glob(f + "/**/*")
             if p.is_file()}
    return {"reason": reason, "said": str(said), "files": files}

def convert():
    return cache.raw(cache.fetch(image, print_nothing), print_nothing)

def print_nothing(_words): ...

def serve():
    return MediaStore(settings, keys).serve_config_drive("o1", "s1", bytes(8 << 20))

def make_room():
    subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)

results = [tried(work) for work in (lambda: cache.fetch(image, print_nothing), convert, serve)]
make_room()
results += [tried(work) for work in (convert, serve)]
print(json.dumps(results))
"""


def on_a_small_disk(folder: Path, image: ImageSource, size_mib: int) -> list[dict[str, object]]:
    """Fetch, convert and serve below a folder of this size, before and after room is made."""
    small = folder / "small"
    small.mkdir()
    program = [sys.executable, "-c", PROGRAM, str(small), str(folder), image.model_dump_json()]
    done = subprocess.run(
        [*small_file_system(small, size_mib), *program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, object]] = json.loads(done.stdout)
    return results


def an_image(folder: Path, disk_format: str) -> ImageSource:
    """Offer a disk of 6 MiB of noise, as it is or compressed out of zeros."""
    path = folder / "image.raw"
    path.write_bytes(os.urandom(6 * MIB) if disk_format == "raw" else b"x" * 6 * MIB)
    if disk_format == "qcow2":
        made = folder / "image.qcow2"
        formats = ["-c", "-f", "raw", "-O", "qcow2"]
        subprocess.run(["qemu-img", "convert", *formats, str(path), str(made)], check=True)
        path = made
    return ImageSource(
        image="i1",
        name="debian",
        url=path.as_uri(),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        disk_format="qcow2" if disk_format == "qcow2" else "raw",
    )


def test_an_image_for_which_there_is_no_room_is_fetched_when_there_is(tmp_path: Path) -> None:
    image = an_image(tmp_path, "raw")
    fetched, _, served, later, _ = on_a_small_disk(tmp_path, image, 4)
    assert (fetched["reason"], fetched["files"]) == ("DISK_FULL", {})
    assert f"image debian below {tmp_path}/small/images" in str(fetched["said"])
    assert "make room" in str(fetched["said"])
    assert (served["reason"], served["files"]) == ("DISK_FULL", {})
    assert (later["reason"], later["files"]) == ("done", {f"{image.sha256}.raw": 6 * MIB})


def test_a_conversion_without_room_leaves_the_image_as_it_is(tmp_path: Path) -> None:
    image = an_image(tmp_path, "qcow2")
    size = (tmp_path / "image.qcow2").stat().st_size
    fetched, converted, _, later, _ = on_a_small_disk(tmp_path, image, 4)
    cached = {f"{image.sha256}.qcow2": size}
    assert (fetched["reason"], fetched["files"]) == ("done", cached)
    assert (converted["reason"], converted["files"]) == ("DISK_FULL", cached)
    assert later["reason"] == "done", later["said"]
    raw = {f"{image.sha256}.converted": 6 * MIB, f"{image.sha256}.converted.sha256": 64}
    assert later["files"] == cached | raw


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Lab]:
    """A lab whose pool is on a file system of 4 MiB, which only its daemon sees."""
    folder = Path(tempfile.mkdtemp(prefix="mg", dir="/tmp"))
    daemon = Daemon(folder, small_mib=4)
    daemon.start()
    for lab in make_lab(tmp_path, daemon.uri):
        name, target = lab.access.pool, f"<target><path>{folder}/small</path></target>"
        lab.observer.storagePoolDefineXML(f"<pool type='dir'><name>{name}</name>{target}</pool>")
        lab.image = an_image(tmp_path, "raw")
        yield lab
    daemon.stop()
    shutil.rmtree(folder)


def test_a_pool_without_room_is_told_and_left_as_it_was(small: Lab) -> None:
    machine = str(uuid.uuid4())
    with pytest.raises(HardwareBusyError) as caught:
        small.stage(machine)
    assert caught.value.reason == "DISK_FULL"
    assert small.access.pool in caught.value.message
    pool: libvirt.virStoragePool = small.observer.storagePoolLookupByName(small.access.pool)
    assert pool.listVolumes() == []
    small.remove(machine)
