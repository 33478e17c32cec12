"""Quotas of projects, and under which other one each project is.

The previous release can live with it: it knows neither table, and claims regardless of quotas.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_ID = sa.Uuid(as_uuid=False)
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "project_tree",
        sa.Column("project", _ID, primary_key=True),
        sa.Column("parent", _ID, nullable=True),
    )
    op.create_index("ix_project_tree_parent", "project_tree", ["parent"])
    op.create_table(
        "quotas",
        sa.Column("project", _ID, primary_key=True),
        sa.Column("amounts", _JSON, nullable=False),
        sa.Column("claims", sa.BigInteger(), nullable=True),
        sa.Column("longest_s", sa.BigInteger(), nullable=True),
        sa.Column("advance_s", sa.BigInteger(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
    )
    op.create_index(
        "ix_allocations_project_resource_type_occupied_until",
        "allocations",
        ["project", "resource_type", "occupied_until"],
    )
