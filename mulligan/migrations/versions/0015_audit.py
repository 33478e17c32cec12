"""From which call each event comes, and what was refused.

The previous release can live with it: it leaves the new columns empty, and shows its watchers what
was refused as an event like any other. It writes on while PostgreSQL builds the indexes, which
takes its time where there are many events.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import Id
from mulligan.migrations.indexes import build_index

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Go forward; there is no way back."""
    for name, kind in (
        ("method", sa.String(64)),
        ("address", sa.String(64)),
        ("request_id", sa.String(64)),
        ("session", Id),
        ("home", Id),
        ("result", sa.String(64)),
        ("count", sa.Integer()),
    ):
        # There are such already if it was cut off while it built an index.
        if_new = op.get_context().dialect.name == "postgresql"
        op.add_column("events", sa.Column(name, kind, nullable=True), if_not_exists=if_new)
    build_index("ix_events_author_revision", "events", ["author", "revision"])
    build_index("ix_events_refused", "events", ["revision"], "kind = 'refused'")
    build_index("ix_events_region_revision", "events", ["region", "revision"], "project IS NULL")
