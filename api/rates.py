"""How many calls an instance takes: a bucket of tokens for each account, and one for all."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mulligan.values.configuration import RateLimit
from mulligan.values.errors import RateLimitedError

MOST_CALLERS = 10_000
"""Whoever has not called for longest is forgotten, and begins with a full bucket again."""

EVERYBODY = ""


@dataclass
class _Bucket:
    tokens: float
    at: float


class Rate:
    """One limit, for any number of callers; it is this process' own, nothing is shared."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str = EVERYBODY) -> None:
        """Take a token out of a caller's bucket.

        Raises:
            RateLimitedError: there is none.
        """
        bucket = self._filled(caller)
        if bucket.tokens < 1:
            wait_s = math.ceil((1 - bucket.tokens) / self.limit.per_second)
            whose = "this account calls" if caller else "all together call"
            raise RateLimitedError(
                f"{whose} too often ({self.limit}); try again in {wait_s} s",
                retry_after_s=str(wait_s),
            )
        bucket.tokens -= 1

    def give_back(self, caller: str) -> None:
        """Put a token back that was taken for nothing."""
        self._filled(caller).tokens += 1

    def _filled(self, caller: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.pop(caller, None) or _Bucket(self.limit.size, now)
        grown = bucket.tokens + (now - bucket.at) * self.limit.per_second
        bucket.tokens, bucket.at = min(grown, float(self.limit.size)), now
        self._buckets[caller] = bucket
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return bucket
