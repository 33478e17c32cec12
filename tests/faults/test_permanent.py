"""Whatever step fails for good: what was begun is undone, or quarantined with the reason.

Nothing is left over, and nothing goes on for ever. Once the fault is mended, an ordinary
verification or retry makes everything as it was before.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.faults.ground import Ground
from tests.faults.inject import CODE, WHENS, Fault, When
from tests.faults.lanes import Lanes, Run
from tests.faults.scenarios import expect, mend, ramdisk

HARMLESS = ("hypervisor.read_console", "redfish.read_log", "redfish.unstage")
"""What says nothing about an operation's outcome."""


STILL_SERVED = ("redfish.unstage", "before")
"""What is still served says nothing about a server: reconcile deletes it by itself."""


@dataclass(frozen=True)
class Work:
    """An operation on a clean ground, and the calls of executors in it when nothing is broken.

    Only those from `broken_from` on are broken: what comes before is another work's.
    """

    ask: Callable[[Ground], Any]
    calls: tuple[str, ...]
    broken_from: int = 0


def _undo_virtual(ground: Ground) -> Any:
    operation = ground.provision(talks=True)
    ground.until_said(operation.metadata.id, "phone home")
    ground.observer.lookupByUUIDString(operation.object_id).destroy()
    return operation


def _undo_baremetal(ground: Ground) -> Any:
    with ramdisk(ground.bmc, "deploy", ok=False, code="CHECKSUM_MISMATCH", message="differs"):
        operation = ground.provision("baremetal")
        ground.end(operation)
    return operation


def _decommission(ground: Ground) -> Any:
    [machine] = ground.place.member.ListMachines(project=ground.place.project).machines
    return ground.place.decommission(machine.metadata.id)


DEPLOY = ("redfish.stage", "redfish.boot_medium")
WIPE = ("redfish.stage", "redfish.boot_medium", "redfish.power_off", "redfish.unstage")
WORKS: Mapping[str, Work] = {
    "provision virtual": Work(
        lambda ground: ground.provision(),
        ("hypervisor.stage", "hypervisor.start"),
    ),
    "provision baremetal": Work(
        lambda ground: ground.provision("baremetal"),
        (*DEPLOY, "redfish.power_off", "redfish.boot_disk", "redfish.read_log", "redfish.unstage"),
    ),
    "undo virtual": Work(
        _undo_virtual,
        ("hypervisor.stage", "hypervisor.start", "hypervisor.read_console", "hypervisor.remove"),
        broken_from=2,
    ),
    "undo baremetal": Work(
        _undo_baremetal,
        (*DEPLOY, "redfish.read_log", "redfish.power_off", "redfish.unstage", *WIPE),
        broken_from=2,
    ),
    "decommission virtual": Work(_decommission, ("hypervisor.remove",)),
    "decommission baremetal": Work(_decommission, ("redfish.power_off", *WIPE, "redfish.read_log")),
}


@dataclass(frozen=True)
class Cell:
    """One call that fails for good, before its effect or after it."""

    work: str
    number: int
    when: When

    @property
    def name(self) -> str:
        """The activity that is called."""
        return WORKS[self.work].calls[self.number]

    @property
    def kind(self) -> str:
        """Virtual or baremetal."""
        return self.work.split()[1]

    @property
    def is_harmless(self) -> bool:
        """Say whether the outcome doesn't hang on the call."""
        return self.name in HARMLESS

    def __str__(self) -> str:
        return f"{self.work} {self.number + 1} {self.name} {self.when}"

    def run(self, ground: Ground) -> None:
        """Break the call, look at what follows, and mend it."""
        work = WORKS[self.work]
        if self.work.startswith("decommission"):
            ground.machine(self.kind)
        spared = work.calls[: self.number].count(self.name)
        fault = Fault(ground.region, self.when, self.name, for_good=True, spared=spared)
        with ground.injector.fault(fault):
            ended = ground.end(work.ask(ground))
        assert fault.hits, "nothing was broken"
        self._expect(ground, ended)
        left = ground.problems()
        if (self.name, self.when) == STILL_SERVED:
            assert left == [f"media of operation {ended.metadata.id} are still served"]
        else:
            assert left == []
        mend(ground)

    def _expect(self, ground: Ground, ended: Any) -> None:
        """Expect how the operation ends, and in which state machine and provider are then."""
        machine = ground.place.get(ended.object_id).status
        if self.work == "decommission virtual":
            expect(ended, "failed", CODE)
            assert (machine.state, machine.HasField("deadline")) == ("decommissioning", False)
            assert "retry" in machine.next_action
            return
        part = self.work.split()[0]
        if part == "provision" and not self.is_harmless:
            expect(ended, "failed", CODE)
            assert machine.state == "failed"
        else:
            states = {"provision": "active", "undo": "failed", "decommission": "gone"}
            assert machine.state == states[part]
            assert ended.status.state == ("failed" if part == "undo" else "done")
        self._expect_provider(ground, must_be_quarantined=part != "provision")

    def _expect_provider(self, ground: Ground, *, must_be_quarantined: bool) -> None:
        """Expect a host or server to be as it was, or quarantined with the reason."""
        operator = ground.place.operator
        shown = (
            operator.GetHost(id=ground.host)
            if self.kind == "virtual"
            else operator.GetServer(id=ground.server)
        ).status
        if shown.state == "quarantined":
            assert "was broken" in shown.reason
            assert not self.is_harmless
        else:
            assert self.is_harmless or not must_be_quarantined


CELLS = [
    Cell(name, number, when)
    for name, work in WORKS.items()
    for number in range(work.broken_from, len(work.calls))
    for when in (WHENS if name.startswith("provision") else WHENS[:1])
]


@dataclass(frozen=True)
class Runs:
    """Every cell, and each work as it is; begun together, so that waiting costs nothing."""

    usual: Mapping[str, Future[Run]]
    broken: Mapping[str, Future[Run]]


def _as_usual(name: str, ground: Ground) -> None:
    if name.startswith("decommission"):
        ground.machine(name.split()[1])
    calls = len(ground.injector.calls)
    ground.end(WORKS[name].ask(ground))
    made = [one.name for one in ground.injector.calls[calls:] if one.region == ground.region]
    of_executors = [one for one in made if one.startswith(("hypervisor.", "redfish."))]
    assert of_executors == list(WORKS[name].calls)
    mend(ground)


@pytest.fixture(scope="module")
def runs(grounds: Lanes) -> Runs:
    return Runs(
        {name: grounds.begin(partial(_as_usual, name)) for name in WORKS},
        {str(cell): grounds.begin(cell.run) for cell in CELLS},
    )


@pytest.mark.parametrize("work", WORKS)
def test_these_are_all_steps(runs: Runs, work: str) -> None:
    assert runs.usual[work].result().problems == ()


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_step_that_fails_for_good_leaves_nothing(runs: Runs, cell: Cell) -> None:
    assert runs.broken[str(cell)].result().problems == ()
