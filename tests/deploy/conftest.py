"""Fixtures of the lab: see lab.py.

A guest takes about twenty seconds under plain emulation, so all stories of a module start with its
first test and two run at a time; each test waits for its own.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.lab import REPOSITORY, Lab, make_authority


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
def start() -> Iterator[Callable[..., "Future[Any]"]]:
    """Run a story in the background, at most two at a time."""
    pool = ThreadPoolExecutor(max_workers=2)
    yield pool.submit
    # Stories that no selected test waited for are not begun any more.
    pool.shutdown(cancel_futures=True)
