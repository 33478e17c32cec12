"""The stack that most tests of this folder share, and what was built for it."""

import os
from collections.abc import Iterator

import pytest

from deploy.demo import Built, build
from deploy.ports import free_port
from deploy.temporal import cache_folder, find_temporal
from tests.e2e.stack import Stack, running_stack


@pytest.fixture(scope="session")
def built() -> Built:
    """The test image and the ramdisk, built on this machine unless they are there."""
    cache = cache_folder(os.environ)
    find_temporal(cache)
    return build(cache)


@pytest.fixture(scope="package")
def image_port() -> int:
    """The port of this machine from which images may be fetched."""
    return free_port()


@pytest.fixture(scope="package")
def stack(built: Built, image_port: int) -> Iterator[Stack]:
    """A running Mulligan with a host; each test takes the servers that it needs."""
    allowed = f"127.0.0.1:{image_port}"
    with running_stack(built, "--allowed-image-host", allowed, servers=8) as running:
        nobody = f"http://127.0.0.1:{free_port()}"
        running.unreachable = running.enrol(running.lab.servers[-1], address=nobody, name="nobody")
        yield running
