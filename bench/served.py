"""Mulligan's services in a process of their own, with bare handlers of gRPC beside them."""

import asyncio
import multiprocessing
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import Message
from sqlalchemy.orm import Session
from temporalio.client import Client

from api.call import Call, enter_call
from api.images import Images
from api.machines import Machines
from api.operations import Operations, Starter
from api.places import Places
from api.projects import Projects
from api.regions import Regions
from api.server import SERVICES, Backends, running_server
from bench.figures import NotMeasuredError
from mulligan import events
from mulligan.database import Database
from mulligan.iam import accounts, bootstrap, projects, tokens
from mulligan.iam.objects import Place
from mulligan.migrations import migrate
from mulligan.values.caller import Caller
from mulligan_client.gen.mulligan.control.v1 import control_pb2

M = TypeVar("M", bound=Message)

WITHIN_S = 60
THREADS = 16
BARE = "bench.Bare"


@dataclass(frozen=True)
class Installed:
    """Databases with an account, its project, and its access token."""

    site: str
    installation: str
    account: str
    project: str
    token: str


def installed(site: str, installation: str) -> Installed:
    """Make the databases of a site and of iam, at these URLs, with an administrator."""
    for url in (site, installation):
        database = Database(url)
        migrate(database)
        events.record(database)
        database.close()
    iam = Database(installation)
    secret = iam.write(lambda session: bootstrap.prepare(session)) or ""
    password = accounts.hash_password("correct horse")
    account = iam.write(
        lambda s: bootstrap.bootstrap(s, bootstrap.check(s, secret), "admin", password)
    )
    project = iam.write(lambda s: projects.create_project(s, "listed", author=account).id)
    token = iam.write(lambda s: tokens.issue(s, account))[0]
    iam.close()
    return Installed(site, installation, account, project, token)


@contextmanager
def served(where: Installed) -> Iterator[tuple[grpc.Channel, grpc.Channel]]:
    """Serve all services in one process; gives channels to them and to bench.Bare beside them."""
    spawned = multiprocessing.get_context("spawn")
    here, there = spawned.Pipe()
    process = spawned.Process(target=_serve, args=(there, where))
    process.start()
    try:
        if not here.poll(WITHIN_S):
            raise NotMeasuredError(f"the services did not start within {WITHIN_S} s")
        port, bare_port = here.recv()
        with (
            grpc.insecure_channel(f"127.0.0.1:{port}") as ours,
            grpc.insecure_channel(f"127.0.0.1:{bare_port}") as bare,
        ):
            yield ours, bare
    finally:
        here.close()
        process.join(10)
        process.terminate()


def _serve(ready: Connection, where: Installed) -> None:
    async def serve() -> None:
        site, installation = Database(where.site), Database(where.installation)
        temporal = cast(Client, _Unasked())
        backends = Backends(site, installation, temporal, "")
        with ThreadPoolExecutor(THREADS) as threads:
            bare = grpc.aio.server()
            untold = Database(where.site)
            bare.add_generic_rpc_handlers([_bare(temporal, untold, where, threads)])
            bare_port = bare.add_insecure_port("127.0.0.1:0")
            await bare.start()
            async with running_server(
                tuple(SERVICES), backends, listen="127.0.0.1:0", threads=THREADS
            ) as port:
                ready.send((port, bare_port))
                await asyncio.to_thread(ready.poll, None)
            await bare.stop(None)
            untold.close()

    asyncio.run(serve())


class _Unasked:
    """Stands where Temporal would: nothing here starts a workflow, only its health is looked at."""

    def __init__(self) -> None:
        self.service_client = self

    async def check_health(self, *, timeout: timedelta) -> bool:
        """Say that all is well."""
        return True


class _Untold(Call):
    """A call that leaves no trace: no answer is kept for a retry."""

    async def write(self, request: Message, response: type[M], change: Callable[[Session], M]) -> M:
        return await self.write_anonymously(change)


def _bare(temporal: Client, site: Database, where: Installed, threads: ThreadPoolExecutor) -> Any:
    """Handlers without interceptor: no token, no roles, no rules, no events.

    GetMachine and UpdateImage are answered by what answers ours, in as many threads; Nothing
    answers at once. What changes in `site` is written as no event.
    """
    places = Places(_nowhere)
    regions, projects_ = Regions(places), Projects(places)
    machines = Machines(Starter(temporal, projects_), Operations(""), regions)
    images = Images(regions)
    call = _Untold(Caller(where.account, {"": "admin"}), "bench.Bare.Any", "", site, threads)

    async def get(request: control_pb2.GetMachineRequest, _context: Any) -> control_pb2.Machine:
        enter_call(call)
        return await machines.get(request)

    async def update(request: control_pb2.UpdateImageRequest, _context: Any) -> control_pb2.Image:
        enter_call(call)
        return await images.update(request)

    async def nothing(_request: control_pb2.GetMachineRequest, _context: Any) -> Any:
        return control_pb2.Machine()

    return grpc.method_handlers_generic_handler(
        BARE,
        {
            name: grpc.unary_unary_rpc_method_handler(
                answer,
                request_deserializer=request.FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )
            for name, request, answer in (
                ("GetMachine", control_pb2.GetMachineRequest, get),
                ("UpdateImage", control_pb2.UpdateImageRequest, update),
                ("Nothing", control_pb2.GetMachineRequest, nothing),
            )
        },
    )


async def _nowhere(_ids: Collection[str]) -> list[Place]:
    return []
