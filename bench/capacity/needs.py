"""What an installation of some size needs: arithmetic on `figures.py`. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench.capacity.figures import FIGURES, Figures

Quantization = Literal["none", "scalar", "binary"]

DAY_S = 86_400.0
_FLOAT_BYTES = 4
# Bytes of a quantised component: Qdrant's scalar quantisation is int8, its binary one a bit.
_QUANTIZED_BYTES = {"none": 0.0, "scalar": 1.0, "binary": 1 / 8}


@dataclass(frozen=True, slots=True)
class Load:
    """How much there is, and how much comes and is asked.

    `replication`: copies of each shard. `questions_per_s` are answered extractively, or by an LLM
    elsewhere, which costs no more here.
    """

    chunks: int
    questions_per_s: float = 1.0
    pages_per_day: float = 0.0
    pages_per_document: float = 30.0
    dimension: int = 384
    quantization: Quantization = "none"
    on_disk: bool = False
    replication: int = 1
    api_processes: int = 2


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes for the whole cluster (all copies), cores of a processor like that of `figures.py`."""

    pages: float
    documents: float
    index_memory_bytes: float
    index_disk_bytes: float
    registry_bytes: float
    registry_rows: float
    ingestion_cores: float
    question_cores: float
    worker_processes: int
    database_connections: int
    walls: tuple[str, ...]


def needs_of(load: Load, figures: Figures = FIGURES) -> Needs:
    """What the load needs."""
    pages = load.chunks / figures.chunks_per_page
    documents = pages / load.pages_per_document
    ingestion_s = load.pages_per_day / 1000 * figures.ingestion_s_per_1000_pages
    ingestion_cores = ingestion_s / DAY_S / figures.busy_share
    question_cores = load.questions_per_s * figures.answer_s / figures.busy_share
    workers = math.ceil(ingestion_cores / figures.cores_per_worker)
    connections = (
        load.api_processes * figures.connections_per_api + workers * figures.connections_per_worker
    )
    return Needs(
        pages=pages,
        documents=documents,
        index_memory_bytes=load.replication * load.chunks * memory_bytes_per_chunk(load, figures),
        index_disk_bytes=load.replication * load.chunks * disk_bytes_per_chunk(load, figures),
        registry_bytes=pages * figures.registry_bytes_per_page,
        registry_rows=pages + 2 * documents,
        ingestion_cores=ingestion_cores,
        question_cores=question_cores,
        worker_processes=workers,
        database_connections=connections,
        walls=tuple(_walls(load, figures, documents, connections)),
    )


def memory_bytes_per_chunk(load: Load, figures: Figures = FIGURES) -> float:
    """Of one copy: Qdrant's rule of 1.5 times the vectors in memory, the graph counted in it.

    With vectors on disk only the quantised ones and the graph stay in memory; without quantisation,
    the graph and what the system caches.
    """
    exact = load.dimension * _FLOAT_BYTES
    quantized = load.dimension * _QUANTIZED_BYTES[load.quantization]
    if load.on_disk:
        return (
            quantized * figures.vector_overhead
            + figures.graph_bytes_per_chunk
            + figures.payload_index_bytes_per_chunk
        )
    words = figures.sparse_bytes_per_chunk
    fixed = words + figures.payload_index_bytes_per_chunk
    return (exact + quantized) * figures.vector_overhead + fixed


def disk_bytes_per_chunk(load: Load, figures: Figures = FIGURES) -> float:
    """Of one copy; twice over, since a segment that is optimised is written beside the old one."""
    exact = load.dimension * _FLOAT_BYTES
    quantized = load.dimension * _QUANTIZED_BYTES[load.quantization]
    stored = (
        exact
        + quantized
        + figures.graph_bytes_per_chunk
        + figures.sparse_bytes_per_chunk
        + figures.payload_bytes_per_chunk
        + figures.payload_index_bytes_per_chunk
    )
    return stored * figures.disk_headroom


def _walls(load: Load, figures: Figures, documents: float, connections: int) -> Iterator[str]:
    """What is hit at this size, and what moves it."""
    if load.chunks > figures.embedded_chunks:
        yield "Qdrant Edge beside the server: QDRANT_URL, DATABASE_URL, BLOB_URL, workers apart"
    if documents > figures.listed_documents:
        yield (
            f"filters on metadata, and documents with an acl, in one collection: lists of at most "
            f"{figures.listed_documents:,} ids (ADR 12, 15); split into collections"
        )
    if connections > figures.database_connections:
        yield (
            f"Postgres connections: {connections} of {figures.database_connections}; raise "
            "max_connections, or pool by session (a pooler by transaction loses wake-ups, ADR 7)"
        )
    per_copy = load.chunks * memory_bytes_per_chunk(load, figures)
    if per_copy > figures.node_memory_bytes:
        shards = math.ceil(per_copy / figures.node_memory_bytes)
        yield (
            f"memory of one Qdrant node of {figures.node_memory_bytes / 2**30:.0f} GiB: "
            f"LECTERN_QDRANT_SHARDS={shards} or more before the first document, or "
            "LECTERN_QDRANT_QUANTIZATION and LECTERN_QDRANT_ON_DISK"
        )
    if load.quantization == "binary" and load.dimension < figures.binary_dimension:
        yield (
            f"quality: binary quantisation is for {figures.binary_dimension} dimensions and more; "
            "measure it, or take scalar"
        )
    if documents > figures.counted_documents:
        yield (
            "counts of documents (/metrics, GET /collections) and the hourly audit of originals "
            "read all versions: seconds of the database each time"
        )
