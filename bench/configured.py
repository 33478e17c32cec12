"""How long after the answer to a change of configuration every instance does as it says."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import grpc

from bench.asked import asking
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.filled import databases, empty
from bench.served import WITHIN_S, served
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2

META = "mulligan.meta.v1.MetaService"
LIMIT_S = 1.0
"""Within so long every instance is to follow."""

ONE_AN_HOUR = common_pb2.RateLimit(per_second=1 / 3600, burst=1)
ALLOWED = common_pb2.ConfigurationSpec()
LIMITED = common_pb2.ConfigurationSpec(account_reads=ONE_AN_HOUR)


def configured(size: Size) -> Iterator[Figure]:
    """Limit an account's reads and take that back, by turns; two instances, a process each.

    From the answer of MetaConfigure until a client of each instance, which asks again and again, is
    refused or not any more. Each change comes right after the one before was followed, when an
    instance rests; the median, and the longest.
    """
    with databases() as new_database:
        for kind in ("sqlite", "postgresql"):
            where = empty(new_database, kind).where
            with served(where) as (one, _), served(where) as (other, _):
                times = _followed_s(size.configured, (one, other), where.token)
            for name, value in (("", statistics.median(times)), ("_longest", max(times))):
                target = Target("at most", ratio=1)
                figure = f"configure{name}_{kind}"
                yield Figure("api", figure, "s", value, limit_value=LIMIT_S, target=target)


def _followed_s(changes: int, instances: Sequence[grpc.Channel], token: str) -> list[float]:
    """Change what is configured at the first instance; gives how long all took to follow."""
    resolve = meta_pb2.ResolveNamesRequest(object_type="region", names=["a"])
    asks = [
        asking(
            instance, META, "ResolveNames", lambda: resolve, meta_pb2.ResolveNamesResponse, token
        )
        for instance in instances
    ]
    times = []
    with ThreadPoolExecutor(len(asks)) as clients:
        for number in range(changes):
            limited = number % 2 == 0
            _configure(instances[0], token, LIMITED if limited else ALLOWED)
            answered = time.perf_counter()
            follow = [clients.submit(_until, ask, limited=limited) for ask in asks]
            times.append(max(one.result() for one in follow) - answered)
    return times


def _configure(instance: grpc.Channel, token: str, spec: common_pb2.ConfigurationSpec) -> None:
    request = meta_pb2.MetaConfigureRequest(spec=spec, request_id=str(uuid4()))
    request.update_mask.paths.append("spec.account_reads")
    asking(instance, META, "MetaConfigure", lambda: request, common_pb2.Configuration, token)()


def _until(ask: Callable[[], Any], *, limited: bool) -> float:
    """Ask until a limit is in force or is not; gives when that was seen."""
    give_up_at = time.perf_counter() + WITHIN_S
    while _is_limited(ask) is not limited:
        if time.perf_counter() > give_up_at:
            raise NotMeasuredError(f"an instance did not follow within {WITHIN_S} s")
    return time.perf_counter()


def _is_limited(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except grpc.RpcError as error:
        refusal: Any = error
        if refusal.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return True
    return False
