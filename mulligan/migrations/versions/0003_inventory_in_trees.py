"""Providers of any type in trees, registered names, groups, distances and marks that expire.

The previous release can live with it: what it writes has defaults or may be absent, and a provider
that it deletes is taken out of its groups. Distances and marks of that provider stay, and names
that it uses are not registered; see `mulligan.resource.leftovers`.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from mulligan.database import UtcDateTime

revision = "0003"
down_revision = "0002"

_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_ID = sa.Uuid(as_uuid=False)
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")

_PROVIDER_TYPES = {"server": "hardware with a BMC", "host": "a hypervisor"}
_RESOURCE_TYPES = {
    "SERVER": "whole servers",
    "VCPU": "virtual CPUs",
    "PCPU": "CPUs of one's own",
    "MEMORY_MIB": "memory",
    "DISK_GIB": "disk space",
    "IPV4_ADDRESS": "IPv4 addresses",
    "IPV6_ADDRESS": "IPv6 addresses",
    "PCI_DEVICE": "PCI devices passed through",
    "GPU": "graphics processors",
    "VGPU": "virtual graphics processors",
    "SRIOV_FUNCTION": "virtual functions of NICs",
    "BANDWIDTH_KBPS": "network bandwidth",
}
_CAPABILITIES = {
    "arch:x86_64": "runs x86-64 code",
    "arch:aarch64": "runs 64-bit ARM code",
    "firmware:uefi": "boots by UEFI",
    "firmware:bios": "boots by BIOS",
    "virt:kvm": "runs virtual machines with KVM",
    "virt:qemu": "runs virtual machines by emulation",
    "storage:nvme": "has NVMe disks",
    "storage:ssd": "has solid-state disks",
    "network:sriov": "offers virtual functions of NICs",
}


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.add_column("events", sa.Column("generation", sa.BigInteger(), nullable=True))
    op.add_column("providers", sa.Column("root", _ID, nullable=True))
    op.add_column("providers", sa.Column("unhealthy_until", UtcDateTime(), nullable=True))
    op.add_column("marks", sa.Column("expires_at", UtcDateTime(), nullable=True))
    op.create_index("ix_providers_root", "providers", ["root"])
    _roots_of_what_is_there()
    _names(
        "provider_types",
        16,
        _PROVIDER_TYPES,
        sa.Column("cleaning_margin_s", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("generation", sa.BigInteger(), nullable=False, server_default="1"),
    )
    _names("resource_types", 64, _RESOURCE_TYPES)
    _names("capabilities", 64, _CAPABILITIES)
    _groups_and_distances()
    _register_what_is_used("resource_types", "inventories", "resource_type")
    _register_what_is_used("capabilities", "provider_capabilities", "capability")


def _groups_and_distances() -> None:
    op.create_table(
        "provider_groups",
        sa.Column("id", _ID, nullable=False),
        sa.Column("region", _ID, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_groups")),
    )
    op.create_index("ix_provider_groups_region", "provider_groups", ["region"])
    for table in ("group_members", "sharing_providers"):
        op.create_table(
            table,
            *(
                sa.Column(
                    column,
                    _ID,
                    sa.ForeignKey(
                        f"{of}.id", name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
                    ),
                    nullable=False,
                )
                for column, of in (("group", "provider_groups"), ("provider", "providers"))
            ),
            sa.PrimaryKeyConstraint("group", "provider", name=op.f(f"pk_{table}")),
        )
        op.create_index(f"ix_{table}_provider", table, ["provider"])
    made = op.create_table(
        "distance_types",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("codes", _JSON, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("standard", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_distance_types")),
    )
    location = {
        "name": "location",
        "codes": ["machine", "rack", "row", "site"],
        "description": "where things stand",
        "standard": True,
        "created_at": _SINCE,
    }
    op.bulk_insert(made, [location])
    op.create_table(
        "distances",
        sa.Column(
            "type",
            sa.String(length=64),
            sa.ForeignKey("distance_types.name", name=op.f("fk_distances_type")),
            nullable=False,
        ),
        sa.Column("a", _ID, nullable=False),
        sa.Column("b", _ID, nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("type", "a", "b", name=op.f("pk_distances")),
    )
    for end in ("a", "b"):
        op.create_index(f"ix_distances_{end}", "distances", [end])


def _roots_of_what_is_there() -> None:
    op.execute(
        "WITH RECURSIVE tree (id, root) AS ("
        "SELECT id, id FROM providers WHERE parent IS NULL UNION ALL "
        "SELECT providers.id, tree.root FROM providers JOIN tree ON providers.parent = tree.id) "
        "UPDATE providers SET root = (SELECT tree.root FROM tree WHERE tree.id = providers.id) "
        "WHERE parent IS NOT NULL"
    )


def _names(table: str, length: int, standard: dict[str, str], *more: sa.Column[int]) -> None:
    made = op.create_table(
        table,
        sa.Column("name", sa.String(length=length), nullable=False),
        *more,
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("standard", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f(f"pk_{table}")),
    )
    rows = [
        {"name": name, "description": words, "standard": True, "created_at": _SINCE}
        for name, words in standard.items()
    ]
    op.bulk_insert(made, rows)


def _register_what_is_used(names: str, users: str, column: str) -> None:
    known = sa.table(
        names,
        sa.column("name", sa.String()),
        sa.column("description", sa.Text()),
        sa.column("standard", sa.Boolean()),
        sa.column("created_at", UtcDateTime()),
    )
    used = sa.table(users, sa.column(column, sa.String()))
    new = (
        sa.select(
            used.c[column],
            sa.literal(""),
            sa.literal(False),
            sa.literal(_SINCE, UtcDateTime()),
        )
        .where(used.c[column].not_in(sa.select(known.c.name)))
        .distinct()
    )
    columns = ["name", "description", "standard", "created_at"]
    op.execute(sa.insert(known).from_select(columns, new))
