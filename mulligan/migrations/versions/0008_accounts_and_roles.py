"""Accounts that are disabled, projects and regions that are deleted, and who has a role where.

The previous release can live with it: it lets a disabled account sign in, and goes on showing what
is deleted. To it a role on a region is one on a project that nobody has.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column(
        "accounts", sa.Column("disabled", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for table in ("projects", "regions"):
        op.add_column(table, sa.Column("deleted_at", UtcDateTime(), nullable=True))
        op.create_index(f"ix_{table}_parent", table, ["parent"])
    op.create_index("ix_assignments_project", "assignments", ["project"])
