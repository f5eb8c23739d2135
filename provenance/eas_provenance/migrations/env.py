"""What Alembic runs to migrate: it is given the connection, and the transaction is whose the connection is."""

from alembic import context

from eas_provenance.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
