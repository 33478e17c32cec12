"""Replays of the whole of other people's workloads, from shared/traces, with the ledger beside.

`python -m tests.mulligan.resource.trace_replay` runs all of them, about an hour; `--only haizea`
those whose names begin so. The first difference between Mulligan and the ledger ends it with a
traceback. Without shared/traces a few rows of each format are replayed.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mulligan import events
from mulligan.database import Database
from mulligan.resource.values import Placement
from tests.databases import PostgreSQL, create_tables
from tests.mulligan.resource import gpu_replays, replays, traces
from tests.mulligan.resource.traces import Job, Lease

NODES = 144
"""What the machine of the job log had."""

AZURE_SHARES = 32
"""Every so-manyth batch, on a share of 2,000 hosts: those are few enough to be compared exactly."""

MACHINES_SHARES = 24
Part = tuple[str, Callable[[Database], str]]


def jobs() -> list[Job]:
    return traces.jobs(traces.read("sdsc-blue-60d.swf.gz", traces.SDSC))


def leases(name: str) -> dict[str, list[Lease]]:
    return traces.leases(traces.read(f"haizea-ar-leases-{name}.csv.gz", traces.HAIZEA))


def most_that_fit(sets: dict[str, list[Lease]]) -> tuple[str, list[Lease]]:
    """The largest set of reservations that can be accepted whole."""

    def fits(rows: list[Lease]) -> bool:
        return traces.peak((one.start, one.end, one.nodes) for one in rows) <= NODES

    return max(((n, rows) for n, rows in sets.items() if fits(rows)), key=lambda one: len(one[1]))


def sdsc() -> Iterator[Part]:
    """As they ran: at the peak all fit, at one less not; as they asked, between reservations."""
    log = jobs()
    peak = traces.peak((one.start, one.end, one.nodes) for one in log if one.end)

    def ran(database: Database, capacity: int) -> str:
        found = replays.as_they_ran(database, log, capacity)
        assert (found.refused == 0) == (capacity == peak)
        return told(found)

    def by_node(database: Database) -> str:
        found = replays.as_they_ran_by_node(database, log, peak)
        assert found.refused == 0
        return told(found)

    yield f"sdsc as they ran, {peak} nodes", lambda database: ran(database, peak)
    yield f"sdsc as they ran, {peak - 1} nodes", lambda database: ran(database, peak - 1)
    yield "sdsc as they asked", lambda d: told(replays.as_they_asked(d, log, NODES))
    for file, days in (("60d", 60), ("leadtime-15d", 15)):
        name, some = most_that_fit(leases(file))
        part = [one for one in log if one.submit < days * 86_400]
        first = [replace(one, submit=0) for one in some]
        for words, made in (("made before", first), ("made in time", some)):
            yield (
                f"sdsc as they asked, {days} days, with reservations {name} {words}",
                lambda d, part=part, made=made: told(  # type: ignore[misc]
                    replays.as_they_asked(d, part, NODES, made)
                ),
            )
    yield f"sdsc as they ran, claims of one node on {peak}", by_node


def haizea() -> Iterator[Part]:
    """Each set alone is accepted whole just if its peak allows."""
    for file in ("60d", "leadtime-15d"):
        sets = leases(file)

        def whole(database: Database, sets: dict[str, list[Lease]] = sets) -> str:
            made = refused = 0
            higher = []
            for name, rows in sets.items():
                peak = traces.peak((max(r.start, r.submit), r.end, r.nodes) for r in rows)
                found = replays.reserved(database, rows, NODES)
                assert (found.refused == 0) == (peak <= NODES), name
                made, refused = made + found.made, refused + found.refused
                higher += [f"{name} {found.refused}"] if found.refused else []
            return f"{made} claims, {refused} refused, in {len(sets)} sets ({', '.join(higher)})"

        yield f"haizea {file}", whole
        few = min(sets.values(), key=len)

        def by_node(database: Database, rows: list[Lease] = few) -> str:
            found = replays.reserved_by_node(database, rows, NODES)
            assert found.refused == 0
            return told(found)

        yield f"haizea {file}, {len(few)} reservations, claims of one node", by_node


def azure() -> Iterator[Part]:
    batches = traces.batches(traces.read("azure-vm-2017.csv.gz", traces.AZURE))
    if traces.is_there("azure-vm-2017.csv.gz"):
        assert _needs(batches) == (70_328, 187_563 * 1024, 28_219)
    some, hosts = batches[::AZURE_SHARES], 2000 // AZURE_SHARES
    yield (
        f"azure, {len(some)} of {len(batches)} batches on {hosts} hosts",
        lambda d: told(replays.virtual_machines(d, some, hosts)),
    )


def _needs(batches: list[list[traces.Machine]]) -> tuple[int, ...]:
    """CPUs, MiB and machines at the peak."""
    each = [one for batch in batches for one in batch]
    ends = max(one.end or 0 for one in each) + 1
    return tuple(
        traces.peak((one.arrive, one.end or ends, amount(one)) for one in each)
        for amount in (lambda vm: vm.vcpu, lambda vm: vm.memory_mib, lambda vm: 1)
    )


def openb() -> Iterator[Part]:
    """Tasks in time on a part of the machines, and packed on all until one does not fit."""
    nodes = traces.nodes(traces.read("openb-2023-nodes.csv.gz", traces.OPENB_NODES))
    some = nodes[::MACHINES_SHARES]
    for name in ("pods", "pods-gpuspec33"):
        tasks = traces.tasks(traces.read(f"openb-2023-{name}.csv.gz", traces.OPENB_PODS))

        def in_time(database: Database, tasks: list[traces.Task] = tasks) -> str:
            found = gpu_replays.in_time(database, some, tasks)
            return f"{found.made} claims, {len(found.refused)} refused"

        yield f"openb {name} in time on {len(some)} machines", in_time
        for placement in (Placement.PACK, Placement.SPREAD):

            def packed(
                database: Database, tasks: list[traces.Task] = tasks, how: Placement = placement
            ) -> str:
                found = gpu_replays.packed(database, nodes, tasks, how)
                return f"{found.made} claims, {found.share:.1%} of the GPUs handed out"

            yield f"openb {name}, {placement} on {len(nodes)} machines until one is refused", packed


def told(found: replays.Replay) -> str:
    return f"{found.made} claims, {found.refused} refused"


@contextmanager
def _database(kind: str) -> Iterator[Database]:
    if kind == "postgresql":
        server = PostgreSQL()
        server.start()
        database = Database(server.url(server.create_database()).render_as_string())
    else:
        folder = tempfile.TemporaryDirectory()
        database = Database(f"sqlite:///{folder.name}/site.sqlite")
        create_tables(database)
    events.record(database)
    yield database
    database.close()
    server.stop() if kind == "postgresql" else folder.cleanup()


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay all; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those whose names begin so")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args(arguments)
    parts = [part for each in (sdsc, haizea, azure, openb) for part in each()]
    for name, replay in parts:
        if not name.startswith(options.only):
            continue
        began = time.monotonic()
        with _database(options.database) as database:
            outcome = replay(database)
        print(f"{name}: {outcome}, no difference, {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
