"""Claims of processes that are killed, on either database; and that what is wrong is found."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import bindparam, text

from mulligan.database import Database
from mulligan.resource import quotas
from mulligan.resource.claims import Claim
from mulligan.resource.quotas import Quota
from mulligan.values.window import Window
from tests.mulligan.resource.claim_evidence import LASTING, TYPES, Answer, findings, look
from tests.mulligan.resource.claim_storm import WORKERS, Plan, Storm
from tests.mulligan.resource.fleet import Fleet, new_id

HOUR = timedelta(hours=1)


def test_claims_of_processes_that_are_killed_are_whole(database: Database, tmp_path: Path) -> None:
    plan = Plan(seed=5, calls=18, deaths=8)
    outcome = Storm(database, plan, tmp_path).run()
    print(outcome)
    assert outcome.findings == []
    assert {(one.worker, one.call) for one in outcome.answers} == {
        (worker, call) for worker in range(WORKERS) for call in range(plan.calls)
    }
    assert LASTING - {"ended"} <= {one.word for one in outcome.answers}
    assert outcome.deaths


class Booked:
    """A host of four VCPUs, and three of them for two claims after one another."""

    def __init__(self, database: Database) -> None:
        self.database, self.start = database, datetime.now(UTC) + HOUR
        self.fleet = Fleet(database, now=self.start - HOUR)
        self.host = self.fleet.add(VCPU=4)
        limit = Quota({"VCPU": 4}, claims=1)
        database.write(lambda s: quotas.set_quota(s, self.fleet.project, limit, now=self.fleet.now))
        self.first = self._claim(self.start)
        held = self._claim(self.start + HOUR, hold_until=self.start)
        self.second = self.fleet.confirm(held)
        assert self.findings() == []

    def _claim(self, start: datetime, hold_until: datetime | None = None) -> Claim:
        return self.fleet.claim(Window(start, start + HOUR), hold_until=hold_until, VCPU=3)

    def plant(self, *statements: str) -> None:
        """Change what the database holds of the second claim."""
        values = {"first": self.first.id, "second": self.second.id, "other": new_id()}
        types = dict.fromkeys(values, TYPES["id"]) | {"start": TYPES["acquire_at"]}

        def change(session: object) -> None:
            for statement in statements:
                binds = [
                    bindparam(name, value, types[name])
                    for name, value in {**values, "start": self.start}.items()
                    if f":{name}" in statement
                ]
                session.execute(text(statement).bindparams(*binds))  # type: ignore[attr-defined]

        self.database.write(change)

    def findings(self, *answers: Answer) -> list[str]:
        return findings(look(self.database), answers)


@pytest.fixture
def booked(sqlite_database: Database) -> Booked:
    return Booked(sqlite_database)


EARLIER = (
    "UPDATE claims SET acquire_at = :start WHERE id = :second",
    "UPDATE allocations SET acquire_at = :start WHERE claim = :second",
)
OF_ANOTHER = (
    "UPDATE claims SET project = :other WHERE id = :second",
    "UPDATE allocations SET project = :other WHERE claim = :second",
)


def test_a_double_booking_is_found(database: Database) -> None:
    booked = Booked(database)
    booked.plant(*EARLIER)
    when, project = booked.start.isoformat(), booked.fleet.project
    under = f"project {project} and those under it may have"
    assert booked.findings() == [
        f"provider {booked.host} has 4 VCPU, and 6 of it are claimed for {when}",
        f"{under} 4 VCPU at once, and have 6 at {when}",
        f"{under} 1 claims at once, and have 2 at {when}",
    ]


def test_a_lost_generation_is_found(database: Database) -> None:
    booked = Booked(database)
    claim, before = booked.second.id, look(database)
    booked.plant("UPDATE claims SET generation = 1 WHERE id = :second")
    told = Answer(3, 4, "changed", claim, 2, "VCPU")
    assert findings(look(database), [told], before) == [
        f"claim {claim} is at generation 1, and its events tell in this order of [1, 2]",
        f"{told} was told 'changed' of claim {claim} at generation 2, and it is at 1",
        f"claim {claim} was at generation 2, is at 1",
    ]


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["DELETE FROM allocations WHERE claim = :second"], ["has nothing of any provider"]),
        (
            ["UPDATE allocations SET amount = 1 WHERE claim = :second"],
            ["asked for something else than it has: 1 VCPU of provider"],
        ),
        (
            ["UPDATE allocations SET release_at = :start WHERE claim = :second"],
            ["for another time or project than its own"],
        ),
        (
            [*EARLIER, *OF_ANOTHER, "UPDATE allocations SET alone = true WHERE claim = :first"],
            ["4 VCPU, and 6 of it are claimed", "is to be alone in the tree of provider"],
        ),
        (
            ["DELETE FROM events WHERE kind = 'created' AND object_id = :second"],
            ["of the events follows on", "in this order of [2]", "its events tell state confirmed"],
        ),
        (
            ["UPDATE events SET state = 'held' WHERE kind = 'state' AND object_id = :second"],
            ["is confirmed, and its events tell created held, state held"],
        ),
        (
            ["UPDATE events SET state = 'released' WHERE object_id = :second AND generation = 1"],
            ["went through its states in this order: released, confirmed"],
        ),
        (["UPDATE revisions SET value = value - 1"], ["and the counter says"]),
    ],
)
def test_what_is_wrong_is_found(booked: Booked, statements: list[str], found: list[str]) -> None:
    booked.plant(*statements)
    told = booked.findings()
    assert len(told) == len(found)
    for sentence, words in zip(told, found, strict=True):
        assert words in sentence


@pytest.mark.parametrize(
    ("word", "of", "what", "found"),
    [
        ("committed", lambda _: new_id(), "VCPU", "and it is not there"),
        ("released", lambda booked: booked.first.id, "VCPU", "and it is confirmed"),
        ("refused", lambda booked: booked.first.id, "NO_CAPACITY", "and it is there"),
        ("broke", lambda _: "-", "KeyError: 'VCPU'", "an error that nobody is to see: KeyError"),
    ],
)
def test_a_wrong_answer_is_found(
    booked: Booked, word: str, of: Callable[[Booked], str], what: str, found: str
) -> None:
    [sentence] = booked.findings(Answer(0, 0, word, of(booked), 1, what))
    assert found in sentence
