"""Who kills: a seeded choice of what dies, at a step that Watch tells of, and starts it again."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product

from temporalio.service import RPCError

from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.chaos.movements import Movements, Moving
from tests.chaos.parts import Part
from tests.chaos.site import Site

STUCK_LIMIT_S = 150.0
"""What has not moved for this long after a kill is a finding."""

NEEDED_BY_OTHERS = ("temporal", "postgresql", "libvirt", "bmc")

TWO_AT_ONCE = 0.75
"""How often somebody else dies too."""

METAL_AT_ONCE = 3
"""So many may die at a step of metal: there are few such moments in a run."""

STOPPED = "executor stopped"
"""Not a death: SIGSTOP, and SIGCONT after its successor may have taken over."""


@dataclass(frozen=True)
class Moment:
    """A step of a type of operation on a kind of machine (empty: on a server or host)."""

    kind: str
    type: str
    step: str

    def __str__(self) -> str:
        return f"{self.kind} {self.type} at {self.step!r}".strip()


VIRTUAL = (
    Moment("virtual", "provision", "stage"),
    Moment("virtual", "provision", "boot"),
    Moment("virtual", "provision", "remove machine"),
    Moment("virtual", "decommission", "remove machine"),
    Moment("virtual", "keep", "power off"),
    Moment("virtual", "restore", "start"),
)
METAL = (
    Moment("metal", "provision", "stage"),
    Moment("metal", "provision", "boot ramdisk (deploy)"),
    Moment("metal", "provision", "deploy"),
    Moment("metal", "provision", "boot"),
    Moment("metal", "provision", "activate"),
    Moment("metal", "decommission", "power off"),
    Moment("metal", "decommission", "boot ramdisk (wipe)"),
    Moment("metal", "decommission", "wipe"),
)
CHECKS = (
    Moment("", "verify", "verify"),  # of a server
    Moment("", "inspect", "inspect"),
    Moment("", "verify", "inspect"),  # of a host
)

KINDS = ("services", "worker", "executor", "temporal", "postgresql", "libvirt")


@dataclass(frozen=True)
class Cell:
    """What dies, and when."""

    dies: str
    moment: Moment

    def __str__(self) -> str:
        return f"{self.dies}: {self.moment}"


def all_cells(*, metal: bool) -> list[Cell]:
    """Give everything that may die at every moment at which it matters."""
    hardware = (*CHECKS, *(METAL if metal else ()))
    return [
        *(Cell(*pair) for pair in product((*KINDS, STOPPED), VIRTUAL)),
        *(Cell(*pair) for pair in product((*KINDS, "bmc"), hardware)),
    ]


@dataclass
class Killed:
    """What was killed, and what became of the operations that ran then."""

    cells: tuple[Cell, ...]
    running: int
    moving_again_s: float | None
    """From the last kill until the last stuck operation moved; None when none was stuck."""


@dataclass
class Killer:
    """Kills from `run` until it is told to end; everything runs again afterwards."""

    site: Site
    movements: Movements
    seed: int
    cells: Sequence[Cell]
    say: Callable[[str], None]
    killed: list[Killed] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(f"{self.seed} killer")
        self._left = list(self.cells)
        self._dice.shuffle(self._left)
        self._seen: set[tuple[str, str]] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer")

    @property
    def left(self) -> Sequence[Cell]:
        """The cells whose moment has not come yet."""
        return self._left

    def start(self) -> None:
        """Begin to kill, in a thread."""
        self._thread.start()

    def end(self) -> None:
        """Kill no more; waits until what was killed last has been got over."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                self._notice_the_dead()
                chosen = self.movements.wait(self._choose, timeout_s=1)
                if chosen is not None:
                    self._kill(chosen)
        except Exception as error:
            self.findings.append(f"the killer could not go on: {error!r}")
            raise

    def _notice_the_dead(self) -> None:
        """Nobody of ours dies by himself; who does is started again, as systemd would.

        The emulator may: its libvirt client can crash when the daemon dies (CVE-2024-4418).
        """
        for part, words in self.site.dead().items():
            told = f"{part.name} ended by itself: {words}"
            self.say(told)
            if part.kind != "bmc":
                self.findings.append(told)
            part.start()

    def _choose(self) -> dict[Cell, Moving] | None:
        """Find an operation that has just come to a step at which somebody may die.

        Somebody else may die with him, at that step or at another operation's. Steps of metal come
        first: they are rare.
        """
        for one in sorted(self.movements.running(), key=lambda one: one.kind != "metal"):
            if not one.step or (one.id, one.step) in self._seen:
                continue
            self._seen.add((one.id, one.step))
            cells = self._cells_at(one)
            again = [cell for cell in self.cells if cell.moment == _moment(one)]
            if not cells and again and self._dice.random() < (0.1 if self._left else 0.3):
                cells = [self._dice.choice(again)]
            if cells:
                most = METAL_AT_ONCE if one.kind == "metal" else 1
                chosen = dict.fromkeys(cells[:most], one)
                if len(chosen) == 1 and self._dice.random() < TWO_AT_ONCE:
                    chosen.update(self._another(cells[0], one))
                return chosen
        return None

    def _another(self, cell: Cell, operation: Moving) -> dict[Cell, Moving]:
        """Choose who else dies: best one whose moment it is, in any operation."""
        left = {
            other: one
            for one in self.movements.running()
            for other in self._cells_at(one)
            if _kind(other) != _kind(cell)
        }
        if left:
            other = self._dice.choice(list(left))
            return {other: left[other]}
        kind = self._dice.choice([kind for kind in KINDS if kind != _kind(cell)])
        return {Cell(kind, cell.moment): operation}

    def _cells_at(self, operation: Moving) -> list[Cell]:
        """Give the cells that are left of the step at which an operation is."""
        return [cell for cell in self._left if cell.moment == _moment(operation)]

    def _kill(self, chosen: Mapping[Cell, Moving]) -> None:
        """Kill, perhaps two at once, start again, and see everything move."""
        cells = list(chosen)
        longest = 5.0 if cells[0].moment.kind == "metal" else 0.3
        time.sleep(self._dice.random() * longest)  # a moment within the step: nothing is awaited
        running = [one for one in self.movements.running() if not one.waits]
        parts = [self._part(*one) for one in chosen.items()]
        for one, part in zip(cells, parts, strict=True):
            (part.freeze if one.dies == STOPPED else part.kill)()
        died_at = time.time()
        self._left = [one for one in self._left if one not in cells]
        pause_s = self._dice.choice((0.0, 0.0, 1.0, 3.0))
        dead = " and ".join(f"{cell} ({one.id})" for cell, one in chosen.items())
        self.say(f"{dead}, starts after {pause_s:.0f} s")
        time.sleep(pause_s)
        self._start_again([part for part in parts if not part.pids()])
        moved = self._wait_for(running, died_at)
        for part in parts:
            part.go_on()  # one that was stopped: its successor has taken over
        counts = STOPPED not in [one.dies for one in cells]
        self.killed.append(Killed(tuple(cells), len(running), moved if counts else None))
        if moved is not None:
            self.say(f"  the last of {len(running)} moved after {moved:.1f} s")

    def _start_again(self, parts: Sequence[Part]) -> None:
        """Start parts at the same time, as systemd would, after those which they need."""
        for needed in (True, False):
            now = [part for part in parts if (part.kind in NEEDED_BY_OTHERS) is needed]
            with ThreadPoolExecutor(len(parts) or 1) as threads:
                for started in [threads.submit(part.start) for part in now]:
                    started.result()

    def _part(self, cell: Cell, operation: Moving) -> Part:
        kind = _kind(cell)
        parts = [part for part in self.site.parts if part.kind == kind]
        try:
            holder = asyncio.run(self.site.holder(operation.id)) if kind == "executor" else None
        except (RPCError, RuntimeError):  # Temporal was killed too
            holder = None
        return holder or self._dice.choice(parts)

    def _wait_for(self, operations: Sequence[Moving], died_at: float) -> float | None:
        """Wait until each of the operations has moved; gives how long the last one took."""

        def moved(one: Moving) -> float | None:
            return one.moved_after(died_at)

        def stuck() -> list[Moving]:
            return [
                one
                for one in operations
                if one.state == "running" and not one.waits and not moved(one)
            ]

        self.movements.wait(lambda: not stuck(), STUCK_LIMIT_S - (time.time() - died_at))
        for one in stuck():
            request = control_pb2.GetOperationRequest(id=one.id)
            status = self.site.client.control.GetOperation(request).status
            words = (
                f"{one.type} {one.id} at {one.step!r} did not move for {STUCK_LIMIT_S:.0f} s as "
                f"Watch tells it; it is {status.state} since {status.since.ToDatetime()} UTC"
            )
            self.findings.append(words)
            self.say(f"  {words}")
        late = [died_at + STUCK_LIMIT_S for one in stuck()]
        moves = [*late, *(at for at in map(moved, operations) if at is not None)]
        return max(moves) - died_at if moves else None


def _moment(operation: Moving) -> Moment:
    return Moment(operation.kind, operation.type, operation.step)


def _kind(cell: Cell) -> str:
    """Give the kind of part that dies, or is stopped."""
    return "executor" if cell.dies == STOPPED else cell.dies


def deaths(killed: Sequence[Killed]) -> Counter[str]:
    """Count what died how often."""
    return Counter(cell.dies for one in killed for cell in one.cells)
