"""Which originals may be kept without being needed: in a shared store, only those are removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "loose_originals",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("noted_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_loose_originals_content_sha256", "loose_originals", ["content_sha256"])
    op.create_index("ix_loose_originals_noted_at", "loose_originals", ["noted_at"])


def downgrade() -> None:
    """Forget them: a version before this one removes whatever it does not know."""
    op.drop_table("loose_originals")
