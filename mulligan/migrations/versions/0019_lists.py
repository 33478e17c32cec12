"""Indexes for lists by name and time, and names in the order of Unicode whatever the server's is.

The previous release can live with it: it asks for no such order, and writes on while PostgreSQL
builds the indexes. It waits once, while PostgreSQL orders anew the one index of names that there
is: some seconds for a million.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.migrations.indexes import build_index

revision = "0019"
down_revision = "0018"

_BY_TIME = {
    "machines": ("project",),
    "claims": ("project",),
    "reservations": ("project",),
    "operations": (),
    "servers": (),
    "hosts": (),
    "providers": (),
    "accounts": (),
    "projects": (),
}


def upgrade() -> None:
    """Go forward; there is no way back."""
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("names", "name", type_=sa.String(255, collation="C"))
    build_index(
        "ix_names_object_type_owner_name_id", "names", ["object_type", "owner", "name", "id"]
    )
    build_index("ix_names_name_id", "names", ["name", "id"])
    for table, first in _BY_TIME.items():
        columns = [*first, "created_at", "id"]
        build_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    build_index("ix_machines_project_id", "machines", ["project", "id"])
    build_index(
        "ix_machines_living", "machines", ["project", "id"], "state NOT IN ('gone', 'failed')"
    )
