"""The oracle of long replays: who has how much, when; it imports nothing of Mulligan.

It says of requests for one provider what `model.Model` says (a test compares both), but keeps what
is used as steps rather than look at each tick. Times are whole numbers.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping

FOREVER = 10**12


class Level:
    """How much is used from each moment until the next."""

    def __init__(self) -> None:
        self._moments, self._levels = [-FOREVER], [0]

    def _cut(self, moment: int) -> int:
        place = bisect_left(self._moments, moment)
        if place == len(self._moments) or self._moments[place] != moment:
            self._moments.insert(place, moment)
            self._levels.insert(place, self._levels[place - 1])
        return place

    def add(self, start: int, end: int, amount: int) -> None:
        first, last = self._cut(start), self._cut(end)
        for place in range(first, last):
            self._levels[place] += amount

    def peak(self, start: int = -FOREVER, end: int = FOREVER) -> int:
        first = bisect_right(self._moments, start) - 1
        return max(self._levels[first : bisect_left(self._moments, end)])

    def first_gap(self, start: int, length: int, most: int) -> int:
        """From when on no more than `most` is used for so long."""
        for place in range(bisect_right(self._moments, start) - 1, len(self._moments)):
            if self._levels[place] > most:
                start = self._moments[place + 1]
            elif place + 1 == len(self._moments) or self._moments[place + 1] - start >= length:
                return start
        raise AssertionError("something lasts for ever")


class Ledger:
    """What providers have, and who uses how much of it."""

    def __init__(self, providers: Mapping[str, Mapping[str, int]]) -> None:
        self.providers = dict(providers)
        self._levels: dict[tuple[str, str], Level] = defaultdict(Level)

    def free(self, one: str, kind: str, start: int, end: int) -> int:
        return self.providers[one].get(kind, 0) - self._levels[one, kind].peak(start, end)

    def best(
        self, amounts: Mapping[str, int], start: int, end: int, among: Iterable[str] | None = None,
        *, pack: bool = False,
    ) -> list[str]:  # fmt: skip
        """Who has that much: most (or least) free first, then by id."""
        found = []
        for one in self.providers if among is None else among:
            free = [self.free(one, kind, start, end) for kind in amounts]
            if all(room >= n for room, n in zip(free, amounts.values(), strict=True)):
                found.append(([room if pack else -room for room in free], one))
        return [one for _, one in sorted(found)]

    def use(self, one: str, amounts: Mapping[str, int], start: int, end: int) -> None:
        for kind, amount in amounts.items():
            self._levels[one, kind].add(start, end, amount)

    def give_back(self, one: str, amounts: Mapping[str, int], start: int, end: int) -> None:
        self.use(one, {kind: -amount for kind, amount in amounts.items()}, start, end)

    def earliest(self, kind: str, amount: int, start: int, length: int) -> int:
        """From when on somebody has that much for so long."""
        return min(
            self._levels[one, kind].first_gap(start, length, has[kind] - amount)
            for one, has in self.providers.items()
            if has.get(kind, 0) >= amount
        )

    def peaks(self) -> dict[tuple[str, str], int]:
        return {what: peak for what, level in self._levels.items() if (peak := level.peak())}
