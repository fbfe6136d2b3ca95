"""Collections declare which fields of metadata can be filtered by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the declarations of a collection."""
    op.add_column("collections", sa.Column("metadata_fields", sa.JSON))
