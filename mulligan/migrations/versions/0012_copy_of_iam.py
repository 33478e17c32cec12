"""How far a site's copy of iam's objects is.

The previous release can live with it: it does not know the table, and asks iam's database itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Go forward; there is no way back."""
    table = op.create_table(
        "iam_copy",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(table, [{"id": 1, "revision": 0}])
