"""What is claimed keeps its provider free for a while afterwards, and may keep others out.

The previous release can live with it: what it writes has defaults.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column(
        "allocations", sa.Column("margin_s", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column(
        "allocations", sa.Column("alone", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index(
        "ix_allocations_alone",
        "allocations",
        ["region"],
        sqlite_where=sa.text("alone"),
        postgresql_where=sa.text("alone"),
    )
