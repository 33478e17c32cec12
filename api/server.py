"""The gRPC server: the servicers that are asked for, behind the one interceptor."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE
from grpc_reflection.v1alpha import reflection
from sqlalchemy.orm import Session
from temporalio.client import Client

from api.access import Method, methods_of
from api.control import ControlServicer
from api.feed import Feed
from api.health import Health, parts_of
from api.iam import IamServicer
from api.iam_at import HERE, IamAt, IamBeside, IamElsewhere
from api.iam_copy import IamCopy
from api.in_force import InForce
from api.interceptor import Gate, KeySource
from api.meta import MetaServicer
from api.operations import Operations, Starter
from api.places import Places
from api.projects import Projects
from api.refusals import Refusals
from api.regions import Regions
from api.registration import Advertised, registered
from api.resource import ResourceServicer
from api.token_keys import published_keys
from api.watch import Watch
from mulligan.database import Database
from mulligan.iam import catalogue, objects
from mulligan.iam.objects import Place
from mulligan.log_level import LogLevel
from mulligan.values.errors import FailedPreconditionError
from mulligan_client.gen.mulligan.control.v1 import control_pb2, control_pb2_grpc
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2, iam_pb2_grpc
from mulligan_client.gen.mulligan.meta.v1 import meta_pb2, meta_pb2_grpc
from mulligan_client.gen.mulligan.resource.v1 import resource_pb2, resource_pb2_grpc

SERVICES: Mapping[str, ServiceDescriptor] = {
    "iam": iam_pb2.DESCRIPTOR.services_by_name["IamService"],
    "meta": meta_pb2.DESCRIPTOR.services_by_name["MetaService"],
    "resource": resource_pb2.DESCRIPTOR.services_by_name["ResourceService"],
    "control": control_pb2.DESCRIPTOR.services_by_name["ControlService"],
}
MAX_MESSAGE_BYTES = 4 << 20
GRACE_S = 5.0


class _HangUps(logging.Filter):
    """Leaves out of gRPC's log that somebody hung up while an answer was under way.

    It is an error there, with a traceback, and nothing to look into, unless gRPC is to tell all.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep all else."""
        error = record.exc_info[1] if record.exc_info else None
        is_broken_off = str(error).startswith('Failed "execute_batch"')
        if not is_broken_off or type(error).__name__ != "ExecuteBatchError":
            return True
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


_HANG_UPS = _HangUps()


@dataclass(frozen=True)
class Backends:
    """What servicers stand on: the site's database, iam's where it is here, Temporal and its UI."""

    site: Database
    installation: Database | None
    temporal: Client | None
    ui_url: str

    def of(self, service: str) -> Database:
        """Give the database that a service's calls begin in."""
        database = self.installation if service == "iam" else self.site
        if database is None:
            raise ValueError("iam is not served without its database")
        return database


@dataclass(frozen=True)
class Tls:
    """PEM texts: certificate and key of the services, and the CA of iam's certificate."""

    certificate: bytes | None = None
    key: bytes | None = None
    ca: bytes | None = None


NO_TLS = Tls()
AT_IAM = Advertised()


@asynccontextmanager
async def running_server(
    services: Sequence[str],
    backends: Backends,
    *,
    listen: str,
    iam: IamAt = HERE,
    advertised: Advertised = AT_IAM,
    tls: Tls = NO_TLS,
    share_port: bool = False,
    threads: int = 16,
    log_level: LogLevel | None = None,
) -> AsyncIterator[int]:
    """Serve as long as the context lasts; gives the port.

    Args:
        services: some of SERVICES.
        backends: what they stand on.
        listen: host:port.
        iam: where iam is.
        advertised: what clients are told of the services.
        tls: with what to encrypt, if at all.
        share_port: other processes may listen there, too; each connection is one's of them.
        threads: transactions at once.
        log_level: this process', where it does more than serve.

    Raises:
        FailedPreconditionError: the port is taken.
    """
    pool = ThreadPoolExecutor(threads, "transactions")
    databases = {name: backends.of(name) for name in services}
    methods = _methods(databases)
    async with AsyncExitStack() as stack:
        copy = IamCopy(backends.site)
        published = await _published(stack, backends, iam, tls, copy)
        places = await _places(services, backends, pool, copy)
        feeds = await _feeds(stack, services, backends, pool, places)
        refusals = await _refusals(stack, databases.values())
        in_force = _in_force(stack, services, log_level)
        health = Health({name: SERVICES[name].full_name for name in services})
        gate = Gate(methods, published, places, pool, refusals, in_force, health.suspect)
        server = new_server(gate, share_port=share_port)
        starter = Starter(backends.temporal, Projects(places)) if backends.temporal else None
        _add_servicers(server, feeds, backends, places, copy, starter)
        _add_health_and_reflection(server, services, health)
        port = _listen(server, listen, tls)
        beside = server.add_insecure_port("127.0.0.1:0") if "iam" in services else 0
        parts = parts_of(in_force, databases, backends.temporal)
        await stack.enter_async_context(health.watching(await stack.enter_async_context(parts)))
        await server.start()
        stack.push_async_callback(_stop, server, pool)
        if "iam" in services:
            await stack.enter_async_context(places.following(feeds["iam"]))
        if of_site := [name for name in services if name != "iam"]:
            reached = _reached(backends, iam, beside)
            wake = partial(starter.wake_all, backends.site) if starter else None
            await stack.enter_async_context(copy.following(reached, places, wake))
            await _register(stack, copy, places, backends.site, of_site, advertised)
        # The first thing at the end: who balances the load sends no more calls then.
        stack.callback(health.drain)
        yield port


async def _published(
    stack: AsyncExitStack, backends: Backends, iam: IamAt, tls: Tls, copy: IamCopy
) -> KeySource:
    here, made = backends.installation, copy.keys_made
    keys = published_keys(iam.address, here, backends.site, made, tls.ca)
    return await stack.enter_async_context(keys)


def _methods(databases: Mapping[str, Database]) -> dict[str, Method]:
    found: dict[str, Method] = {}
    for name, database in databases.items():
        found |= methods_of(SERVICES[name], database)
    return found


def _reached(backends: Backends, iam: IamAt, beside: int) -> IamElsewhere | IamBeside:
    """How a site asks iam: at its address, or at the port of this very process."""
    here = backends.installation
    return IamElsewhere(iam) if here is None else IamBeside(beside, here)


async def _register(
    stack: AsyncExitStack,
    copy: IamCopy,
    places: Places,
    database: Database,
    services: Sequence[str],
    advertised: Advertised,
) -> None:
    """Have the services of a site stand in iam's catalogue as long as they run."""
    site = await asyncio.to_thread(database.write, catalogue.own_site)
    await stack.enter_async_context(registered(copy, places, site, services, advertised))


async def _refusals(
    stack: AsyncExitStack, databases: Iterable[Database]
) -> Mapping[Database, Refusals]:
    return {
        database: await stack.enter_async_context(Refusals(database).running())
        for database in set(databases)
    }


def _in_force(
    stack: AsyncExitStack, services: Sequence[str], log_level: LogLevel | None
) -> Mapping[str, InForce]:
    log_level = log_level or LogLevel()
    stack.callback(log_level.restore)
    return {name: InForce(name, log_level) for name in services}


def new_server(gate: grpc.aio.ServerInterceptor, *, share_port: bool) -> grpc.aio.Server:
    """Make a server whose calls go through the gate, and whose log does not tell of hang-ups."""
    logging.getLogger("grpc._cython.cygrpc").addFilter(_HANG_UPS)
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.so_reuseport", int(share_port)),
    ]
    return grpc.aio.server(interceptors=[gate], options=options)


async def _feeds(
    stack: AsyncExitStack,
    services: Sequence[str],
    backends: Backends,
    pool: ThreadPoolExecutor,
    places: Places,
) -> dict[str, Feed]:
    """Follow the databases of the services: one feed for all that have the same."""
    running = {
        database: await stack.enter_async_context(
            Feed(database, pool, places.know_stored).running()
        )
        for database in {backends.of(name) for name in services}
    }
    return {name: running[backends.of(name)] for name in services}


async def _stop(server: grpc.aio.Server, pool: ThreadPoolExecutor) -> None:
    await server.stop(GRACE_S)
    await asyncio.to_thread(pool.shutdown)


async def _places(
    services: Sequence[str], backends: Backends, pool: ThreadPoolExecutor, copy: IamCopy
) -> Places:
    """Read which projects and regions there are; where iam is not here, from the site's copy."""
    has_iam = "iam" in services
    database = backends.of("iam" if has_iam else "meta")

    async def read(query: Callable[[Session], list[Place]]) -> list[Place]:
        return await asyncio.get_running_loop().run_in_executor(pool, database.read, query)

    places = Places(
        lambda ids: read(partial(objects.chains, ids=ids)), None if has_iam else copy.catch_up
    )
    places.take(await read(objects.places))
    return places


def _listen(server: grpc.aio.Server, address: str, tls: Tls) -> int:
    try:
        if tls.key is None or tls.certificate is None:
            return int(server.add_insecure_port(address))
        credentials = grpc.ssl_server_credentials([(tls.key, tls.certificate)])
        return int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise FailedPreconditionError(
            f"{address} can't be listened on ({error}); another process has the port, or the "
            "address is not this machine's: choose another with --listen",
            code="PORT_TAKEN",
            field="listen",
        ) from error


def _add_servicers(
    server: grpc.aio.Server,
    feeds: Mapping[str, Feed],
    backends: Backends,
    places: Places,
    copy: IamCopy,
    starter: Starter | None,
) -> None:
    regions = Regions(places)
    watches = {name: Watch(feed) for name, feed in feeds.items()}
    if "iam" in watches:
        iam = IamServicer(watches["iam"], places)
        iam_pb2_grpc.add_IamServiceServicer_to_server(iam, server)
    if "meta" in watches:
        meta = MetaServicer(copy, watches["meta"], places)
        meta_pb2_grpc.add_MetaServiceServicer_to_server(meta, server)
    if starter is None:
        return
    if "resource" in watches:
        resource = ResourceServicer(starter, regions, Projects(places), watches["resource"])
        resource_pb2_grpc.add_ResourceServiceServicer_to_server(resource, server)
    if "control" in watches:
        shown = Operations(backends.ui_url)
        control = ControlServicer(starter, shown, regions, watches["control"])
        control_pb2_grpc.add_ControlServiceServicer_to_server(control, server)


def _add_health_and_reflection(
    server: grpc.aio.Server, services: Sequence[str], health: Health
) -> None:
    names = [SERVICES[name].full_name for name in services]
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    reflection.enable_server_reflection((*names, HEALTH_SERVICE, reflection.SERVICE_NAME), server)
