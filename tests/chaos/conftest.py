"""The site that the tests of this folder share."""

from collections.abc import Iterator

import pytest

from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.chaos.evidence import Witnesses, witnesses
from tests.chaos.movements import Movements, watching
from tests.chaos.site import Site, running_site


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """A site with a host, a server that was enrolled, and two executors."""
    with running_site(executors=2) as running:
        (server,) = running.lab.servers
        assert running.wait(running.enrol(server).operation).status.state == "done"
        yield running


@pytest.fixture
def each_for_itself(site: Site) -> Iterator[None]:
    """Have nothing that a failed test left disturb the others."""
    yield
    for part in site.parts:
        part.go_on()
        if not part.pids():
            part.start()
    left = site.client.control.ListMachines(
        control_pb2.ListMachinesRequest(project=site.login.project)
    )
    for machine in left.machines:
        release = control_pb2.ForceReleaseRequest(
            object_id=machine.metadata.id, reason="a test failed"
        )
        site.wait(site.client.control.ForceRelease(release).metadata.id)


@pytest.fixture(scope="package")
def heard(site: Site) -> Iterator[Witnesses]:
    """What libvirt tells of the site's domains."""
    with witnesses(site) as listening:
        yield listening


@pytest.fixture(scope="package")
def movements(site: Site) -> Iterator[Movements]:
    """How the site's operations move."""
    with watching(site) as movements:
        yield movements
