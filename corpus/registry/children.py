"""Making a document's attachments those that its version has, when that version goes live.

An attachment is the same one as before when its bytes are: it keeps its id and is not ingested
again. The same bytes in two mails are two documents, because two lots of people may read them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from corpus.registry.deletions import bury_family
from corpus.registry.families import dropped_children
from corpus.registry.identities import as_attachment
from corpus.registry.locks import lock_contents, lock_document
from corpus.registry.new_versions import Content, add_version
from corpus.registry.schema import documents, jobs, versions


@dataclass(frozen=True, slots=True)
class Child:
    """A file found in a document: its name, safe to show, and its bytes, measured."""

    filename: str
    content: Content


def settle_children(
    connection: Connection, parent_id: str, version: int, children: Sequence[Child]
) -> list[str]:
    """Register and queue the children that are new, bury those that are no longer there.

    The ids of all that were buried: the caller has them removed from everywhere else after its
    commit. To be called in the transaction that makes the version live, just before it does; it
    changes nothing when the parent is deleted, or a newer version answers already. Children that
    were deleted by themselves stay away while the parent's bytes are those they were deleted from.
    """
    lock_contents(connection, {child.content.sha256 for child in children})
    lock_document(connection, parent_id)
    parent = _find_parent(connection, parent_id, version)
    if parent is None:
        return []
    dropped = _still_dropped(connection, parent)
    known = {
        row.identity: row.id
        for row in connection.execute(
            select(documents.c.identity, documents.c.id).where(
                documents.c.parent_id == parent_id, documents.c.deleted_at.is_(None)
            )
        )
    }
    present = dict(zip(_identities(parent_id, children), children, strict=True))
    buried = [
        gone
        for identity, document_id in sorted(known.items())
        if identity not in present
        for gone in bury_family(connection, document_id)
    ]
    now = datetime.now(UTC)
    for place, (identity, child) in enumerate(present.items()):
        if identity not in known and identity not in dropped:
            # Of one moment each, so that they are ingested in the order that they have there.
            _add(connection, parent, identity, child, now + timedelta(microseconds=place))
    return buried


@dataclass(frozen=True, slots=True)
class _Parent:
    document_id: str
    collection: str
    metadata: dict[str, Any]
    acl: list[str]
    audience: str | None
    is_bulk: bool
    has_new_bytes: bool


def _find_parent(connection: Connection, document_id: str, version: int) -> _Parent | None:
    """None when it is deleted, or its live version is newer than this one."""
    ours, live = versions.alias("ours"), versions.alias("live")
    row = connection.execute(
        select(
            documents.c.collection,
            documents.c.metadata,
            documents.c.acl,
            documents.c.audience,
            jobs.c.is_bulk,
            ours.c.content_sha256.label("content"),
            live.c.content_sha256.label("live_content"),
        )
        .join(ours, (ours.c.document_id == documents.c.id) & (ours.c.version == version))
        .outerjoin(
            live,
            (live.c.document_id == documents.c.id) & (live.c.version == documents.c.live_version),
        )
        .outerjoin(jobs, (jobs.c.document_id == documents.c.id) & (jobs.c.version == version))
        .where(
            documents.c.id == document_id,
            documents.c.deleted_at.is_(None),
            func.coalesce(documents.c.live_version, 0) <= version,
        )
    ).first()
    if row is None:
        return None
    return _Parent(
        document_id,
        row.collection,
        row.metadata,
        row.acl,
        row.audience,
        is_bulk=bool(row.is_bulk),
        has_new_bytes=row.content != row.live_content,
    )


def _still_dropped(connection: Connection, parent: _Parent) -> list[str]:
    if not parent.has_new_bytes:
        return dropped_children(connection, parent.document_id)
    connection.execute(
        update(documents).where(documents.c.id == parent.document_id).values(dropped_children=None)
    )
    return []


def _identities(parent_id: str, children: Sequence[Child]) -> list[str]:
    """One for each; the same bytes twice in one parent are counted."""
    seen: Counter[str] = Counter()
    identities = []
    for child in children:
        sha256 = child.content.sha256
        identities.append(as_attachment(parent_id, sha256, seen[sha256]))
        seen[sha256] += 1
    return identities


def _add(
    connection: Connection, parent: _Parent, identity: str, child: Child, now: datetime
) -> None:
    document_id = str(uuid4())
    connection.execute(
        insert(documents).values(
            id=document_id,
            collection=parent.collection,
            identity=identity,
            parent_id=parent.document_id,
            version=1,
            metadata=parent.metadata,
            acl=parent.acl,
            audience=parent.audience,
            created_at=now,
            updated_at=now,
        )
    )
    add_version(connection, document_id, 1, child.filename, child.content, now, parent.is_bulk)
