"""Collections choose what answers; questions to suggest have rows of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what a collection may choose, and move the embeddings of questions."""
    op.add_column("collections", sa.Column("llm_model", sa.String(200)))
    op.add_column("collections", sa.Column("top_k", sa.Integer))
    op.create_table(
        "asked",
        sa.Column(
            "answer_id",
            sa.String(36),
            sa.ForeignKey("answers.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("collection", sa.String(64), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_index("asked_by_collection", "asked", ["collection", "created_at"])
    op.execute(
        "INSERT INTO asked (answer_id, collection, question, embedding, created_at) "
        "SELECT id, collection, standalone_question, embedding, created_at FROM answers "
        "WHERE embedding IS NOT NULL"
    )
    op.drop_column("answers", "embedding")


def downgrade() -> None:
    """Remove what collections chose, and move the embeddings of questions back."""
    op.add_column("answers", sa.Column("embedding", sa.LargeBinary))
    op.execute(
        "UPDATE answers SET embedding = "
        "(SELECT asked.embedding FROM asked WHERE asked.answer_id = answers.id)"
    )
    op.drop_table("asked")
    op.drop_column("collections", "top_k")
    op.drop_column("collections", "llm_model")
