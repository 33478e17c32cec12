"""The last revision whose event was forgotten.

The previous release can live with it: it forgets none, and reads what is left.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Go forward; there is no way back."""
    floor = sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("revisions", floor)
