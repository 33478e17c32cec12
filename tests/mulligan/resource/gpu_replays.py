"""A cluster with GPUs and its tasks: machines are trees, each card a child of its own."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import registry
from mulligan.resource.candidates import COMPARED
from mulligan.resource.demands import Demand
from mulligan.resource.provider_changes import NewProvider, create_providers
from mulligan.resource.requests import ClaimRequest, RequestGroup
from mulligan.resource.tables import CapabilityNameRow, ProviderTypeRow, ResourceTypeRow
from mulligan.resource.values import Inventory, Placement
from mulligan.values.amount import Amount
from mulligan.values.errors import InvalidArgumentError, NoCapacityError
from mulligan.values.window import Window
from tests.mulligan.resource.fleet import Fleet, new_id
from tests.mulligan.resource.ledger import FOREVER, Ledger
from tests.mulligan.resource.replays import EPOCH, moment
from tests.mulligan.resource.traces import Node, Task

WHOLE = 1000
"""Thousandths of a card."""

Chosen = tuple[str, ...]
"""A machine, and cards in it."""


@dataclass
class Cluster:
    """Mulligan and the ledger side by side; `cards` says which each machine has, and its model."""

    fleet: Fleet
    ledger: Ledger
    cards: dict[str, list[str]]
    model: dict[str, str]
    placement: Placement = Placement.SPREAD
    made: int = 0
    refused: list[str] = field(default_factory=list)
    gpu_milli: int = 0

    @property
    def share(self) -> float:
        """How much of all cards was handed out."""
        return self.gpu_milli / (WHOLE * sum(map(len, self.cards.values())))

    def claim(self, task: Task, start: int, end: int) -> bool:
        request = self.request(task, start, end)
        expected = self.first(task, start, end)
        try:
            claim = self.fleet.commit(request)
        except NoCapacityError:
            assert not expected, f"{task.name} would fit on {expected}"
            self.refused.append(task.name)
            return False
        assert expected, f"{task.name} fits nowhere"
        used: dict[str, dict[str, int]] = defaultdict(dict)
        for one in claim.allocations:
            used[one.provider][one.resource_type] = one.amount
        if len(self.cards) <= COMPARED:
            assert set(used) == set(expected)
        self._check(task, used, start, end)
        self.made += 1
        self.gpu_milli += task.gpus * task.gpu_milli
        return True

    def _check(
        self, task: Task, used: Mapping[str, Mapping[str, int]], start: int, end: int
    ) -> None:
        """See that what was claimed was asked for, and take it."""
        [machine] = set(used) & set(self.cards)
        cards = set(used) - {machine}
        assert used[machine] == cell(task)
        assert len(cards) == task.gpus
        assert cards <= set(self.able(task, machine, start, end))
        assert all(used[card] == {"GPU_MILLI": task.gpu_milli} for card in cards)
        for one, amounts in used.items():
            assert self.ledger.best(amounts, start, end, [one])
            self.ledger.use(one, amounts, start, end)

    def able(self, task: Task, machine: str, start: int, end: int) -> list[str]:
        """The cards of a machine on which a task may run, the best first."""
        cards = [c for c in self.cards[machine] if not task.models or self.model[c] in task.models]
        wanted = {"GPU_MILLI": task.gpu_milli}
        pack = self.placement is Placement.PACK
        return self.ledger.best(wanted, start, end, cards, pack=pack)

    def first(self, task: Task, start: int, end: int) -> Chosen:
        """Where a task comes to run: on the best machine with enough cards, on the best of them."""
        pack = self.placement is Placement.PACK
        for machine in self.ledger.best(cell(task), start, end, self.cards, pack=pack):
            cards = self.able(task, machine, start, end) if task.gpus else []
            if len(cards) >= task.gpus:
                return (machine, *cards[: task.gpus])
        return ()

    def request(self, task: Task, start: int, end: int) -> ClaimRequest:
        names = [f"card-{number}" for number in range(task.gpus)]
        models = tuple(f"gpu:{model}" for model in task.models)
        cards = [
            RequestGroup(
                (Amount("GPU_MILLI", task.gpu_milli),), name,
                capabilities=Demand(any=(models,) if models else ()),
                isolated_from=tuple(other for other in names if other != name),
            )
            for name in names
        ]  # fmt: skip
        amounts = tuple(Amount(kind, n) for kind, n in cell(task).items())
        when = Window(moment(start), moment(end))
        return self.fleet.ask(
            RequestGroup(amounts, "cell"), *cards, when=when, placement=self.placement
        )


def cell(task: Task) -> dict[str, int]:
    """What a task takes of its machine; some want no memory."""
    wanted = {"CPU_MILLI": task.cpu_milli, "MEMORY_MIB": task.memory_mib}
    return {kind: amount for kind, amount in wanted.items() if amount}


def build(database: Database, nodes: Sequence[Node], placement: Placement) -> Cluster:
    """Each machine a tree: what it has, and below it its cards with their models."""
    fleet = Fleet(database, now=EPOCH)
    has: dict[str, dict[str, int]] = {}
    cards: dict[str, list[str]] = {}
    model: dict[str, str] = {}
    new = []
    for node in nodes:
        machine, below = new_id(), [new_id() for _ in range(node.gpus)]
        cards[machine] = below
        model |= dict.fromkeys(below, node.model)
        has[machine] = {"CPU_MILLI": node.cpu_milli, "MEMORY_MIB": node.memory_mib}
        has |= {card: {"GPU_MILLI": WHOLE} for card in below}
        new.append(NewProvider(machine, "box", inventories=_inventories(has[machine])))
        new += [
            NewProvider(
                card, "card", parent=machine, inventories=_inventories(has[card]),
                capabilities=[f"gpu:{node.model}"],
            )
            for card in below
        ]  # fmt: skip

    def create(session: Session) -> None:
        named = {f"gpu:{one}" for one in model.values()}
        registry.adopt_names(session, ProviderTypeRow, {"box", "card"}, fleet.now)
        registry.adopt_names(session, ResourceTypeRow, {"CPU_MILLI", "GPU_MILLI"}, fleet.now)
        registry.adopt_names(session, CapabilityNameRow, named, fleet.now)
        create_providers(session, fleet.region, new, now=fleet.now)

    database.write(create)
    return Cluster(fleet, Ledger(has), cards, model, placement)


def _inventories(has: dict[str, int]) -> list[Inventory]:
    return [Inventory(kind, amount) for kind, amount in has.items()]


def in_time(database: Database, nodes: Sequence[Node], tasks: Sequence[Task]) -> Cluster:
    """Tasks are claimed when they were created, for the time in which they ran.

    One without any time is refused, and told which field is wrong.
    """
    cluster = build(database, nodes, Placement.SPREAD)
    for task in tasks:
        cluster.fleet.now = moment(task.created)
        if task.deleted > task.start:
            cluster.claim(task, task.start, task.deleted)
            continue
        with pytest.raises(InvalidArgumentError) as caught:
            cluster.claim(task, task.start, task.deleted)
        assert caught.value.details["field"] == "window.release_at"
        cluster.refused.append(task.name)
    return cluster


def packed(
    database: Database, nodes: Sequence[Node], tasks: Sequence[Task], placement: Placement
) -> Cluster:
    """Tasks are claimed in the order of their creation for ever, until one does not fit."""
    cluster = build(database, nodes, placement)
    for task in tasks:
        if not cluster.claim(task, 0, FOREVER):
            break
    return cluster
