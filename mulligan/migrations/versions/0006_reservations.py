"""Reservations, and series of them.

The previous release can live with it: it does not know the tables, and of a reservation's claim it
knows all that it needs: it is a claim like any other.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from mulligan.database import UtcDateTime

revision = "0006"
down_revision = "0005"

_ID = sa.Uuid(as_uuid=False)
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
_TIMES = ("retry_at", "started_at", "unused_since", "warned_until", "kept_until", "ended_at")


def _status() -> list[sa.Column[Any]]:
    return [
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "reservations",
        sa.Column("id", _ID, primary_key=True),
        *(sa.Column(name, _ID, nullable=False) for name in ("project", "region", "claim")),
        sa.Column("operation", _ID, nullable=False),
        sa.Column("series", _ID, nullable=True),
        sa.Column("author", _ID, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("machine_wish", _JSON, nullable=True),
        sa.Column("at_end", sa.String(16), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("keep_s", "warn_s")),
        sa.Column("reclaim_s", sa.BigInteger(), nullable=False),
        sa.Column("heals", sa.Boolean(), nullable=False),
        sa.Column("machine", _ID, nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("attempts", "failures")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("problem", "stop")),
        *(sa.Column(name, UtcDateTime(), nullable=True) for name in _TIMES),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        *_status(),
    )
    op.create_table(
        "reservation_series",
        sa.Column("id", _ID, primary_key=True),
        *(sa.Column(name, _ID, nullable=False) for name in ("project", "region", "author")),
        *(sa.Column(name, _JSON, nullable=False) for name in ("recurs", "wish")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("ahead_s", "generation")),
        *(sa.Column(name, UtcDateTime(), nullable=False) for name in ("looked_at", "created_at")),
        *_status(),
    )
    op.create_index("ix_reservation_series_project_id", "reservation_series", ["project", "id"])
    for columns in (["project", "id"], ["region", "state"], ["claim"], ["machine"], ["series"]):
        op.create_index(f"ix_reservations_{'_'.join(columns)}", "reservations", columns)
