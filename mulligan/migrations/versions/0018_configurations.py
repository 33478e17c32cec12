"""How services and executors are configured while they run.

The previous release can live with it: it does not know the table.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import Id, Json, UtcDateTime

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "configurations",
        sa.Column("service", sa.String(32), nullable=False),
        sa.Column("region", sa.String(36), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", Id, nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("service", "region", name="pk_configurations"),
    )
