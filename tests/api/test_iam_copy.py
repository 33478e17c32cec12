"""A site follows an iam elsewhere, whatever happens there, here, and in between."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api import iam_at, iam_copy
from api.iam_at import Iam, IamAt, IamBeside, IamElsewhere
from api.iam_copy import IamCopy
from api.places import MISSED_FOR_S, Places
from api.server import Backends, running_server
from mulligan import configuration, events
from mulligan.database import Database
from mulligan.events import Event
from mulligan.iam import accounts, bootstrap, copies, keys, objects, projects, roles
from mulligan.iam.objects import Place
from mulligan.iam.tables import SignInSession
from mulligan.meta import names
from mulligan.values.configuration import Configuration, RateLimit
from mulligan.values.errors import UnavailableError
from mulligan_client.client import Client
from tests.databases import create_tables

LIMIT_S = 60
SECRET = "long enough"
T = TypeVar("T")
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Database]:
    """iam's database."""
    database = Database(f"sqlite:///{tmp_path}/iam.sqlite")
    create_tables(database)
    events.record(database)
    database.write(lambda session: bootstrap.prepare(session))
    yield database
    database.close()


class Site:
    """A site's copy, and places that learn from it; its clock goes on by much at each look."""

    def __init__(self, database: Database) -> None:
        self.database = database
        ticks = count(1, 1000)
        self.copy = IamCopy(database, clock=lambda: float(next(ticks)))
        self.places = Places(self._read, self.copy.catch_up)

    async def _read(self, ids: Collection[str]) -> list[Place]:
        return await asyncio.to_thread(self.database.read, partial(objects.chains, ids=ids))

    @asynccontextmanager
    async def following(self, iam: Iam) -> AsyncIterator[None]:
        async with asyncio.timeout(LIMIT_S), self.copy.following(iam, self.places):
            yield

    async def let_in(self) -> None:
        """Wait until iam lets it in, which the follower tries again and again."""
        while True:
            try:
                return await self.copy.catch_up()
            except UnavailableError:
                await asyncio.sleep(0)  # The follower may tell of its next try.


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest.fixture
async def port(installation: Database, site: Site) -> AsyncIterator[int]:
    """Where iam answers."""
    backends = Backends(site.database, installation, None, "")
    async with running_server(("iam",), backends, listen="127.0.0.1:0") as port:
        yield port


@pytest.fixture
def iam(installation: Database, port: int) -> IamBeside:
    return IamBeside(port, installation)


async def write(database: Database, change: Callable[[Session], T]) -> T:
    return await asyncio.to_thread(database.write, change)


async def create(installation: Database, name: str) -> str:
    return await write(installation, lambda on: projects.create_project(on, name).id)


async def test_what_iam_made_or_deleted_by_now_is_known_also_after_a_refused_call(
    installation: Database, site: Site, iam: Iam
) -> None:
    before = await create(installation, "before")
    async with site.following(iam):
        await site.places.know([before])
        made = await create(installation, "made")
        await write(installation, partial(projects.delete_project, project=before))
        refused = Event("account", events.NO_OBJECT, events.REFUSED)
        await write(installation, partial(events.append, event=refused))
        await site.copy.catch_up()
        assert made in site.places.projects
        assert site.places.is_ended(before)
        assert not site.places.is_ended(made)


async def test_who_was_renamed_before_a_site_came_answers_to_the_old_slugs(
    installation: Database, site: Site, iam: Iam
) -> None:
    before, seen = await create(installation, "before"), await create(installation, "seen")

    async def rename(project: str, name: str) -> None:
        await write(installation, partial(projects.update_project, project=project, name=name))

    async def found(*slugs: str) -> set[str]:
        resolve = partial(names.resolve, object_type="project", asked=slugs)
        return {one.id for one in (await asyncio.to_thread(site.database.read, resolve)).values()}

    await rename(before, "between")
    await rename(before, "now")
    async with site.following(iam):
        await site.copy.catch_up()
        assert await found("before", "between", "now") == {before}

        def rename_twice(on: Session) -> None:  # What is read of it then is the second.
            projects.update_project(on, seen, name="first")
            projects.update_project(on, seen, name="second")

        await write(installation, rename_twice)
        await site.copy.catch_up()
        slugs = ("seen", "first", "second")
        assert [await found(slug) for slug in slugs] == [{seen}] * 3


async def test_a_key_that_iam_makes_is_told(installation: Database, site: Site, iam: Iam) -> None:
    made = site.copy.keys_made
    async with site.following(iam):
        await made.wait()  # at the beginning, for what came before it
        await site.copy.catch_up()
        made.clear()
        await write(installation, lambda on: keys.rotate(on, datetime.now(UTC)))
        await made.wait()


@on_sqlite
async def test_no_limit_of_iam_holds_up_the_copy_in_its_process(
    installation: Database, site: Site
) -> None:
    tight = RateLimit(per_second=0.001, burst=1)
    limited = Configuration(reads=tight, account_reads=tight)
    configure = partial(
        configuration.configure,
        service="iam",
        region="",
        wanted=limited,
        names=["reads", "account_reads"],
        generation=0,
        author=str(uuid4()),
    )
    await write(installation, configure)
    backends = Backends(site.database, installation, None, "")
    async with (
        running_server(("iam",), backends, listen="127.0.0.1:0") as port,
        site.following(IamBeside(port, installation)),
    ):
        for name in ("one", "another"):
            made = await create(installation, name)
            await site.copy.catch_up()
            assert made in site.places.projects


async def test_what_was_deleted_in_a_gap_has_ended(
    installation: Database, site: Site, iam: Iam
) -> None:
    gone = await create(installation, "gone")
    async with site.following(iam):
        await site.places.know([gone])
    await write(installation, partial(projects.delete_project, project=gone))
    late = datetime.now(UTC) + timedelta(days=1)
    while await write(installation, partial(events.forget, before=late)):
        pass
    again = Site(site.database)
    again.places.take([Place("project", gone, None, ended=False)])
    async with again.following(iam):
        await again.copy.catch_up()
        assert again.places.is_ended(gone)


async def test_it_goes_on_after_any_error(
    installation: Database, site: Site, iam: Iam, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await create(installation, "made")
    take_all, failures = copies.take_all, iter(range(1))

    def fail_first(*arguments: Any) -> None:
        for _ in failures:
            raise IntegrityError("", {}, ValueError("another process was there first"))
        take_all(*arguments)

    monkeypatch.setattr(copies, "take_all", fail_first)
    async with site.following(iam):
        await site.let_in()
        assert made in site.places.projects
    assert next(failures, None) is None


class Silent(Iam):
    """An iam that listens and says nothing."""

    def __init__(self, address: str) -> None:
        self._at = IamElsewhere(IamAt(address, "site", SECRET))
        self.asked = threading.Event()

    def open(self, pause: Callable[[float], None]) -> Client:
        return self._at.open(pause)

    def sign_in(self, client: Client) -> None:
        self.asked.set()
        self._at.sign_in(client)


@on_sqlite
async def test_nobody_waits_for_long_where_iam_says_nothing_nor_does_the_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iam_copy, "CAUGHT_UP_WITHIN_S", 0.05)
    monkeypatch.setattr(iam_at, "ANSWER_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        iam = Silent(f"127.0.0.1:{silent.getsockname()[1]}")
        async with site.following(iam):
            await asyncio.to_thread(iam.asked.wait, LIMIT_S)
            with pytest.raises(UnavailableError, match="does not answer"):
                await site.places.know([str(uuid4())])


class Counting(Iam):
    """Iam, and how often it was asked for its newest revision."""

    def __init__(self, iam: Iam) -> None:
        self._iam = iam
        self.asked = 0

    def open(self, pause: Callable[[float], None]) -> Client:
        client = self._iam.open(pause)
        ask = client.iam.ListAccounts

        def count_and_ask(request: Any, timeout: float | None = None) -> Any:
            self.asked += 1
            return ask(request, timeout=timeout)

        client.iam.ListAccounts = count_and_ask  # type: ignore[method-assign]
        return client

    def sign_in(self, client: Client) -> None:
        self._iam.sign_in(client)


@on_sqlite
async def test_those_who_ask_at_once_have_iam_asked_once(
    installation: Database, site: Site, iam: Iam
) -> None:
    await create(installation, "there")
    counting = Counting(iam)
    async with site.following(counting):
        await site.copy.catch_up()
        before = counting.asked
        await asyncio.gather(*(site.copy.catch_up() for _ in range(50)))
        # Those who came while the first was asking have one more asking of their own.
        assert 1 <= counting.asked - before <= 2


@on_sqlite
async def test_a_site_that_is_not_let_in_says_why_and_begins_one_session_at_a_time(
    installation: Database, site: Site, port: int
) -> None:
    hashed = await asyncio.to_thread(accounts.hash_password, SECRET)
    account = await write(installation, lambda on: accounts.create_account(on, "site", hashed).id)
    address = f"127.0.0.1:{port}"
    wrong = Site(site.database)
    async with wrong.following(IamElsewhere(IamAt(address, "site", "wrong secret"))):
        with pytest.raises(UnavailableError, match="password"):
            await wrong.copy.catch_up()
    async with site.following(IamElsewhere(IamAt(address, "site", SECRET))):
        with pytest.raises(UnavailableError, match="reader"):
            await site.copy.catch_up()
        await write(installation, lambda on: roles.assign_role(on, account, "reader"))
        await site.let_in()
        good = select(SignInSession.id).where(SignInSession.revoked_at.is_(None))
        assert len(installation.read(lambda on: on.scalars(good).all())) == 1


async def test_what_is_stored_needs_no_asking_and_what_led_nowhere_is_not_asked_for_again() -> None:
    stored, missing, now = str(uuid4()), str(uuid4()), 0.0
    asked: list[float] = []

    async def read(ids: Collection[str]) -> list[Place]:
        return [Place("project", one, None, ended=False) for one in ids if one == stored]

    async def catch_up() -> None:
        asked.append(now)

    places = Places(read, catch_up, clock=lambda: now)
    await places.know([stored])
    assert not asked
    assert stored in places.projects
    await places.know([missing, stored])
    await places.know([missing])
    await places.know([str(uuid4()), missing])
    now = MISSED_FOR_S
    await places.know([missing])
    assert asked == [0.0, 0.0, MISSED_FOR_S]
