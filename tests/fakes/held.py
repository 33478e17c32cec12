"""Transactions that are stopped just before they commit."""

from threading import Event as Flag
from threading import current_thread

from sqlalchemy import text
from sqlalchemy.orm import Session

from mulligan.database import Database


class HeldCommits:
    """Stops the transactions of threads named `held` just before they commit."""

    def __init__(self, database: Database) -> None:
        """Take the database, which asks from now on."""
        self.reached, self.go_on = Flag(), Flag()
        database.before_commit.append(self)

    def __call__(self, _session: Session) -> None:
        if current_thread().name.startswith("held"):
            self.reached.set()
            assert self.go_on.wait(timeout=20)


def wait_for_waiting_lock(database: Database) -> None:
    """Come back when a transaction waits for another's lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not database.read(lambda session: session.scalar(waiting)):
        pass
