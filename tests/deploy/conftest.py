"""Fixtures of the lab: see lab.py.

A guest takes about fifteen seconds under plain emulation, so all stories start with the folder's
first test and two run at a time, beside the tests that need none; who asks for one waits for it.
"""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import stories as told
from tests.deploy.lab import REPOSITORY, Lab, make_authority


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that wait for stories be the folder's last."""
    places = [n for n, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ordered = sorted((items[n] for n in places), key=_waits_for_a_story)
    for place, item in zip(places, ordered, strict=True):
        items[place] = item


def _waits_for_a_story(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "stories" in item.fixturenames


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    built = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mulligan" / "built"
    ramdisk, test_image = built / "ramdisk-lab", built / "testimage.raw"
    subprocess.run(
        [REPOSITORY / "deploy/ramdisk/build.sh", ramdisk, "--profile", "lab"], check=True
    )
    subprocess.run([REPOSITORY / "deploy/testimage/build.sh", test_image], check=True)
    folder = tmp_path_factory.mktemp("lab")
    return Lab(folder, ramdisk, test_image, make_authority(folder))


@pytest.fixture(scope="session")
def stories(lab: Lab) -> Iterator[dict[str, "Future[Any]"]]:
    """Run all stories in the background, at most two at a time."""
    ramdisk = partial(told.run_ramdisk, lab)
    pool = ThreadPoolExecutor(max_workers=2)
    yield {
        "deploy": pool.submit(told.deploy_and_boot, lab),
        "wipe": pool.submit(
            ramdisk, "wipe", told.wipe, disk_device="ide-hd,bus=ide.0", by_firmware=True
        ),
        "wrong checksum": pool.submit(ramdisk, "checksum", told.wrong_image),
        "wrong CA": pool.submit(ramdisk, "ca", told.wipe, ca_sha256="00" * 32),
        "not live": pool.submit(ramdisk, "not-live", told.no_task),
        "no such disk": pool.submit(ramdisk, "no-disk", told.wrong_serial),
        "nocloud": pool.submit(told.boot_with_nocloud_drive, lab),
    }
    # Stories that no selected test waited for are not begun any more.
    pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session", autouse=True)
def _begin_early(request: pytest.FixtureRequest) -> None:
    """Begin with the folder's first test what a later one waits for."""
    if any(_waits_for_a_story(item) for item in request.session.items):
        request.getfixturevalue("stories")
