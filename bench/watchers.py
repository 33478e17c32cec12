"""How long after a commit many subscribers are told of it."""

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any
from uuid import uuid4

import grpc

from api.server import Backends, running_server
from bench.figures import Figure, Size, Target
from mulligan import events
from mulligan.database import Database
from mulligan.iam import accounts, bootstrap, tokens
from mulligan.migrations import migrate
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from tests.databases import PostgreSQL

SUBSCRIBERS = 200
BETWEEN_S = 0.15
WITHIN_S = 60
GOAL_MS = 50
WATCH, BARE = "/mulligan.meta.v1.MetaService/Watch", "/bench.Bare/Watch"

Spawned = multiprocessing.get_context("spawn")
Times = Mapping[int, Sequence[int]]
"""When each subscriber had a revision, in ns."""


def watchers(size: Size) -> Iterator[Figure]:
    """Commit, on each kind of database, and ask 200 subscribers when they were told.

    The limit is a gRPC server in Python that has the message at hand and nothing else to do: it
    gives it to as many subscribers, in the same process layout.
    """
    with _bare_server() as port:
        limit_ms = _median_ms(*_told_bare(port, size.commits))
    server = PostgreSQL()
    server.start()
    try:
        for name in ("bench_site", "bench_iam"):
            server.administer(f"CREATE DATABASE {name}")
        urls = [server.url(n).render_as_string() for n in ("bench_site", "bench_iam")]
        value = _median_ms(*_told(urls, size.commits))
    finally:
        server.stop()
    yield _figure("watchers_postgresql", value, limit_ms)
    with tempfile.TemporaryDirectory(prefix="bench-watchers") as folder:
        urls = [f"sqlite:///{folder}/{name}.sqlite" for name in ("site", "iam")]
        yield _figure("watchers_sqlite", _median_ms(*_told(urls, size.commits)), limit_ms)


def _figure(name: str, value: float, limit_ms: float) -> Figure:
    target = Target("at most", value=GOAL_MS)
    remark = f"median of {SUBSCRIBERS} subscribers; bare gRPC gives the message in {limit_ms:.1f}"
    return Figure("api", name, "ms", value, limit_value=limit_ms, target=target, remark=remark)


def _median_ms(committed: Mapping[int, int], told: Times) -> float:
    late = [at - committed[one] for one, times in told.items() for at in times]
    if len(late) != SUBSCRIBERS * len(committed):
        raise ValueError(f"{len(late)} of {SUBSCRIBERS * len(committed)} were told")
    return statistics.median(late) / 1e6


@contextmanager
def _spawned(work: Callable[..., None], *given: Any) -> Iterator[Connection]:
    here, there = Spawned.Pipe()
    process = Spawned.Process(target=work, args=(there, *given))
    process.start()
    try:
        yield here
    finally:
        here.close()
        process.join(10)
        process.terminate()


# Ours


def _told(urls: Sequence[str], commits: int) -> tuple[dict[int, int], Times]:
    databases = [Database(url) for url in urls]
    for database in databases:
        migrate(database)
        events.record(database)
    site, installation = databases
    secret = installation.write(lambda session: bootstrap.prepare(session))
    account = installation.write(
        lambda s: bootstrap.bootstrap(
            s,
            bootstrap.check(s, secret or ""),
            "admin",
            accounts.hash_password("correct horse"),
        )
    )
    token = installation.write(lambda s: tokens.issue(s, account))[0]
    _commit(site)  # Which each is told first, to know that it has subscribed.
    last = site.read(events.current_revision)
    committed: dict[int, int] = {}
    with (
        _spawned(_serve, *urls) as server,
        _spawned(_subscribe, server.recv(), WATCH, token, last - 1, commits) as subscribers,
    ):
        subscribers.recv()
        for number in range(commits):
            time.sleep(BETWEEN_S)
            _commit(site)
            committed[last + 1 + number] = time.time_ns()
        told: Times = subscribers.recv()
    for database in databases:
        database.close()
    return committed, told


def _commit(database: Database) -> None:
    event = events.Event("thing", str(uuid4()), "state", message="something changed")
    database.write(lambda session: events.append(session, event))


def _serve(ready: Connection, site: str, installation: str) -> None:
    async def serve() -> None:
        backends = Backends(Database(site), Database(installation), None, "")
        async with running_server(("iam", "meta"), backends, listen="127.0.0.1:0") as port:
            ready.send(port)
            await _closed(ready)

    asyncio.run(serve())


async def _closed(pipe: Connection) -> None:
    with ThreadPoolExecutor(1) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, partial(pipe.poll, None))


# Subscribers


def _subscribe(ready: Connection, port: int, method: str, token: str, *span: int) -> None:
    ready.send(asyncio.run(_subscribed(ready, port, method, token, *span)))


async def _subscribed(
    ready: Connection, port: int, method: str, token: str, after: int, count: int
) -> dict[int, list[int]]:
    told: dict[int, list[int]] = {}
    subscribed = asyncio.Barrier(SUBSCRIBERS + 1)

    async def subscribe(stack: AsyncExitStack) -> None:
        # A connection each, as subscribers far from each other have.
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options)
        await stack.enter_async_context(channel)
        ask = channel.unary_stream(
            method,
            request_serializer=common_pb2.WatchRequest.SerializeToString,
            response_deserializer=common_pb2.Event.FromString,
        )
        stream = ask(
            common_pb2.WatchRequest(after_revision=after),
            metadata=(("authorization", f"Bearer {token}"),),
        )
        await stream.read()
        await subscribed.wait()
        for _ in range(count):
            event: Any = await stream.read()
            told.setdefault(event.revision, []).append(time.time_ns())

    async with AsyncExitStack() as stack, asyncio.timeout(WITHIN_S):
        running = [asyncio.create_task(subscribe(stack)) for _ in range(SUBSCRIBERS)]
        await subscribed.wait()
        ready.send("subscribed")
        await asyncio.gather(*running)
    return told


# The limit


def _told_bare(server: Connection, commits: int) -> tuple[dict[int, int], Times]:
    committed: dict[int, int] = {}
    with _spawned(_subscribe, server.recv(), BARE, "", 0, commits) as subscribers:
        subscribers.recv()
        for number in range(commits):
            time.sleep(BETWEEN_S)
            server.send(number)
            committed[number] = server.recv()
        told: Times = subscribers.recv()
    return committed, told


@contextmanager
def _bare_server() -> Iterator[Connection]:
    with _spawned(_serve_bare) as server:
        yield server


def _serve_bare(ready: Connection) -> None:
    waiting: list[asyncio.Queue[common_pb2.Event]] = []

    async def watch(_request: bytes, _context: Any) -> Any:
        queue: asyncio.Queue[common_pb2.Event] = asyncio.Queue()
        waiting.append(queue)
        yield common_pb2.Event()
        while True:
            yield await queue.get()

    async def serve() -> None:
        server = grpc.aio.server()
        handler: Any = grpc.unary_stream_rpc_method_handler(
            watch, response_serializer=common_pb2.Event.SerializeToString
        )
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("bench.Bare", {"Watch": handler})]
        )
        ready.send(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        loop = asyncio.get_running_loop()
        while True:
            try:
                number = await loop.run_in_executor(None, ready.recv)
            except EOFError:
                break
            at = time.time_ns()
            for queue in waiting:
                queue.put_nowait(common_pb2.Event(revision=number, message="something changed"))
            ready.send(at)
        await server.stop(None)

    asyncio.run(serve())
