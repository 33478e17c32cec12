"""Random inventories, claims, holds, releases and clocks, against a model that shares no code."""

from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mulligan.database import Database
from mulligan.resource.claims import Claim
from mulligan.resource.values import Inventory, Placement
from mulligan.values.errors import FailedPreconditionError, NoCapacityError
from tests.mulligan.resource.fleet import START, Fleet, at, new_id, window
from tests.mulligan.resource.model import FOREVER, Booking, Model, Pool

# Small and crowded, so that most steps meet others; oddities are there, but seldom.
pools = st.builds(
    Pool,
    total=st.integers(2, 6),
    reserved=st.sampled_from([0, 0, 0, 1]),
    least=st.sampled_from([1, 1, 1, 1, 2]),
    most=st.sampled_from([9, 9, 9, 9, 2]),
    step=st.sampled_from([1, 1, 1, 1, 2]),
    ratio=st.sampled_from(["1", "1", "1", "1.15", "1.5", "0.5"]),
)
fleets = st.lists(
    st.one_of(
        st.fixed_dictionaries({"VCPU": pools}),
        st.fixed_dictionaries({"VCPU": pools, "MEMORY_MIB": pools}),
    ),
    min_size=1,
    max_size=2,
)
amounts = st.sampled_from(
    [{"VCPU": 1}, {"VCPU": 2}, {"VCPU": 2}, {"VCPU": 3}, {"MEMORY_MIB": 2, "VCPU": 1}]
)
claim_steps = st.fixed_dictionaries(
    {
        "do": st.just("claim"),
        "amounts": amounts,
        "ahead": st.integers(-2, 9),
        "length": st.sampled_from([1, 2, 3, 4, 5, 6, 8, 10, None]),
        "hold": st.sampled_from([None, None, 1, 3, 6]),
        "machine": st.sampled_from([True, True, False]),
        "spread": st.booleans(),
    }
)
other_steps = st.fixed_dictionaries(
    {
        "do": st.sampled_from(["confirm", "release", "wait", "wait"]),
        "which": st.integers(0, 30),
        "ticks": st.integers(1, 4),
    }
)
steps = st.lists(st.one_of(claim_steps, claim_steps, other_steps), min_size=10, max_size=20)


def inventory(kind: str, pool: Pool) -> Inventory:
    return Inventory(
        kind, pool.total, pool.reserved, pool.least, pool.most, pool.step, float(pool.ratio)
    )


class Both:
    """The model and Mulligan side by side."""

    def __init__(self, database: Database, wanted: list[dict[str, Pool]]) -> None:
        self.fleet = Fleet(database)
        ids = sorted(new_id() for _ in wanted)
        self.model = Model(dict(zip(ids, wanted, strict=True)))
        for provider, pools in self.model.fleet.items():
            self.fleet.add_with(
                [inventory(kind, pool) for kind, pool in pools.items()], provider=provider
            )
        self.claims: list[Claim] = []

    def take(self, step: dict[str, Any]) -> None:
        if step["do"] == "claim":
            self.claim(step)
        elif step["do"] == "wait":
            self.model.now += step["ticks"]
            self.fleet.now = at(self.model.now)
            self.compare_use()
        elif self.claims:
            claim = self.claims[step["which"] % len(self.claims)]
            getattr(self, step["do"])(claim, self.model.bookings[claim.id])

    def claim(self, step: dict[str, Any]) -> None:
        model, wanted = self.model, step["amounts"]
        start = max(0, model.now + step["ahead"])
        end = FOREVER if step["length"] is None else start + step["length"]
        if end <= model.now:
            return
        expected = model.choose(wanted, start, end, step["spread"])
        options: dict[str, Any] = {"placement": Placement(["pack", "spread"][step["spread"]])}
        hold = model.now + step["hold"] if step["hold"] else None
        try:
            claim = self.fleet.claim(
                window(start, None if end == FOREVER else end),
                consumer=new_id() if step["machine"] else None,
                hold_until=at(hold) if hold else None,
                **wanted,
                **options,
            )
        except NoCapacityError as error:
            assert expected is None
            self.check_earliest(error, wanted, start, end)
            return
        assert claim.provider == expected
        self.claims.append(claim)
        model.bookings[claim.id] = Booking(
            claim.provider, wanted, max(start, model.now), end,
            hold=min(hold, end) if hold else None, machine=step["machine"],
        )  # fmt: skip

    def check_earliest(
        self, error: NoCapacityError, wanted: dict[str, int], start: int, end: int
    ) -> None:
        told = error.details["earliest"]
        expected = self.model.earliest(wanted, start, end)
        if told == "never":
            assert expected is None
            return
        ticks = (type(START).fromisoformat(told) - START) / timedelta(minutes=1)
        assert expected == ceil(ticks)

    def confirm(self, claim: Claim, booking: Booking) -> None:
        now = self.model.now
        lapsed = booking.hold is not None and now >= booking.hold
        over = booking.hold is None and not booking.machine and now >= booking.end
        if booking.released is not None or lapsed or over:
            with pytest.raises(FailedPreconditionError):
                self.fleet.confirm(claim)
            return
        self.fleet.confirm(claim)
        booking.hold = None

    def release(self, claim: Claim, booking: Booking) -> None:
        now = self.model.now
        self.fleet.release(claim)
        lapsed = booking.hold is not None and now >= booking.hold
        over = not booking.machine and now >= booking.end
        if booking.released is None and not lapsed and not over:
            booking.released = now

    def compare_use(self) -> None:
        now = self.model.now
        for provider, pools in self.model.fleet.items():
            for start, end in ((now, now + 10), (now + 1, now + 5)):
                used = self.fleet.usage(provider, window(start, end))
                for kind in pools:
                    assert used.get(kind, 0) == self.model.peak(provider, kind, start, end)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wanted=fleets, taken=steps)
def test_mulligan_and_the_model_never_differ(
    database: Database, wanted: list[dict[str, Pool]], taken: list[dict[str, Any]]
) -> None:
    both = Both(database, wanted)
    for step in taken:
        both.take(step)
    both.compare_use()
