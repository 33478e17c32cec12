"""How often signing in failed of late.

The previous release can live with it: it does not know the table, and slows nobody down.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "sign_in_tries",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("free_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_sign_in_tries_last_at", "sign_in_tries", ["last_at"])
