"""The feed tells each watcher everything once, from memory or from the database."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from api import feed as feeds
from api.feed import Feed
from mulligan import events
from mulligan.database import Database
from mulligan.events import EVERYTHING, EventRow, Narrowed
from mulligan.values.errors import RevisionGoneError, UnauthenticatedError

LIMIT_S = 30

Read = tuple[list[EventRow], int]
MINE = str(uuid4())


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


async def tell(database: Database, count: int = 1, project: str | None = None) -> None:
    def write() -> None:
        for _ in range(count):
            event = events.Event("thing", str(uuid4()), "state", project=project)
            database.write(lambda session, event=event: events.append(session, event))  # type: ignore[misc]

    await asyncio.to_thread(write)


async def known(_: Iterable[str]) -> None:
    """No place is to be learnt of."""


async def next_revisions(watcher: AsyncIterator[EventRow], count: int) -> list[int]:
    async with asyncio.timeout(LIMIT_S):
        return [(await anext(watcher)).revision for _ in range(count)]


async def test_each_watcher_goes_on_from_its_own_cursor(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    await tell(database, 10)
    async with Feed(database, threads, known).running() as feed:
        watchers = [feed.after(after, lambda _: EVERYTHING) for after in (1, 4, 9)]
        assert await next_revisions(watchers[0], 9) == list(range(2, 11))
        await tell(database, 3)
        for watcher, after in zip(watchers, (10, 4, 9), strict=True):
            assert await next_revisions(watcher, 13 - after) == list(range(after + 1, 14))
            await watcher.aclose()  # type: ignore[attr-defined]


async def test_a_slow_watcher_goes_on_from_the_database_and_holds_nobody_up(
    database: Database, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MOST_IN_MEMORY", 5)
    await tell(database)
    async with Feed(database, threads, known).running() as feed:
        slow, quick = (feed.after(1, lambda _: EVERYTHING) for _ in range(2))
        await tell(database)
        assert await next_revisions(slow, 1) == await next_revisions(quick, 1) == [2]
        for number in range(3, 43):
            await tell(database)
            assert await next_revisions(quick, 1) == [number]
        assert len(feed._latest) == 5
        assert await next_revisions(slow, 40) == list(range(3, 43))
        await slow.aclose()  # type: ignore[attr-defined]
        await quick.aclose()  # type: ignore[attr-defined]


async def test_a_slow_watcher_has_a_page_in_hand_and_its_token_is_looked_at_between(
    database: Database, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAGE", 5)
    ended = False

    def narrow(_: int) -> Narrowed:
        if ended:
            raise UnauthenticatedError("over")
        return Narrowed(projects={MINE})

    await tell(database)
    async with Feed(database, threads, known).running() as feed:
        slow, quick = feed.after(1, narrow), feed.after(1, lambda _: EVERYTHING)
        await tell(database, project=MINE)
        assert await next_revisions(slow, 1) == await next_revisions(quick, 1) == [2]
        for number in range(3, 27):
            await tell(database, project=MINE if number % 2 else None)
            await next_revisions(quick, 1)
        assert await next_revisions(slow, 6) == [3, 5, 7, 9, 11, 13]
        ended = True
        assert await next_revisions(slow, 4) == [15, 17, 19, 21]
        with pytest.raises(UnauthenticatedError):
            await next_revisions(slow, 1)
        await quick.aclose()  # type: ignore[attr-defined]


async def test_who_comes_too_late_is_told_to_list_again(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    await tell(database, events.PAGE + 5)
    future = datetime.now(UTC) + timedelta(minutes=1)
    async with Feed(database, threads, known).running() as feed:
        late = feed.after(1, lambda _: EVERYTHING)
        assert await next_revisions(late, 1) == [2]
        assert database.write(lambda session: events.forget(session, future)) == events.PAGE
        # It has a page in hand, which ends one after what was forgotten.
        await next_revisions(late, events.PAGE)
        await late.aclose()  # type: ignore[attr-defined]
        for after in (1, events.PAGE - 1, events.PAGE + 6):
            with pytest.raises(RevisionGoneError, match="list again"):
                await next_revisions(feed.after(after, lambda _: EVERYTHING), 1)
        async with aclosing(feed.after(events.PAGE, lambda _: EVERYTHING)) as whole:  # type: ignore[type-var]
            assert await next_revisions(whole, 5) == list(range(events.PAGE + 1, events.PAGE + 6))


async def test_a_watcher_is_told_when_the_revisions_went_back(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    await tell(database, 5)
    async with (
        Feed(database, threads, known).running() as feed,
        aclosing(feed.after(1, lambda _: EVERYTHING)) as watcher,  # type: ignore[type-var]
    ):
        assert await next_revisions(watcher, 4) == [2, 3, 4, 5]
        # As after a failover to a copy that did not have the last ones yet.
        database.write(lambda session: session.execute(delete(EventRow)))
        database.write(lambda session: session.execute(update(events.Revision).values(value=1)))
        await tell(database)
        with pytest.raises(RevisionGoneError):
            await next_revisions(watcher, 1)


async def test_a_watcher_that_falls_behind_what_is_forgotten_is_told(
    database: Database, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MOST_IN_MEMORY", 2)
    future = datetime.now(UTC) + timedelta(minutes=1)
    await tell(database)
    async with Feed(database, threads, known).running() as feed:
        late, quick = (feed.after(1, lambda _: EVERYTHING) for _ in range(2))
        await tell(database)
        await next_revisions(late, 1)
        for _ in range(5):
            await tell(database)
        await next_revisions(quick, 6)
        async with asyncio.timeout(LIMIT_S):
            while feed._known is None or feed._known[0] <= 2:  # `late` is still in memory
                await feed._grown.wait()
        database.write(lambda session: events.forget(session, future))
        with pytest.raises(RevisionGoneError):
            await next_revisions(late, 1)
        await quick.aclose()  # type: ignore[attr-defined]


async def test_a_feed_that_met_what_nobody_foresaw_goes_on(
    database: Database, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_on, met = events.read_on, threading.Event()

    def fail_once(session: Session, revision: int, **narrowed: Narrowed) -> Read:
        if not narrowed and not met.is_set():  # the feed itself, not a watcher that came late
            met.set()
            raise KeyError("a column")
        return read_on(session, revision, **narrowed)

    await tell(database)
    monkeypatch.setattr(events, "read_on", fail_once)
    async with Feed(database, threads, known).running() as feed:
        watcher = feed.after(1, lambda _: EVERYTHING)
        waiting = asyncio.ensure_future(next_revisions(watcher, 2))
        await tell(database)
        assert await asyncio.to_thread(met.wait, LIMIT_S)
        await tell(database)
        assert await waiting == [2, 3]
        await watcher.aclose()  # type: ignore[attr-defined]


async def test_a_watcher_sees_what_it_may_see_now(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    seen: list[str] = []

    def narrow(_: int) -> Narrowed:
        if "ended" in seen:
            raise UnauthenticatedError("over")
        return Narrowed(projects=list(seen))

    await tell(database)
    async with Feed(database, threads, known).running() as feed:
        watcher = feed.after(1, narrow)
        waiting = asyncio.ensure_future(next_revisions(watcher, 1))
        await tell(database, project=str(uuid4()))
        seen.append(MINE)
        await tell(database, project=MINE)
        assert await waiting == [3]
        seen.append("ended")
        await tell(database, project=MINE)
        with pytest.raises(UnauthenticatedError):
            await next_revisions(watcher, 1)


async def test_two_instances_tell_the_same_while_many_write(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    """Each has a feed of its own on one database; both see one order."""
    other = Database(database.url.render_as_string(hide_password=False))
    await tell(database)
    async with (
        Feed(database, threads, known).running() as one,
        Feed(other, threads, known).running() as two,
    ):
        watchers = [feed.after(1, lambda _: EVERYTHING) for feed in (one, two)]
        reading = [asyncio.ensure_future(next_revisions(watcher, 40)) for watcher in watchers]
        await asyncio.gather(*(tell(database, 10) for _ in range(4)))
        streams = await asyncio.gather(*reading)
        for watcher in watchers:
            await watcher.aclose()  # type: ignore[attr-defined]
    other.close()
    assert streams[0] == streams[1] == list(range(2, 42))
    assert all(later == earlier + 1 for earlier, later in pairwise(streams[0]))
