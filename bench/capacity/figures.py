"""The figures that needs are computed from, in one place, each with its source.

Those that were measured are of `python -m bench.capacity.measure` on filings (10-K and the like,
5.3 chunks of up to 256 tokens a page) on two cores that others used too: take them as right to a
third. `python -m bench.capacity.measure FOLDER` gives yours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Bytes, and seconds of one core; `SOURCES` says where each is from."""

    chunks_per_page: float = 5.3
    ingestion_s_per_1000_pages: float = 176.0
    search_s: float = 0.020
    answer_s: float = 0.097
    registry_bytes_per_page: float = 5_000.0
    payload_bytes_per_chunk: float = 1_750.0
    sparse_bytes_per_chunk: float = 560.0
    payload_index_bytes_per_chunk: float = 380.0
    graph_bytes_per_chunk: float = 141.0
    vector_overhead: float = 1.5
    disk_headroom: float = 2.0
    busy_share: float = 0.6
    cores_per_worker: float = 2.0
    connections_per_api: int = 12
    connections_per_worker: int = 4
    database_connections: int = 97
    node_memory_bytes: float = 64 * 2**30
    embedded_chunks: int = 200_000
    listed_documents: int = 50_000
    counted_documents: int = 1_000_000
    binary_dimension: int = 1024


FIGURES = Figures()

SOURCES: Mapping[str, str] = {
    "chunks_per_page": "measured: 6 filings, 549 pages, 2,931 chunks",
    "ingestion_s_per_1000_pages": "measured: parsing, int8 embedding, indexing (33 s for chunks)",
    "search_s": "measured: POST /search, its embedding and the index's part on 2,931 chunks",
    "answer_s": "measured: POST /chat, extractive, the search in it",
    "registry_bytes_per_page": "measured in SQLite: text of pages, documents, versions",
    "payload_bytes_per_chunk": "measured: the node with its text as JSON, compressed by Qdrant",
    "sparse_bytes_per_chunk": "measured: BM25 vectors as they are stored; in memory about as much",
    "payload_index_bytes_per_chunk": "measured: seven payload indexes",
    "graph_bytes_per_chunk": "computed: HNSW, m = 16: 32 links of 4 bytes, and a tenth above",
    "vector_overhead": "Qdrant's documentation: vectors x dimension x 4 bytes x 1.5",
    "disk_headroom": "a segment that is optimised is written beside the old one",
    "busy_share": "chosen: beyond that, queues grow with every burst",
    "cores_per_worker": "how it was measured",
    "connections_per_api": "POOL_SIZE + POOL_OVERFLOW in corpus/registry/database/postgres.py",
    "connections_per_worker": "a worker uses three of its pool, and one to hear of work",
    "database_connections": "Postgres's max_connections of 100, less 3 for superusers",
    "node_memory_bytes": "chosen: a machine that is easily had",
    "embedded_chunks": "ADR 12: 178 ms for an unfiltered search of 100,000 on Edge, busy machine",
    "listed_documents": "MAX_LISTED_IDS in service/retrieval/document_conditions.py",
    "counted_documents": "a scan of a million rows of Postgres takes about a second",
    "binary_dimension": "Qdrant's documentation; .env.example",
}
