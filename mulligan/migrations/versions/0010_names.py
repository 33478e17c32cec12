"""Old slugs of who was renamed, planned names, and indexes by which many names are found at once.

What the previous release can't do beside this one: it looks old slugs up nowhere, and shows and
starts a reservation that this one made without the name of its machine. A reservation that it makes
itself keeps the name, which is read there, but keeps it from nobody else. So all processes of a
site are stopped before the first one of this release starts.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from mulligan.database import Id, Json, UtcDateTime

revision = "0010"
down_revision = "0009"

_LIVING = sa.text("released_at IS NULL")
_PARTIAL: dict[str, Any] = {"sqlite_where": _LIVING, "postgresql_where": _LIVING}


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "old_slugs",
        sa.Column("object_type", sa.String(32), primary_key=True),
        sa.Column("slug", sa.String(255), primary_key=True),
        sa.Column("owner", sa.String(36), primary_key=True),
        sa.Column("id", Id, nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_old_slugs_id", "old_slugs", ["id"])
    op.create_table(
        "planned_names",
        sa.Column("id", Id, primary_key=True),
        sa.Column("object_type", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
    )
    op.create_index(
        "ix_planned_names_object_type_owner_name", "planned_names", ["object_type", "owner", "name"]
    )
    op.drop_index("uq_names_living_name", "names")
    op.create_index(
        "uq_names_living_name", "names", ["object_type", "name", "owner"], unique=True, **_PARTIAL
    )
    op.create_index("ix_names_living_slug", "names", ["object_type", "slug"], **_PARTIAL)
    _plan_names_of_reservations()


def _plan_names_of_reservations() -> None:
    """Know which names the reservations are to give that the previous release made."""
    reservations = sa.table(
        "reservations",
        *(sa.column("id", Id), sa.column("project", Id), sa.column("machine_wish", Json)),
    )
    planned = sa.table(
        "planned_names",
        *(sa.column("id", Id), sa.column("object_type"), sa.column("owner"), sa.column("name")),
    )
    rows = [
        {"id": row.id, "object_type": "machine", "owner": row.project, "name": wish["name"]}
        for row in op.get_bind().execute(sa.select(reservations))
        if (wish := row.machine_wish)
    ]
    if rows:
        op.bulk_insert(planned, rows)
