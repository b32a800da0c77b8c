"""Alembic's entry: migrates on the connection that `storage.migrate` hands over."""

from alembic import context

from storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="gatepost_migrations",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
