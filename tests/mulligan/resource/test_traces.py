"""Workloads of others: that they are read as they are, and a bounded slice of each replayed.

Where shared/traces is, its files are replayed beside the examples. `make replay` takes the whole.
"""

import csv
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mulligan.database import Database
from mulligan.resource.values import Placement
from tests.mulligan.resource import gpu_replays, replays, traces
from tests.mulligan.resource.ledger import FOREVER, Ledger
from tests.mulligan.resource.model import FOREVER as LAST_TICK
from tests.mulligan.resource.model import Ask, Model, Pool, Provider, Wanted
from tests.mulligan.resource.traces import Lease

NODES = 144
DAY = 86_400
HIGHER = {
    "work_15-dur_1h-size_1small": 181, "work_20-dur_1h-size_1small": 264,
    "work_20-dur_1h-size_2medium": 146, "work_25-dur_1h-size_1small": 245,
    "work_25-dur_1h-size_2medium": 206, "work_30-dur_1h-size_1small": 377,
    "work_30-dur_1h-size_2medium": 232, "work_30-dur_1h-size_3large": 194,
    "work_30-dur_2h-size_1small": 214, "work_30-dur_2h-size_2medium": 149,
}  # fmt: skip
HIGHER_BY_NOTICE = {
    f"work_30-dur_2h-size_1small-{notice}h": peak
    for notice, peak in {"01": 167, "03": 157, "06": 184, "24": 145}.items()
}
"""The sets of reservations that need more than 144 nodes, and how many."""


def both(name: str, example: str, *expected: object) -> list[Any]:
    """What is expected of the example, and of the file if it is there."""
    of_example, of_file = expected
    found = [pytest.param(example, of_example, id="example")]
    if traces.is_there(name):
        found.append(pytest.param(traces.read(name, ""), of_file, id=name))
    return found


def texts(name: str, example: str) -> list[Any]:
    return [pytest.param(*one.values[:1], id=one.id) for one in both(name, example, None, None)]


SDSC = "sdsc-blue-60d.swf.gz", traces.SDSC
LEASES = "haizea-ar-leases-60d.csv.gz", traces.HAIZEA
NOTICED = "haizea-ar-leases-leadtime-15d.csv.gz", traces.HAIZEA
MACHINES = "azure-vm-2017.csv.gz", traces.AZURE
OPENB_NODES = "openb-2023-nodes.csv.gz", traces.OPENB_NODES
TASKS = "openb-2023-pods-gpuspec33.csv.gz", traces.OPENB_PODS


@pytest.mark.parametrize(
    ("text", "expected"), both(*SDSC, (5, 4, 1, 1, 12), (10280, 9453, 827, 938, 144))
)
def test_jobs_are_read_as_they_are(text: str, expected: Sequence[int]) -> None:
    jobs = traces.jobs(text)
    ran = [one for one in jobs if one.end]
    longer = [one for one in ran if (one.end or 0) - one.start > one.asked_s]
    peak = traces.peak((one.start, one.end or 0, one.nodes) for one in ran)
    assert (len(jobs), len(ran), len(jobs) - len(ran), len(longer), peak) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *both(*LEASES, (2, 4, {}), (72, 56303, HIGHER)),
        *both(*NOTICED, (2, 4, {}), (30, 6430, HIGHER_BY_NOTICE)),
    ],
)
def test_reservations_are_read_as_they_are(text: str, expected: Sequence[Any]) -> None:
    sets = traces.leases(text)
    peaks = {
        name: traces.peak((one.start, one.end, one.nodes) for one in rows)
        for name, rows in sets.items()
    }
    higher = {name: peak for name, peak in peaks.items() if peak > NODES}
    assert (len(sets), sum(map(len, sets.values())), higher) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    both(*OPENB_NODES, (3, 3, 192_000, 786_432, 10), (1523, 27, 125_514_000, 612_028_416, 6212)),
)
def test_machines_with_gpus_are_read_as_they_are(text: str, expected: Sequence[int]) -> None:
    nodes = traces.nodes(text)
    shapes = {(one.cpu_milli, one.memory_mib, one.gpus, one.model) for one in nodes}
    sums = [sum(getattr(n, what) for n in nodes) for what in ("cpu_milli", "memory_mib", "gpus")]
    assert (len(nodes), len(shapes), *sums) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    both(*TASKS, (6, 2, 4, 1, 1, 5, 31, 11.1), (8152, 3078, 2388, 897, 1, 56, 779, 65.6)),
)
def test_tasks_are_read_as_they_are(text: str, expected: Sequence[float]) -> None:
    tasks = traces.tasks(text)
    ran = [one for one in tasks if one.deleted > one.start]
    cpus = traces.peak((one.start, one.deleted, one.cpu_milli) for one in ran)
    gpus = traces.peak((one.start, one.deleted, one.gpus * one.gpu_milli) for one in ran)
    assert (
        len(tasks),
        sum(0 < one.gpu_milli < 1000 for one in tasks),
        sum(bool(one.models) for one in tasks),
        sum(not row["scheduled_time"] for row in csv.DictReader(text.splitlines())),
        sum(one.deleted <= one.created for one in tasks),
        traces.peak((one.start, one.deleted, 1) for one in ran),
        round(cpus / 1000),
        round(gpus / 1000, 1),
    ) == tuple(expected)


def test_the_ledger_says_what_the_oracle_says() -> None:
    dice = random.Random(5)
    for _ in range(40):
        has = {one: {"VCPU": dice.randint(2, 6), "GPU": dice.randint(1, 3)} for one in "abc"}
        ledger = Ledger(has)
        model = Model(
            {
                one: Provider(None, "box", {k: Pool(n) for k, n in pools.items()}, set(), {}, None)
                for one, pools in has.items()
            },
            {}, {}, {"box": 0},
        )  # fmt: skip
        for number in range(12):
            amounts = {k: dice.randint(1, 3) for k in dice.choice([("VCPU",), ("VCPU", "GPU")])}
            start, placement = dice.randint(0, 20), dice.choice(["spread", "pack"])
            end = dice.choice([start + dice.randint(1, 9), LAST_TICK])
            ask = Ask([Wanted("", amounts)], start, end, "p", placement, "", [])
            until = FOREVER if end == LAST_TICK else end
            best = ledger.best(amounts, start, until, pack=placement == "pack")
            assert [(one,) for one in best] == list(model.candidates(ask).values())
            if len(amounts) == 1 and end < LAST_TICK and amounts["VCPU"] <= 2:
                if len(best) == 0 and model.earliest(ask) is None:
                    continue
                found = ledger.earliest("VCPU", amounts["VCPU"], start, end - start)
                assert found == model.earliest(ask)
            if best and end < LAST_TICK:
                ledger.use(best[0], amounts, start, end)
                model.commit(str(number), ask, (best[0],))


@pytest.mark.parametrize("text", texts(*SDSC))
def test_jobs_fit_as_they_ran_and_not_with_one_node_less(database: Database, text: str) -> None:
    jobs = traces.jobs(text)[:25]
    peak = traces.peak((one.start, one.end, one.nodes) for one in jobs if one.end)
    assert replays.as_they_ran(database, jobs, peak).refused == 0
    assert replays.as_they_ran(database, jobs, peak - 1).refused > 0


@pytest.mark.parametrize("text", texts(*SDSC))
def test_jobs_fit_as_they_ran_when_each_node_is_a_claim(
    sqlite_database: Database, text: str
) -> None:
    jobs = traces.jobs(text)[:6]
    peak = traces.peak((one.start, one.end, one.nodes) for one in jobs if one.end)
    found = replays.as_they_ran_by_node(sqlite_database, jobs, peak)
    assert (found.made, found.refused) == (sum(one.nodes for one in jobs if one.end), 0)


@pytest.mark.parametrize("text", texts(*SDSC))
def test_jobs_get_the_first_window_that_is_free_for_what_they_asked(
    sqlite_database: Database, text: str
) -> None:
    jobs = traces.jobs(text)[:20]
    found = replays.as_they_asked(sqlite_database, jobs, max(one.nodes for one in jobs))
    assert (found.made, found.refused) == (len(jobs), 0)


def around_the_peak(leases: Sequence[Lease]) -> list[Lease]:
    """The reservations that meet the one at whose start most nodes are reserved."""

    def reserved(moment: int) -> int:
        return sum(one.nodes for one in leases if one.start <= moment < one.end)

    busiest = max((one.start for one in leases), key=reserved)
    return [one for one in leases if one.start <= busiest < one.end]


@pytest.mark.parametrize("text", [*texts(*LEASES), *texts(*NOTICED)])
def test_a_set_of_reservations_is_accepted_whole_just_if_its_peak_allows(
    sqlite_database: Database, text: str
) -> None:
    sets = traces.leases(text)
    higher = sorted((HIGHER | HIGHER_BY_NOTICE).keys() & sets.keys())
    for name in [min(sets), *higher[-1:]]:
        leases = around_the_peak(sets[name])
        peak = traces.peak((one.start, one.end, one.nodes) for one in leases)
        found = replays.reserved(sqlite_database, leases, NODES)
        assert (found.refused > 0) == (peak > NODES), name


@pytest.mark.parametrize("text", texts(*NOTICED))
def test_a_reservation_that_starts_before_it_is_made_starts_late(
    database: Database, text: str
) -> None:
    [early] = [one for rows in traces.leases(text).values() for one in rows if one.start < 0]
    replay = replays.Replay(database, [{"SERVER": NODES}])
    [taken] = replay.claim(replays.Ask(early.start, early.end, {"SERVER": early.nodes}))
    assert (taken.start, taken.end) == (early.submit, early.end) == (0, early.end)
    replay.check_all()


@pytest.mark.parametrize("text", texts(*LEASES))
def test_jobs_get_the_time_that_reservations_leave_and_break_none(
    sqlite_database: Database, text: str
) -> None:
    jobs = traces.jobs(traces.read(*SDSC))[:12]
    first = next(iter(traces.leases(text).values()))[:12]
    leases = [
        replace(one, submit=0, start=max(0, one.start - DAY), end=one.end - DAY) for one in first
    ]
    found = replays.as_they_asked(sqlite_database, jobs, NODES, leases)
    assert (found.made, found.refused) == (len(jobs) + len(leases), 0)


@pytest.mark.parametrize("text", texts(*MACHINES))
def test_virtual_machines_come_in_batches(sqlite_database: Database, text: str) -> None:
    first = "\n".join(text.split("\n", 50)[:50])
    batches = traces.batches(first)
    assert Counter(len(one) for one in batches)[0] == 0
    found = replays.virtual_machines(sqlite_database, batches, 6)
    assert found.made > 0
    assert found.made + found.refused == sum(map(len, batches))


@pytest.mark.parametrize("text", texts(*TASKS))
def test_tasks_find_machines_with_enough_of_the_right_gpus(
    sqlite_database: Database, text: str
) -> None:
    nodes = traces.nodes(traces.read(*OPENB_NODES))
    tasks = traces.tasks(text)
    some = [*tasks[:10], *(one for one in tasks if one.gpus > 4)][:15]
    some += [one for one in tasks if one.deleted <= one.created]
    some.sort(key=lambda one: one.created)
    found = gpu_replays.in_time(sqlite_database, nodes[::60], some)
    assert found.made > 0
    assert {one.name for one in some if one.deleted <= one.start} <= set(found.refused)


@pytest.mark.parametrize("placement", [Placement.PACK, Placement.SPREAD])
@pytest.mark.parametrize("text", texts(*TASKS))
def test_gpus_are_handed_out_until_a_task_does_not_fit(
    sqlite_database: Database, text: str, placement: Placement
) -> None:
    nodes = traces.nodes(traces.read(*OPENB_NODES))[::100]
    found = gpu_replays.packed(sqlite_database, nodes, 4 * traces.tasks(text), placement)
    assert len(found.refused) == 1
    assert 0 < found.share < 1
