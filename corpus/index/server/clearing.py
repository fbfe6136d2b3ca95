"""Removing what is ours from a collection that is not the registry's any more."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing

from qdrant_client.http.models import FilterSelector

from corpus.index.server.collection import PREFIX, delete_points
from corpus.index.server.connection import ServerAddress, connect, server_errors
from corpus.index.server.filters import server_filter

DOCUMENTS_AT_ONCE = 200


def clear_collection(
    address: ServerAddress, fingerprint_short: str, document_ids: Collection[str], *, owner: str
) -> None:
    """Remove the nodes of these documents; harmless where the `owner` has no such collection."""
    ids = sorted(document_ids)
    with closing(connect(address)) as client, server_errors():
        for start in range(0, len(ids), DOCUMENTS_AT_ONCE):
            theirs = server_filter(document_ids=ids[start : start + DOCUMENTS_AT_ONCE])
            if theirs is not None:
                selector = FilterSelector(filter=theirs)
                delete_points(client, f"{PREFIX}{fingerprint_short}", selector, owner=owner)
