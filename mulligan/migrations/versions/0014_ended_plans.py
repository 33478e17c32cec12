"""When what planned a name ended, so that only the plans that count are looked at.

The previous release can live with it: it looks at all of them.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from mulligan.database import UtcDateTime

revision = "0014"
down_revision = "0013"

_WANTED = sa.text("released_at IS NULL")
_PARTIAL: dict[str, Any] = {"sqlite_where": _WANTED, "postgresql_where": _WANTED}


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column("planned_names", sa.Column("released_at", UtcDateTime(), nullable=True))
    op.drop_index("ix_planned_names_object_type_owner_name", "planned_names")
    op.create_index(
        "ix_planned_names_wanted", "planned_names", ["object_type", "owner", "name"], **_PARTIAL
    )
