"""What Alembic runs: the revisions, over the connection that was given."""

from __future__ import annotations

from alembic import context

from corpus.registry.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():  # the caller's, which commits it
    context.run_migrations()
