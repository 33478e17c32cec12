"""Deliberate mistakes in the claim code, one by one: the oracle finds each.

Each mistake is made in a process of its own, before that loads the code. There Mulligan and the
oracle go side by side through a short run in which the mistake shows.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

Drawn = dict[str, Any]
"""As the oracle's test draws it."""


def box(
    *capabilities: str, below: int | None = None, kind: str = "box", most: int = 9, step: int = 1,
    owner: int | None = None, region: int = 0, **totals: int,
) -> Drawn:  # fmt: skip
    """A provider with that much of each resource type."""
    stock = {name: {"total": total, "most": most, "step": step} for name, total in totals.items()}
    return {
        "below": below, "type": kind, "pools": stock, "capabilities": set(capabilities),
        "cores": None, "owner": owner, "region": region,
    }  # fmt: skip


def place(*power: str, below: int | None = 0) -> Drawn:
    """A region below the first one, which has feed-a; with the power that it has of its own."""
    return {"below": below, "power": set(power), "shown_to": None}


def fleet(
    *providers: Drawn,
    group: tuple[set[int], set[int]] | None = None,
    regions: Sequence[Drawn] = (),
) -> Drawn:
    """Providers, perhaps a group of members and sharers, and more regions."""
    groups = [group] if group else []
    return {"providers": list(providers), "groups": groups, "said": [], "regions": list(regions)}


def wants(*demands: tuple[Any, ...], across: bool = False, **amounts: int) -> Drawn:
    """A group of a request."""
    return {"amounts": amounts, "across": across, "demands": list(demands)}


def ask(*groups: Drawn, ahead: int = 0, length: int = 4, **others: Any) -> Drawn:
    """A request for a window that starts so many ticks from now, and its commit."""
    usual = {
        "subtree": False, "placement": "spread", "near": 0, "project": 0, "hold": None,
        "machine": False,
    }  # fmt: skip
    asked = list(groups) or [wants(VCPU=1)]
    return {"do": "ask", "groups": asked, "ahead": ahead, "length": length, **usual, **others}


def then(do: str, ticks: int = 1, which: int = 0, amount: int = 0) -> Drawn:
    """Something else that happens."""
    return {"do": do, "ticks": ticks, "which": which, "amount": amount}


@dataclass(frozen=True)
class Mutant:
    """Text that stands in a module (of mulligan.resource) once, what replaces it, and a run."""

    name: str
    module: str
    old: str
    new: str
    fleet: Drawn
    steps: Sequence[Drawn]


TWO = wants(VCPU=2)

MUTANTS = (
    Mutant(
        "what starts when a window ends overlaps it", "occupation",
        "rows.acquire_at < window.release_at,", "rows.acquire_at <= window.release_at,",
        fleet(box(VCPU=1)), [ask(ahead=4), ask()],
    ),
    Mutant(
        "all use is summed up, not its peak", "occupation",
        "spans.c.ends_at < window.release_at", "spans.c.ends_at < spans.c.starts_at",
        fleet(box(VCPU=2)), [ask(length=2), ask(ahead=3, length=2), ask(length=8)],
    ),
    Mutant(
        "ends come after starts of the same instant", "occupation",
        "order_by=(steps.c.at, steps.c.step)", "order_by=(steps.c.at, -steps.c.step)",
        fleet(box(VCPU=2)), [ask(length=2), ask(ahead=2, length=2), ask()],
    ),
    Mutant(
        "a lapsed hold counts", "occupation",
        "or_(rows.held_until.is_(None), rows.held_until > now)",
        "or_(rows.held_until.is_(None), rows.held_until.is_not(None))",
        fleet(box(VCPU=1)), [ask(hold=1), then("wait", 2), ask()],
    ),
    Mutant(
        "what overruns blocks all that is planned", "occupation",
        "(rows.occupied_until > now, _soon(now))",
        "(rows.occupied_until > now, rows.occupied_until)",
        fleet(box(VCPU=1)), [ask(length=2, machine=True), then("wait", 3), ask(ahead=2)],
    ),
    Mutant(
        "what was released counts", "occupation",
        "acquire_at = release_at = occupied_until = BEGUN", "pass",
        fleet(box(VCPU=1)), [ask(), then("release"), ask()],
    ),
    Mutant(
        "what has begun begins again when the clock steps back", "occupation",
        "BEGUN if claim.acquire_at <= claim.created_at else claim.acquire_at", "claim.acquire_at",
        fleet(box(VCPU=1)), [then("wait", 3), ask(), then("wait", -2), ask(length=1)],
    ),
    Mutant(
        "margins are ignored", "use",
        'return self._fleet.margins.get(next(words, ""), 0)', "return 0",
        fleet(box(kind="card", VCPU=1)), [ask(), ask(ahead=4)],
    ),
    Mutant(
        "margins count of claims that are there, not of the one that is asked for", "use",
        "with_margin(self._request.window, margin), self._now", "self._request.window, self._now",
        fleet(box(kind="card", VCPU=1)), [ask(ahead=4), ask()],
    ),
    Mutant(
        "who wants to be alone doesn't keep others out", "use",
        "tree not in self._taken and not (alone", "not (alone",
        fleet(box(VCPU=4)), [ask(wants(("alone",), VCPU=1)), ask(project=1)],
    ),
    Mutant(
        "others don't keep out who wants to be alone", "use",
        "and not (alone and tree in self._others)", "",
        fleet(box(VCPU=4)), [ask(project=1), ask(wants(("alone",), VCPU=1))],
    ),
    Mutant(
        "the earliest start has no margin after it", "use",
        "return with_margin(self._request.window, self.margin(place))",
        "return self._request.window",
        fleet(box(kind="card", VCPU=2)),
        [ask(TWO, length=1), ask(TWO, ahead=6), ask(wants(VCPU=1), wants(VCPU=1))],
    ),
    Mutant(
        "a later window overlaps what ends when it starts", "earliest",
        "span.ends_at > window.acquire_at", "span.ends_at >= window.acquire_at",
        fleet(box(VCPU=2)), [ask(TWO, length=2), ask(wants(VCPU=1), wants(VCPU=1))],
    ),
    Mutant(
        "full is too full", "earliest",
        "if level > room and since is None:", "if level >= room and since is None:",
        fleet(box(VCPU=2)), [ask(TWO, length=2), ask(ahead=3), ask()],
    ),
    Mutant(
        "forbidden capabilities are ignored", "candidates",
        "~self.fleet.can(one)", "self.visible",
        fleet(box("virt:kvm", VCPU=1)), [ask(wants(("ban", ("capability", 0)), VCPU=1))],
    ),
    Mutant(
        "any capability is treated as all", "candidates",
        "np.logical_or.reduce([fleet.can(one) for one in each])",
        "np.logical_and.reduce([fleet.can(one) for one in each])",
        fleet(box("virt:kvm", VCPU=1)), [ask(wants(("any", "capability", (0, 5)), VCPU=1))],
    ),
    Mutant(
        "isolation holds one way only", "candidates",
        "theirs.group.name in place.group.isolated_from", "False",
        fleet(box(VCPU=4)), [ask(wants(VCPU=1), wants(("isolated", 0), VCPU=1))],
    ),
    Mutant(
        "subtrees are ignored", "candidates",
        "any(all(top in self.fleet.upwards(one) for one in used) for top in used)", "True",
        fleet(box(), box(below=0, VCPU=1), box(below=0, GPU=1)),
        [ask(wants(VCPU=1), wants(GPU=1), subtree=True)],
    ),
    Mutant(
        "the sum is not kept to max_unit", "candidates",
        'and amount <= int(self.fleet.stock(name, "max_unit")[one])  # type: ignore[index]', "",
        fleet(box(VCPU=4, most=2)), [ask(TWO, TWO)],
    ),
    Mutant(
        "steps are ignored", "candidates", "holds[stepped] &= n % step[stepped] == 0", "pass",
        fleet(box(VCPU=4, step=2)), [ask()],
    ),
    Mutant(
        "at most is less than", "candidates",
        "steps >= count if limit.at_least else steps <= count",
        "steps >= count if limit.at_least else steps < count",
        fleet(box(VCPU=1)), [ask(wants(("far", False, 0, 0), VCPU=1))],
    ),
    Mutant(
        "of a tree all must be able, not one", "candidates",
        "constraint.holds[used].any()", "constraint.holds[used].all()",
        fleet(box("virt:kvm", VCPU=1), box(below=0, GPU=1)),
        [ask(wants(("need", ("capability", 0)), across=True, VCPU=1, GPU=1))],
    ),
    Mutant(
        "who packs spreads", "candidates",
        "return 1 if self.request.placement is Placement.PACK else -1", "return -1",
        fleet(box(VCPU=4), box(VCPU=2)), [ask(placement="pack")],
    ),
    Mutant(
        "owners don't keep others out", "fleet",
        "may = np.isin(owners, its)", "may = owners >= NONE",
        fleet(box(VCPU=1, owner=1)), [ask()],
    ),
    Mutant(
        "what is above a project is not its", "whereabouts",
        "return chain_of(self._session, self._project)", "return [self._project]",
        fleet(box(VCPU=1, owner=0)), [ask(project=1)],
    ),
    Mutant(
        "what is below a provider is nobody's", "fleet",
        'may & may[self["root"]]', "may",
        fleet(box(owner=1), box(below=0, VCPU=1)), [ask()],
    ),
    Mutant(
        "what is shared meets in a tree of others", "candidates",
        "for root in self.fleet.trees_reached(one) if self.visible[root]",
        "for root in self.fleet.trees_reached(one)",
        fleet(box(owner=1), box(VCPU=1), box(GPU=1), group=({0}, {1, 2})),
        [ask(wants(VCPU=1), wants(GPU=1))],
    ),
    Mutant(
        "who is unhealthy is offered", "candidates",
        'fleet["available"] & healthy', 'fleet["available"]',
        fleet(box(VCPU=1)), [then("mark", 3, amount=1), ask()],
    ),
    Mutant(
        "nobody shares", "fleet",
        'return {one for one in found if self._general["root"][one] != root}', "return set()",
        fleet(box(VCPU=1), box(GPU=1), group=({0}, {1})), [ask(wants(VCPU=1), wants(GPU=1))],
    ),
    Mutant(
        "groups of what is above are ignored", "fleet",
        "self._belonging[group] = self.with_all_below(tops)",
        "self._belonging[group] = np.isin(np.arange(len(self.ids)), list(tops))",
        fleet(box(), box(below=0, VCPU=1), group=({0}, set())),
        [ask(wants(("need", ("group", 0)), VCPU=1))],
    ),
    Mutant(
        "two groups are never far apart", "nearness",
        "if one in self._fleet.upwards(other) or other in self._fleet.upwards(one):", "if True:",
        fleet(box(), box(below=0, VCPU=1), box(below=0, GPU=1)),
        [ask(wants(VCPU=1), wants(("apart", True, 3, 0), GPU=1))],
    ),
    Mutant(
        "what is below a region is left out", "whereabouts",
        "if not self._request.or_below:", "if True:",
        fleet(box(region=1, VCPU=1), regions=[place()]), [ask(or_below=True)],
    ),
    Mutant(
        "what is not shown to the project is taken", "iam.region_map",
        "if self._is_shown(low)]", "if True]",
        fleet(box(region=1, VCPU=1), regions=[place() | {"shown_to": set()}]),
        [ask(or_below=True)],
    ),
    Mutant(
        "who is to share no domain shares one", "whereabouts",
        "own.isdisjoint(theirs) != limit.same", "own.isdisjoint(theirs) == limit.same",
        fleet(box(VCPU=1), regions=[place()]), [ask(domains=[(False, 0)])],
    ),
    Mutant(
        "what is not told of domains is as good as apart", "whereabouts",
        "bool(own and theirs) and own.isdisjoint", "own.isdisjoint",
        fleet(box(region=1, VCPU=1), box(VCPU=1), regions=[place(below=None)]),
        [ask(domains=[(False, 0)])],
    ),
    Mutant(
        "a hold is confirmed though another one took its place", "claim_changes",
        "if taken_by_others(session, row, now) or address", "if address",
        fleet(box(VCPU=1)),
        [ask(hold=1), then("wait", 2), ask(), then("wait", -2), then("confirm")],
    ),
    Mutant(
        "the past can be claimed", "requests",
        "return window if window.acquire_at >= now else Window(now, window.release_at)",
        "return window",
        fleet(box(VCPU=1)), [ask(length=3), then("wait", 4), ask(ahead=-2)],
    ),
    Mutant(
        "use is not read again when the clock steps back", "fleet_view",
        "if now < self._bounds_hold_from:", "if False:",
        fleet(box(VCPU=1)),
        [ask(hold=1), then("wait", 3), ask(wants(GPU=1)), then("wait", -3), ask()],
    ),
)  # fmt: skip


def mutate(mutant: Mutant) -> None:
    """Load a module with the mistake in it, before anybody else loads it."""
    name = f"mulligan.{mutant.module if '.' in mutant.module else f'resource.{mutant.module}'}"
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert name not in sys.modules
    source = Path(spec.origin).read_text()
    assert source.count(mutant.old) == 1, f"{mutant.old!r} stands {source.count(mutant.old)} times"
    sys.modules[name] = module = module_from_spec(spec)
    exec(compile(source.replace(mutant.old, mutant.new), spec.origin, "exec"), module.__dict__)


def differ(folder: Path, mutants: Sequence[Mutant], *, mutated: bool) -> list[str]:
    """Give the names of those in whose runs Mulligan and the oracle differ."""
    # The server of forks may have loaded the code for other tests.
    for name in list(sys.modules):
        if name.split(".")[0] in ("mulligan", "tests") and name != __name__:
            del sys.modules[name]
    for mutant in mutants if mutated else ():
        mutate(mutant)
    from mulligan import database as databases
    from mulligan import events
    from mulligan.values.errors import MulliganError
    from tests.databases import create_tables
    from tests.mulligan.resource.model import Pool
    from tests.mulligan.resource.test_oracle import drive

    databases.WRITE_ATTEMPTS = 1  # nobody else writes
    database = databases.Database(f"sqlite:///{folder}/{os.getpid()}.sqlite")
    create_tables(database)
    events.record(database)
    found = []
    for mutant in mutants:
        for one in mutant.fleet["providers"]:
            one["pools"] = {name: Pool(**fields) for name, fields in one["pools"].items()}
        try:
            drive(database, mutant.fleet, list(mutant.steps))
        except (AssertionError, MulliganError, pytest.fail.Exception):
            found.append(mutant.name)
    database.close()
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[list[str]]]]:
    """In which runs there are differences, by the name of the mutant; "" for the code as it is."""
    context = get_context("forkserver")
    context.set_forkserver_preload(
        ["hypothesis.strategies", "numpy", "psycopg", "pydantic", "pytest", "sqlalchemy.orm"]
    )
    folder = tmp_path_factory.mktemp("mutants")
    with ProcessPoolExecutor(2, context, max_tasks_per_child=1) as pool:
        found = {one.name: pool.submit(differ, folder, [one], mutated=True) for one in MUTANTS}
        found[""] = pool.submit(differ, folder, MUTANTS, mutated=False)
        yield found


@pytest.mark.parametrize("name", [one.name for one in MUTANTS])
def test_the_oracle_finds_the_mutant(runs: dict[str, Future[list[str]]], name: str) -> None:
    assert runs[name].result() == [name]


def test_the_oracle_finds_nothing_in_the_code_as_it_is(
    runs: dict[str, Future[list[str]]],
) -> None:
    assert runs[""].result() == []
