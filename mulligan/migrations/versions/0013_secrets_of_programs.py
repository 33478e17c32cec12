"""The hash of an application credential's secret, beside what limits it.

The previous release can live with it: it looks for the hash where accounts have theirs, finds one
that nothing has, and so signs in no program whose limits it does not know.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_NO_PASSWORD = f"$argon2id$v=19$m=65536,t=3,p=4${'A' * 22}${'A' * 43}"


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column(
        "application_credentials",
        sa.Column("secret_hash", sa.Text(), nullable=False, server_default=""),
    )
    programs = sa.table("application_credentials", sa.column("account"), sa.column("secret_hash"))
    accounts = sa.table("accounts", sa.column("id"), sa.column("password_hash"))
    theirs = sa.select(accounts.c.password_hash).where(accounts.c.id == programs.c.account)
    op.execute(programs.update().values(secret_hash=theirs.scalar_subquery()))
    op.execute(
        accounts.update()
        .where(accounts.c.id.in_(sa.select(programs.c.account)))
        .values(password_hash=_NO_PASSWORD)
    )
