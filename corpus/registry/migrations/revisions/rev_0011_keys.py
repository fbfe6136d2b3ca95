"""Keys, how much is asked with them, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "keys",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("previous_sha256", sa.String(64)),
        sa.Column("previous_until", sa.DateTime),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("collections", sa.JSON),
        sa.Column("principals", sa.JSON, nullable=False),
        sa.Column("may_act_for", sa.Boolean, nullable=False),
        sa.Column("requests_per_minute", sa.Integer),
        sa.Column("questions_per_day", sa.Integer),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("last_used_at", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
    )
    op.create_table(
        "key_usage",
        sa.Column("key_id", sa.String(12), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("questions", sa.Integer, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("who", sa.String(700), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128)),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Index("audit_by_time", "at", "id"),
    )


def downgrade() -> None:
    """Remove the tables: keys, how much they were used, and who did what."""
    for table in ("audit", "key_usage", "keys"):
        op.drop_table(table)
