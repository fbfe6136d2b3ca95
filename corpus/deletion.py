"""Deleting a document for good: hidden first, then removed everywhere, then verified."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from llama_index.core.vector_stores.types import MetadataFilters

from corpus.access import UNRESTRICTED, Reader
from corpus.errors import CollectionBusy, DocumentNotFound
from corpus.index.selections import of_document
from corpus.originals.port import OriginalStore
from corpus.registry.collections import documents_in, drop_collection
from corpus.registry.database.engine import Registry
from corpus.registry.deletions import buried, bury, forget, is_referenced
from corpus.registry.locks import lock_contents
from corpus.registry.loose_originals import strike_loose


class NodeRemover(Protocol):
    """The part of a node store that deletion needs."""

    def delete_nodes(self, *, filters: MetadataFilters) -> None:
        """Remove what matches."""
        ...

    def count(self, filters: MetadataFilters | None) -> int:
        """How many nodes match."""
        ...


# A deletion takes seconds; one that is older was interrupted.
DELETION_S = 60.0
# Uploads may come in between: what they brought is deleted too, so many times.
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class DeletionReceipt:
    """`points_removed` nodes left the index; `verified`: none was found afterwards.

    Both count those of the `children_deleted` documents that were attached to it.
    """

    document_id: str
    points_removed: int
    verified: bool
    children_deleted: int = 0


@dataclass(frozen=True, slots=True)
class CollectionReceipt:
    """`documents_deleted` with all attached to them, and `points_removed` of the index.

    `verified`: none of their nodes was found afterwards.
    """

    name: str
    documents_deleted: int = 0
    points_removed: int = 0
    verified: bool = True

    def with_one(self, receipt: DeletionReceipt) -> CollectionReceipt:
        """With one more document of it deleted."""
        return CollectionReceipt(
            self.name,
            self.documents_deleted + 1 + receipt.children_deleted,
            self.points_removed + receipt.points_removed,
            self.verified and receipt.verified,
        )


def delete_collection(
    registry: Registry, originals: OriginalStore, store: NodeRemover, name: str
) -> CollectionReceipt:
    """Delete a collection with its documents and conversations.

    Interrupted, what is deleted stays deleted, and the same call again goes on. Raises
    `CollectionNotFound`, and `CollectionBusy` while others keep uploading to it.
    """
    receipt = CollectionReceipt(name)
    for _ in range(_ROUNDS):
        with registry.read() as connection:
            document_ids = documents_in(connection, name)
        for document_id in document_ids:
            with suppress(DocumentNotFound):  # others delete too
                receipt = receipt.with_one(
                    delete_document(registry, originals, store, document_id, UNRESTRICTED)
                )
        with registry.write() as connection:
            if drop_collection(connection, name):
                return receipt
    raise CollectionBusy(f"Documents keep coming into {name!r}.")


def delete_document(
    registry: Registry,
    originals: OriginalStore,
    store: NodeRemover,
    document_id: str,
    reader: Reader,
) -> DeletionReceipt:
    """Delete a live document with all attached to it; `DocumentNotFound` when there is none.

    No answer uses it from the first commit on, whatever happens to this process afterwards;
    `finish_deletions` ends at the next start what a crash left.
    """
    with registry.write() as connection:
        family = bury(connection, document_id, reader)
    # What is attached first: a document that deletion is asked of again must still know its own.
    receipts = [remove_buried(registry, originals, store, one) for one in reversed(family)]
    return DeletionReceipt(
        document_id,
        points_removed=sum(receipt.points_removed for receipt in receipts),
        verified=all(receipt.verified for receipt in receipts),
        children_deleted=len(family) - 1,
    )


def finish_deletions(
    registry: Registry, originals: OriginalStore, store: NodeRemover, *, for_s: float = 0.0
) -> int:
    """End the deletions that a crash interrupted; how many there were.

    Those that began less than `for_s` seconds ago are left to whoever is at them.
    """
    with registry.read() as connection:
        unfinished = buried(connection, for_s=for_s)
    for document_id in unfinished:
        remove_buried(registry, originals, store, document_id)
    return len(unfinished)


def drop_originals(
    registry: Registry, originals: OriginalStore, contents: Collection[str]
) -> list[str]:
    """Remove these originals where no version of any document refers to them; those removed.

    One transaction each, so that uploads wait no longer than for one.
    """
    dropped = []
    for content_sha256 in sorted(contents):
        with registry.write() as connection:
            lock_contents(connection, [content_sha256])
            if not is_referenced(connection, content_sha256):
                originals.delete(content_sha256)
                dropped.append(content_sha256)
            strike_loose(connection, [content_sha256])
    return dropped


def remove_buried(
    registry: Registry, originals: OriginalStore, store: NodeRemover, document_id: str
) -> DeletionReceipt:
    """Remove one document that the registry has hidden, from everywhere; harmless a second time."""
    nodes = of_document(document_id)
    points = store.count(nodes)
    store.delete_nodes(filters=nodes)
    left = store.count(nodes)
    with registry.write() as connection:
        for content_sha256 in forget(connection, document_id):
            # Inside the transaction: an upload of the same bytes waits for it, then keeps its
            # own copy.
            originals.delete(content_sha256)
    return DeletionReceipt(document_id, points - left, verified=left == 0)
