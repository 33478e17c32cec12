"""What a page of a list costs where there is little and where there is much, and a single Get."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from sqlalchemy import text
from sqlalchemy.orm import Session

from api.messages import token_of
from api.page_tokens import close_token
from bench.figures import Figure, NotMeasuredError, Size, Target
from bench.served import BARE, WITHIN_S, Installed, installed, served
from mulligan.control import images
from mulligan.database import Database
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.control.v1 import control_pb2
from tests.databases import PostgreSQL

FEW, PAGE = 1_000, 100
WARMING = 20
"""Rounds before those that count."""

CONTROL = "mulligan.control.v1.ControlService"

ORDERS: Mapping[str, Any] = {
    "id": common_pb2.ORDER_BY_ID,
    "name": common_pb2.ORDER_BY_NAME,
    "created_at": common_pb2.ORDER_BY_CREATED_AT,
}
MIDDLE = "80000000-0000-4000-8000-000000000000"

_FILL = {
    "sqlite": """
        INSERT INTO machines (id, region, project, kind, image, provider, claim, spec, nics,
            reported, operation, created_at, generation, state, reason, since, next_action)
        WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers
            WHERE n + 1 < :count)
        SELECT printf('%08x000040008000000000000000', n * :apart), :own, :own, 'virtual', :own,
            :own, :own, :spec, '[]', '{}', :own,
            strftime('%Y-%m-%d %H:%M:%S.000000', '2026-01-01',
                (n * 7919 % :count) || ' minutes'),
            1, 'active', '', '2026-01-01 00:00:00.000000', ''
        FROM numbers;
        INSERT INTO names (id, object_type, owner, project, name, slug)
        WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers
            WHERE n + 1 < :count)
        SELECT printf('%08x000040008000000000000000', n * :apart), 'machine', :owner, :own,
            printf('machine-%07d', :count - n), printf('machine-%07d', :count - n) FROM numbers;
        ANALYZE""",
    "postgresql": """
        INSERT INTO machines (id, region, project, kind, image, provider, claim, spec, nics,
            reported, operation, created_at, generation, state, reason, since, next_action)
        SELECT CAST(lpad(to_hex(n * :apart), 8, '0') || '-0000-4000-8000-000000000000' AS uuid),
            :own, :own, 'virtual', :own, :own, :own, CAST(:spec AS jsonb), '[]', '{}', :own,
            timestamptz '2026-01-01 00:00+00' + n * 7919 % :count * interval '1 minute',
            1, 'active', '', timestamptz '2026-01-01 00:00+00', ''
        FROM generate_series(CAST(0 AS bigint), :count - 1) AS n;
        INSERT INTO names (id, object_type, owner, project, name, slug)
        SELECT CAST(lpad(to_hex(n * :apart), 8, '0') || '-0000-4000-8000-000000000000' AS uuid),
            'machine', :owner, :own, 'machine-' || lpad(CAST(:count - n AS text), 7, '0'),
            'machine-' || lpad(CAST(:count - n AS text), 7, '0')
        FROM generate_series(CAST(0 AS bigint), :count - 1) AS n;
        ANALYZE""",
}
"""Machines and their names; in the order of ids names go down, and times anywhere."""

_SPEC = (
    '{"vcpus": 1, "memory_mib": 1024, "disk_gib": 10, "ssh_keys": [], '
    '"required_capabilities": [], "root_disk_serial": ""}'
)


def pages(size: Size) -> Iterator[Figure]:
    """Read pages of 100 of a project's machines through ListMachines, from the middle on; medians.

    There are 1,000 machines in one database and 1,000,000 in another, written by SQL; both are
    asked by turns. The names and times of machines are in another order than their ids.
    """
    with _databases() as new_database:
        for kind in ("sqlite", "postgresql"):
            few, many = (_filled(new_database, kind, n) for n in (FEW, size.objects))
            with served(few.where) as (ask_few, _), served(many.where) as (ask_many, _):
                for order in ORDERS:
                    small, large = _medians_ms(
                        size.list_rounds, _page(ask_few, few, order), _page(ask_many, many, order)
                    )
                    yield Figure(
                        "api",
                        f"list_by_{order}_{kind}",
                        "ms",
                        large,
                        peer=f"where there are {FEW}",
                        peer_value=small,
                        target=Target("at most", ratio=1.5),
                    )


def unary(size: Size) -> Iterator[Figure]:
    """Ask GetMachine and UpdateImage again and again, one call after the other; medians.

    Peers: handlers of grpcio in the same process that do the same with the same database, without
    interceptor, kept answers and events; and one that answers without doing anything. All take
    turns. What ours takes more than the same without is the overhead: token, roles, rules.
    """
    with _databases() as new_database:
        for kind in ("sqlite", "postgresql"):
            filled = _filled(new_database, kind, FEW)
            with served(filled.where) as (ours, bare):
                yield from _unary(size.unary_calls, kind, filled, ours, bare)


NewDatabase = Callable[[str], str]
"""Makes an empty database of a kind; gives its URL."""


@dataclass(frozen=True)
class Filled:
    """A site with machines and an image, and what stands in the middle of each order."""

    where: Installed
    image: str
    middles: Mapping[str, tuple[str, ...]]


@contextmanager
def _databases() -> Iterator[NewDatabase]:
    server = PostgreSQL()
    server.start()

    def new(kind: str) -> str:
        name = f"bench_{uuid4().hex}"
        if kind == "sqlite":
            return f"sqlite:///{folder}/{name}.sqlite"
        server.administer(f"CREATE DATABASE {name}")
        return server.url(name).render_as_string()

    try:
        with tempfile.TemporaryDirectory(prefix="bench-lists", dir="/tmp") as made:
            folder = Path(made)
            yield new
    finally:
        server.stop()


def _filled(new_database: NewDatabase, kind: str, count: int) -> Filled:
    """A site with so many machines of one project."""
    where = installed(new_database(kind), new_database("sqlite"))
    database = Database(where.site)
    own = where.project if kind == "postgresql" else where.project.replace("-", "")
    values: dict[str, Any] = {"count": count, "apart": (1 << 32) // count, "spec": _SPEC}
    values |= {"owner": where.project, "own": own}

    def fill(session: Session) -> None:
        for statement in _FILL[kind].split(";"):
            session.execute(text(statement), values)

    database.write(fill)
    image = database.write(
        lambda session: (
            images.create_image(
                session,
                region=str(uuid4()),
                name="some",
                url="https://example.com/image",
                sha256="0" * 64,
                disk_format="qcow2",
                activation="",
                config_format="",
                author=where.account,
            ).id
        )
    )
    database.close()
    middle = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=count // 2)
    middles = {
        "id": (MIDDLE,),
        "name": (f"machine-{count // 2:07}", MIDDLE),
        "created_at": (middle.isoformat(), MIDDLE),
    }
    return Filled(where, image, middles)


def _unary(
    calls: int, kind: str, filled: Filled, ours: grpc.Channel, bare: grpc.Channel
) -> Iterator[Figure]:
    project, token = filled.where.project, filled.where.token
    one = _page(ours, filled, "id")().machines[0].metadata.id
    get = control_pb2.GetMachineRequest(project=project, id=one)
    machine, image = control_pb2.Machine, control_pb2.Image
    at_most = Target("at most", ratio=2)

    def rename(name: str) -> Callable[[], Message]:
        return lambda: control_pb2.UpdateImageRequest(
            id=filled.image,
            name=name,
            update_mask=FieldMask(paths=["name"]),
            request_id=str(uuid4()),
        )

    whole, same, nothing = _medians_ms(
        calls,
        _call(ours, CONTROL, "GetMachine", lambda: get, machine, token),
        _call(bare, BARE, "GetMachine", lambda: get, machine),
        _call(bare, BARE, "Nothing", lambda: get, machine),
    )
    told, untold = _medians_ms(
        calls,
        _call(ours, CONTROL, "UpdateImage", rename("ours"), image, token),
        _call(bare, BARE, "UpdateImage", rename("bare"), image),
    )
    for name, value, peer, peer_value in (
        ("", whole, "bare grpcio, same read", same),
        ("_overhead", whole - same, "bare grpcio, does nothing", nothing),
        ("_write", told, "bare grpcio, same write", untold),
    ):
        yield Figure("api", f"unary{name}_{kind}", "ms", value, peer, peer_value, target=at_most)


def _page(channel: grpc.Channel, filled: Filled, order: str) -> Callable[[], Any]:
    """Ask for the page that begins in the middle."""
    where = filled.where
    request = control_pb2.ListMachinesRequest(
        project=where.project, order_by=ORDERS[order], page=common_pb2.Page(size=PAGE)
    )
    token = control_pb2.ListMachinesResponse(next_page_token=token_of(*filled.middles[order]))
    close_token(token, request, f"{CONTROL}.ListMachines", where.account)
    request.page.token = token.next_page_token
    answer = control_pb2.ListMachinesResponse
    ask = _call(channel, CONTROL, "ListMachines", lambda: request, answer, where.token)

    def whole() -> Any:
        page = ask()
        if len(page.machines) != PAGE:
            raise NotMeasuredError(f"a page has {len(page.machines)} machines of {PAGE}")
        return page

    return whole


def _call(
    channel: grpc.Channel,
    service: str,
    verb: str,
    request: Callable[[], Message],
    answer: type[Message],
    token: str = "",
) -> Callable[[], Any]:
    """Ask again and again."""
    ask: Callable[..., Any] = channel.unary_unary(
        f"/{service}/{verb}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    return lambda: ask(request(), metadata=metadata, timeout=WITHIN_S)


def _medians_ms(rounds: int, *asks: Callable[[], Any]) -> list[float]:
    took: list[list[float]] = [[] for _ in asks]
    for _ in range(WARMING + rounds):
        for ask, times in zip(asks, took, strict=True):
            began = time.perf_counter()
            ask()
            times.append((time.perf_counter() - began) * 1000)
    return [statistics.median(times[WARMING:]) for times in took]
