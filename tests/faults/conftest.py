"""Fixtures: a site whose workers can be broken, and regions with hardware to break."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mulligan import events
from mulligan.database import Database
from tests.fakes.site import Site
from tests.faults.inject import Injector
from tests.faults.lanes import Lanes, lanes
from workflows import policies

SOON = timedelta(milliseconds=50)


def pytest_configure(config: pytest.Config) -> None:
    """Have the fixtures of sites once a session, whichever folders ask for them."""
    config.pluginmanager.import_plugin("tests.fakes.site")


@pytest.fixture(scope="session")
def injector() -> Injector:
    return Injector()


@pytest.fixture(scope="session")
def breakable_site(
    injector: Injector,
    quick_folder: Path,
    new_sqlite: Callable[[], Database],
    _quick_passwords: None,
    _long_tokens: None,
) -> Iterator[Site]:
    """A site on SQLite whose control worker meets the injector's faults."""
    site, iam = new_sqlite(), new_sqlite()
    events.record(site)
    events.record(iam)
    folder = Path(tempfile.mkdtemp(dir=quick_folder))
    with Site(site, iam, folder, interceptors=[injector]).running() as running:
        yield running
    site.close()
    iam.close()


@pytest.fixture(scope="session")
def grounds(breakable_site: Site, injector: Injector) -> Iterator[Lanes]:
    """Grounds on which runs go on side by side, and what failed is tried again soon."""
    folder = Path(tempfile.mkdtemp(prefix="mf", dir="/tmp"))  # sockets have short names
    with pytest.MonkeyPatch.context() as patch, lanes(breakable_site, injector, folder) as made:
        for policy in (policies.HARDWARE, policies.RECORD):
            patch.setattr(policy, "initial_interval", SOON)
        yield made
    shutil.rmtree(folder)
