"""Documents know their audience, conversations and answers their owner."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from corpus.access import audience

revision = "0008"
down_revision = "0007"

_BATCH = 1_000


def upgrade() -> None:
    """Add the columns and the table, and fill them from what documents say of access."""
    if sa.inspect(op.get_bind()).has_table("audiences"):
        return  # made with the others, and stamped 0006, for a while before 0.1.0
    known = op.create_table(
        "audiences",
        sa.Column("audience", sa.String(32), primary_key=True),
        sa.Column("principal", sa.String(256), primary_key=True),
        sa.Index("audiences_by_principal", "principal", "audience"),
    )
    op.add_column("documents", sa.Column("audience", sa.String(32)))
    op.create_index("documents_by_audience", "documents", ["collection", "audience"])
    for table in ("conversations", "answers"):
        op.add_column(table, sa.Column("owner", sa.String(300)))
    op.create_index("conversations_by_owner", "conversations", ["owner", "updated_at", "id"])
    _fill(known)


def downgrade() -> None:
    """Forget whose conversations are whose; releases before hide no document from anybody."""
    op.drop_index("conversations_by_owner", "conversations")
    for table in ("answers", "conversations"):
        op.drop_column(table, "owner")
    op.drop_index("documents_by_audience", "documents")
    op.drop_column("documents", "audience")
    op.drop_table("audiences")


def _fill(known: sa.Table) -> None:
    documents = sa.table(
        "documents",
        sa.column("id", sa.String),
        sa.column("acl", sa.JSON),
        sa.column("audience", sa.String),
    )
    connection, last, there = op.get_bind(), "", set()
    while True:
        rows = connection.execute(
            sa.select(documents.c.id, documents.c.acl)
            .where(documents.c.id > last)
            .order_by(documents.c.id)
            .limit(_BATCH)
        ).all()
        for document_id, acl in rows:
            name = audience(acl)
            if name is None:
                continue
            if name not in there:
                there.add(name)
                principals = [{"audience": name, "principal": one} for one in sorted(set(acl))]
                connection.execute(sa.insert(known), principals)
            connection.execute(
                sa.update(documents).where(documents.c.id == document_id).values(audience=name)
            )
        if len(rows) < _BATCH:
            return
        last = rows[-1].id
