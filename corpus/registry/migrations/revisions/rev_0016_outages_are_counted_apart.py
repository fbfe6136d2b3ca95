"""Of the tries that failed, jobs know how many did because a dependency was away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the column."""
    op.add_column("jobs", sa.Column("outages", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Forget it: an outage counts among a document's few tries again."""
    op.drop_column("jobs", "outages")
