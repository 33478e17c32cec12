"""What fails together with a region, and who sees it.

The previous release can live with it: what it creates is visible to everybody, as all of its
regions are, and has the failure domains of the region above it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    """Go forward; there is no way back."""
    for column in (
        sa.Column("failure_domains", _JSON, nullable=False, server_default="{}"),
        sa.Column("visibility", sa.String(16), nullable=False, server_default="public"),
        sa.Column("visible_to", _JSON, nullable=False, server_default="[]"),
    ):
        op.add_column("regions", column)
