"""What alembic runs: the migrations of all services, on the connection that `migrate` gives."""

from alembic import context

from mulligan.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
