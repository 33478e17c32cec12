"""Calls that are made again and again, and how long they take."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from bench.served import WITHIN_S

WARMING = 20
"""Rounds before those that count."""


def asking(
    channel: grpc.Channel,
    service: str,
    verb: str,
    request: Callable[[], Message],
    answer: type[Message],
    token: str = "",
) -> Callable[[], Any]:
    """Make a call that asks, each time with a request that is made for it."""
    ask: Callable[..., Any] = channel.unary_unary(
        f"/{service}/{verb}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    return lambda: ask(request(), metadata=metadata, timeout=WITHIN_S)


def medians_ms(rounds: int, *asks: Callable[[], Any]) -> list[float]:
    """Ask by turns; gives the median of each."""
    took: list[list[float]] = [[] for _ in asks]
    for _ in range(WARMING + rounds):
        for ask, times in zip(asks, took, strict=True):
            began = time.perf_counter()
            ask()
            times.append((time.perf_counter() - began) * 1000)
    return [statistics.median(times[WARMING:]) for times in took]
