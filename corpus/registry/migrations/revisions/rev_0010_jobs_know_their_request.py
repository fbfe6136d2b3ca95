"""Jobs know the request that queued them, and its trace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("jobs", sa.Column("request_id", sa.String(64)))
    op.add_column("jobs", sa.Column("traceparent", sa.String(64)))


def downgrade() -> None:
    """Remove the columns."""
    for column in ("traceparent", "request_id"):
        op.drop_column("jobs", column)
