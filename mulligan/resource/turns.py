"""Turns: of a process's claims of the same provider, one at a time asks the database for its lock.

So its lock goes from claim to claim without a crowd that is woken for it. It is a courtesy that
nothing depends on: who waits for long, or has locks that others may wait for, goes without.
"""

from collections.abc import Collection
from contextlib import ExitStack
from threading import Lock

from sqlalchemy.orm import Session

from mulligan.database import until_end
from mulligan.resource.allocations import taken_by
from mulligan.resource.fleet_view import ONCE

WAIT_S = 1.0
"""A turn that doesn't come for so long, though a transaction takes milliseconds, is not needed."""

_TURNS = tuple(Lock() for _ in range(1024))
"""Of each provider one of them; sharing it with another costs it nothing but a wait."""


def wait_turn(session: Session, providers: Collection[str]) -> ExitStack:
    """Wait for the turn at a single provider, for which a claim is the first thing it locks.

    It lasts until the transaction ends, or until what is given back is closed.
    """
    turn: ExitStack = until_end(session).enter_context(ExitStack())
    if len(providers) == 1 and not taken_by(session) and ONCE not in session.info:
        lock = _TURNS[hash(next(iter(providers))) % len(_TURNS)]
        if lock.acquire(timeout=WAIT_S):
            turn.callback(lock.release)
    return turn
