"""Several grounds at once: each run has one for itself, and says what was different after it."""

import os
import queue
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.site import Site
from tests.faults.checker import Records
from tests.faults.ground import Ground, ground
from tests.faults.inject import Call, Injector

LANES = 6 if os.environ.get("MULLIGAN_ALL_CELLS") else 3
"""Runs wait more than they work."""


@dataclass(frozen=True)
class Told:
    """What the records and BMCs say of a run, without ids and times: the same each time."""

    operations: tuple[tuple[str, str, str], ...]
    steps: tuple[tuple[str, str], ...]
    events: Mapping[tuple[str, str, str], int]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What a run called, how it ended, and what the checker found."""

    calls: tuple[Call, ...]
    told: Told
    problems: tuple[str, ...]


def run_on(ground: Ground, work: Callable[[Ground], None]) -> Run:
    """Do work on a ground, and see what it changed; what it raises is a problem."""
    calls, records, writes = len(ground.injector.calls), ground.records, ground.writes()
    try:
        work(ground)
        problems = []
    except Exception:
        problems = [traceback.format_exc()]
    problems += ground.problems()
    made = ground.writes()
    new = [one for server in made for one in made[server][len(writes.get(server, ())) :]]
    return Run(
        calls=tuple(call for call in ground.injector.calls[calls:] if call.region == ground.region),
        told=_told(records, ground.records, new),
        problems=tuple(problems),
    )


def _told(before: Records, after: Records, writes: list[str]) -> Told:
    new = [row for one, row in after.operations.items() if one not in before.operations]
    new.sort(key=lambda row: row.created_at)
    last = before.events[-1].revision
    return Told(
        operations=tuple((row.type, row.state, row.error_code) for row in new),
        steps=tuple(
            (step.name, step.state)
            for row in new
            for step in sorted(after.steps, key=lambda step: step.number)
            if step.operation == row.id
        ),
        events=Counter(
            (event.object_type, event.kind, event.state)
            for event in after.events
            if event.revision > last
        ),
        writes=tuple(writes),
    )


class Lanes:
    """Takes work and does it on whichever ground is free."""

    def __init__(self, grounds: list[Ground]) -> None:
        self._free: queue.SimpleQueue[Ground] = queue.SimpleQueue()
        for one in grounds:
            self._free.put(one)
        self._all = len(grounds)
        self._threads = ThreadPoolExecutor(len(grounds), "lanes")

    def begin(self, work: Callable[[Ground], None]) -> "Future[Run]":
        """Have work done; what it raises is a problem of the run."""

        def run() -> Run:
            ground = self._free.get()
            try:
                return run_on(ground, work)
            finally:
                self._free.put(ground)

        return self._threads.submit(run)

    def each(self, work: Callable[[Ground], None]) -> None:
        """Do something to every ground, once whatever was begun is done."""
        grounds = [self._free.get() for _ in range(self._all)]
        try:
            list(self._threads.map(work, grounds))
        finally:
            for one in grounds:
                self._free.put(one)

    def close(self) -> None:
        """Do what was begun no more than it is."""
        self._threads.shutdown(cancel_futures=True)


@contextmanager
def lanes(site: Site, injector: Injector, folder: Path) -> Iterator[Lanes]:
    """Have grounds, made side by side: a libvirt takes its time to see what QEMU can do."""
    with ExitStack() as stack:
        grounds = [
            stack.enter_context(ground(site, injector, folder / str(number)))
            for number in range(LANES)
        ]
        made = Lanes(grounds)
        stack.callback(made.close)
        with ThreadPoolExecutor(LANES) as threads:
            list(threads.map(Ground.fill, grounds))
        yield made
