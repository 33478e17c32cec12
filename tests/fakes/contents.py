"""What both databases of a site hold, to tell whether something changed."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.orm import Session

from mulligan.database import Base, Database
from mulligan.events import IS_REFUSED, EventRow
from tests.fakes.site import Site

COUNTS_REFUSALS = {
    "revisions": "the audit's refusals take revisions, too",
    "sign_in_tries": "a sign-in that failed counts",
}
"""Tables that change where nothing does but that a call was refused, and why."""

BEATS = {"services.seen_at": "each process says every few seconds that it is alive"}
"""Columns that change by themselves, and why."""


def contents(site: Site) -> Mapping[str, str]:
    """A digest of each table; of the events, which are never changed, how many and the last.

    The audit's refusals are no content.
    """
    databases = {"site": site.database, "iam": site.installation}
    return {
        f"{name} {table}": digest
        for name, database in databases.items()
        for table, digest in _digests(database).items()
    }


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Which tables are not as they were."""
    return {table for table in after if before.get(table) != after[table]}


def _digests(database: Database) -> dict[str, str]:
    def read(session: Session) -> dict[str, str]:
        last = session.execute(
            select(func.count(), func.max(EventRow.revision)).where(~IS_REFUSED)
        ).one()
        found = {"events": repr(last)}
        for name, table in Base.metadata.tables.items():
            if name not in (*COUNTS_REFUSALS, "events"):
                rows = session.execute(select(*_columns(table)).order_by(*table.primary_key))
                found[name] = sha256(repr(rows.all()).encode()).hexdigest()
        return found

    return database.read(read)


def _columns(table: Table) -> list[ColumnElement[Any]]:
    return [column for column in table.columns if f"{table.name}.{column.name}" not in BEATS]
