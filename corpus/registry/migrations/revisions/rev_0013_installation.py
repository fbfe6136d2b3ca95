"""The installation that the registry is, for stores to be marked with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table; the next start makes the id.

    A restore that did not come to its end may have made it, with the id that stores bear.
    """
    if not sa.inspect(op.get_bind()).has_table("installation"):
        op.create_table("installation", sa.Column("id", sa.String(36), primary_key=True))


def downgrade() -> None:
    """Forget which installation this is: `lectern claim` makes the stores its own again."""
    op.drop_table("installation")
