"""Collections have settings: declared metadata, a description, a persona."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the settings of a collection."""
    op.add_column("collections", sa.Column("metadata_fields", sa.JSON))
    op.add_column(
        "collections", sa.Column("description", sa.Text, nullable=False, server_default="")
    )
    op.add_column("collections", sa.Column("persona", sa.JSON))
    op.add_column(
        "collections",
        sa.Column("persona_is_fixed", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    """Remove the settings of collections."""
    for column in ("persona_is_fixed", "persona", "description", "metadata_fields"):
        op.drop_column("collections", column)
