"""Documents know their audience, conversations and answers their owner."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from corpus.access import audience

revision = "0008"
down_revision = "0007"


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
    """One statement for all documents: each different list is named once, in a table for it."""
    documents = sa.table(
        "documents", sa.column("acl", sa.JSON), sa.column("audience", sa.String(32))
    )
    connection, said = op.get_bind(), sa.cast(documents.c.acl, sa.Text)
    names, principals = [], {}
    for (acl,) in connection.execute(sa.select(said).distinct().where(said != "[]")):
        listed = json.loads(acl)
        if name := audience(listed):
            names.append({"acl": acl, "audience": name})
            principals[name] = set(listed)
    if not names:
        return
    named = op.create_table(
        "audiences_by_acl", sa.Column("acl", sa.Text), sa.Column("audience", sa.String(32))
    )
    connection.execute(sa.insert(named), names)
    connection.execute(
        sa.insert(known),
        [
            {"audience": name, "principal": one}
            for name, those in principals.items()
            for one in sorted(those)
        ],
    )
    connection.execute(
        sa.update(documents).where(said == named.c.acl).values(audience=named.c.audience)
    )
    op.drop_table(named.name)
