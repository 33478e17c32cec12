"""The one place in which record activities open a session."""

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_type_hints

from sqlalchemy.orm import Session
from temporalio import activity

from activities.contracts.operations import Asked
from mulligan import events
from mulligan.database import Database
from mulligan.events import Origin
from mulligan.values.errors import OverdueError, UnavailableError
from mulligan.waiting import Waiting, waited_for

Contract = Callable[..., Any]
Record = Callable[..., Any]

ENDS_BEFORE_S = 0.5
"""A try ends by itself so long before Temporal gives it up."""


def in_transactions(
    database: Database, records: Mapping[Contract, Record], threads: ThreadPoolExecutor
) -> list[Contract]:
    """Make activities of functions (session, request) → result, one transaction a call.

    A transaction ends with its activity's time: of what Temporal gave up, nothing is written beside
    or after the next try. It runs in a thread, which nothing interrupts but the database.
    """
    return [_activity(database, *each, threads) for each in records.items()]


def _activity(
    database: Database, contract: Contract, record: Record, threads: ThreadPoolExecutor
) -> Contract:
    async def run(request: Any) -> Any:
        def change(session: Session) -> Any:
            if asked := getattr(request, "asked", None):
                events.come_from(session, _origin(asked))
            return record(session, request)

        def write(waiting: Waiting) -> Any:
            return database.write(change, waiting, in_time=True)

        try:
            return await waited_for(threads, write, time.monotonic() + _left_s())
        except OverdueError as error:
            raise UnavailableError(
                "the database took too long to write it down; it is tried again"
            ) from error

    hints = get_type_hints(contract)
    run.__annotations__ = {"request": hints["request"], "return": hints["return"]}
    run.__name__ = contract.__name__
    return activity.defn(name=activity._Definition.must_from_callable(contract).name)(run)


def _left_s() -> float:
    """For how long a transaction of this try may last: it ends before the next try begins."""
    told = activity.info()
    limit = told.start_to_close_timeout or told.schedule_to_close_timeout
    return limit.total_seconds() - ENDS_BEFORE_S if limit else math.inf


def _origin(asked: Asked) -> Origin:
    """The call by which an operation began; one that began by itself has none."""
    if not asked.method:
        return events.UNKNOWN
    call = (asked.method, asked.address, asked.request_id, asked.session)
    return Origin(*call, home=lambda _project, _region: asked.home)
