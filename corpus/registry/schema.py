"""The tables. One row in `jobs` is the truth about what is to be done for one version."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

from corpus.registry.database.column_types import JSON, String, Text


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC; SQLite has no time zones, so they are stored without and put back."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes: they would be stored as if they were UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the registry")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Say what the stored value is."""
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData()

collections = Table(
    "collections",
    metadata,
    Column("name", String(64), primary_key=True),
    # How its nodes were embedded; None until its first document is ingested.
    Column("fingerprint", JSON(none_as_null=True)),
    # The types of the metadata fields that filters may ask for, by name; None is as good as {}.
    Column("metadata_fields", JSON(none_as_null=True)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("description", Text, nullable=False, default="", server_default=""),
    # How an LLM writes answers (service/answering/writing/persona.py), and whether questions may
    # say else.
    Column("persona", JSON(none_as_null=True)),
    Column("persona_is_fixed", Boolean, nullable=False, default=False, server_default=false()),
    # Which model answers, and from how many passages; None: as everywhere.
    Column("llm_model", String(200)),
    Column("top_k", Integer),
    # When a worker last took a document of it: collections take turns.
    Column("served_at", UtcDateTime),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("collection", ForeignKey("collections.name"), nullable=False),
    # What identities.py makes of it.
    Column("identity", String(600), nullable=False),
    Column("external_id", String(512)),
    # The document that this one is attached to.
    Column("parent_id", String(36), index=True),
    # Identities of what was attached to its bytes and deleted by itself.
    Column("dropped_children", JSON(none_as_null=True)),
    Column("version", Integer, nullable=False),
    Column("live_version", Integer),
    # The version with other bytes that answered before the live one: what a rollback goes back to.
    Column("previous_version", Integer),
    Column("metadata", JSON, nullable=False),
    Column("acl", JSON, nullable=False),
    # corpus.access.audience of `acl`; None: everybody.
    Column("audience", String(32)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    UniqueConstraint("collection", "identity"),
    Index("documents_by_age", "created_at", "id"),
    Index("documents_by_audience", "collection", "audience"),
    Index(
        "documents_being_deleted",
        "deleted_at",
        postgresql_where=text("deleted_at IS NOT NULL"),
        sqlite_where=text("deleted_at IS NOT NULL"),
    ),
)

# The principals of each audience; rows are added and never changed.
audiences = Table(
    "audiences",
    metadata,
    Column("audience", String(32), primary_key=True),
    Column("principal", String(256), primary_key=True),
    Index("audiences_by_principal", "principal", "audience"),
)

versions = Table(
    "versions",
    metadata,
    Column("document_id", ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("filename", String(1024), nullable=False),
    Column("content_sha256", String(64), nullable=False, index=True),
    Column("size_bytes", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("status", String(16), nullable=False),
    Column("progress_done", Integer, nullable=False, default=0),
    Column("progress_total", Integer, nullable=False, default=0),
    Column("eta_s", Integer),
    Column("pages", Integer, nullable=False, default=0),
    Column("chunks", Integer, nullable=False, default=0),
    # How many of them kept an embedding that the index had already.
    Column("chunks_reused", Integer, nullable=False, default=0, server_default="0"),
    Column("pages_with_text", Integer, nullable=False, default=0),
    Column("pages_needing_ocr", JSON, nullable=False, default=list),
    Column("warnings", JSON, nullable=False, default=list),
    Column("error", JSON(none_as_null=True)),
    # corpus.reports.VersionReport; None until it is complete.
    Column("report", JSON(none_as_null=True)),
    Column("updated_at", UtcDateTime, nullable=False),
)

pages = Table(
    "pages",
    metadata,
    Column("document_id", String(36), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("start_char", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("coverage", Float, nullable=False, server_default="1"),
    Column("tables", Integer, nullable=False, server_default="0"),
    Column("by_ocr", Boolean, nullable=False, server_default=false()),
    ForeignKeyConstraint(["document_id", "version"], ["versions.document_id", "versions.version"]),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("document_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # queued, running
    Column("is_bulk", Boolean, nullable=False, default=False),
    Column("claims", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    # As many of them were a dependency's, which was away.
    Column("outages", Integer, nullable=False, server_default="0"),
    Column("reason", Text),  # of the last failure
    Column("worker", String(128)),
    Column("lease_until", UtcDateTime),
    Column("run_after", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # What queued it, as corpus.work.Work has it.
    Column("request_id", String(64)),
    Column("traceparent", String(64)),
    UniqueConstraint("document_id", "version"),
    Index("jobs_by_turn", "state", "run_after"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(36), primary_key=True),
    # No foreign key: the default collection may be asked before it is made.
    Column("collection", String(64), nullable=False),
    # corpus.access.Reader.owner of whoever began it; None: whoever had no name.
    Column("owner", String(300)),
    Column("title", String(200), nullable=False),
    Column("turns", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("conversations_by_use", "updated_at", "id"),
    Index("conversations_by_owner", "owner", "updated_at", "id"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id")),
    # From 1 within the conversation; 0 outside of any.
    Column("ordinal", Integer, nullable=False),
    Column("collection", String(64), nullable=False),
    Column("owner", String(300)),
    Column("question", Text, nullable=False),
    Column("standalone_question", Text, nullable=False),
    Column("reply", JSON, nullable=False),
    Column("trace", JSON(none_as_null=True)),
    Column("is_removed", Boolean, nullable=False, default=False),
    Column("rating", String(8)),
    Column("comment", Text),
    Column("rated_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Index("answers_by_turn", "conversation_id", "ordinal"),
    Index("answers_by_collection", "collection", "created_at"),
)

# What may be suggested to others, in small rows of their own: whatever stands behind an answer's
# reply and trace is read page by page, which took 16 ms for 300 of them.
asked = Table(
    "asked",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("collection", String(64), nullable=False),
    Column("question", Text, nullable=False),
    Column("embedding", LargeBinary, nullable=False),  # little-endian float32
    Column("created_at", UtcDateTime, nullable=False),
    Index("asked_by_collection", "collection", "created_at"),
)

# The documents whose text an answer may hold. No foreign key: it outlives their rows for a moment.
answer_sources = Table(
    "answer_sources",
    metadata,
    Column("answer_id", ForeignKey("answers.id"), primary_key=True),
    Column("document_id", String(36), primary_key=True, index=True),
)

# Messages of Slack that were taken: it sends each again until it is acknowledged, or later.
slack_events = Table(
    "slack_events",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False, index=True),
    # Until it is answered: where, and until when whoever has it in hand need not say so again.
    Column("channel_id", String(64)),
    Column("thread_ts", String(64)),
    Column("lease_until", UtcDateTime, index=True),
)

slack_threads = Table(
    "slack_threads",
    metadata,
    Column("team_id", String(64), primary_key=True),
    Column("channel_id", String(64), primary_key=True),
    Column("thread_ts", String(64), primary_key=True),
    Column("conversation_id", String(36)),
    Column("created_at", UtcDateTime, nullable=False),
)

# Which collection is asked in a channel of Slack, and how an LLM writes there.
slack_channels = Table(
    "slack_channels",
    metadata,
    Column("team_id", String(64), primary_key=True),
    Column("channel_id", String(64), primary_key=True),
    Column("collection", String(64)),
    Column("persona", JSON(none_as_null=True)),
    Column("changed_by", String(64), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# Versions whose job ended: nodes may be left that nobody wants, until that was looked after.
sweeps = Table(
    "sweeps",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("document_id", String(36), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, index=True),
)

# Bytes that were sent before the rows that are to refer to them, or outlive those
# (loose_originals.py).
loose_originals = Table(
    "loose_originals",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("content_sha256", String(64), nullable=False, index=True),
    Column("noted_at", UtcDateTime, nullable=False, index=True),
)

# What a reindex built or left (indexes.py); `name` is that of the fingerprint.
indexes = Table(
    "indexes",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("fingerprint", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("secret_sha256", String(64), nullable=False),
    # The secret before, and until when it goes on.
    Column("previous_sha256", String(64)),
    Column("previous_until", UtcDateTime),
    Column("scopes", JSON, nullable=False),
    # None: all of them.
    Column("collections", JSON(none_as_null=True)),
    Column("principals", JSON, nullable=False),
    Column("may_act_for", Boolean, nullable=False),
    Column("requests_per_minute", Integer),
    Column("questions_per_day", Integer),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

# How many questions were asked with a key, or a token, on a day of UTC (2026-11-26).
key_usage = Table(
    "key_usage",
    metadata,
    Column("key_id", String(12), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("questions", Integer, nullable=False),
)

# Who did what, without a word of any document.
audit = Table(
    "audit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", String(700), nullable=False),
    Column("action", String(64), nullable=False),
    # What it was done to: an id, or the name of a collection or key.
    Column("subject", String(128)),
    Column("outcome", String(64), nullable=False),
    Column("request_id", String(64)),
    Index("audit_by_time", "at", "id"),
)

# One row: what a bucket and a Qdrant server are marked with (corpus/ownership.py).
installation = Table("installation", metadata, Column("id", String(36), primary_key=True))

# Which workers live, which indexes there are besides, and what a store may have too much, is no
# property of the documents; which installation it is stays with the stores that know it. Neither
# backed up nor migrated.
NOT_OF_DOCUMENTS = frozenset({workers, indexes, loose_originals, installation})
