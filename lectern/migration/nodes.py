"""Copying nodes with their vectors to a Qdrant server: nothing is embedded again."""

from __future__ import annotations

import random
from collections.abc import Callable

from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryResult

from corpus.errors import IndexUnavailable, Misconfigured
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.points import IndexPoint
from corpus.index.server.store import BATCH_POINTS, ServerVectorStore
from corpus.reconciliation import survey_nodes
from corpus.registry.database.engine import Registry

PAGE_POINTS = 256
SAMPLED_QUERIES = 25
TOP_K = 10
# A graph finds nearly all of the nearest, an index in one piece all of them.
MIN_AGREEMENT = 0.9
SAME_COSINE = 1e-5  # float32, added up in another order


def require_sound(registry: Registry, source: EdgeVectorStore) -> None:
    """Raise `Misconfigured` unless the folder's index is what its registry tells of.

    It is not once the registry was used with another index: what was deleted since would come back.
    """
    found = survey_nodes(registry, source)
    if found.unknown or found.differing:
        count = len(found.unknown) + len(found.differing)
        raise Misconfigured(
            f"The folder's index and its registry differ in {count} documents.",
            hint="If the folder was served with QDRANT_URL before, its nodes are on that server. "
            "If not: `lectern serve` without it mends the index.",
        )


def require_own_nodes(source: EdgeVectorStore, target: ServerVectorStore) -> None:
    """Raise `Misconfigured` unless all that the target has came from the source."""
    for node_ids in target.node_ids():
        foreign = len(node_ids) - len(source.stored_embeddings(node_ids, with_vectors=False))
        if foreign:
            raise Misconfigured(
                f"The Qdrant collection {target.name} has nodes that are not in this folder.",
                hint="Migrate to a server where this collection is missing or empty; "
                "delete it there if nobody needs it.",
            )


def copy_nodes(
    source: EdgeVectorStore, target: ServerVectorStore, told: Callable[[int], None]
) -> int:
    """Copy what the target lacks, and what it has otherwise; how many nodes that were.

    `told` hears how many nodes were looked at so far. Raises `IndexUnavailable`; the same call
    again goes on.
    """
    copied = seen = 0
    for points in source.points(PAGE_POINTS):
        missing = target.lacking(points)
        for start in range(0, len(missing), BATCH_POINTS):
            target.add_points(missing[start : start + BATCH_POINTS])
        copied += len(missing)
        seen += len(points)
        told(seen)
    return copied


def check_nodes(source: EdgeVectorStore, target: ServerVectorStore) -> float:
    """The share of the nearest nodes that both find for the same vectors, in [0, 1].

    Raises `IndexUnavailable` when a document has not as many nodes, or the share is too small.
    """
    if source.document_counts() != target.document_counts():
        raise IndexUnavailable(
            "The Qdrant server does not have as many nodes of each document as the folder.",
            hint="Run the same command again.",
        )
    wanted = found = 0
    for query in _sampled_queries(source):
        ours, theirs = source.query(query), target.query(query)
        wanted += len(ours.ids or [])
        found += _found_again(ours, theirs)
    agreement = found / wanted if wanted else 1.0
    if agreement < MIN_AGREEMENT:
        raise IndexUnavailable(
            f"The Qdrant server finds only {agreement:.0%} of the nearest that the folder finds.",
            hint="It may still be indexing: run the same command again in a while.",
        )
    return agreement


def _found_again(ours: VectorStoreQueryResult, theirs: VectorStoreQueryResult) -> int:
    """How many of our hits are among theirs, or no nearer than the last of theirs."""
    there = set(theirs.ids or [])
    last = min(theirs.similarities or [1.0]) + SAME_COSINE
    scored = zip(ours.ids or [], ours.similarities or [], strict=True)
    return sum(node_id in there or score <= last for node_id, score in scored)


def _sampled_queries(source: EdgeVectorStore) -> list[VectorStoreQuery]:
    """Questions at random places: the vectors of nodes."""
    chosen: list[IndexPoint] = []
    seen = 0
    chance = random.Random(0)  # noqa: S311  the same places each time
    for points in source.points(PAGE_POINTS):
        for point in points:
            seen += 1
            if len(chosen) < SAMPLED_QUERIES:
                chosen.append(point)
            elif (place := chance.randrange(seen)) < SAMPLED_QUERIES:
                chosen[place] = point
    return [
        VectorStoreQuery(query_embedding=point.embedding(), similarity_top_k=TOP_K)
        for point in chosen
    ]
