"""Follows iam, so that a site knows projects, regions and their names also while iam is away."""

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import grpc
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from temporalio.service import RPCError

from api.iam_at import Iam
from api.messages import time_of
from api.places import Places
from api.region_specs import spec_of
from mulligan.database import Database
from mulligan.iam import copies, objects
from mulligan.iam.copies import Original
from mulligan.iam.objects import Place
from mulligan.values.errors import MulliganError, UnavailableError
from mulligan_client.client import Client
from mulligan_client.errors import MulliganCallError, translate
from mulligan_client.gen.mulligan.common.v1 import common_pb2
from mulligan_client.gen.mulligan.iam.v1 import iam_pb2
from mulligan_client.transport import TOKEN_EXPIRED, delays

CAUGHT_UP_WITHIN_S = 5.0

AGAIN_AFTER_S = 3.0
"""So long after it failed catching up fails at once: not each call waits for an iam away."""

PAGE = common_pb2.Page(size=1000)
_NEWEST = iam_pb2.ListAccountsRequest(page=common_pb2.Page(size=1))
T = TypeVar("T")
_NOT_LET_IN = ("UNAUTHENTICATED", "PERMISSION_DENIED")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _State:
    """How far the copy is, or why it gets no further."""

    signed_in: bool = False
    seen: int = 0
    failure: str = ""


class IamCopy:
    """Takes in what iam has and what changes there, in a thread of its own.

    The first time it reads everything, then it goes on from the revision that the site's database
    has. Each process of a site does so: what another one took in already changes nothing.
    """

    def __init__(self, site: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._site, self._clock = site, clock
        self._stopping = threading.Event()
        # What the loop's thread was told by the follower's, and what that one has told last:
        self._state = self._told = _State()
        self._logged = ""
        self._watched: Any = None
        self._moved, self._regions_changed = asyncio.Event(), asyncio.Event()
        self.sites_changed = asyncio.Event()
        """Set when iam's catalogue says something else of which site serves what."""
        self.keys_made = asyncio.Event()
        """Set when iam has made a key that is to sign tokens, or may have, before this began."""
        self._catching_up = asyncio.Lock()
        self._began = self._again_at = -math.inf
        self._missed: UnavailableError | None = None

    @asynccontextmanager
    async def following(
        self, iam: Iam, places: Places, wake: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[None]:
        """Follow as long as the context lasts.

        Places are told what the copy takes in before whoever waits for it goes on. What waits at
        the site for something in a region is woken by `wake` after regions have changed.

        Raises:
            ValueError: iam's address can't be read.
            OSError: the file with the CA of its certificate can't be read.
        """
        self._iam, self._places = iam, places
        self._client = iam.open(self._pause)
        self._loop = asyncio.get_running_loop()
        self._asks = ThreadPoolExecutor(1, "iam-newest")
        thread = threading.Thread(target=self._follow, name="iam-copy", daemon=True)
        thread.start()
        waking = asyncio.create_task(self._wake(wake), name="wake") if wake else None
        try:
            yield
        finally:
            if waking:
                waking.cancel()
                await asyncio.gather(waking, return_exceptions=True)
            self._stopping.set()
            if self._watched is not None:
                self._watched.cancel()
            await asyncio.to_thread(thread.join)
            await asyncio.to_thread(self._asks.shutdown)
            # Not before: gRPC crashes where a call begins on a channel that is closed.
            self._client.close()

    async def catch_up(self) -> None:
        """Wait until everything is taken in that iam has by now; those who wait ask once.

        Raises:
            UnavailableError: iam does not answer, or does not let this site in.
        """
        asked = self._clock()
        async with self._catching_up:
            # Who began before this caller asked may not have seen what the caller knows of.
            if self._began < asked and not (self._missed and asked < self._again_at):
                began = self._clock()
                self._missed = await self._try_to_catch_up()
                self._began, self._again_at = began, self._clock() + AGAIN_AFTER_S
            if self._missed:
                raise self._missed

    async def ask(self, question: Callable[[Client], T]) -> T:
        """Call iam as who follows it.

        Raises:
            UnavailableError: it does not let this site in, or does not answer yet.
            MulliganCallError: it refuses.
        """
        try:
            async with asyncio.timeout(CAUGHT_UP_WITHIN_S):
                await self._until(lambda: self._state.signed_in or bool(self._state.failure))
        except TimeoutError:
            pass
        if not self._state.signed_in:
            raise UnavailableError(self._state.failure or "iam does not answer")
        return await self._loop.run_in_executor(self._asks, question, self._client)

    async def _try_to_catch_up(self) -> UnavailableError | None:
        """Give what went wrong, if so."""
        if self._stopping.is_set():
            return UnavailableError("this process is about to end; try again at another one")
        try:
            async with asyncio.timeout(CAUGHT_UP_WITHIN_S):
                await self._until(lambda: self._state.signed_in or bool(self._state.failure))
                if self._state.signed_in:
                    newest = await self._loop.run_in_executor(self._asks, self._newest)
                    await self._until(lambda: self._state.seen >= newest)
                    return None
                reason = self._state.failure
        except MulliganCallError as error:
            reason = error.message
        except TimeoutError:
            reason = self._state.failure or "it does not answer"
        return UnavailableError(
            f"this site can't learn from iam what it does not know yet: {reason}; try again when "
            "iam answers"
        )

    async def _until(self, so: Callable[[], bool]) -> None:
        while not so():
            await self._moved.wait()

    async def _wake(self, wake: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._regions_changed.wait()
            self._regions_changed.clear()
            try:
                await wake()
            except (MulliganError, SQLAlchemyError, RPCError) as error:
                _log.warning("what waits can't be told that regions have changed: %s", error)

    def _note(self, state: _State, places: Sequence[Place], all_anew: bool) -> None:
        if all_anew:
            self._places.take_as_is(places)
        else:
            # What iam beside this ended already stays so, though an earlier event is told now.
            self._places.take(places)
        if self._state.seen and any(place.type == "region" for place in places):
            self._regions_changed.set()
        self._state = state
        self._moved.set()
        self._moved = asyncio.Event()

    def _newest(self) -> int:
        """Ask iam for its newest revision; only who may read all of iam is told."""
        answer = self._client.iam.ListAccounts(_NEWEST, timeout=CAUGHT_UP_WITHIN_S)
        return int(answer.revision)

    # The rest runs in the follower's thread.

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _tell(
        self, places: Sequence[Place] = (), *, all_anew: bool = False, **changed: Any
    ) -> None:
        self._told = replace(self._told, **changed)
        self._loop.call_soon_threadsafe(self._note, self._told, places, all_anew)

    def _follow(self) -> None:
        pauses = delays()
        while not self._stopping.is_set():
            before = self._told.seen
            try:
                if not self._told.signed_in:
                    self._iam.sign_in(self._client)
                    self._tell(signed_in=True)
                self._keep_up()
            except Exception as error:  # Whatever it is, the copy must not stay behind for good.
                if not self._stopping.is_set():
                    self._note_failure(error)
            if self._told.seen != before:
                pauses, self._logged = delays(), ""
            self._stopping.wait(next(pauses))

    def _note_failure(self, error: Exception) -> None:
        if isinstance(error, MulliganCallError | MulliganError):
            failure, trace = error.message, None
        else:
            failure, trace = f"{type(error).__name__}, see the log", error
        if failure != self._logged:
            self._logged = failure
            _log.warning("iam can't be followed, tries again: %s", failure, exc_info=trace)
        let_in = getattr(error, "grpc_status", "") not in _NOT_LET_IN
        self._tell(signed_in=self._told.signed_in and let_in, failure=failure)

    def _keep_up(self) -> None:
        self._newest()  # Without its role a site would be told of nothing, and get no error.
        if not self._told.seen:
            if not self._site.read(copies.revision):
                self._read_all()
            self._tell_stored()
        self._tell(failure="")
        told = {"site": self.sites_changed, "token_key": self.keys_made}
        try:
            for event in self._watch(self._told.seen):
                self._tell(self._take(event), seen=event.revision)
                if event.object_type in told:
                    self._loop.call_soon_threadsafe(told[event.object_type].set)
        except MulliganCallError as error:
            if error.code == "REVISION_GONE":
                self._read_all(refused=self._told.seen)
                self._tell_stored(all_anew=True)
            elif error.code != TOKEN_EXPIRED:  # So each watch ends; the next call has another one.
                raise

    def _watch(self, cursor: int) -> Iterator[common_pb2.Event]:
        """Give what changed after a revision, until the stream breaks."""
        stream = self._client.iam.Watch(common_pb2.WatchRequest(after_revision=cursor))
        self._watched = stream
        try:
            if not self._stopping.is_set():  # Else nobody may have seen the stream to cancel it.
                yield from stream
        except grpc.RpcError as error:
            raise translate(error, address="iam", method="Watch") from error
        finally:
            stream.cancel()

    def _tell_stored(self, *, all_anew: bool = False) -> None:
        seen, places = self._site.read(_stored)
        self._tell(places, all_anew=all_anew, seen=seen)
        self._loop.call_soon_threadsafe(self.keys_made.set)

    def _read_all(self, refused: int = 0) -> None:
        """Read everything; what changes meanwhile comes again, after the revision of the list."""
        client, iam = self._client, self._client.iam
        projects = client.list_all(iam.ListProjects, iam_pb2.ListProjectsRequest(page=PAGE))
        regions = client.list_all(iam.ListRegions, iam_pb2.ListRegionsRequest(page=PAGE))
        accounts = client.list_all(iam.ListAccounts, iam_pb2.ListAccountsRequest(page=PAGE))
        there = [
            *_originals("project", projects.projects),
            *_originals("region", regions.regions),
            *_originals("account", accounts.accounts),
        ]
        self._site.write(
            lambda session: copies.take_all(session, there, projects.revision, refused)
        )

    def _take(self, event: common_pb2.Event) -> list[Place]:
        """Take in what an event tells of; gives the places that it is about, as they are now."""
        if event.object_type not in copies.FOLLOWED:
            return []
        deleted, one = event.kind == "deleted", event.object_id
        originals = [] if deleted else _read(self._client, event.object_type, one)
        ended = [one] if deleted else []

        def take(session: Session) -> list[Place]:
            copies.take(session, originals, ended, event.revision)
            return objects.chains(session, [one])

        return self._site.write(take)


def _stored(session: Session) -> tuple[int, list[Place]]:
    return copies.revision(session), objects.places(session)


def _originals(object_type: str, objects: Iterable[Any]) -> list[Original]:
    return [
        Original(
            type=object_type,
            id=one.metadata.id,
            name=one.metadata.name,
            slug=one.metadata.slug,
            old_slugs=tuple(one.metadata.old_slugs),
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
