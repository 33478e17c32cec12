"""Indexes for lists by name and time, and names in the order of Unicode whatever the server's is.

The previous release can live with it: it asks for no such order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0016"

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
_LIVES = sa.text("state NOT IN ('gone', 'failed')")


def upgrade() -> None:
    """Go forward; there is no way back."""
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("names", "name", type_=sa.String(255, collation="C"))
    op.create_index(
        "ix_names_object_type_owner_name_id", "names", ["object_type", "owner", "name", "id"]
    )
    op.create_index("ix_names_name_id", "names", ["name", "id"])
    for table, first in _BY_TIME.items():
        columns = [*first, "created_at", "id"]
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    op.create_index("ix_machines_project_id", "machines", ["project", "id"])
    op.create_index(
        "ix_machines_living",
        "machines",
        ["project", "id"],
        sqlite_where=_LIVES,
        postgresql_where=_LIVES,
    )
