"""What operators need to get out, and credentials of images."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from mulligan.database import UtcDateTime

revision = "0002"
down_revision = "0001"

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column("operations", sa.Column("request", _JSON, nullable=False, server_default="{}"))
    op.create_index(
        "ix_operations_running",
        "operations",
        ["region"],
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.add_column(
        "images", sa.Column("sealed_credentials", sa.Text(), nullable=False, server_default="")
    )
    op.create_table(
        "freezes",
        sa.Column("region", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("region", name=op.f("pk_freezes")),
    )
    op.create_table(
        "differences",
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("object_type", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("mends_itself", sa.Boolean(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("mended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("region", "kind", "object_id", name=op.f("pk_differences")),
    )
