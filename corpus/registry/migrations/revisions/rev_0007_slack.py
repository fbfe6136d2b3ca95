"""What Slack's threads are conversations of, and which of its events were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the tables, where they are not there yet.

    Databases that were made with them said for a while to be of the revision before.
    """
    if sa.inspect(op.get_bind()).has_table("slack_events"):
        return
    op.create_table(
        "slack_events",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("seen_at", sa.DateTime, nullable=False, index=True),
    )
    op.create_table(
        "slack_threads",
        sa.Column("team_id", sa.String(64), primary_key=True),
        sa.Column("channel_id", sa.String(64), primary_key=True),
        sa.Column("thread_ts", sa.String(64), primary_key=True),
        sa.Column("conversation_id", sa.String(36)),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    """Forget which threads of Slack are which conversations."""
    op.drop_table("slack_threads")
    op.drop_table("slack_events")
