"""Follows iam, so that a site knows projects, regions and their names also while iam is away."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from api.messages import time_of
from api.places import Places
from api.region_specs import spec_of
from mulligan.database import Database
from mulligan.iam import copies
from mulligan.iam.copies import Original
from mulligan.iam.objects import Place
from mulligan.values.errors import MulliganError, UnavailableError
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.transport import delays

CAUGHT_UP_WITHIN_S = 5.0
PAGE = common_pb2.Page(size=1000)
_log = logging.getLogger(__name__)


class IamCopy:
    """Takes in what iam has and what changes there, in a thread of its own.

    The first time it reads everything, then it goes on from the revision that the site's database
    has. Each process of a site does so: what another one took in already changes nothing.
    """

    def __init__(self, site: Database) -> None:
        self._site = site
        self._stopping = threading.Event()
        self._client: Client | None = None
        self._seen = 0
        self._moved = asyncio.Event()
        self._failure = ""

    @asynccontextmanager
    async def following(self, connect: Callable[[], Client], places: Places) -> AsyncIterator[None]:
        """Follow as long as the context lasts; `connect` gives a client that is signed in at iam.

        Places are told at once what the copy takes in.
        """
        self._connect, self._places = connect, places
        self._loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._follow, name="iam-copy", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            if self._client is not None:
                self._client.close()
            await asyncio.to_thread(thread.join)

    async def catch_up(self) -> None:
        """Wait until everything is taken in that iam has by now.

        Raises:
            UnavailableError: iam does not answer, or does not let this site in.
        """
        try:
            async with asyncio.timeout(CAUGHT_UP_WITHIN_S):
                while self._client is None and not self._failure:
                    await self._moved.wait()
                head = await asyncio.to_thread(self._head)
                while self._seen < head:
                    await self._moved.wait()
        except (MulliganCallError, TimeoutError) as error:
            raise UnavailableError(
                "this site can't learn from iam what it does not know yet: "
                f"{self._failure or error}; try again when iam answers"
            ) from error

    def _head(self) -> int:
        client = self._client
        if client is None:
            raise TimeoutError(self._failure)
        request = iam_pb2.ListProjectsRequest(page=common_pb2.Page(size=1))
        return int(client.iam.ListProjects(request).revision)

    def _follow(self) -> None:
        pauses = delays()
        self._seen = self._site.read(copies.revision)
        while not self._stopping.is_set():
            try:
                with self._connect() as client:
                    self._client, self._failure = client, ""
                    self._tell(self._seen)
                    self._keep_up(client)
            except (MulliganCallError, MulliganError) as error:
                if getattr(error, "code", "") == "REVISION_GONE":
                    self._seen = 0
                elif not self._stopping.is_set() and self._failure != error.message:
                    self._failure = error.message
                    _log.warning("iam can't be followed, tries again: %s", error.message)
            except ValueError:
                # The channel was closed under a call, as it is to end one.
                if not self._stopping.is_set():
                    raise
            finally:
                self._client = None
            self._tell(self._seen)
            self._stopping.wait(next(pauses))

    def _keep_up(self, client: Client) -> None:
        # What was read is told to the loop's thread, which may note it a moment later.
        seen = self._seen or self._read_all(client)
        for event in client.watch(service="iam", after_revision=seen):
            if event.object_type in copies.FOLLOWED:
                self._take(client, event)
            self._tell(event.revision)

    def _read_all(self, client: Client) -> int:
        """Read everything; what changes meanwhile comes again, after the revision that it gives."""
        iam = client.iam
        projects = client.list_all(iam.ListProjects, iam_pb2.ListProjectsRequest(page=PAGE))
        regions = client.list_all(iam.ListRegions, iam_pb2.ListRegionsRequest(page=PAGE))
        accounts = client.list_all(iam.ListAccounts, iam_pb2.ListAccountsRequest(page=PAGE))
        there = [
            *_originals("project", projects.projects),
            *_originals("region", regions.regions),
            *_originals("account", accounts.accounts),
        ]
        self._site.write(lambda session: copies.take_all(session, there, projects.revision))
        self._tell(projects.revision, there)
        return projects.revision

    def _take(self, client: Client, event: common_pb2.Event) -> None:
        if event.kind == "deleted":
            originals: list[Original] = []
            ended = [event.object_id]
        else:
            originals, ended = _read(client, event.object_type, event.object_id), []
        self._site.write(lambda session: copies.take(session, originals, ended, event.revision))
        self._tell(event.revision, originals, ended)

    def _tell(
        self, revision: int, originals: Sequence[Original] = (), ended: Collection[str] = ()
    ) -> None:
        """Have the loop's thread know; nothing of it is missed by who waits."""
        places = [
            *(
                Place(one.type, one.id, one.parent, False, one.spec.shown_to if one.spec else None)
                for one in originals
                if one.type != "account"
            ),
            *(Place("", one, None, True) for one in ended),
        ]

        def tell() -> None:
            self._places.take(places)
            self._seen = max(self._seen, revision)
            self._moved.set()
            self._moved = asyncio.Event()

        self._loop.call_soon_threadsafe(tell)


def _originals(object_type: str, objects: Iterable[Any]) -> list[Original]:
    return [
        Original(
            type=object_type,
            id=one.metadata.id,
            name=one.metadata.name,
            slug=one.metadata.slug,
            parent=getattr(one, "parent", "") or None,
            created_at=time_of(one.metadata.created_at),
            generation=one.metadata.generation,
            spec=spec_of(one.spec) if object_type == "region" else None,
        )
        for one in objects
    ]


def _read(client: Client, object_type: str, object_id: str) -> list[Original]:
    iam = client.iam
    read: dict[str, Callable[[], Any]] = {
        "account": lambda: iam.GetAccount(iam_pb2.GetAccountRequest(id=object_id)),
        "project": lambda: iam.GetProject(iam_pb2.GetProjectRequest(id=object_id)),
        "region": lambda: iam.GetRegion(iam_pb2.GetRegionRequest(id=object_id)),
    }
    try:
        return _originals(object_type, [read[object_type]()])
    except MulliganCallError as error:
        if error.grpc_status != "NOT_FOUND":
            raise
        return []  # It ended since, as a later event says.
