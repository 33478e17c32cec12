"""Sessions, keys that follow each other and a site's copy of them, application credentials.

The previous release can live with it: it signs with the newest key, which those who check tokens
fetch when they meet it, and its own tokens live on without a session.
"""

import sqlalchemy as sa
from alembic import op

from mulligan.database import Id, Json, UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column("token_keys", sa.Column("signs_at", UtcDateTime(), nullable=True))
    op.add_column("token_keys", sa.Column("retires_at", UtcDateTime(), nullable=True))
    op.create_table(
        "published_token_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("signs_at", UtcDateTime(), nullable=False),
        sa.Column("retires_at", UtcDateTime(), nullable=True),
    )
    op.create_table(
        "sessions",
        sa.Column("id", Id, primary_key=True),
        sa.Column("account", Id, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("refreshed_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_index("ix_sessions_created_at", "sessions", ["created_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("session", Id, nullable=False),
        sa.Column("spent_at", UtcDateTime(), nullable=True),
    )
    op.create_index("ix_refresh_tokens_session", "refresh_tokens", ["session"])
    op.create_table(
        "application_credentials",
        sa.Column("account", Id, primary_key=True),
        sa.Column("creator", Id, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("methods", Json, nullable=False),
        sa.Column("region", Id, nullable=True),
    )
    op.create_index("ix_application_credentials_creator", "application_credentials", ["creator"])
