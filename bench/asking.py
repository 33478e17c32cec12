"""Clients who ask as quickly as they are answered, in a process of their own.

So that what they take does not count as the server's, they are threads of one other process; each
has a connection of its own, which leads to one of the server's processes.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from statistics import median, quantiles

MOST_WORDS = 200
WARM = 2
"""So many times each client asks before it counts."""

Ask = Callable[[int], str]
"""Asks for thing number so and so; gives "" when it was done, else what came of it, in a word."""

Connect = Callable[[int], Ask]
"""Connects client number so and so."""


@dataclass(frozen=True)
class Answers:
    """How long each answer took (s, those that were done), and what else came.

    `seconds` is from the first request until the last that was done.
    """

    times: Sequence[float]
    seconds: float
    others: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """How many were done in a second."""
        return len(self.times) / self.seconds if self.times else 0.0

    @property
    def p50_ms(self) -> float:
        """The median, in ms."""
        return median(self.times) * 1000 if self.times else float("nan")

    @property
    def p99_ms(self) -> float:
        """What 99 of 100 answers stay below, in ms."""
        if len(self.times) < 2:
            return float("nan")
        return quantiles(self.times, n=100, method="inclusive")[98] * 1000

    def others_share(self) -> float:
        """Which share of all answers was not that it was done."""
        count = self.others.total()
        return count / max(1, count + len(self.times))

    def __str__(self) -> str:
        said = "".join(f", {count} times {words}" for words, count in self.others.most_common(3))
        return f"{self.rate:.1f}/s, p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms{said}"


def asked(
    connect: Connect, *, clients: int, seconds: float = 3600, count: int = 1_000_000_000
) -> Answers:
    """Have clients ask for so long, or so often together, whatever ends first.

    `connect` goes to another process, so it is a frozen dataclass with `__call__`.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_ask_all, connect, clients, seconds, count).result()


def _ask_all(connect: Connect, clients: int, seconds: float, count: int) -> Answers:
    asks = [connect(number) for number in range(clients)]
    ready = threading.Barrier(clients)

    def one(client: int) -> tuple[list[float], Counter[str], float, float]:
        ask, times, others = asks[client], list[float](), Counter[str]()
        for number in range(WARM):
            _said(ask, -1 - number * clients - client)
        ready.wait()
        began = now = ended = time.perf_counter()
        give_up_at = began + seconds
        for number in range(client, count, clients):
            words, before = _said(ask, number), now
            now = time.perf_counter()
            if words:
                others[words[:MOST_WORDS]] += 1
            else:
                times.append(now - before)
                ended = now
            if now > give_up_at:
                break
        return times, others, began, ended

    with ThreadPoolExecutor(clients) as threads:
        parts = list(threads.map(one, range(clients)))
    return Answers(
        times=[took for times, *_ in parts for took in times],
        seconds=max(ended for *_, ended in parts) - min(began for *_, began, _ in parts),
        others=sum((others for _, others, *_ in parts), Counter()),
    )


def _said(ask: Ask, number: int) -> str:
    try:
        return ask(number)
    except Exception as error:  # a client that breaks is an answer too
        return f"{type(error).__name__}: {error}"
