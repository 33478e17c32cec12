"""Processes that claim, change and release on few providers while they are killed.

`python -m tests.mulligan.resource.claim_storm --seconds 60` has a storm on SQLite and one on
PostgreSQL; the exit code is 1 when `claim_evidence` finds something wrong. Each worker writes what
a call was told into its journal when the call came back. One that is killed is started again and
repeats its last call: the same claim id with the same content, as a client would.
"""

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from mulligan import events
from mulligan.database import Database
from mulligan.resource import claims, quotas, registry
from mulligan.resource.claim_sets import ClaimChange, Move, change_claims
from mulligan.resource.claims import Claim
from mulligan.resource.quotas import Quota
from mulligan.resource.requests import ClaimRequest, RequestGroup
from mulligan.resource.standing import complete
from mulligan.resource.tables import HELD, ClaimRow, ProviderTypeRow
from mulligan.resource.values import Inventory, Placement
from mulligan.values.amount import Amount
from mulligan.values.errors import MulliganError
from mulligan.values.window import WITHOUT_END, Window
from tests.databases import PostgreSQL, create_tables
from tests.mulligan.resource.claim_evidence import Answer, Look, findings, look
from tests.mulligan.resource.fleet import Fleet, new_id

WORKERS = 8
TREES = 2
AT_HAND = 12
"""How many of the youngest or oldest claims are changed, so that workers meet."""

SLOT = timedelta(seconds=0.5)
LATER_SLOT = timedelta(minutes=10)
LATER = timedelta(days=1)
"""Some windows begin and end during the storm, the others fill a calendar that begins later."""

LATELY = timedelta(seconds=0.2)
HOLDS_S = (0.05, 0.3, 2, 3600)
PAUSE_S = (0.05, 0.6)
"""How long nobody is killed, at least and at most."""

LOOKS = 0.4
"""The share of deaths after which the database is looked at while the storm goes on."""

PATIENCE_S = 60
"""How long no worker ends at last before they are taken to hang."""


@dataclass(frozen=True)
class Stage:
    """Where claims are made, by whom, and when."""

    region: str
    projects: Sequence[str]
    began: datetime


@dataclass(frozen=True)
class Plan:
    """How much happens: calls of each worker and deaths, or until so many seconds passed."""

    seed: int
    calls: int = sys.maxsize
    deaths: int = sys.maxsize
    seconds: float = float("inf")


@dataclass(frozen=True)
class Worker:
    """What a process is told when it starts."""

    number: int
    url: str
    stage: Stage
    plan: Plan
    ends_at: float
    journal: Path


@dataclass(frozen=True)
class Outcome:
    """What came of a storm."""

    answers: Sequence[Answer]
    deaths: int
    looks: int
    seconds: float
    findings: Sequence[str]

    def __str__(self) -> str:
        told = Counter(one.word for one in self.answers if one.word != "refused")
        refused = Counter(one.what for one in self.answers if one.word == "refused")
        counts = (f"{n} {word}" for word, n in (told + refused).most_common())
        return (
            f"{len(self.answers)} calls answered in {self.seconds:.1f} s ({', '.join(counts)}); "
            f"{self.deaths} deaths, {self.looks} looks meanwhile"
        )


def build_stage(database: Database) -> Stage:
    """Two racks with a store, two hosts in each, and a card; a family of projects and another."""
    fleet = Fleet(database, now=datetime.now(UTC))

    def slow_card(session: Any) -> None:
        registry.register(session, ProviderTypeRow, "card", now=fleet.now, cleaning_margin_s=1)

    database.write(slow_card)
    for _ in range(TREES):
        rack = fleet.rack(inventories=[Inventory("DISK_GIB", 6)])
        hosts = [fleet.rack(rack, kind="blade", inventories=[Inventory("VCPU", 4)]) for _ in "ab"]
        fleet.rack(hosts[0], kind="card", inventories=[Inventory("GPU", 2)])
    parent, *children, _ = projects = [new_id() for _ in range(4)]

    def limit(session: Any) -> None:
        for child in children:
            quotas.know_project(session, [child, parent])
        family = Quota({"VCPU": 9, "DISK_GIB": 8}, claims=10)
        quotas.set_quota(session, parent, family, now=fleet.now)
        for child in children:
            one = Quota({"VCPU": 6, "GPU": 2}, claims=7)
            quotas.set_quota(session, child, one, now=fleet.now)

    database.write(limit)
    return Stage(fleet.region, projects, fleet.now)


class Client:
    """A worker's calls; the dice of each are its own, so that it can be repeated."""

    def __init__(self, worker: Worker, database: Database) -> None:
        self._worker, self._stage, self._database = worker, worker.stage, database

    def call(self, number: int) -> list[str]:
        """Ask for something; gives a line for each claim of which the answer tells."""
        dice = random.Random(f"{self._worker.plan.seed}/{self._worker.number}/{number}")
        claim_id = str(UUID(int=dice.getrandbits(128), version=4))
        [ask] = dice.choices(list(self._calls), list(self._calls.values()))
        mine = "-"
        try:
            at_hand = [] if ask is Client._claim else self._at_hand(dice)
            if len(at_hand) < 2:
                mine = claim_id
                told = self._claim(dice, claim_id)
            else:
                told = ask(self, dice, at_hand)
        except MulliganError as error:
            return [f"{number} refused {mine} 0 {error.reason}"]
        except Exception as error:  # whatever it is, a caller would see it
            words = " ".join(f"{type(error).__name__}: {error}".split())
            return [f"{number} broke - 0 {words}"]
        return [f"{number} {word} {one.id} {one.generation} {_shown(one)}" for word, one in told]

    def _claim(self, dice: random.Random, claim_id: str) -> list[tuple[str, Claim]]:
        request = self._request(dice)
        hold_s = dice.choice([None, *HOLDS_S])
        machine = new_id() if dice.random() < 0.2 else None
        project = dice.choice(self._stage.projects)

        def commit(session: Any) -> Claim:
            held = datetime.now(UTC) + timedelta(seconds=hold_s) if hold_s else None
            return claims.commit_claim(
                session, claim_id=claim_id, project=project, request=request,
                consumer=None if held else machine, hold_until=held,
            )  # fmt: skip

        return [("committed", self._database.write(commit))]

    def _request(self, dice: random.Random) -> ClaimRequest:
        vcpu = Amount("VCPU", dice.randint(1, 3))
        groups: tuple[RequestGroup, ...] = dice.choice(
            [
                (RequestGroup((vcpu,)),),
                (RequestGroup((vcpu,)),),
                (
                    RequestGroup((vcpu,), name="work"),
                    RequestGroup((Amount("GPU", 1),), name="card"),
                    RequestGroup((Amount("DISK_GIB", dice.randint(1, 2)),), name="store"),
                ),
                (
                    RequestGroup((Amount("VCPU", 1),), name="one", isolated_from=("other",)),
                    RequestGroup((Amount("VCPU", 2),), name="other"),
                ),
            ]
        )
        if dice.random() < 0.08:
            groups = (replace(groups[0], alone=True), *groups[1:])
        return ClaimRequest(
            groups,
            self._window(dice),
            self._stage.region,
            placement=dice.choice([Placement.SPREAD, Placement.PACK]),
        )

    def _window(self, dice: random.Random) -> Window:
        """On a grid, so that windows meet end to end."""
        start, length = dice.randrange(8), dice.choice([1, 2, 3, 5, 9])
        without_end = dice.random() < 0.05
        if dice.random() < 0.5:
            first, slot = self._stage.began + LATER, LATER_SLOT
        else:
            began = self._stage.began
            first, slot = began + SLOT * ((datetime.now(UTC) - began) // SLOT), SLOT
        begin = first + slot * start
        return Window(begin, WITHOUT_END if without_end else begin + slot * length)

    def _at_hand(self, dice: random.Random) -> list[Claim]:
        """The youngest or the oldest claims that have not ended; some have lapsed lately."""
        order = dice.choice([ClaimRow.created_at.asc(), ClaimRow.created_at.desc()])

        def read(session: Any) -> list[Claim]:
            now = datetime.now(UTC)
            rows = session.scalars(
                select(ClaimRow)
                .where(ClaimRow.released_at.is_(None), ClaimRow.planned_release_at > now)
                .where(or_(ClaimRow.state != HELD, ClaimRow.release_at > now - LATELY))
                .order_by(order, ClaimRow.id)
                .limit(AT_HAND)
            )
            return complete(session, rows.all(), now)

        return self._database.read(read)

    def _confirm(self, dice: random.Random, at_hand: Sequence[Claim]) -> list[tuple[str, Claim]]:
        one = dice.choice([one for one in at_hand if one.status.state == "held"] or at_hand)
        machine = new_id() if dice.random() < 0.3 else None
        generation = _generation(dice, one)
        confirmed = self._database.write(
            lambda session: claims.confirm_claim(
                session, one.id, datetime.now(UTC), consumer=machine, generation=generation
            )
        )
        return [("confirmed", confirmed)]

    def _release(self, dice: random.Random, at_hand: Sequence[Claim]) -> list[tuple[str, Claim]]:
        one = dice.choice(at_hand)
        generation = _generation(dice, one)
        ended = self._database.write(
            lambda session: claims.release_claim(
                session, one.id, datetime.now(UTC), generation=generation
            )
        )
        return [("released" if ended.released_at else "ended", ended)]

    def _change(self, dice: random.Random, at_hand: Sequence[Claim]) -> list[tuple[str, Claim]]:
        """Extend, shorten or put off one claim, or several."""
        some = dice.sample(at_hand, dice.choice([1, 1, 2]))
        return self._changed([self._another_window(dice, one) for one in some])

    def _another_window(self, dice: random.Random, one: Claim) -> ClaimChange:
        slot = LATER_SLOT if one.window.acquire_at >= self._stage.began + LATER else SLOT
        start, end = one.window.acquire_at, one.window.release_at
        if one.status.state == "held" or dice.random() < 0.3:
            start += slot * dice.randint(-1, 1)
        end = start + slot * dice.randint(1, 9) if not one.window.has_end else (
            max(end + slot * dice.randint(-3, 3), start + slot)
        )  # fmt: skip
        return ClaimChange(one.id, _generation(dice, one), window=Window(start, end))

    def _move(self, dice: random.Random, at_hand: Sequence[Claim]) -> list[tuple[str, Claim]]:
        """Have one choose anew, at times in what another one gives up."""
        one, other = dice.sample(at_hand, 2)
        changes = [ClaimChange(one.id, _generation(dice, one), move=Move())]
        if dice.random() < 0.5:
            changes.append(ClaimChange(other.id, release=True))
        return self._changed(changes)

    def _swap(self, dice: random.Random, at_hand: Sequence[Claim]) -> list[tuple[str, Claim]]:
        one, other = dice.sample(at_hand, 2)
        return self._changed(
            [
                ClaimChange(one.id, _generation(dice, one), move=_onto(one, other)),
                ClaimChange(other.id, _generation(dice, other), move=_onto(other, one)),
            ]
        )

    def _changed(self, changes: Sequence[ClaimChange]) -> list[tuple[str, Claim]]:
        done = self._database.write(
            lambda session: change_claims(session, changes, now=datetime.now(UTC))
        )
        return [("released" if one.released_at else "changed", one) for one in done]

    _calls: Mapping[Callable[..., list[tuple[str, Claim]]], int] = {
        _claim: 44, _confirm: 14, _release: 14, _change: 14, _move: 8, _swap: 6
    }  # fmt: skip


def _generation(dice: random.Random, claim: Claim) -> int:
    """The one that was read, which others may have passed, or any."""
    return claim.generation if dice.random() < 0.5 else 0


def _onto(claim: Claim, other: Claim) -> Move:
    if len(claim.request.groups) != 1:
        return Move()
    [group] = claim.request.groups
    return Move(replace(claim.request, groups=(replace(group, provider=other.provider),)))


def _shown(claim: Claim) -> str:
    window = claim.window
    parts = (f"{one.amount} {one.resource_type} of {one.provider}" for one in claim.allocations)
    return f"{', '.join(parts)} [{window.acquire_at.isoformat()}, {window.release_at.isoformat()})"


def work(worker: Worker) -> None:
    """Make the calls that the journal doesn't have; a process does nothing else."""
    database = Database(worker.url, pool_size=1)
    events.record(database)
    client = Client(worker, database)
    done = _read_journal(worker)
    journal = os.open(worker.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(done[-1].call + 1 if done else 0, worker.plan.calls):
        if time.monotonic() > worker.ends_at:
            return
        lines = client.call(number)
        os.write(journal, "".join(f"{line}\n" for line in lines).encode())
        os.fsync(journal)


def _read_journal(worker: Worker) -> list[Answer]:
    if not worker.journal.exists():
        return []
    lines = worker.journal.read_text().splitlines()
    return [Answer.read(worker.number, line) for line in lines]


class Storm:
    """The parent of the workers, who kills them and starts them again."""

    def __init__(self, database: Database, plan: Plan, folder: Path) -> None:
        # Not by fork: a test's process has threads. What workers import, their server has already.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["psycopg", "tests.databases", Fleet.__module__])
        self._database, self._plan = database, plan
        self._dice = random.Random(plan.seed)
        stage, began = build_stage(database), time.monotonic()
        url = database.url.render_as_string(hide_password=False)
        self._workers = [
            Worker(number, url, stage, plan, began + plan.seconds, folder / f"journal-{number}")
            for number in range(WORKERS)
        ]
        self._began = began
        self._running: dict[int, Any] = {}
        self._seen: Look | None = None
        self._deaths = self._looks = 0
        self._wrong: list[str] = []

    def run(self) -> Outcome:
        """Let it rage until every worker has made its calls; then look."""
        for worker in self._workers:
            self._start(worker.number)
        try:
            while self._running:
                self._step()
        finally:
            for process in self._running.values():
                process.kill()
        seconds = time.monotonic() - self._began
        answers = [answer for worker in self._workers for answer in _read_journal(worker)]
        self._look(answers)
        return Outcome(answers, self._deaths, self._looks - 1, seconds, self._wrong)

    def _start(self, number: int) -> None:
        process = self._context.Process(target=work, args=(self._workers[number],))
        process.start()
        self._running[number] = process

    def _step(self) -> None:
        """Wait for workers to end; kill one if none did for a while."""
        killing = self._deaths < self._plan.deaths
        patience_s = self._dice.uniform(*PAUSE_S) if killing else PATIENCE_S
        ended = wait([process.sentinel for process in self._running.values()], patience_s)
        for number, process in list(self._running.items()):
            if process.sentinel in ended:
                process.join()
                del self._running[number]
                if process.exitcode:
                    self._wrong.append(f"worker {number} ended with {process.exitcode}")
        if not ended and killing:
            self._kill_one()
        elif not ended:
            self._wrong.append(f"workers {sorted(self._running)} don't end")
            while self._running:
                self._running.popitem()[1].kill()

    def _kill_one(self) -> None:
        number = self._dice.choice(sorted(self._running))
        process = self._running.pop(number)
        process.kill()
        process.join()
        self._deaths += 1
        self._start(number)
        if self._dice.random() < LOOKS:
            self._look()

    def _look(self, answers: Sequence[Answer] = ()) -> None:
        seen = look(self._database)
        self._wrong += findings(seen, answers, self._seen)
        self._seen = seen
        self._looks += 1


@contextmanager
def _databases() -> Iterator[Mapping[str, Database]]:
    """A fresh database of each kind."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        server = PostgreSQL()
        server.start()
        stack.callback(server.stop)
        each = {
            "SQLite": Database(f"sqlite:///{folder}/site.sqlite"),
            "PostgreSQL": Database(server.url(server.create_database()).render_as_string()),
        }
        create_tables(each["SQLite"])
        for database in each.values():
            stack.callback(database.close)
            events.record(database)
        yield each


def main() -> int:
    """Have a storm on each database; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--seconds", type=float, default=60, help="on each database")
    options = parser.parse_args()
    plan = Plan(options.seed, seconds=options.seconds)
    print(f"\n> Claims of {WORKERS} processes that are killed: --seed {plan.seed}", flush=True)
    wrong = 0
    with _databases() as each:
        for name, database in each.items():
            with tempfile.TemporaryDirectory() as folder:
                outcome = Storm(database, plan, Path(folder)).run()
            print(f"{name}: {outcome}", flush=True)
            for finding in outcome.findings:
                print(f"WRONG: {finding}")
            wrong += len(outcome.findings)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
