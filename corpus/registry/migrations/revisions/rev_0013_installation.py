"""The installation that the registry is, for stores to be marked with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table; the next start makes the id."""
    op.create_table("installation", sa.Column("id", sa.String(36), primary_key=True))


def downgrade() -> None:
    """Forget which installation this is: `lectern claim` makes the stores its own again."""
    op.drop_table("installation")
