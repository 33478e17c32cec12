"""A limit lets so many calls through at once, and then so many a second."""

from dataclasses import dataclass

import pytest

from api import rates
from api.rates import Rate
from mulligan.values.configuration import RateLimit
from mulligan.values.errors import RateLimitedError


@dataclass
class Clock:
    """The time, in seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(rate: Rate, caller: str = "") -> int:
    """How many calls get through now."""
    count = 0
    while True:
        try:
            rate.take(caller)
        except RateLimitedError:
            return count
        count += 1


def test_a_bucket_is_full_at_first_and_fills_with_time() -> None:
    clock = Clock()
    rate = Rate(RateLimit(per_second=2, burst=5), clock)
    assert taken(rate) == 5
    clock.now += 1.5
    assert taken(rate) == 3
    clock.now += 3600
    assert taken(rate) == 5


@pytest.mark.parametrize(("per_second", "size"), [(20.0, 20), (2.5, 2), (0.1, 1)])
def test_without_a_burst_it_holds_what_comes_in_a_second(per_second: float, size: int) -> None:
    assert taken(Rate(RateLimit(per_second=per_second), Clock())) == size


def test_who_is_refused_is_told_when_to_come_again_and_gets_through_then() -> None:
    clock = Clock()
    rate = Rate(RateLimit(per_second=0.25, burst=1), clock)
    rate.take()
    with pytest.raises(RateLimitedError) as refused:
        rate.take()
    assert refused.value.details["retry_after_s"] == "4"
    assert refused.value.retryable
    clock.now += 4
    rate.take()


def test_each_caller_has_a_bucket_and_the_one_that_rested_longest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 2)
    rate = Rate(RateLimit(per_second=1, burst=1), Clock())
    assert [taken(rate, caller) for caller in ("a", "b", "a", "c", "a", "b")] == [1, 1, 0, 1, 0, 1]
    rate.give_back("b")
    assert taken(rate, "b") == 1
