"""The oracle: capacity in time, written from the rules and importing nothing of Mulligan.

Time is whole ticks. What is used at a tick is found by looking at every claim, and a window fits
when each of its ticks does.
"""

from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal

FOREVER = 100
"""The last tick that anybody asks about; "without end" reaches it."""


@dataclass
class Pool:
    total: int
    reserved: int = 0
    least: int = 1
    most: int = 10**9
    step: int = 1
    ratio: str = "1"

    @property
    def capacity(self) -> int:
        exact = Decimal(self.total - self.reserved) * Decimal(self.ratio)
        return int(exact.to_integral_value(ROUND_FLOOR))

    def hands_out(self, amount: int) -> bool:
        return self.least <= amount <= self.most and amount % self.step == 0


@dataclass
class Booking:
    provider: str
    amounts: dict[str, int]
    start: int
    end: int
    hold: int | None = None
    machine: bool = False
    released: int | None = None

    def uses(self, tick: int, now: int) -> bool:
        if self.released is not None:
            return self.start <= tick < self.released
        if self.hold is not None and now >= self.hold:
            return False
        overruns = self.machine and self.hold is None and now >= self.end
        return self.start <= tick < (now + 1 if overruns else self.end)


@dataclass
class Model:
    fleet: dict[str, dict[str, Pool]]
    now: int = 0
    bookings: dict[str, Booking] = field(default_factory=dict)

    def peak(self, provider: str, kind: str, start: int, end: int) -> int:
        return max(
            sum(
                booking.amounts.get(kind, 0)
                for booking in self.bookings.values()
                if booking.provider == provider and booking.uses(tick, self.now)
            )
            for tick in range(start, end)
        )

    def free(self, provider: str, kind: str, start: int, end: int) -> int:
        return self.fleet[provider][kind].capacity - self.peak(provider, kind, start, end)

    def fits(self, provider: str, amounts: dict[str, int], start: int, end: int) -> bool:
        pools = self.fleet[provider]
        return all(
            kind in pools
            and pools[kind].hands_out(amount)
            and self.free(provider, kind, start, end) >= amount
            for kind, amount in amounts.items()
        )

    def choose(self, amounts: dict[str, int], start: int, end: int, spread: bool) -> str | None:
        start = max(start, self.now)
        sign = -1 if spread else 1
        ranked = [
            ([sign * self.free(provider, kind, start, end) for kind in amounts], provider)
            for provider in self.fleet
            if self.fits(provider, amounts, start, end)
        ]
        return min(ranked)[1] if ranked else None

    def earliest(self, amounts: dict[str, int], start: int, end: int) -> int | None:
        length = end - max(start, self.now)
        for tick in range(max(start, self.now), FOREVER):
            stop = FOREVER if end == FOREVER else tick + length
            if any(self.fits(provider, amounts, tick, stop) for provider in self.fleet):
                return tick
        return None
