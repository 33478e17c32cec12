"""Waiting until other processes have written to a SQLite file, as long as anybody waits for it."""

import sqlite3
import time
from typing import Any

from mulligan.waiting import Waiting

TURN_S = 2.0
"""Whoever waits for its turn to write looks so often whether anybody waits for it."""

BUSY_S = 30.0
"""How long a write waits for those of other processes to a SQLite file, if nobody is in a hurry."""


def begin(connection: Any, waiting: Waiting | None, *, writes: bool) -> None:
    """Begin a transaction on SQLAlchemy's connection.

    Raises:
        OverdueError: nobody waits for it any more.
        OperationalError: others have written all the time, or the file can't be used.
    """
    raw = connection.connection.dbapi_connection
    give_up_at = time.monotonic() + BUSY_S
    statement = "BEGIN IMMEDIATE" if writes else "BEGIN"
    while (left_s := _left_s(give_up_at, waiting)) > TURN_S and waiting is not None and writes:
        # Nothing interrupts SQLite while it waits for others.
        _wait_at_most(raw, TURN_S)
        try:
            raw.execute(statement)
            return
        except sqlite3.OperationalError as error:
            waiting.refuse_if_over()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                break
    _wait_at_most(raw, left_s)
    connection.exec_driver_sql(statement)


def _left_s(give_up_at: float, waiting: Waiting | None) -> float:
    left_s = max(0.0, give_up_at - time.monotonic())
    return left_s if waiting is None else min(left_s, waiting.left_s)


def _wait_at_most(raw: sqlite3.Connection, seconds: float) -> None:
    raw.execute(f"PRAGMA busy_timeout={seconds * 1000:.0f}")
