"""Documents that hold documents: a mail, its attachments, and theirs.

A family changes from its head down, one generation after the other, so that two changes of the
same family wait for each other at its topmost row instead of blocking one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from corpus.registry.schema import documents, versions
from corpus.values import Attached

MAX_DEPTH = 3  # a mail, a mail attached to it, one attached to that, and the files attached there
MAX_CHILDREN = 100
MAX_FAMILY = 1000  # mails within mails within mails would be a million of 100 each


def attached_to(
    connection: Connection, document_ids: Collection[str]
) -> Mapping[str, tuple[Attached, ...]]:
    """The attachments of each document by filename, as they are called in their newest version.

    Documents without any are missing.
    """
    rows = connection.execute(
        select(documents.c.parent_id, documents.c.id, versions.c.filename)
        .join(
            versions,
            (versions.c.document_id == documents.c.id)
            & (versions.c.version == documents.c.version),
        )
        .where(documents.c.parent_id.in_(list(document_ids)), documents.c.deleted_at.is_(None))
        .order_by(versions.c.filename, documents.c.id)
    )
    found: dict[str, list[Attached]] = defaultdict(list)
    for parent_id, document_id, filename in rows:
        found[parent_id].append(Attached(document_id, filename))
    return {parent_id: tuple(attached) for parent_id, attached in found.items()}


def room_for_children(connection: Connection, document_id: str) -> int:
    """How many attachments of this document may become documents, those it has included.

    From 0 to `MAX_CHILDREN`: 0 for what lies within `MAX_DEPTH` others, and when all that one
    upload brought along comes to `MAX_FAMILY`.
    """
    ancestors: list[str] = []
    parent_id = parent_of(connection, document_id)
    while parent_id is not None:
        ancestors.append(parent_id)
        parent_id = parent_of(connection, parent_id)
    if not ancestors:
        return MAX_CHILDREN
    if len(ancestors) >= MAX_DEPTH:
        return 0
    others = _count_within(connection, ancestors[-1], without=document_id)
    return max(0, min(MAX_CHILDREN, MAX_FAMILY - others))


def children_of(connection: Connection, document_ids: Collection[str]) -> list[str]:
    """Ids of all documents right within these, in the order of their ids; also deleted ones."""
    rows = connection.execute(
        select(documents.c.id)
        .where(documents.c.parent_id.in_(list(document_ids)))
        .order_by(documents.c.id)
    )
    return [row.id for row in rows]


def pass_on_attributes(connection: Connection, document_id: str) -> None:
    """Give all that lies within a document its metadata and access.

    An attachment must not be found by whom the mail is hidden from.
    """
    parent = connection.execute(
        select(documents.c.metadata, documents.c.acl, documents.c.audience).where(
            documents.c.id == document_id
        )
    ).one()
    generation = children_of(connection, [document_id])
    while generation:
        connection.execute(
            update(documents)
            .where(documents.c.id.in_(generation))
            .values(
                metadata=parent.metadata,
                acl=parent.acl,
                audience=parent.audience,
                updated_at=datetime.now(UTC),
            )
        )
        generation = children_of(connection, generation)


def _count_within(connection: Connection, document_id: str, *, without: str) -> int:
    """How many documents lie within this one, but for all within one of them."""
    count = 0
    generation = [document_id]
    while generation:
        found = children_of(connection, generation)
        count += len(found)
        generation = [one for one in found if one != without]
    return count


def remember_dropped(connection: Connection, document_id: str) -> None:
    """Have the parent, if there is one, know that this attachment was deleted by itself."""
    child = connection.execute(
        select(documents.c.parent_id, documents.c.identity).where(documents.c.id == document_id)
    ).one()
    if child.parent_id is None:
        return
    dropped = dropped_children(connection, child.parent_id)
    connection.execute(
        update(documents)
        .where(documents.c.id == child.parent_id)
        .values(dropped_children=[*dropped, child.identity])
    )


def dropped_children(connection: Connection, document_id: str) -> list[str]:
    """Identities of the attachments that were deleted by themselves from the bytes it has."""
    found = connection.execute(
        select(documents.c.dropped_children).where(documents.c.id == document_id)
    ).scalar_one_or_none()
    return found or []


def parent_of(connection: Connection, document_id: str) -> str | None:
    """The document that this one is attached to, if it is attached to any."""
    found = connection.execute(select(documents.c.parent_id).where(documents.c.id == document_id))
    return found.scalar_one_or_none()
