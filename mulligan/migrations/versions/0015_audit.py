"""From which call each event comes, and what was refused.

The previous release can live with it: it leaves the new columns empty, and shows its watchers what
was refused as an event like any other.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import Id

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Go forward; there is no way back."""
    for name, kind in (
        ("method", sa.String(64)),
        ("address", sa.String(64)),
        ("request_id", sa.String(64)),
        ("session", Id),
        ("result", sa.String(64)),
        ("count", sa.Integer()),
    ):
        op.add_column("events", sa.Column(name, kind, nullable=True))
    op.create_index("ix_events_author_revision", "events", ["author", "revision"])
    refused = sa.text("kind = 'refused'")
    op.create_index(
        "ix_events_refused",
        "events",
        ["revision"],
        postgresql_where=refused,
        sqlite_where=refused,
    )
