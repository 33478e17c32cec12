"""A kill in the middle of many deployments: how many of them end, beside Ironic."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import urllib3

from activities.keys import RegionKeys
from bench.domains import DEFINED, STARTED, Domains, listening
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.ironic import Ironic
from bench.site import TEST_MEMORY_MIB, Site, running_site
from mulligan_client.client import Client
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.e2e import processes

WITHIN_S = 120
CALL_AGAIN_S = 1
SERVICES = {"iam", "worker", "executor"}
IRONIC_DEPLOY_S = 10
"""What each of Ironic's deployments is told to take, so that all are running at the kill."""


def killed(size: Size) -> Iterator[Figure]:
    """Kill everything but the database and Temporal while deployments run, and start it again.

    Ours: SIGKILL of services, control worker and executor at once, as soon as every request is
    accepted; `mulligan up` starts them again. The machines are those of libvirt's test driver in a
    libvirtd, so they outlive the executor. They wait for their guests to phone home; we stand for
    the guests, and call from the kill on, each from its domain's start until it is heard, as
    cloud-init does. Ironic's: SIGKILL of its one process while every node is
    being deployed on fake hardware, then started again. Share of the requests that were running at
    the kill and ended, well or not, within 2 minutes.
    """
    with running_site() as site:
        running, share, seconds, twice = _ours(site, size)
    ironic, remark = _ironic(size)
    yield Figure(
        "survival",
        "killed",
        "of those running",
        share,
        peer="Ironic, fake hardware",
        peer_value=ironic,
        target=Target("at least", value=1),
        remark=f"{running} of ours were running; {remark}",
    )
    yield Figure("survival", "killed_last_end", "s after the kill", seconds)
    yield Figure(
        "survival",
        "killed_defined_twice",
        "machines",
        twice,
        target=Target("at most", value=0),
    )


def _ours(site: Site, size: Size) -> tuple[int, float, float, int]:
    """Give how many were running, the share that ended, when the last did, and defined twice."""
    uri = site.libvirt_uri.replace("qemu+unix:///session", "test+unix:///default")

    def ask(client: Client, number: int) -> control_pb2.Operation:
        name = f"machine-{number}"
        return site.provision(name, image, memory_mib=TEST_MEMORY_MIB, client=client)

    # The test driver keeps its state as long as somebody is connected: `domains` is.
    with listening(uri) as domains:
        image = site.add_image("empty", site.prepare_test_hosts(size.killed, f"{uri}&"))
        with site.watching() as watching, site.clients(size.clients) as clients:
            asked = clients.ask(size.killed, ask)
            machines = [operation.object_id for operation in asked]
            victims = site.serving()
            if set(victims) != SERVICES:
                raise NotMeasuredError(f"found {victims} to kill, not {SERVICES}")
            over = watching.reached(machines, "active", "failed")
            running = [machine for machine in machines if machine not in over]
            processes.kill(*victims.values())
            killed_at = time.monotonic()
            if not running:
                raise NotMeasuredError("every machine was active before the kill")
            with ThreadPoolExecutor(size.killed) as guests:
                guests.map(lambda operation: _phone_home(site, domains, operation), asked)
            left_s = max(0.0, killed_at + WITHIN_S - time.monotonic())
            heard = watching.wait(running, "active", "failed", timeout_s=left_s)
        ended = {one: at for one, at in heard.items() if at <= killed_at + WITHIN_S}
        twice = [one for one in machines if domains.how_often(one, DEFINED) > 1]
    seconds = max(ended.values(), default=killed_at + WITHIN_S) - killed_at
    return len(running), len(ended) / len(running), seconds, len(twice)


def _phone_home(site: Site, domains: Domains, operation: control_pb2.Operation) -> None:
    """Report for a guest from its domain's start on, until somebody hears it."""
    with suppress(NotMeasuredError):  # a domain that never starts has no guest
        domains.when(operation.object_id, STARTED, timeout_s=WITHIN_S)
    keys = RegionKeys.load(site.state / "executor" / "keys", site.region)
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    token = keys.report_token(operation.metadata.id, "guest", expires_at)
    url = f"http://127.0.0.1:{site.up.argument('--media-port')}/report/{token}"
    give_up_at = time.monotonic() + WITHIN_S
    while time.monotonic() < give_up_at:
        with suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("POST", url, body="", retries=False, timeout=20).status == 200:
                return
        time.sleep(CALL_AGAIN_S)


def _ironic(size: Size) -> tuple[float | None, str]:
    try:
        with Ironic.running(deploy_s=IRONIC_DEPLOY_S) as ironic:
            nodes = ironic.enrol(size.killed)
            ironic.deploy(nodes, clients=size.clients)
            states = ironic.states(nodes)
            running = [node for node in nodes if states[node] != "active"]
            ironic.kill()
            ironic.start()
            with suppress(NotMeasuredError):
                ironic.wait(running, "active", "deploy failed", timeout_s=WITHIN_S)
            after = list(ironic.states(running).values())
            active, failed = after.count("active"), after.count("deploy failed")
            remark = f"of {len(running)} of Ironic's {active} became active, {failed} failed"
            return (active + failed) / len(running), remark
    except NotMeasuredError as error:
        return None, str(error)
