"""The catalogue at iam: sites, the regions that they serve, and their services; a site's own id.

The previous release can live with it: it does not know the tables.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import Id, Json, UtcDateTime

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "sites",
        sa.Column("id", Id, nullable=False),
        sa.Column("registrar", Id, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sites"),
    )
    op.create_table(
        "site_regions",
        sa.Column("region", sa.String(36), nullable=False),
        sa.Column("site", Id, nullable=False),
        sa.PrimaryKeyConstraint("region", name="pk_site_regions"),
        sa.ForeignKeyConstraint(
            ["site"], ["sites.id"], name="fk_site_regions_site", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_site_regions_site", "site_regions", ["site"])
    op.create_table(
        "services",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", Id, nullable=False),
        sa.Column("kinds", Json, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_services"),
        sa.ForeignKeyConstraint(
            ["site"], ["sites.id"], name="fk_services_site", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_services_site", "services", ["site"])
    op.create_table(
        "own_site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_own_site"),
    )
