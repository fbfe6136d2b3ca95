"""The tables as they were before there were revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "collections",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.JSON),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("collection", sa.String(64), sa.ForeignKey("collections.name"), nullable=False),
        sa.Column("identity", sa.String(600), nullable=False),
        sa.Column("external_id", sa.String(512)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("live_version", sa.Integer),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("acl", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("deleted_at", sa.DateTime),
        sa.UniqueConstraint("collection", "identity"),
    )
    op.create_index("documents_by_age", "documents", ["created_at", "id"])
    op.create_table(
        "versions",
        sa.Column("document_id", sa.String(36), sa.ForeignKey("documents.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("filename", sa.String(1024), nullable=False),
        sa.Column("content_sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("media_type", sa.String(255), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("progress_done", sa.Integer, nullable=False),
        sa.Column("progress_total", sa.Integer, nullable=False),
        sa.Column("pages", sa.Integer, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("pages_with_text", sa.Integer, nullable=False),
        sa.Column("pages_needing_ocr", sa.JSON, nullable=False),
        sa.Column("warnings", sa.JSON, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_versions_content_sha256", "versions", ["content_sha256"])
    op.create_table(
        "pages",
        sa.Column("document_id", sa.String(36), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("start_char", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id", "version"], ["versions.document_id", "versions.version"]
        ),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(128)),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("run_after", sa.DateTime, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("document_id", "version"),
    )
    op.create_index("jobs_by_turn", "jobs", ["state", "run_after"])


def downgrade() -> None:
    """Remove all tables."""
    for table in ("jobs", "pages", "versions", "documents", "collections"):
        op.drop_table(table)
