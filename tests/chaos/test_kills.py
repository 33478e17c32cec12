"""A seeded sample of real deaths: each part once, in the middle of a virtual machine's life.

MULLIGAN_CHAOS_SEED throws other dice. `make chaos` kills at every step.
"""

import asyncio
import os
import random
from collections.abc import Callable

import pytest

from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.chaos.evidence import Witnesses
from tests.chaos.movements import Movements
from tests.chaos.parts import Part, Served
from tests.chaos.site import Site

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("each_for_itself")]

SEED = int(os.environ.get("MULLIGAN_CHAOS_SEED", "1"))
MOMENTS = (("provision", "stage"), ("provision", "boot"), ("decommission", "remove machine"))
GRACE_S = 30.0


@pytest.mark.parametrize("kind", ["services", "worker", "temporal", "postgresql", "libvirt"])
def test_a_part_is_killed_in_the_middle(
    site: Site, heard: Witnesses, movements: Movements, kind: str
) -> None:
    (part,) = [one for one in site.parts if one.kind == kind]
    machine = lives_through(site, movements, kind, lambda _: kill_and_start(part))
    was_made_once_and_is_gone(heard, machine)


def test_an_executor_is_killed_for_good_and_the_other_one_finishes(
    site: Site, heard: Witnesses, movements: Movements
) -> None:
    killed: list[Served] = []

    def kill(operation: str) -> None:
        executor = asyncio.run(site.holder(operation))
        if executor is not None:  # None: it has not begun yet, or was quicker than we
            executor.kill()
            killed.append(executor)

    while not killed:
        machine = lives_through(site, movements, "executor", kill)
    killed[0].start()
    was_made_once_and_is_gone(heard, machine)


@pytest.mark.parametrize("check", ["verify", "inspect"])
def test_the_bmc_is_killed_while_a_server_is_checked(
    site: Site, heard: Witnesses, movements: Movements, check: str
) -> None:
    control = site.client.control
    (server,) = control.ListServers(control_pb2.ListServersRequest()).servers
    asked = (
        control.VerifyServer(control_pb2.VerifyServerRequest(id=server.metadata.id))
        if check == "verify"
        else control.InspectServer(control_pb2.InspectServerRequest(id=server.metadata.id))
    )
    movements.wait_for_step(asked.metadata.id, check)
    kill_and_start(site.bmc)
    assert site.wait(asked.metadata.id).status.state == "done"
    assert site.server(server.metadata.id).status.state == "available"
    assert heard.findings() == []


def test_an_executor_is_frozen_in_a_write_and_goes_on_after_its_successor(
    site: Site, heard: Witnesses, movements: Movements
) -> None:
    frozen, operation = freeze_in_the_middle(site, movements)
    ended = site.wait(operation.metadata.id)
    assert ended.status.state == "done", ended
    site.end(operation.object_id)
    frozen.go_on()
    frozen.drain(GRACE_S)  # whatever it still had in hand is over now
    frozen.start()
    was_made_once_and_is_gone(heard, operation.object_id)


@pytest.mark.parametrize("kind", ["services", "worker", "executor"])
def test_a_part_that_is_asked_to_end_drains(
    site: Site, heard: Witnesses, movements: Movements, kind: str
) -> None:
    def drain(operation: str) -> None:
        holder = asyncio.run(site.holder(operation)) or site.executors[0]
        part = {"services": site.services, "worker": site.worker}.get(kind, holder)
        part.drain(GRACE_S)
        part.start()

    machine = lives_through(site, movements, f"drain {kind}", drain)
    was_made_once_and_is_gone(heard, machine)


def rng(what: str) -> random.Random:
    """Give the dice for one test, which do not depend on the others."""
    print(f"\nMULLIGAN_CHAOS_SEED={SEED}")
    return random.Random(f"{SEED} {what}")


def lives_through(site: Site, movements: Movements, what: str, death: Callable[[str], None]) -> str:
    """Make and end a machine, with a death at a seeded step of either; gives the machine."""
    kind, step = rng(what).choice(MOMENTS)
    print(f"{what}: {kind} at {step!r}")
    operation = site.provision(f"machine-{len(movements.all())}", "virtual", memory_mib=128)
    machine = operation.object_id
    if kind == "provision":
        movements.wait_for_step(operation.metadata.id, step)
        death(operation.metadata.id)
    ended = site.wait(operation.metadata.id)
    assert ended.status.state == "done", ended
    end = site.decommission(machine)
    if kind == "decommission":
        movements.wait_for_step(end, step)
        death(end)
    assert site.wait(end).status.state == "done"
    return machine


def kill_and_start(part: Part) -> None:
    part.kill()
    part.start()


def freeze_in_the_middle(site: Site, movements: Movements) -> tuple[Served, control_pb2.Operation]:
    """Freeze the executor that makes a machine; that of one which is just too quick goes on."""
    while True:
        operation = site.provision(f"machine-{len(movements.all())}", "virtual", memory_mib=128)
        movements.wait_for_step(operation.metadata.id, "boot")
        for executor in site.executors:
            executor.freeze()
        holder = asyncio.run(site.holder(operation.metadata.id))
        for executor in site.executors:
            if executor is not holder:
                executor.go_on()
        if holder is not None:
            return holder, operation
        assert site.wait(operation.metadata.id).status.state == "done"
        site.end(operation.object_id)


def was_made_once_and_is_gone(heard: Witnesses, machine: str) -> None:
    """Ask libvirt itself, and the checker: at most once, because a libvirt that dies tells less."""
    happened = heard.happened(machine)
    assert happened["defined"] <= 1, happened
    assert happened["started"] <= 1, happened
    assert heard.findings() == []
