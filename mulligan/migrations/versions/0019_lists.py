"""Indexes for lists by id, name and time: of one project or region, of the living, and of all.

The previous release can live with it: it asks for no such order, and writes on while PostgreSQL
builds the indexes, each in a commit of its own.
"""

from mulligan.migrations.indexes import build_index, drop_index

revision = "0019"
down_revision = "0018"

_BY_UNICODE = {"name": 'COLLATE "C"'}
_LIVING = {"project": "DESC"}
"""The other way round than in the index of all, so that no list can take that one for this."""

_OF_PROJECT = {
    "machines": "state NOT IN ('gone', 'failed')",
    "claims": "state <> 'released'",
    "reservations": "state NOT IN ('ended', 'cancelled', 'missed', 'reclaimed')",
}
"""With which of them live."""

_IN_REGION = ("servers", "hosts", "images", "providers", "provider_groups", "networks")
_OF_INSTALLATION = ("operations", "accounts", "projects", "regions")
_REPLACED = {
    "ix_operations_project_created_at": "operations",
    "ix_servers_region": "servers",
    "ix_hosts_region": "hosts",
    "ix_images_region": "images",
    "ix_provider_groups_region": "provider_groups",
    "ix_networks_region": "networks",
}


def upgrade() -> None:
    """Go forward; there is no way back."""
    _index_names()
    _index("machines", "project", "id")
    # Of two that serve alike, SQLite takes the one that was built last: that of the living.
    for table, living in _OF_PROJECT.items():
        _index(table, "project", "created_at", "id")
        for name, columns in ("living", ["id"]), ("living_by_time", ["created_at", "id"]):
            build_index(f"ix_{table}_{name}", table, ["project", *columns], living, _LIVING)
    _index("operations", "project", "id")
    _index("operations", "project", "created_at", "id")
    _index("reservation_series", "project", "created_at", "id")
    for table in _IN_REGION:
        _index(table, "region", "id")
        _index(table, "region", "created_at", "id")
    for table in (*_IN_REGION, *_OF_INSTALLATION):
        _index(table, "created_at", "id")
    for name, table in _REPLACED.items():
        drop_index(name, table)


def _index_names() -> None:
    owned = ["object_type", "owner", "name", "id"]
    build_index("ix_names_owned", "names", owned, ops=_BY_UNICODE)
    for name, columns, ops in (
        ("ix_names_living_owned", owned, {"object_type": "DESC"}),
        ("ix_names_living", ["object_type", "name", "id"], {}),
        ("ix_names_living_anything_owned", ["owner", "name", "id"], {"owner": "DESC"}),
    ):
        build_index(name, "names", columns, "released_at IS NULL", _BY_UNICODE | ops)


def _index(table: str, *columns: str) -> None:
    build_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
