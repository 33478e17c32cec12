"""Indexes on tables that are large already, built while others go on writing to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

_IS_COMPLETE = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def build_index(
    name: str,
    table: str,
    columns: Sequence[str],
    where: str = "",
    ops: Mapping[str, str] | None = None,
) -> None:
    """Build an index; on PostgreSQL concurrently, with what came before it in a commit of its own.

    So a step that was cut off finds its columns there when it runs again, and the indexes that were
    complete. A concurrent build that was cut off leaves an index that is of no use, and in the way
    of the next one.

    Args:
        name: of the index, which no other step builds otherwise.
        table: that has it.
        columns: in order.
        where: which rows are in it, in words of SQL; empty: all.
        ops: what PostgreSQL is told of columns, such as a collation.
    """
    more: dict[str, Any] = {"postgresql_ops": ops or {}}
    if where:
        more |= {"postgresql_where": sa.text(where), "sqlite_where": sa.text(where)}
    if op.get_context().dialect.name == "sqlite":
        op.create_index(name, table, columns, **more)
        return
    with op.get_context().autocommit_block():
        if op.get_bind().scalar(_IS_COMPLETE, {"name": name}):
            return
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, **more, postgresql_concurrently=True)


def drop_index(name: str, table: str) -> None:
    """Drop an index that another one replaces; on PostgreSQL, nobody waits for it."""
    if op.get_context().dialect.name == "sqlite":
        op.drop_index(name, table)
        return
    with op.get_context().autocommit_block():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
