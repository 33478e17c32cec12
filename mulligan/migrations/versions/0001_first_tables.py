"""The tables of 0.1.0."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from mulligan.database import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Go forward; there is no way back."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "answers",
        sa.Column("account", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "request_id", name=op.f("pk_answers")),
    )
    op.create_table(
        "assignments",
        sa.Column("account", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account", "project", name=op.f("pk_assignments")),
    )
    op.create_table(
        "bootstrap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("first_region", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bootstrap")),
    )
    op.create_table(
        "claims",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("consumer", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("acquire_at", UtcDateTime(), nullable=False),
        sa.Column("release_at", UtcDateTime(), nullable=False),
        sa.Column("planned_release_at", UtcDateTime(), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column(
            "spec",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_consumer"), "claims", ["consumer"], unique=False)
    op.create_index(op.f("ix_claims_project_id"), "claims", ["project", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("object_type", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("author", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("operation", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_events")),
    )
    op.create_index(
        op.f("ix_events_object_id_revision"), "events", ["object_id", "revision"], unique=False
    )
    op.create_index(
        op.f("ix_events_operation_revision"), "events", ["operation", "revision"], unique=False
    )
    op.create_index(
        op.f("ix_events_project_revision"), "events", ["project", "revision"], unique=False
    )
    op.create_table(
        "hosts",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("uri", sa.String(length=255), nullable=False),
        sa.Column("pool", sa.String(length=64), nullable=False),
        sa.Column(
            "inventory",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosts")),
        sa.UniqueConstraint("uri", name=op.f("uq_hosts_uri")),
    )
    op.create_index(op.f("ix_hosts_region"), "hosts", ["region"], unique=False)
    op.create_table(
        "images",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("disk_format", sa.String(length=16), nullable=False),
        sa.Column("activation", sa.String(length=16), nullable=False),
        sa.Column("config_format", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
    )
    op.create_index(op.f("ix_images_region"), "images", ["region"], unique=False)
    op.create_table(
        "machines",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("image", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("provider", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "spec",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "nics",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "reported",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("operation", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("active_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machines")),
    )
    op.create_index(
        op.f("ix_machines_project_state_id"), "machines", ["project", "state", "id"], unique=False
    )
    op.create_index(
        op.f("ix_machines_provider_state"), "machines", ["provider", "state"], unique=False
    )
    op.create_table(
        "marks",
        sa.Column("object_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", "kind", name=op.f("pk_marks")),
    )
    op.create_table(
        "names",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("object_type", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("slug", sa.String(length=255), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_names")),
    )
    op.create_index(
        "uq_names_living_name",
        "names",
        ["object_type", "owner", "name"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index(
        "uq_names_living_slug",
        "names",
        ["object_type", "owner", "slug"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "networks",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("prefix", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column(
            "dns",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("vlan", sa.Integer(), nullable=False),
        sa.Column("host_bridge", sa.String(length=16), nullable=False),
        sa.Column("first_address", sa.String(length=64), nullable=False),
        sa.Column("last_address", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_networks")),
    )
    op.create_index(op.f("ix_networks_region"), "networks", ["region"], unique=False)
    op.create_table(
        "operation_logs",
        sa.Column("operation", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("compressed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "source", name=op.f("pk_operation_logs")),
    )
    op.create_table(
        "operation_steps",
        sa.Column("operation", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("operation", "number", name=op.f("pk_operation_steps")),
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("object_type", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("endpoint", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("author", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("error_code", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
    )
    op.create_index(
        op.f("ix_operations_object_id_created_at"),
        "operations",
        ["object_id", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_operations_project_created_at"),
        "operations",
        ["project", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_operations_type_state_created_at"),
        "operations",
        ["type", "state", "created_at"],
        unique=False,
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("parent", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_table(
        "providers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("parent", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("unavailable_reason", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["providers.id"], name=op.f("fk_providers_parent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
    )
    op.create_index(op.f("ix_providers_parent"), "providers", ["parent"], unique=False)
    op.create_index(
        op.f("ix_providers_region_type_available"),
        "providers",
        ["region", "type", "available"],
        unique=False,
    )
    op.create_table(
        "region_keys",
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("region", "key_id", name=op.f("pk_region_keys")),
    )
    op.create_table(
        "regions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("parent", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regions")),
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
    )
    op.create_table(
        "servers",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("sealed_credentials", sa.Text(), nullable=False),
        sa.Column("insecure_tls", sa.Boolean(), nullable=False),
        sa.Column("system", sa.String(length=255), nullable=False),
        sa.Column(
            "verified",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "inventory",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("machine", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("needs_cleaning", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.Column("next_action", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
        sa.UniqueConstraint("address", "system", name=op.f("uq_servers_address_system")),
    )
    op.create_index(op.f("ix_servers_region"), "servers", ["region"], unique=False)
    op.create_table(
        "slots",
        sa.Column("endpoint", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("operation", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_slots")),
    )
    op.create_table(
        "token_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_keys")),
    )
    op.create_table(
        "address_claims",
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("nic", sa.Integer(), nullable=False),
        sa.Column("network", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("mac", sa.String(length=17), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("acquire_at", UtcDateTime(), nullable=False),
        sa.Column("release_at", UtcDateTime(), nullable=False),
        sa.Column("occupied_until", UtcDateTime(), nullable=False),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_address_claims_claim")),
        sa.PrimaryKeyConstraint("claim", "nic", name=op.f("pk_address_claims")),
    )
    op.create_index(
        op.f("ix_address_claims_network_occupied_until"),
        "address_claims",
        ["network", "occupied_until"],
        unique=False,
    )
    op.create_table(
        "allocations",
        sa.Column("claim", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("provider", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("resource_type", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("project", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("region", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("acquire_at", UtcDateTime(), nullable=False),
        sa.Column("release_at", UtcDateTime(), nullable=False),
        sa.Column("occupied_until", UtcDateTime(), nullable=False),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_allocations_claim")),
        sa.PrimaryKeyConstraint("claim", "provider", "resource_type", name=op.f("pk_allocations")),
    )
    op.create_index(
        op.f("ix_allocations_provider_resource_type_occupied_until"),
        "allocations",
        ["provider", "resource_type", "occupied_until"],
        unique=False,
    )
    op.create_index(
        op.f("ix_allocations_region_resource_type_occupied_until"),
        "allocations",
        ["region", "resource_type", "occupied_until"],
        unique=False,
    )
    op.create_table(
        "inventories",
        sa.Column("provider", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("resource_type", sa.String(length=64), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("min_unit", sa.BigInteger(), nullable=False),
        sa.Column("max_unit", sa.BigInteger(), nullable=False),
        sa.Column("step_size", sa.BigInteger(), nullable=False),
        sa.Column("allocation_ratio", sa.Double(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider"], ["providers.id"], name=op.f("fk_inventories_provider"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("provider", "resource_type", name=op.f("pk_inventories")),
    )
    op.create_table(
        "provider_capabilities",
        sa.Column("provider", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("capability", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["providers.id"],
            name=op.f("fk_provider_capabilities_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider", "capability", name=op.f("pk_provider_capabilities")),
    )
    op.create_index(
        op.f("ix_provider_capabilities_capability_provider"),
        "provider_capabilities",
        ["capability", "provider"],
        unique=False,
    )
    op.create_table(
        "provider_properties",
        sa.Column("provider", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["providers.id"],
            name=op.f("fk_provider_properties_provider"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider", "name", name=op.f("pk_provider_properties")),
    )
    # ### end Alembic commands ###
    op.execute(sa.text("INSERT INTO revisions (id, value) VALUES (1, 1)"))
