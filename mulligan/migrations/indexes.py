"""Indexes on tables that are large already, built while others go on writing to them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


def build_index(name: str, table: str, columns: Sequence[str], where: str = "") -> None:
    """Build an index; on PostgreSQL concurrently, with what came before it in a commit of its own.

    So a step that was cut off finds its columns there when it runs again. A concurrent build that
    was cut off leaves an index that is of no use, and in the way of the next one.
    """
    condition: dict[str, Any] = {}
    if where:
        condition = {"postgresql_where": sa.text(where), "sqlite_where": sa.text(where)}
    if op.get_context().dialect.name == "sqlite":
        op.create_index(name, table, columns, **condition)
        return
    with op.get_context().autocommit_block():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, **condition, postgresql_concurrently=True)
