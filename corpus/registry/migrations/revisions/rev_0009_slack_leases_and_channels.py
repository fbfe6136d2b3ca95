"""Messages of Slack are leased until they are answered; channels choose a collection."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns and the table; what was taken before counts as answered."""
    op.add_column("slack_events", sa.Column("channel_id", sa.String(64)))
    op.add_column("slack_events", sa.Column("thread_ts", sa.String(64)))
    op.add_column("slack_events", sa.Column("lease_until", sa.DateTime))
    op.create_index("ix_slack_events_lease_until", "slack_events", ["lease_until"])
    op.create_table(
        "slack_channels",
        sa.Column("team_id", sa.String(64), primary_key=True),
        sa.Column("channel_id", sa.String(64), primary_key=True),
        sa.Column("collection", sa.String(64)),
        sa.Column("persona", sa.JSON),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    """Forget what channels chose, and what is being answered."""
    op.drop_table("slack_channels")
    op.drop_index("ix_slack_events_lease_until", "slack_events")
    for column in ("lease_until", "thread_ts", "channel_id"):
        op.drop_column("slack_events", column)
