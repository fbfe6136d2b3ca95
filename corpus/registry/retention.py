"""Which versions of a document are kept: the live one, the newest, and one to go back to."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from corpus.registry.loose_originals import note_loose
from corpus.registry.schema import documents, jobs, pages, versions


def remember_previous(connection: Connection, document_id: str, version: int) -> None:
    """Note the live version as the one to go back to, just before `version` takes its place.

    A version with the same bytes (a file that was read again) is no state to go back to.
    """
    live = connection.execute(
        select(versions.c.version, versions.c.content_sha256)
        .join(
            documents,
            (documents.c.id == versions.c.document_id)
            & (documents.c.live_version == versions.c.version),
        )
        .where(documents.c.id == document_id, versions.c.version < version)
    ).first()
    content = connection.execute(
        select(versions.c.content_sha256).where(
            versions.c.document_id == document_id, versions.c.version == version
        )
    ).scalar_one()
    if live is not None and live.content_sha256 != content:
        connection.execute(
            update(documents)
            .where(documents.c.id == document_id)
            .values(previous_version=live.version)
        )


def retire_versions(connection: Connection, document_id: str) -> set[str]:
    """Remove the rows of versions that nothing will ask for again; the sha256 of their originals.

    Kept are the live version, the newest one, and the one before the live one (for a rollback).
    For the transaction that makes a version live. The originals go after its commit, where nothing
    else refers to them (`corpus.deletion.drop_originals`); they are
    noted until then (loose_originals.py).
    """
    kept = connection.execute(
        select(documents.c.live_version, documents.c.version, documents.c.previous_version).where(
            documents.c.id == document_id
        )
    ).one()
    if kept.live_version is None:
        return set()
    retired = connection.execute(
        select(versions.c.version, versions.c.content_sha256).where(
            versions.c.document_id == document_id,
            versions.c.version < kept.version,
            versions.c.version.not_in([number for number in kept if number is not None]),
        )
    ).all()
    numbers = [row.version for row in retired]
    for table in (pages, jobs, versions):
        connection.execute(
            delete(table).where(table.c.document_id == document_id, table.c.version.in_(numbers))
        )
    contents = {row.content_sha256 for row in retired}
    note_loose(connection, contents)
    return contents
