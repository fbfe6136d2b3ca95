"""Which indexes a reindex began or left: what is deleted is deleted there too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "indexes",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("fingerprint", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    """Forget what was begun or left: nothing clears it away any more."""
    op.drop_table("indexes")
