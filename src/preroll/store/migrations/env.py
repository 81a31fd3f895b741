# SPDX-License-Identifier: Apache-2.0
"""How Alembic reaches the database: over the connection that it was handed."""

from __future__ import annotations

from alembic import context

from preroll.store import tables  # noqa: F401 - fills the metadata
from preroll.store.columns import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
