"""Two processes of iam that change the same at the same time, as PostgreSQL has them meet."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from mulligan import events
from mulligan.database import Database

First = TypeVar("First")
Second = TypeVar("Second")


def meeting(
    database: Database, first: Callable[[Session], First], second: Callable[[Session], Second]
) -> tuple[First, Future[Second]]:
    """Commit what the first process changes only when the second one's change waits for it."""
    other = Database(database.url.render_as_string(hide_password=False))
    events.record(other)
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as pool:

        def change(session: Session) -> tuple[First, Future[Second]]:
            changed = first(session)
            session.flush()
            running = pool.submit(other.write, second)
            while not database.read(lambda looking: looking.scalar(waiting)):
                assert not running.done(), running.result()
            return changed, running

        found = database.write(change)
    other.close()
    return found
