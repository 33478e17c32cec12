"""Workloads of others, claimed from Mulligan with the ledger beside; the first difference fails.

Each replay takes the rows in their order and moves the clock as it goes. Where at most 64 providers
can fit (the others are compared only roughly), who gets a claim must be the same on both sides.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from mulligan.database import Database
from mulligan.resource import claims
from mulligan.resource.candidates import COMPARED
from mulligan.resource.claim_sets import ClaimChange, change_claims
from mulligan.resource.claims import Claim
from mulligan.resource.openings import find_openings
from mulligan.resource.tables import CONFIRMED, AllocationRow, ClaimRow
from mulligan.resource.values import Inventory
from mulligan.values.errors import NoCapacityError
from mulligan.values.window import WITHOUT_END, Window
from tests.mulligan.resource.fleet import Fleet, new_id
from tests.mulligan.resource.ledger import FOREVER, Ledger
from tests.mulligan.resource.traces import Job, Lease, Machine, peak

T = TypeVar("T")

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ENDS, SUBMITS = 0, 1
"""What ends at a moment comes before what is asked for then."""


def moment(second: int) -> datetime:
    return WITHOUT_END if second >= FOREVER else EPOCH + timedelta(seconds=second)


def second(moment: datetime) -> int:
    return FOREVER if moment == WITHOUT_END else int((moment - EPOCH).total_seconds())


@dataclass(frozen=True)
class Ask:
    start: int
    end: int
    amounts: Mapping[str, int]


@dataclass(frozen=True)
class Taken:
    """What a claim has of a provider, from when to when."""

    claim: str
    provider: str
    amounts: Mapping[str, int]
    start: int
    end: int


class Replay:
    """Mulligan and the ledger side by side; `made` and `refused` count claims."""

    def __init__(self, database: Database, providers: Iterable[Mapping[str, int]]) -> None:
        self.fleet = Fleet(database, now=EPOCH)
        has = {
            self.fleet.rack(kind="box", inventories=[Inventory(k, n) for k, n in one.items()]): one
            for one in providers
        }
        self.ledger = Ledger(has)
        self.made = self.refused = 0

    def at(self, now: int) -> None:
        self.fleet.now = moment(now)

    def write(self, change: Callable[[Session], T]) -> T:
        return self.fleet.database.write(change)

    def claim(self, *wanted: Ask) -> list[Taken]:
        """Claim, all or none; gives nothing if it was refused."""
        try:
            made = self.write(lambda session: [self._commit(session, one) for one in wanted])
        except NoCapacityError as error:
            self._check_refusal(error, wanted)
            self.refused += len(wanted)
            return []
        return [self._check(claim, one) for claim, one in zip(made, wanted, strict=True)]

    def _commit(self, session: Session, ask: Ask) -> Claim:
        window = Window(moment(ask.start), moment(ask.end))
        return claims.commit_claim(
            session, claim_id=new_id(), project=self.fleet.project, now=self.fleet.now, seed=0,
            request=self.fleet.request(window, **ask.amounts),
        )  # fmt: skip

    def _check(self, claim: Claim, ask: Ask) -> Taken:
        start = max(ask.start, second(self.fleet.now))
        assert claim.window == Window(moment(start), moment(ask.end))
        [one] = {part.provider for part in claim.allocations}
        best = self.ledger.best(ask.amounts, start, ask.end)
        assert one == best[0] if len(self.ledger.providers) <= COMPARED else one in best
        self.ledger.use(one, ask.amounts, start, ask.end)
        self.made += 1
        return Taken(claim.id, one, ask.amounts, start, ask.end)

    def _check_refusal(self, error: NoCapacityError, wanted: Sequence[Ask]) -> None:
        """See that it fits nowhere, and by when it would."""
        used: list[tuple[str, Ask]] = []
        for ask in wanted:
            best = self.ledger.best(ask.amounts, ask.start, ask.end)
            if not best:
                break
            self.ledger.use(best[0], ask.amounts, ask.start, ask.end)
            used.append((best[0], ask))
        else:
            raise AssertionError(f"it would fit: {error}")
        if len(ask.amounts) == 1 and ask.end < FOREVER:
            [(kind, amount)] = ask.amounts.items()
            told, start = error.details["earliest"], max(ask.start, second(self.fleet.now))
            expected = self.ledger.earliest(kind, amount, start, ask.end - start)
            assert second(datetime.fromisoformat(told)) == expected
        for one, ask in used:
            self.ledger.give_back(one, ask.amounts, ask.start, ask.end)

    def opening(self, start: int, length: int, kind: str, amount: int) -> int:
        """The first moment from which that much is free for so long."""
        wanted = self.fleet.request(Window(moment(start)), **{kind: amount})
        [found] = self.fleet.database.read(
            lambda session: find_openings(
                session, wanted, timedelta(seconds=length), project=self.fleet.project,
                now=self.fleet.now, limit=1,
            )
        )  # fmt: skip
        first = second(found.window.acquire_at)
        assert first == self.ledger.earliest(kind, amount, start, length)
        return first

    def shorten(self, taken: Taken, end: int) -> None:
        change = ClaimChange(taken.claim, window=Window(moment(taken.start), moment(end)))
        self.write(lambda session: change_claims(session, [change], now=self.fleet.now))
        self.ledger.give_back(taken.provider, taken.amounts, end, taken.end)

    def release(self, taken: Taken) -> None:
        self.write(lambda session: claims.release_claim(session, taken.claim, self.fleet.now))
        start = max(taken.start, second(self.fleet.now))
        self.ledger.give_back(taken.provider, taken.amounts, start, taken.end)

    def check_all(self) -> None:
        """Compare all that was written with the ledger, and with what the providers have."""
        rows = self.fleet.database.read(self._read)
        by_provider: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        for one, kind, amount, state, start, end, released in rows:
            if not (released and released <= start):
                assert state == CONFIRMED or released
                span = (second(start), second(min(end, released or end)), amount)
                by_provider.setdefault((one, kind), []).append(span)
        peaks = {what: peak(spans) for what, spans in by_provider.items()}
        assert peaks == self.ledger.peaks()
        assert all(n <= self.ledger.providers[one][kind] for (one, kind), n in peaks.items())

    def _read(self, session: Session) -> Sequence[Any]:
        """What was allocated, from when to when by the claims themselves."""
        query = (
            select(
                AllocationRow.provider, AllocationRow.resource_type, AllocationRow.amount,
                ClaimRow.state, ClaimRow.acquire_at, ClaimRow.planned_release_at,
                ClaimRow.released_at,
            )
            .join(ClaimRow, ClaimRow.id == AllocationRow.claim)
            .where(ClaimRow.region == self.fleet.region)
        )  # fmt: skip
        return session.execute(query).all()


NODE = {"SERVER": 1}


def as_they_ran(database: Database, jobs: Sequence[Job], capacity: int) -> Replay:
    """Each job is one claim of its nodes on one provider, made when it was submitted."""
    replay = Replay(database, [{"SERVER": capacity}])
    for job in jobs:
        if job.end:
            replay.at(job.submit)
            replay.claim(Ask(job.start, job.end, {"SERVER": job.nodes}))
    replay.check_all()
    return replay


def as_they_ran_by_node(database: Database, jobs: Sequence[Job], capacity: int) -> Replay:
    """Each job is so many claims of one node, all or none, made when it starts."""
    replay = Replay(database, [NODE] * capacity)
    for job in sorted(jobs, key=lambda one: one.start):
        if job.end:
            replay.at(job.start)
            replay.claim(*[Ask(job.start, job.end, NODE)] * job.nodes)
    replay.check_all()
    return replay


def reserved(database: Database, leases: Sequence[Lease], capacity: int) -> Replay:
    """Each reservation is one claim on one provider; what began before it was made begins late."""
    replay = Replay(database, [{"SERVER": capacity}])
    for lease in leases:
        replay.at(lease.submit)
        replay.claim(Ask(lease.start, lease.end, {"SERVER": lease.nodes}))
    replay.check_all()
    return replay


def reserved_by_node(database: Database, leases: Sequence[Lease], capacity: int) -> Replay:
    """Each reservation is so many claims of one node, all or none."""
    replay = Replay(database, [NODE] * capacity)
    for lease in leases:
        replay.at(lease.submit)
        replay.claim(*[Ask(lease.start, lease.end, NODE)] * lease.nodes)
    replay.check_all()
    return replay


def as_they_asked(
    database: Database, jobs: Sequence[Job], capacity: int, leases: Sequence[Lease] = ()
) -> Replay:
    """Jobs claim the first window that is free for as long as they asked, between reservations.

    When a job came to its end its claim is shortened, if it has begun and not ended, a second
    before; what never ran gives its claim up when it was given up. Reservations stay as accepted.
    """
    replay = Replay(database, [{"SERVER": capacity}])
    asked: list[Job | Lease] = [*jobs, *leases]
    queue: list[tuple[int, int, int, Any]] = [
        (one.submit, SUBMITS, number, one) for number, one in enumerate(asked)
    ]
    heapify(queue)
    accepted: list[Taken] = []
    while queue:
        now, _, number, one = heappop(queue)
        replay.at(now)
        if isinstance(one, Lease):
            accepted += replay.claim(Ask(one.start, one.end, {"SERVER": one.nodes}))
        elif isinstance(one, Job):
            start = replay.opening(now, one.asked_s, "SERVER", one.nodes)
            [taken] = replay.claim(Ask(start, start + one.asked_s, {"SERVER": one.nodes}))
            ends = max(one.submit, one.end - 1 if one.end else one.start)
            heappush(queue, (ends, ENDS, number, (taken, one.end)))
        else:
            _come_to_end(replay, now, *one)
    _are_kept(replay, accepted)
    replay.check_all()
    return replay


def _come_to_end(replay: Replay, now: int, taken: Taken, end: int | None) -> None:
    if end is None and now < taken.end:
        replay.release(taken)
    elif end and taken.start <= now < end < taken.end:
        replay.shorten(taken, end)


def _are_kept(replay: Replay, accepted: Sequence[Taken]) -> None:
    """See that reservations are as they were accepted."""

    def read(session: Session) -> list[Claim]:
        return [claims.get_claim(session, one.claim, now=replay.fleet.now) for one in accepted]

    for one, found in zip(accepted, replay.fleet.database.read(read), strict=True):
        assert found.window == Window(moment(one.start), moment(one.end))
        assert found.released_at is None
        assert [(a.resource_type, a.amount) for a in found.allocations] == [*one.amounts.items()]


def virtual_machines(
    database: Database, batches: Sequence[Sequence[Machine]], hosts: int
) -> Replay:
    """A batch is claimed at once, all or none, on hosts of 48 CPUs and 128 GiB."""
    replay = Replay(database, [{"VCPU": 48, "MEMORY_MIB": 128 * 1024}] * hosts)
    for batch in batches:
        replay.at(batch[0].arrive)
        replay.claim(
            *(
                Ask(
                    one.arrive, one.end or FOREVER, {"VCPU": one.vcpu, "MEMORY_MIB": one.memory_mib}
                )
                for one in batch
            )
        )
    replay.check_all()
    return replay
