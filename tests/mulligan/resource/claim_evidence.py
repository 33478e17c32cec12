"""What must hold of claims however they came about, looked for in the database with plain SQL.

No rule is shared with Mulligan's code: what is used at an instant is found by looking at every
allocation. What is wrong comes back as sentences; none is good.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Uuid, text
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from mulligan.database import Database, UtcDateTime

LASTING = {"committed", "confirmed", "changed", "released", "ended"}
"""What a call can be told that must be in the database from then on."""

MAYBE_THERE = {"ALREADY_EXISTS", "UNAVAILABLE"}
"""Codes of refusals after which a claim of that id may be there all the same."""

WITHOUT_END = 9999
"""The year in which a window ends that has no end."""

TYPES: Mapping[str, TypeEngine[Any]] = {
    **dict.fromkeys(("id", "claim", "provider", "project", "parent", "root", "object_id"),
                    Uuid(as_uuid=False)),
    **dict.fromkeys(("acquire_at", "release_at", "planned_release_at", "released_at",
                     "occupied_until", "held_until"), UtcDateTime()),
    **dict.fromkeys(("spec", "amounts"), JSON()),
    **dict.fromkeys(("generation", "capacity", "revision", "value"), BigInteger()),
    "alone": Boolean(),
}  # fmt: skip
"""How columns are read: the databases keep UUIDs, times and JSON differently."""


@dataclass(frozen=True)
class Answer:
    """What a call was told: a line of a worker's journal."""

    worker: int
    call: int
    word: str
    claim: str
    generation: int
    what: str

    @classmethod
    def read(cls, worker: int, line: str) -> "Answer":
        call, word, claim, generation, what = line.split(maxsplit=4)
        return cls(worker, int(call), word, claim, int(generation), what)

    def __str__(self) -> str:
        return f"call {self.call} of worker {self.worker}"


@dataclass(frozen=True)
class Look:
    """What one snapshot of the database holds, and a moment after it was taken."""

    now: datetime
    claims: Mapping[str, Any]
    allocations: Sequence[Any]
    capacities: Mapping[tuple[str, str], int]
    trees: Mapping[str, str]
    parents: Mapping[str, str | None]
    quotas: Sequence[Any]
    events: Sequence[Any]
    revision: int


@dataclass(frozen=True)
class Span:
    """From when to when a claim has an amount; the provider is kept free a while longer."""

    claim: str
    project: str
    tree: str
    provider: str
    resource_type: str
    amount: int
    starts_at: datetime
    ends_at: datetime
    free_at: datetime
    alone: bool


def look(database: Database) -> Look:
    """Read everything in one snapshot."""

    def read(session: Session) -> Look:
        if not database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        claims = _rows(session, "claims", "id project state acquire_at release_at "
                       "planned_release_at released_at consumer spec generation")  # fmt: skip
        allocations = _rows(session, "allocations", "claim provider resource_type amount margin_s "
                            "alone project acquire_at release_at occupied_until held_until"
                            )  # fmt: skip
        stock = _rows(session, "inventories", "provider resource_type capacity")
        trees = _rows(session, "providers", "id root")
        projects = _rows(session, "project_tree", "project parent")
        quotas = _rows(session, "quotas", "project amounts claims")
        events = _rows(session, "events", "revision object_type object_id kind state generation",
                       "ORDER BY revision")  # fmt: skip
        [counter] = _rows(session, "revisions", "value")
        return Look(
            now=datetime.now(UTC),
            claims={row.id: row for row in claims},
            allocations=allocations,
            capacities={(row.provider, row.resource_type): row.capacity for row in stock},
            trees={row.id: row.root or row.id for row in trees},
            parents={row.project: row.parent for row in projects},
            quotas=quotas,
            events=events,
            revision=counter.value,
        )

    return database.read(read)


def _rows(session: Session, table: str, columns: str, order: str = "") -> Sequence[Any]:
    names = columns.split()
    query = text(f"SELECT {', '.join(names)} FROM {table} {order}")
    return session.execute(query.columns(**{n: TYPES[n] for n in names if n in TYPES})).all()


def findings(seen: Look, answers: Iterable[Answer] = (), earlier: Look | None = None) -> list[str]:
    """Say what is wrong with what a look shows, after these answers and an earlier look."""
    spans = list(_spans(seen))
    return [
        *_above_capacity(seen, spans),
        *_above_quota(seen, spans),
        *_disturbed(seen, spans),
        *_half_there(seen),
        *_revisions(seen),
        *_histories(seen),
        *_lost(seen, answers),
        *(_went_back(earlier, seen) if earlier else ()),
    ]


def _spans(seen: Look) -> Iterator[Span]:
    """What counts from now on; an overrun blocks the hand-over and takes from no plan."""
    for row in seen.allocations:
        claim = seen.claims.get(row.claim)
        if claim is None or claim.released_at is not None:
            continue
        if claim.state == "held" and claim.release_at <= seen.now:
            continue
        free_at = _free_at(claim, row.margin_s)
        if free_at > seen.now:
            yield Span(
                row.claim, claim.project, seen.trees[row.provider], row.provider,
                row.resource_type, row.amount, claim.acquire_at, claim.planned_release_at,
                free_at, row.alone,
            )  # fmt: skip


def _free_at(claim: Any, margin_s: int) -> datetime:
    ends_at: datetime = claim.planned_release_at
    return ends_at if ends_at.year == WITHOUT_END else ends_at + timedelta(seconds=margin_s)


def _peak(uses: Iterable[tuple[datetime, datetime, int]], now: datetime) -> tuple[int, datetime]:
    """The most that is used at an instant from now on, and when: use rises at starts only."""
    live = [(max(start, now), end, amount) for start, end, amount in uses if end > now]
    starts = {start for start, _, _ in live}
    levels = [(sum(n for start, end, n in live if start <= at < end), at) for at in starts]
    return max(levels, default=(0, now))


def _above_capacity(seen: Look, spans: Sequence[Span]) -> Iterator[str]:
    uses = defaultdict(list)
    for span in spans:
        use = (span.starts_at, span.free_at, span.amount)
        uses[span.provider, span.resource_type].append(use)
    for (provider, name), of_it in uses.items():
        used, at = _peak(of_it, seen.now)
        capacity = seen.capacities.get((provider, name), 0)
        if used > capacity:
            yield (
                f"provider {provider} has {capacity} {name}, and {used} of it are claimed for "
                f"{at.isoformat()}"
            )


def _above_quota(seen: Look, spans: Sequence[Span]) -> Iterator[str]:
    for quota in seen.quotas:
        uses = defaultdict(list)
        for span in spans:
            if quota.project in _upwards(seen, span.project):
                uses[span.resource_type].append((span.starts_at, span.free_at, span.amount))
        once = {span.claim: span for span in sorted(spans, key=lambda span: span.free_at)}
        uses["claims"] = [
            (span.starts_at, span.free_at, 1)
            for span in once.values()
            if quota.project in _upwards(seen, span.project)
        ]
        limits = {**quota.amounts, **({} if quota.claims is None else {"claims": quota.claims})}
        for name, limit in limits.items():
            used, at = _peak(uses[name], seen.now)
            if used > limit:
                yield (
                    f"project {quota.project} and those under it may have {limit} {name} at once, "
                    f"and have {used} at {at.isoformat()}"
                )


def _upwards(seen: Look, project: str | None) -> Iterator[str]:
    while project is not None:
        yield project
        project = seen.parents.get(project)


def _disturbed(seen: Look, spans: Sequence[Span]) -> Iterator[str]:
    for mine, other in product([span for span in spans if span.alone], spans):
        together = max(mine.starts_at, other.starts_at, seen.now) < min(mine.ends_at, other.ends_at)
        if together and mine.tree == other.tree and mine.project != other.project:
            yield (
                f"claim {mine.claim} is to be alone in the tree of provider {mine.tree}, and claim "
                f"{other.claim} of another project is there at the same time"
            )


def _half_there(seen: Look) -> Iterator[str]:
    taken: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in seen.allocations:
        taken[row.claim][row.provider, row.resource_type] += row.amount
        what = f"{row.amount} {row.resource_type} of provider {row.provider}"
        if row.claim not in seen.claims:
            yield f"{what} are taken by claim {row.claim}, which is not there"
        elif not _agree(seen.claims[row.claim], row):
            yield f"claim {row.claim} has {what} for another time or project than its own"
    for claim, row in seen.claims.items():
        if claim not in taken:
            yield f"claim {claim} has nothing of any provider"
        elif not _dealt(row.spec.get("now") or row.spec, taken[claim]):
            has = ", ".join(f"{n} {name} of provider {one}" for (one, name), n in
                            taken[claim].items())  # fmt: skip
            yield f"claim {claim} asked for something else than it has: {has}"


def _agree(claim: Any, row: Any) -> bool:
    """Say whether an allocation occupies its provider as its claim stands."""
    if row.project != claim.project:
        return False
    if claim.released_at is not None:
        return bool(row.occupied_until <= claim.released_at)
    return bool(
        row.acquire_at <= claim.acquire_at
        and row.release_at == _free_at(claim, row.margin_s) <= row.occupied_until
        and row.held_until == (claim.release_at if claim.state == "held" else None)
    )


def _dealt(spec: Mapping[str, Any], has: Mapping[tuple[str, str], int]) -> bool:
    """Say whether each group can have come from one provider: every way to deal them is tried."""
    asked = [
        {one["resource_type"]: one["amount"] for one in group["amounts"]}
        for group in spec["groups"]
    ]
    for chosen in product(sorted({provider for provider, _ in has}), repeat=len(asked)):
        dealt: Counter[tuple[str, str]] = Counter()
        for provider, amounts in zip(chosen, asked, strict=True):
            dealt.update({(provider, name): amount for name, amount in amounts.items()})
        if dealt == has:
            return True
    return False


def _revisions(seen: Look) -> Iterator[str]:
    revisions = [event.revision for event in seen.events]
    for before, after in pairwise([0, *revisions]):
        if after != before + 1:
            yield f"revision {after} of the events follows on {before}"
    if revisions and revisions[-1] != seen.revision:
        yield f"the last event has revision {revisions[-1]}, and the counter says {seen.revision}"


def _histories(seen: Look) -> Iterator[str]:
    told = defaultdict(list)
    for event in seen.events:
        if event.object_type == "claim":
            told[event.object_id].append(event)
    for claim in told.keys() - seen.claims.keys():
        yield f"events tell of claim {claim}, which is not there"
    for claim, row in seen.claims.items():
        history = told[claim]
        generations = [event.generation for event in history]
        if generations != list(range(1, row.generation + 1)):
            yield (
                f"claim {claim} is at generation {row.generation}, and its events tell in this "
                f"order of {generations}"
            )
        states = [event.state for event in history]
        order = {"held": 0, "confirmed": 1, "released": 2}
        if states != sorted(states, key=order.__getitem__) or states.count("released") > 1:
            yield f"claim {claim} went through its states in this order: {', '.join(states)}"
        if [event.kind for event in history].count("created") != 1 or (
            history[0].kind != "created" or states[-1] != row.state
        ):
            yield (
                f"claim {claim} is {row.state}, and its events tell "
                f"{', '.join(f'{event.kind} {event.state}'.strip() for event in history)}"
            )


def _lost(seen: Look, answers: Iterable[Answer]) -> Iterator[str]:
    for answer in answers:
        claim = seen.claims.get(answer.claim)
        if answer.word == "broke":
            yield f"{answer} ended with an error that nobody is to see: {answer.what}"
        elif answer.word == "refused":
            if claim is not None and answer.what not in MAYBE_THERE:
                yield f"{answer} was refused claim {answer.claim} ({answer.what}), and it is there"
        elif answer.word not in LASTING:
            yield f"{answer} was told {answer.word!r}, which nobody says"
        elif claim is None:
            yield f"{answer} was told {answer.word!r} of claim {answer.claim}, and it is not there"
        elif claim.generation < answer.generation:
            yield (
                f"{answer} was told {answer.word!r} of claim {answer.claim} at generation "
                f"{answer.generation}, and it is at {claim.generation}"
            )
        elif answer.word == "released" and claim.released_at is None:
            yield f"{answer} was told 'released' of claim {answer.claim}, and it is {claim.state}"


def _went_back(earlier: Look, seen: Look) -> Iterator[str]:
    if seen.revision < earlier.revision:
        yield f"the revision was {earlier.revision}, and is {seen.revision}"
    for claim, before in earlier.claims.items():
        after = seen.claims.get(claim)
        if after is None:
            yield f"claim {claim} was there at generation {before.generation}, and is gone"
        elif after.generation < before.generation:
            yield f"claim {claim} was at generation {before.generation}, is at {after.generation}"
