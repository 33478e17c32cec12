"""Whether each service can do its work, as `grpc.health.v1` tells it, and what it is configured to.

What services stand on is looked at when a call could not be answered, when a database says that
something was configured, and else once in a while. While a part is away it is looked at each
second.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from grpc_health.v1 import health, health_pb2
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from temporalio.client import Client
from temporalio.service import RPCError

from api.in_force import InForce
from mulligan.configuration import CHANNEL, ConfigurationRow, of_services
from mulligan.database import Database
from mulligan.migrations import newer_revision
from mulligan.values.errors import MulliganError
from mulligan.wakeups import Wakeups

LOOK_S = 300.0
"""A part that nobody complains of is looked at this often."""

AGAIN_S = 1.0
"""One that is away is looked at this often."""

REST_S = 0.2
"""What comes together is looked at once: so much later than the look before, at the least."""

ANSWER_S = 5.0
"""A part that has not answered for this long is away."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_log = logging.getLogger(__name__)


@dataclass
class Part:
    """Something that services stand on; `look` says why it can't be used, or nothing."""

    name: str
    services: Collection[str]
    look: Callable[[], Awaitable[str]]
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""


class Health:
    """The health of the services of one process, and the server's health service."""

    def __init__(self, services: Mapping[str, str]) -> None:
        """Know services by their names and those that gRPC has for them."""
        self.servicer = health.aio.HealthServicer()
        self._services = services
        self._parts: list[Part] = []

    def suspect(self) -> None:
        """Have everything looked at: a call could not be answered."""
        for part in self._parts:
            part.wanted.set()

    @asynccontextmanager
    async def watching(self, parts: Sequence[Part]) -> AsyncIterator[None]:
        """Look at parts as long as the context lasts."""
        self._parts = list(parts)
        await asyncio.gather(*(self._look_at(part) for part in parts))
        tasks = [asyncio.create_task(self._watch(part), name=part.name) for part in parts]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Say that nothing is served any more, whatever is found from now on."""
        await self.servicer.enter_graceful_shutdown()

    async def _watch(self, part: Part) -> None:
        while True:
            await asyncio.sleep(AGAIN_S if part.why else REST_S)
            if not part.why:
                await _wait(part.wanted)
            part.wanted.clear()
            await self._look_at(part)

    async def _look_at(self, part: Part) -> None:
        looking = asyncio.ensure_future(part.look())
        try:
            await asyncio.wait({looking}, timeout=ANSWER_S)
            if not looking.done():
                await self._tell(part, f"no answer within {ANSWER_S:.0f} s")
            await self._tell(part, await looking)
        finally:
            looking.cancel()

    async def _tell(self, part: Part, why: str) -> None:
        if bool(why) != bool(part.why):
            words = f"is away: {why}" if why else "is there again"
            _log.log(logging.WARNING if why else logging.INFO, "%s %s", part.name, words)
        part.why = why
        ailing = {name for one in self._parts if one.why for name in one.services}
        for name, full_name in self._services.items():
            await self.servicer.set(full_name, _NOT_SERVING if name in ailing else _SERVING)
        await self.servicer.set("", _NOT_SERVING if ailing else _SERVING)


@asynccontextmanager
async def parts_of(
    in_force: Mapping[str, InForce], databases: Mapping[str, Database], temporal: Client | None
) -> AsyncIterator[list[Part]]:
    """Know the parts that services stand on, as long as the context lasts.

    Args:
        in_force: how each service is configured.
        databases: the database of each service.
        temporal: what resource and control ask for operations.
    """
    parts = []
    async with AsyncExitStack() as stack:
        for database in dict.fromkeys(databases.values()):
            own = {name: in_force[name] for name, one in databases.items() if one is database}
            part = Part(f"the database of {', '.join(own)}", own, _look_at_database(database, own))
            wakeups = Wakeups(database, CHANNEL)
            await stack.enter_async_context(wakeups.listening())
            await stack.enter_async_context(wakeups.reader(part.wanted))
            parts.append(part)
        started = {"resource", "control"} & set(databases)
        if temporal is not None and started:
            check = temporal.service_client.check_health
            parts.append(Part("Temporal", started, _look_at_temporal(check)))
        yield parts


def _look_at_database(
    database: Database, services: Mapping[str, InForce]
) -> Callable[[], Awaitable[str]]:
    """Make what reads how services are configured, and says why the database can't be used."""

    def read(session: Session) -> tuple[dict[str, ConfigurationRow], str]:
        return of_services(session, services), newer_revision(session)

    async def look() -> str:
        try:
            # Not in a thread of transactions: they may all wait for this very database.
            rows, newer = await asyncio.to_thread(database.read, read)
        except (MulliganError, SQLAlchemyError) as error:
            return str(error)
        for name, one in services.items():
            one.take(rows.get(name))
        return f"a later release brought it to {newer}; start that one here, too" if newer else ""

    return look


def _look_at_temporal(check: Callable[..., Awaitable[bool]]) -> Callable[[], Awaitable[str]]:
    async def look() -> str:
        try:
            is_well = await check(timeout=timedelta(seconds=ANSWER_S))
        except RPCError as error:
            return str(error)
        return "" if is_well else "it says that it does not serve"

    return look


async def _wait(wanted: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_S):
            await wanted.wait()
    except TimeoutError:
        return
