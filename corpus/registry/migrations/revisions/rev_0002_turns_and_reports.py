"""Jobs last as long as there is something to do, and have turns; workers say that they are alive.

Sizes beyond 2 GiB fit: SQLite's integers have 64 bits already.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Widen, add, and remove the rows of jobs that ended."""
    if op.get_context().dialect.name != "sqlite":
        op.alter_column("versions", "size_bytes", type_=sa.BigInteger)
    op.add_column("collections", sa.Column("served_at", sa.DateTime))
    op.add_column("documents", sa.Column("previous_version", sa.Integer))
    op.add_column("versions", sa.Column("eta_s", sa.Integer))
    op.add_column(
        "versions", sa.Column("chunks_reused", sa.Integer, nullable=False, server_default="0")
    )
    op.add_column("versions", sa.Column("report", sa.JSON))
    op.add_column("pages", sa.Column("coverage", sa.Float, nullable=False, server_default="1"))
    op.add_column("pages", sa.Column("tables", sa.Integer, nullable=False, server_default="0"))
    op.add_column(
        "pages", sa.Column("by_ocr", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column(
        "jobs", sa.Column("is_bulk", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("jobs", sa.Column("reason", sa.Text))
    op.create_table(
        "workers",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
    )
    op.execute("DELETE FROM jobs WHERE state IN ('done', 'dead')")


def downgrade() -> None:
    """Remove reports, reasons and what is known of workers. Sizes beyond 2 GiB are in the way."""
    op.drop_table("workers")
    for table, column in (
        ("jobs", "reason"),
        ("jobs", "is_bulk"),
        ("pages", "by_ocr"),
        ("pages", "tables"),
        ("pages", "coverage"),
        ("versions", "report"),
        ("versions", "chunks_reused"),
        ("versions", "eta_s"),
        ("documents", "previous_version"),
        ("collections", "served_at"),
    ):
        op.drop_column(table, column)
    if op.get_context().dialect.name != "sqlite":
        op.alter_column("versions", "size_bytes", type_=sa.Integer)
