"""What is asked and answered is kept, in conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add conversations, answers, and which documents these may speak of."""
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("collection", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
    op.create_index("conversations_by_use", "conversations", ["updated_at", "id"])
    op.create_table(
        "answers",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("conversation_id", sa.String(36), sa.ForeignKey("conversations.id")),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("collection", sa.String(64), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("standalone_question", sa.Text, nullable=False),
        sa.Column("reply", sa.JSON, nullable=False),
        sa.Column("trace", sa.JSON),
        sa.Column("embedding", sa.LargeBinary),
        sa.Column("is_removed", sa.Boolean, nullable=False),
        sa.Column("rating", sa.String(8)),
        sa.Column("comment", sa.Text),
        sa.Column("rated_at", sa.DateTime),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_answers_created_at", "answers", ["created_at"])
    op.create_index("answers_by_turn", "answers", ["conversation_id", "ordinal"])
    op.create_index("answers_by_collection", "answers", ["collection", "created_at"])
    op.create_table(
        "answer_sources",
        sa.Column("answer_id", sa.String(36), sa.ForeignKey("answers.id"), primary_key=True),
        sa.Column("document_id", sa.String(36), primary_key=True),
    )
    op.create_index("ix_answer_sources_document_id", "answer_sources", ["document_id"])


def downgrade() -> None:
    """Remove all conversations and answers."""
    for table in ("answer_sources", "answers", "conversations"):
        op.drop_table(table)
