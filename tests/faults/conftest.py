"""Fixtures: a site whose workers can be broken, and regions with hardware to break."""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mulligan import events
from mulligan.database import Database
from tests.databases import create_tables
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
    tmp_path_factory: pytest.TempPathFactory,
    _quick_passwords: None,
    _long_tokens: None,
) -> Iterator[Site]:
    """A site on SQLite whose control worker meets the injector's faults."""
    folder = tmp_path_factory.mktemp("faults")
    site, iam = (_database(folder, name) for name in ("site", "iam"))
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


def _database(folder: Path, name: str) -> Database:
    database = Database(f"sqlite:///{folder}/{name}.sqlite", pool_size=32)
    create_tables(database)
    events.record(database)
    return database
