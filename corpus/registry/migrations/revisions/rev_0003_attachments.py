"""Documents can be attached to documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what a document knows of its parent, and of attachments that it lost."""
    op.add_column("documents", sa.Column("parent_id", sa.String(36)))
    op.add_column("documents", sa.Column("dropped_children", sa.JSON))
    op.create_index("ix_documents_parent_id", "documents", ["parent_id"])


def downgrade() -> None:
    """Forget what is attached to what: attachments stay, as documents of their own."""
    op.drop_index("ix_documents_parent_id", "documents")
    op.drop_column("documents", "dropped_children")
    op.drop_column("documents", "parent_id")
