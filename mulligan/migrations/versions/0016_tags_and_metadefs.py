"""Tags of objects, definitions of attributes, and their values.

The previous release can live with it: it does not know the tables.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import Id, Json, UtcDateTime

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "tags",
        *_object_columns(),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("tag", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("object_id", "owner", "tag", name="pk_tags"),
    )
    for which, columns in (
        ("object", ["tag", "object_id"]),
        ("project", ["tag", "project", "object_id"]),
        ("owner", ["owner"]),
    ):
        op.create_index(f"ix_tags_{which}", "tags", columns)
    op.create_table(
        "metadefs",
        sa.Column("id", Id, primary_key=True),
        sa.Column("attribute", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("object_types", Json, nullable=False),
        sa.Column("schema", sa.Text(), nullable=False),
        sa.Column("read_role", sa.String(16), nullable=False),
        sa.Column("write_role", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("attribute", "owner", name="uq_metadefs_attribute_owner"),
    )
    op.create_index("ix_metadefs_owner_id", "metadefs", ["owner", "id"])
    op.create_table(
        "attributes",
        *_object_columns(),
        sa.Column("attribute", sa.String(64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("object_id", "attribute", name="pk_attributes"),
    )
    for which, columns in (
        ("object", ["attribute", "object_id"]),
        ("project", ["attribute", "project", "object_id"]),
        ("value", ["attribute", "digest", "object_id"]),
    ):
        op.create_index(f"ix_attributes_{which}", "attributes", columns)


def _object_columns() -> list[sa.Column[str]]:
    return [
        sa.Column("object_id", Id, nullable=False),
        sa.Column("object_type", sa.String(32), nullable=False),
        sa.Column("project", Id),
        sa.Column("region", Id),
    ]
