"""How many machines a second, beside bare Temporal and Ironic."""

import asyncio
import time
from collections.abc import Iterator

from bench.bare_temporal import Shape, machines_per_second, shape_of
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.ironic import Ironic
from bench.site import TEST_MEMORY_MIB, Site, running_site
from deploy.dev_server import NAMESPACE
from mulligan_client.client import Client

NAME = "throughput"
UNIT = "machines/s"
THREE_AND_FOUR = Shape(activities=3, local=4)


def throughput(size: Size) -> Iterator[Figure]:
    """Provision machines on libvirt's test driver, from the first request until all are active.

    `mulligan up` as it comes: Temporal's dev server on a file, SQLite. The clients ask as quickly
    as they are answered; Watch tells when machines are active. Activation is `none`: the test
    driver runs nothing that could phone home. The peers are asked in the same way: bare Temporal
    on the same dev server right after, once with as many activities, of executors and local ones,
    as our histories have, and once with three and four; and Ironic when Mulligan is stopped.
    """
    with running_site() as site:
        ours, operation = _ours(site, size)
        address = site.up.temporal_address
        same = asyncio.run(shape_of(address, NAMESPACE, operation))
        temporal = {
            shape: machines_per_second(address, NAMESPACE, shape, size.machines, size.clients)
            for shape in {same, THREE_AND_FOUR}
        }
    yield Figure(
        "provision",
        NAME,
        UNIT,
        ours,
        peer="bare Temporal, same shape",
        peer_value=temporal[same],
        target=Target("at least", ratio=0.7, value=10),
        remark=f"activities of executors and local ones: {same}",
    )
    yield Figure(
        "provision",
        NAME,
        UNIT,
        ours,
        peer=f"bare Temporal, {THREE_AND_FOUR}",
        peer_value=temporal[THREE_AND_FOUR],
        target=Target("at least", ratio=0.7),
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


def _ours(site: Site, size: Size) -> tuple[float, str]:
    """Give the rate, and the operation of one of the machines."""
    file = site.prepare_test_hosts(size.machines)
    image = site.add_image("empty", file, activation="none")

    operations: list[str] = []

    def ask(client: Client, number: int) -> str:
        name = f"machine-{number}"
        asked = site.provision(name, image, memory_mib=TEST_MEMORY_MIB, client=client)
        operations.append(asked.metadata.id)
        return asked.object_id

    with site.watching() as watching, site.clients(size.clients) as clients:
        started = time.monotonic()
        machines = clients.ask(size.machines, ask)
        active = watching.wait(machines, "active", "failed")
    failed = size.machines - len(watching.reached(machines, "active"))
    if failed:
        raise NotMeasuredError(f"{failed} of {size.machines} machines did not become active")
    return size.machines / (max(active.values()) - started), operations[-1]


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
