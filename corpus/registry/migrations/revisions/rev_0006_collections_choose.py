"""Collections choose the model that answers, and from how many passages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what a collection may choose."""
    op.add_column("collections", sa.Column("llm_model", sa.String(200)))
    op.add_column("collections", sa.Column("top_k", sa.Integer))
