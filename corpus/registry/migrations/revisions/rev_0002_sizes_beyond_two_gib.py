"""An original may be larger than 2 GiB. SQLite's integers have 64 bits already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Widen the column."""
    if op.get_context().dialect.name != "sqlite":
        op.alter_column("versions", "size_bytes", type_=sa.BigInteger)
