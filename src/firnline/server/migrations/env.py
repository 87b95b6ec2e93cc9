"""What Alembic runs: the versions beside this file, on the connection that `store.database` gives."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
