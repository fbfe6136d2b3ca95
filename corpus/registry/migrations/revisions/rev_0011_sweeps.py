"""What ended jobs may have left in the index; deletions that did not end are found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from corpus.registry.schema import UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table and the index."""
    op.create_table(
        "sweeps",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
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
