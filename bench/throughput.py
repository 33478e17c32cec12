"""How many machines a second, beside bare Temporal and Ironic."""

import time
from collections.abc import Iterator

from bench.bare_temporal import machines_per_second
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.ironic import Ironic
from bench.site import TEST_MEMORY_MIB, Site, running_site
from deploy.dev_server import NAMESPACE
from mulligan_client.client import Client

NAME = "throughput"
UNIT = "machines/s"


def throughput(size: Size) -> Iterator[Figure]:
    """Provision machines on libvirt's test driver, from the first request until all are active.

    `mulligan up` as it comes: Temporal's dev server on a file, SQLite. The clients ask as quickly
    as they are answered; Watch tells when machines are active. Activation is `none`: the test
    driver runs nothing that could phone home. The peers are asked in the same way: bare Temporal
    on the same dev server right after, and Ironic when Mulligan is stopped.
    """
    with running_site() as site:
        ours = _ours(site, size)
        temporal = machines_per_second(
            site.up.temporal_address, NAMESPACE, size.machines, size.clients
        )
    yield Figure(
        "provision",
        NAME,
        UNIT,
        ours,
        peer="bare Temporal",
        peer_value=temporal,
        target=Target("at least", ratio=0.7, value=10),
    )
    ironic, remark = _ironic(size)
    yield Figure(
        "provision",
        NAME,
        UNIT,
        ours,
        peer="Ironic, fake hardware",
        peer_value=ironic,
        target=Target("at least", ratio=1),
        remark=remark,
    )


def _ours(site: Site, size: Size) -> float:
    file = site.prepare_test_hosts(size.machines)
    image = site.add_image("empty", file, activation="none")

    def ask(client: Client, number: int) -> str:
        name = f"machine-{number}"
        asked = site.provision(name, image, memory_mib=TEST_MEMORY_MIB, client=client)
        return asked.object_id

    with site.watching() as watching, site.clients(size.clients) as clients:
        started = time.monotonic()
        machines = clients.ask(size.machines, ask)
        active = watching.wait(machines, "active", "failed")
    failed = size.machines - len(watching.reached(machines, "active"))
    if failed:
        raise NotMeasuredError(f"{failed} of {size.machines} machines did not become active")
    return size.machines / (max(active.values()) - started)


def _ironic(size: Size) -> tuple[float | None, str]:
    try:
        with Ironic.running() as ironic:
            nodes = ironic.enrol(size.machines)
            started = time.monotonic()
            ironic.deploy(nodes, clients=size.clients)
            ended = ironic.wait(nodes, "active")
            return len(nodes) / (ended - started), ""
    except NotMeasuredError as error:
        return None, str(error)
