"""Run by Alembic: migrate on the connection that `neuralib.jobs.migrate` hands over."""

from alembic import context

from neuralib.jobs.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
