"""Going back one step: the bytes that answered before become the next version."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from corpus.access import Reader
from corpus.errors import NothingToRollBack, StorageUnavailable
from corpus.registry.documents import find_document
from corpus.registry.locks import lock_contents, lock_document
from corpus.registry.new_versions import Content
from corpus.registry.schema import documents, versions
from corpus.registry.uploads import Acceptance, accept_replacement


def roll_back(connection: Connection, document_id: str, reader: Reader) -> Acceptance:
    """Queue what the document was before its newest version as the version after that.

    While the newest version answers, that is what answered before it; so a second rollback undoes
    the first. While it does not (it failed, waits or is worked on), that is what answers now, and
    the newest version is given up: a job of its is dropped, whoever works at it stops. The live
    version answers until the new one is complete, and version numbers are never used twice.

    `duplicate` when the newest version has those bytes already: it is queued again if it failed,
    and else left alone. Raises `DocumentNotFound`; `NothingToRollBack` when nothing answered
    before; `DuplicateContent` when another document is known by those bytes by now;
    `StorageUnavailable` when somebody else changes the document at this moment.
    """
    target = _target(connection, document_id, reader)
    # In this order: see locks.py. Until both are held, others may change what was read.
    lock_contents(connection, [target.sha256])
    lock_document(connection, document_id)
    if _target(connection, document_id, reader) != target:
        raise StorageUnavailable("The document was being changed by somebody else.")
    content = Content(target.sha256, target.size_bytes, target.media_type)
    return accept_replacement(connection, document_id, target.filename, content, reader)


@dataclass(frozen=True, slots=True)
class _Target:
    filename: str
    sha256: str
    size_bytes: int
    media_type: str


def _target(connection: Connection, document_id: str, reader: Reader) -> _Target:
    """The file to go back to."""
    document = find_document(connection, document_id, reader)
    version = document.live_version
    if version == document.version:
        version = connection.execute(
            select(documents.c.previous_version).where(documents.c.id == document_id)
        ).scalar_one()
    found = connection.execute(
        select(
            versions.c.filename,
            versions.c.content_sha256,
            versions.c.size_bytes,
            versions.c.media_type,
        ).where(versions.c.document_id == document_id, versions.c.version == version)
    ).first()
    if found is None:
        raise NothingToRollBack(f"{document.filename} has no state from before to go back to.")
    return _Target(*found)
