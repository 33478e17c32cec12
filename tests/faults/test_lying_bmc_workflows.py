"""Every lie of a BMC from each step of an operation on: it ends as the table says, and says why.

A lie begins with a step's first request and stays until the operation has ended, or passes after
two tries. Steps that don't talk to the BMC (stage, deploy, activate) are met by their successor.
`make test` runs a sample, MULLIGAN_CHAOS_SEED throws other dice; MULLIGAN_ALL_CELLS=1 runs all.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from activities import bmc, bmc_line
from tests.activities.test_lying_bmc import FAULTS
from tests.faults.ground import Ground
from tests.faults.inject import Call
from tests.faults.lanes import Lanes, Run
from tests.faults.scenarios import expect, mend, ramdisk, state_of
from workflows import policies

SEED = int(os.environ.get("MULLIGAN_CHAOS_SEED", "1"))
ANSWER_S = 1.0
"""How long the executor waits for an answer; what is slow takes longer.

All else takes less even while every lane is busy.
"""

SLOWER = 2
"""So many times as slow as for a single activity is a BMC that is slow."""

TRIES = 2
"""How often an activity is tried before the ladder is climbed."""

TALKS = ("verify", "inspect", "boot_medium", "boot_disk", "power_off", "restart_bmc", "power_cycle")
"""The activities that talk to a BMC."""


@dataclass(frozen=True)
class Step:
    """The `number`th call of an activity within a work, from which on the BMC lies.

    `lasts`: the tries that meet a lie that passes; a work without a ladder has fewer.
    """

    work: str
    activity: str
    number: int = 1
    lasts: int = 2

    def __str__(self) -> str:
        return f"{self.work} {self.activity} {self.number}"


STEPS = (
    Step("provision", "boot_medium"),
    Step("provision", "power_off"),
    Step("provision", "boot_disk"),
    Step("decommission", "power_off"),
    Step("decommission", "boot_medium"),
    Step("decommission", "power_off", 2),
    Step("undo", "power_off"),
    Step("undo", "boot_medium", 2),
    Step("undo", "power_off", 2),
    Step("verify", "verify", lasts=1),
    Step("inspect", "inspect", lasts=1),
)

ENDS: Mapping[str, tuple[str, str]] = {
    "slow": ("QQQ QQQ QQQ Q Q", "no answer within"),
    "slow writes": ("AAA AAA UUU A A", ""),
    "slow login": ("QQQ QQQ QQQ Q Q", "no answer within"),
    "login dropped": ("QQQ QQQ QQQ Q Q", "the connection broke"),
    "no session free": ("AAA AAA UUU A A", ""),
    "503": ("QQQ QQQ QQQ Q Q", "HTTP 503"),
    "503, Retry-After": ("QQQ QQQ QQQ Q Q", "HTTP 503"),
    "503 to writes": ("UQQ QQQ QQQ A A", "HTTP 503"),
    "503 to resets": ("UQQ QQQ QQQ A A", "HTTP 503"),
    "503 once": ("AAA AAA UUU A A", ""),
    "503, Retry-After once": ("AAA AAA UUU A A", ""),
    "503 to ejections": ("QQA QQQ QQQ A A", "HTTP 503"),
    "409 to writes": ("UQQ QQQ QQQ A A", "HTTP 409"),
    "409 to resets": ("UQQ QQQ QQQ A A", "HTTP 409"),
    "dropped": ("QQQ QQQ QQQ Q Q", "the connection broke"),
    "dropped after": ("QQQ QQQ QQQ Q Q", "the connection broke"),
    "writes dropped": ("UQQ QQQ QQQ A A", "the connection broke"),
    "resets dropped": ("UQQ QQQ QQQ A A", "the connection broke"),
    "writes dropped after": ("AAA AAA UUU A A", ""),
    "truncated": ("QQQ QQQ QQQ Q Q", "cut its answer off"),
    "truncated once": ("AAA AAA UUU A A", ""),
    "stale power": ("AAA AAA UUU A A", ""),
    "sessions expire": ("AAA AAA UUU A A", ""),
    "sessions expire before writes": ("AAA AAA UUU A A", ""),
    "media not there": ("UAA QQA QQU A A", r"no medium from \S+ is in"),
    "override ignored": ("UAA QQA QQU A A", "does not take Cd in UEFI mode as its next boot"),
    "resets ignored": ("UQQ QQQ QQQ A A", "was told twice to be"),
    "wrong password": ("QQQ QQQ QQQ Q Q", "refused the credentials"),
    "gone": ("QQQ QQQ QQQ Q Q", "connection refused"),
    "gone at a write": ("QQQ QQQ QQQ A A", "connection refused|the connection broke"),
}
"""How each step's operation ends when the lie stays, in the order of `STEPS`, and why.

A: as it was asked for. U: undone, the server is offered again. Q: the server is quarantined.
"""

NO_RUNG_HELPS = ("wrong password",)
"""Lies for which nobody waits: they end the same when they pass."""


@dataclass(frozen=True)
class Cell:
    """A lie from a step on."""

    lie: str
    step: Step
    stays: bool

    def __str__(self) -> str:
        return f"{self.lie}-{self.step}-{'stays' if self.stays else 'passes'}"

    @property
    def end(self) -> str:
        """A, U or Q."""
        if self.stays or self.lie in NO_RUNG_HELPS:
            return ENDS[self.lie][0].replace(" ", "")[STEPS.index(self.step)]
        return "U" if self.step.work == "undo" else "A"

    def run(self, ground: Ground) -> None:
        """Have the BMC lie, look at how it ends, and mend it, for what comes next in any case."""
        if self.step.work == "decommission":
            ground.machine("baremetal")
        with Liar(ground, self) as liar:
            ended = ground.end(WORKS[self.step.work](ground))
        try:
            assert liar.hits or self.end != "Q", "the lie was never met"
            self._expect(ground, ended)
            assert ground.problems() == []
        finally:
            mend(ground)
        assert ground.proxies[ground.server].most_at_once == 1

    def _expect(self, ground: Ground, ended: Any) -> None:
        work, words = self.step.work, ENDS[self.lie][1]
        server = ground.place.operator.GetServer(id=ground.server).status
        free = "in_use" if work == "provision" and self.end == "A" else "available"
        assert server.state == ("quarantined" if self.end == "Q" else free), server.reason
        if self.end == "Q":
            assert_well_said(ground, server.reason, words)
        if work == "undo":
            expect(ended, "failed", "CHECKSUM_MISMATCH")
        elif self.end == "A" or work == "decommission":
            expect(ended, "done")
        else:
            assert ended.status.state == "failed"
            assert_well_said(ground, ended.status.reason, words)
        if work not in ("verify", "inspect"):
            machine = "failed" if work == "undo" or self.end == "U" else LIVES[work, self.end]
            assert state_of(ground, ended.object_id) == machine


LIVES = {
    ("provision", "A"): "active",
    ("provision", "Q"): "failed",
    ("decommission", "A"): "gone",
    ("decommission", "Q"): "gone",
}
"""What becomes of the machine."""


def assert_well_said(ground: Ground, reason: str, words: str) -> None:
    """Say what is wrong, with which server, and what to do about it."""
    assert re.search(words, reason), reason
    assert f"server {ground.server} (BMC {ground.proxies[ground.server].address})" in reason
    assert ";" in reason, f"what to do is missing: {reason}"


class Liar:
    """Switches a lie on with the first try of a step, and off again when it is to pass."""

    def __init__(self, ground: Ground, cell: Cell) -> None:
        self._ground, self._step = ground, cell.step
        self._lasts = None if cell.stays else cell.step.lasts
        fault = FAULTS[cell.lie][0]
        self._fault = replace(fault, delay_s=fault.delay_s * SLOWER)
        self._proxy = ground.proxies[ground.server]
        self._open = ExitStack()
        self._seen: Counter[str] = Counter()
        self._tries = 0
        self._lies: list[Any] = []

    def __enter__(self) -> "Liar":
        self._listening = self._ground.injector.heard_by(self._hear)
        self._listening.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.__exit__(None, None, None)
        self._stop()

    @property
    def hits(self) -> int:
        """How many requests met the lie."""
        return sum(lie.hits for lie in self._lies)

    def _hear(self, call: Call) -> None:
        activity = call.name.removeprefix("redfish.")
        if call.region != self._ground.region or activity not in TALKS:
            return
        self._seen[activity] += call.attempt == 1
        if self._lies:
            self._tries += 1
            if self._tries == self._lasts:
                self._stop()
        elif activity == self._step.activity and self._seen[activity] == self._step.number:
            self._lies = self._open.enter_context(self._proxy.lying(self._fault))

    def _stop(self) -> None:
        self._open.close()
        if self._proxy.is_gone:
            self._proxy.come_back()


# Works


def _undo(ground: Ground) -> Any:
    with ramdisk(ground.bmc, "deploy", ok=False, code="CHECKSUM_MISMATCH", message="differs"):
        operation = ground.provision("baremetal")
        ground.end(operation)
    return operation


def _decommission(ground: Ground) -> Any:
    [machine] = ground.place.member.ListMachines(project=ground.place.project).machines
    return ground.place.decommission(machine.metadata.id)


WORKS: Mapping[str, Callable[[Ground], Any]] = {
    "provision": lambda ground: ground.provision("baremetal"),
    "decommission": _decommission,
    "undo": _undo,
    "verify": lambda ground: ground.place.operator.VerifyServer(id=ground.server),
    "inspect": lambda ground: ground.place.operator.InspectServer(id=ground.server),
}


def _as_usual(work: str, ground: Ground) -> None:
    """See that the steps are all those in which something is asked of the BMC."""
    if work == "decommission":
        ground.machine("baremetal")
    heard = ground.proxies[ground.server].heard
    asked: list[tuple[str, int]] = []
    with ground.injector.heard_by(
        lambda call: asked.append((call.name, len(heard))) if call.region == ground.region else None
    ):
        ground.end(WORKS[work](ground))
    asked.append(("", len(heard)))
    talked = [
        name.removeprefix("redfish.")
        for (name, before), (_, after) in pairwise(asked)
        if after > before
    ]
    assert talked[work == "undo" :] == [one.activity for one in STEPS if one.work == work]
    mend(ground)


CELLS = [
    Cell(lie, step, stays)
    for lie, (_, words) in ENDS.items()
    for step in STEPS
    for stays in (True, False)[: 1 + bool(words)]  # what does no harm may as well stay
]


def sample() -> list[Cell]:
    """Give each lie once, at a step and for a time that the dice say; or all cells."""
    if os.environ.get("MULLIGAN_ALL_CELLS"):
        return CELLS
    dice = random.Random(f"{SEED} lies")
    return [dice.choice([cell for cell in CELLS if cell.lie == lie]) for lie in ENDS]


@pytest.fixture(scope="module")
def runs(grounds: Lanes, request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[Run]"]]:
    """Every cell that is asked for, begun together; servers are behind proxies meanwhile."""
    asked = [
        value
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
        for value in (item.callspec.params.values() if hasattr(item, "callspec") else ())
    ]
    grounds.each(partial(_exchange_server, can_lie=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policies.HARDWARE, "maximum_attempts", TRIES)
        for module in (bmc, bmc_line):
            patch.setattr(module, "READ_TIMEOUTS_S", (5, ANSWER_S))
        patch.setattr(bmc_line, "WRITE_TIMEOUTS_S", (5, ANSWER_S))
        patch.setattr(bmc_line, "LONGEST_WAIT_S", 0.05)
        yield {
            str(one): grounds.begin(
                one.run if isinstance(one, Cell) else partial(_as_usual, str(one))
            )
            for one in asked
        }
        grounds.each(partial(_exchange_server, can_lie=False))


def _exchange_server(ground: Ground, *, can_lie: bool) -> None:
    ground.place.operator.DeleteServer(id=ground.server)
    ground.server = ground.add_server(can_lie=can_lie)
    expect(ground.place.end_of_check(ground.server), "done")


@pytest.mark.parametrize("work", WORKS)
def test_these_are_all_steps(runs: Mapping[str, "Future[Run]"], work: str) -> None:
    assert runs[work].result().problems == ()


@pytest.mark.parametrize("cell", sample(), ids=str)
def test_whatever_a_bmc_says_the_operation_ends_once(
    runs: Mapping[str, "Future[Run]"], cell: Cell
) -> None:
    assert runs[str(cell)].result().problems == ()


def test_each_lie_has_its_row() -> None:
    assert ENDS.keys() == FAULTS.keys()
    assert {len(ends.replace(" ", "")) for ends, _ in ENDS.values()} == {len(STEPS)}
