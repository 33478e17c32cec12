"""`make chaos`: every part dies at every step under a mixed load, and it must end clean.

Prints the seed first, then what dies, then a table; writes .state/chaos/results.json. Exit code 1
when something is wrong, with the findings in sentences.
"""

import argparse
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from deploy.demo import build
from deploy.temporal import cache_folder, find_temporal
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.chaos.evidence import Witnesses, witnesses
from tests.chaos.killer import Killer, all_cells, deaths
from tests.chaos.load import Load
from tests.chaos.movements import Movements, watching
from tests.chaos.reserving import Reserver
from tests.chaos.site import Site, running_site

RESULTS = Path(__file__).parents[2] / ".state" / "chaos" / "results.json"
LOGS = RESULTS.parent / "logs"
TWICE = re.compile(r"\d times|twice|more than one|media went into")
"""Words of the checker's sentences about an effect that happened more than once."""

SPARE_SERVERS = 1
"""Which only the operator touches."""


@dataclass(frozen=True)
class Plan:
    """How much happens."""

    seed: int
    operations: int
    minutes: float
    hosts: int
    metal: int
    virtual: int
    reserving: int


class Story:
    """What is printed: each line with its second."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def phase(self, text: str) -> None:
        """Say that another phase begins."""
        print(f"\n> {text}", flush=True)

    def say(self, text: str) -> None:
        """Say what happens."""
        print(f"{self.seconds:7.1f} s  {text}", flush=True)


def run(plan: Plan, story: Story) -> Mapping[str, Any]:
    """Run all phases; gives the results."""
    story.phase("A site: services, worker, two executors, Temporal, PostgreSQL, libvirts, a BMC")
    cache = cache_folder(os.environ)
    find_temporal(cache)
    built = build(cache) if plan.metal else None
    servers = plan.metal + SPARE_SERVERS
    with (
        running_site(
            hosts=plan.hosts, servers=servers, executors=2, built=built, keep_logs=LOGS
        ) as site,
        watching(site) as movements,
        witnesses(site) as heard,
    ):
        enrolled = [site.enrol(server) for server in site.lab.servers]
        for one in enrolled:
            site.wait(one.operation)
        story.say(f"up, with {plan.hosts} hosts and {servers} servers")
        clients = plan.virtual + plan.metal + plan.reserving + 1
        words = f"{plan.operations} operations of {clients} clients"
        story.phase(f"{words} while everything dies in turn")
        load, killer = _under_the_killer(plan, story, site, movements)
        story.phase("An executor is killed for good; the other one goes on alone")
        alone = _alone(plan, story, site, movements)
        story.phase("Looking at the database, Temporal, libvirts and BMCs")
        findings = _findings(site, heard, [load, alone], killer)
        return _results(plan, story, [load, alone], killer, findings)


def _under_the_killer(
    plan: Plan, story: Story, site: Site, movements: Movements
) -> tuple[Load, Killer]:
    ends_at = time.monotonic() + plan.minutes * 60 - story.seconds
    cells = all_cells(metal=bool(plan.metal))
    killer = Killer(site, movements, plan.seed, cells, story.say)
    load = Load(site, movements, plan.seed, plan.operations, ends_at, lambda: bool(killer.left))
    killer.start()
    with load.running(virtual=plan.virtual, metal=plan.metal, others=[Reserver] * plan.reserving):
        pass
    killer.end()
    kinds = Counter(f"{one.kind} {one.type}" for one in load.asked.values())
    story.say(f"asked: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}")
    story.say(f"killed: {dict(deaths(killer.killed))}; {len(killer.left)} cells did not come up")
    return load, killer


def _alone(plan: Plan, story: Story, site: Site, movements: Movements) -> Load:
    """Have the second executor finish what the first one had begun, and go on."""
    few = max(4, plan.operations // 20)
    load = Load(site, movements, plan.seed + 1, few, time.monotonic() + 120)
    with load.running(virtual=2, metal=0):
        movements.wait(lambda: any(one.step == "boot" for one in movements.running()), 30)
        site.executors[0].kill()
    site.executors[0].start()
    story.say(f"{len(load.asked)} operations")
    return load


def _findings(site: Site, heard: Witnesses, loads: Sequence[Load], killer: Killer) -> Sequence[str]:
    for load in loads:
        load.settle()
        killer.findings += [*load.wrong(), *load.complaints]
    reconcile = control_pb2.ReconcileRequest(region=site.login.region)
    site.wait(site.client.control.Reconcile(reconcile).metadata.id)
    different = site.client.list_all(
        site.client.control.ListDifferences, control_pb2.ListDifferencesRequest()
    )
    control = site.client.control
    endpoints: list[control_pb2.Server | control_pb2.Host] = [
        *control.ListServers(control_pb2.ListServersRequest()).servers,
        *control.ListHosts(control_pb2.ListHostsRequest()).hosts,
    ]
    quarantined = [
        f"{one.metadata.name} is {one.status.state}: {one.status.reason}"
        for one in endpoints
        if one.status.state != "available"
    ]
    return [
        *killer.findings,
        *heard.findings(),
        *(f"reconcile: {one.kind}: {one.message}" for one in different.differences),
        *quarantined,
    ]


def _results(
    plan: Plan, story: Story, loads: Sequence[Load], killer: Killer, findings: Sequence[str]
) -> Mapping[str, Any]:
    asked = [one for load in loads for one in load.asked.values()]
    wrong = sum(1 for load in loads for _ in load.wrong())
    outside = [one for one in findings if one not in killer.findings]
    twice = sum(1 for one in outside if TWICE.search(one))
    moved = sorted(one.moving_again_s for one in killer.killed if one.moving_again_s is not None)
    return {
        "seed": plan.seed,
        "operations": len(asked),
        "refused": sum(load.refused for load in loads),
        "ended_right": (len(asked) - wrong) / len(asked) if asked else 0.0,
        "effects_twice": twice,
        "leaks": len(outside) - twice,
        "deaths": dict(deaths(killer.killed)),
        "cells": len(killer.cells),
        "cells_left": [str(one) for one in killer.left],
        "moving_again": moved,
        "moving_again_p50": _percentile(moved, 50),
        "moving_again_p95": _percentile(moved, 95),
        "seconds": story.seconds,
        "findings": list(findings),
    }


def _percentile(values: Sequence[float], percent: int) -> float:
    if len(values) < 2:
        return max(values, default=0.0)
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def tell(results: Mapping[str, Any]) -> None:
    """Print the table, what did not come up, and the findings."""
    rows = (
        ("operations", f"{results['operations']}", ""),
        ("ended right", f"{results['ended_right']:.1%}", "100 %"),
        ("effects twice", f"{results['effects_twice']}", "0"),
        ("leaks", f"{results['leaks']}", "0"),
        ("deaths", f"{sum(results['deaths'].values())}", ""),
        ("cells", f"{results['cells'] - len(results['cells_left'])} of {results['cells']}", ""),
        ("moving again, p50", f"{results['moving_again_p50']:.1f} s", ""),
        ("moving again, p95", f"{results['moving_again_p95']:.1f} s", "≤ 30 s"),
        ("took", f"{results['seconds'] / 60:.1f} min", "≤ 25 min"),
    )
    print(f"\n{'':20} {'was':>12}  goal")
    for name, was, goal in rows:
        print(f"{name:20} {was:>12}  {goal}")
    for cell in results["cells_left"]:
        print(f"did not come up: {cell}")
    for finding in results["findings"]:
        print(f"WRONG: {finding}")


def main() -> int:
    """Run chaos; gives the exit code."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--operations", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=21, help="until no story begins")
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--metal", type=int, default=2, help="clients who ask for servers")
    parser.add_argument("--virtual", type=int, default=4, help="clients who ask for guests")
    parser.add_argument("--reserving", type=int, default=2, help="clients who reserve guests")
    plan = Plan(**vars(parser.parse_args()))
    print(f"seed {plan.seed}: ARGS='--seed {plan.seed}' plays the same dice again", flush=True)
    results = run(plan, Story())
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2))
    tell(results)
    return 1 if results["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
