"""A whole site in one thread: API, control worker and Temporal are real, hardware is fake."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from sqlalchemy.orm import Session
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Interceptor, Worker

from api.server import SERVICES, Backends, running_server
from deploy.dev_server import DevServer
from deploy.temporal import cache_folder, find_temporal
from mulligan import events
from mulligan.database import Database
from mulligan.iam import bootstrap, sign_ins, tokens
from tests.databases import PostgreSQL
from tests.fakes.caller import Caller
from tests.fakes.executor import FakeExecutor
from worker.control import control_worker

Result = TypeVar("Result")
PASSWORD = "correct horse"
QUICK_PASSWORDS = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes at next to no cost: each test makes accounts, and nobody guesses."""

LONG = timedelta(hours=12)
"""How long tests' own tokens live: a site serves longer than a token of its own does."""

STOP_S = 60


class Site:
    """A site that runs as long as `running` lasts. Tests are ordinary functions and call it."""

    def __init__(
        self,
        database: Database,
        installation: Database,
        folder: Path,
        *,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        self.database, self.installation = database, installation
        self._interceptors = interceptors
        self.temporal = DevServer(
            find_temporal(cache_folder(os.environ)),
            folder / "temporal.db",
            log=folder / "temporal.log",
        )
        self.client: Client
        self._folder = folder
        self.bootstrap_token = ""
        self.loop = asyncio.new_event_loop()
        self._ready: Future[None] = Future()
        self._stop = asyncio.Event()
        self._executors: list[tuple[Worker, asyncio.Task[None]]] = []

    @contextmanager
    def running(self) -> Iterator["Site"]:
        """Run in a thread of its own, bootstrapped now or, if the databases are, before."""
        # A daemon: one that does not stop fails the run, and must not keep it from its end.
        serving = self.loop.run_until_complete
        thread = threading.Thread(target=serving, args=(self._serve(),), daemon=True)
        thread.start()
        self._ready.result(timeout=120)
        try:
            self.admin = self._bootstrap() if self.bootstrap_token else self.signed_in("admin")
            yield self
        finally:
            self.loop.call_soon_threadsafe(self._stop.set)
            thread.join(timeout=STOP_S)
            assert not thread.is_alive(), f"the site did not stop within {STOP_S} s"

    async def _serve(self) -> None:
        try:
            await self._run()
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _run(self) -> None:
        token = self.installation.write(lambda session: bootstrap.prepare(session))
        self.bootstrap_token = token or ""
        async with self.temporal:
            self.client = await Client.connect(
                self.temporal.address,
                namespace=self.temporal.namespace,
                data_converter=pydantic_data_converter,
            )
            backends = Backends(
                self.database, self.installation, self.client, "http://temporal/namespaces/mulligan"
            )
            # A socket's path, unlike a port, is known before the server listens and free for sure.
            worker = control_worker(self.client, self.database, interceptors=self._interceptors)
            async with (
                worker,
                running_server(tuple(SERVICES), backends, listen=self.address),
            ):
                self._ready.set_result(None)
                await self._stop.wait()
                for executor, running in self._executors:
                    await executor.shutdown()
                    await running

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Have the site's loop do something, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    # Callers

    @property
    def address(self) -> str:
        return f"unix:{self._folder}/api"

    def caller(self, token: str = "") -> Caller:
        """Somebody with a token, or nobody."""
        return Caller(self.address, token)

    def _bootstrap(self) -> Caller:
        answer = self.caller().Bootstrap(
            token=self.bootstrap_token, account="admin", password=PASSWORD
        )
        return self.caller(self.token(answer.account, LONG))

    def account(self, role: int, project: str = "", region: str = "") -> Caller:
        """Somebody new with a role on a project, a region or the system, signed in."""
        account = self.new_account()
        self.admin.AssignRole(account=account, role=role, project=project, region=region)
        return self.signed_in(account)

    def new_account(self) -> str:
        """Somebody new without any role; gives the id."""
        made = self.admin.CreateAccount(name=f"account-{uuid4()}", password=PASSWORD)
        return str(made.metadata.id)

    def signed_in(self, account: str, password: str = PASSWORD) -> Caller:
        """An account with the roles that it has now."""
        answer = self.caller().Login(account=account, password=password)
        return self.caller(self.token(answer.account, LONG))

    def token(self, account: str, lifetime: timedelta) -> str:
        """A token of an account that lives as long as is said."""
        return self.installation.write(
            lambda session: tokens.issue(session, account, lifetime=lifetime)
        )[0]

    # Parts

    def executor(self, region: str) -> FakeExecutor:
        """Start a fake executor for a region."""
        fake = FakeExecutor(region)

        async def start() -> None:
            worker = fake.worker(self.client)
            self._executors.append((worker, asyncio.create_task(worker.run())))

        self.run(start())
        return fake

    def handle(self, operation: str) -> WorkflowHandle[Any, Any]:
        """The workflow of an operation."""
        return self.client.get_workflow_handle(operation)

    def end_of(self, operation: str) -> Any:
        """Wait until an operation's workflow has ended, however it did, and give its row."""
        self.run(self.ended(operation))
        return self.admin.GetOperation(id=operation)

    async def ended(self, workflow: str) -> None:
        """Wait until a workflow has ended, however it did."""
        await asyncio.gather(self.handle(workflow).result(), return_exceptions=True)

    def read(self, query: Callable[[Session], Result]) -> Result:
        """Look into the site's database."""
        return self.database.read(query)


def _postgresql(server: PostgreSQL) -> Database:
    return Database(server.url(server.create_database()).render_as_string(), pool_size=32)


@pytest.fixture(scope="session")
def _quick_passwords() -> Iterator[None]:
    """Hash passwords at next to no cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sign_ins, "hasher", QUICK_PASSWORDS)
        yield


@pytest.fixture(scope="session")
def _long_tokens() -> Iterator[None]:
    """Let tokens be good for as long as sites serve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "LONGEST", LONG)
        yield


@contextmanager
def _started(folder: Path, new_database: Callable[[], Database]) -> Iterator[Callable[[str], Site]]:
    """Sites by purpose, each started when a test first asks for it."""
    running: dict[str, Site] = {}
    with ExitStack() as stack:

        def site(purpose: str) -> Site:
            if purpose not in running:
                databases = [new_database() for _ in range(2)]
                for database in databases:
                    stack.callback(database.close)
                    events.record(database)
                made = Site(databases[0], databases[1], Path(mkdtemp(dir=folder)))
                running[purpose] = stack.enter_context(made.running())
            return running[purpose]

        yield site


@pytest.fixture(scope="session")
def _sqlite_sites(
    quick_folder: Path,
    new_sqlite: Callable[[], Database],
    _quick_passwords: None,
    _long_tokens: None,
) -> Iterator[Callable[[str], Site]]:
    with _started(quick_folder, new_sqlite) as sites:
        yield sites


@pytest.fixture(scope="session")
def _postgresql_sites(
    quick_folder: Path,
    postgresql_server: PostgreSQL,
    _quick_passwords: None,
    _long_tokens: None,
) -> Iterator[Callable[[str], Site]]:
    with _started(quick_folder, lambda: _postgresql(postgresql_server)) as sites:
        yield sites


@pytest.fixture(scope="session")
def _sites(request: pytest.FixtureRequest) -> Callable[..., Site]:
    """Sites by kind of database and purpose; each stops before what it stands on."""

    def site(kind: str, purpose: str = "") -> Site:
        made: Site = request.getfixturevalue(f"_{kind}_sites")(purpose)
        return made

    return site


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, _sites: Callable[..., Site]) -> Site:
    """A running site, once on each kind of database; tests share it and must not disturb others."""
    return _sites(request.param)


@pytest.fixture
def sqlite_site(_sites: Callable[..., Site]) -> Site:
    """A running site on SQLite."""
    return _sites("sqlite")
