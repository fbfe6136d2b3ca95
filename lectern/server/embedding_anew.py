"""The nodes of an index embedded anew into another: what is parsed and cut stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from llama_index.core.schema import MetadataMode

from corpus.backup.making import Points
from corpus.embedding.open import OpenedEmbedding
from corpus.index.points import BATCH_POINTS, IndexPoint
from corpus.index.port import NodeStore
from corpus.index.selections import of_version
from corpus.registry.audit import live_versions
from corpus.registry.database.engine import Registry

PAGE_POINTS = 64

Versions = set[tuple[str, int]]


def embed_anew(
    registry: Registry,
    source: Points,
    target: NodeStore,
    embedding: OpenedEmbedding,
    on_page: Callable[[int], None],
) -> Counter[tuple[str, int]]:
    """Write what the target lacks of live versions; how many nodes of each it has then.

    The keys are (document id, version). Pages of the source, one at a time; `on_page` is told how
    many of its nodes were seen. What is deleted meanwhile is not in the target when this returns.
    """
    there: Counter[tuple[str, int]] = Counter()
    seen, after = 0, None
    while True:
        points, after = source.scroll(after, PAGE_POINTS)
        live = _live(registry, points)
        wanted = [one for one in points if version_of(one) in live]
        embedded = _embedded(target.lacking(wanted), embedding)
        for start in range(0, len(embedded), BATCH_POINTS):
            target.add_points(embedded[start : start + BATCH_POINTS])
        # Whoever deleted some of it since removed its nodes, perhaps before they were written.
        still = _live(registry, wanted)
        for document_id, version in live - still:
            target.delete_nodes(filters=of_version(document_id, version))
        there.update(found for one in wanted if (found := version_of(one)) in still)
        seen += len(points)
        on_page(seen)
        if after is None:
            return there


def version_of(point: IndexPoint) -> tuple[str, int]:
    """The document's id and the version that the node is of."""
    return str(point.payload.get("document_id")), int(point.payload.get("version", 0))


def _live(registry: Registry, points: Iterable[IndexPoint]) -> Versions:
    """Those of the points' versions that answer now."""
    asked = {version_of(one) for one in points}
    with registry.read() as connection:
        return asked & live_versions(connection, {document_id for document_id, _ in asked}).items()


def _embedded(points: list[IndexPoint], embedding: OpenedEmbedding) -> list[IndexPoint]:
    if not points:
        return []
    texts = [point.node().get_content(metadata_mode=MetadataMode.EMBED) for point in points]
    vectors = embedding.model.get_text_embedding_batch(texts)
    return [
        replace(point, dense=np.asarray(vector, dtype="<f4").tobytes())
        for point, vector in zip(points, vectors, strict=True)
    ]
