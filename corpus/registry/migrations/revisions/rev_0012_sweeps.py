"""What ended jobs may have left in the index; deletions that did not end are found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "sweeps",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("due_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_sweeps_document_id", "sweeps", ["document_id"])
    op.create_index("ix_sweeps_due_at", "sweeps", ["due_at"])
    op.create_index(
        "documents_being_deleted",
        "documents",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Forget what is to be looked after."""
    op.drop_index("documents_being_deleted", "documents")
    op.drop_table("sweeps")
