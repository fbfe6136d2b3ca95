"""Opening a Qdrant Edge shard, and its errors in our words.

The engine raises bare `Exception` for whatever goes wrong inside it, and tells causes apart only
in the message (qdrant-edge-py 0.9).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    KeywordIndexParams,
    Modifier,
    PayloadSchemaType,
    UpdateOperation,
)

from corpus.errors import DataDirInUse, EmbeddingMismatch, IndexUnavailable
from corpus.index.layout import DENSE_VECTOR, PAYLOAD_INDEXES, SPARSE_VECTOR, TENANT_FIELD

_SCHEMAS = {
    "keyword": PayloadSchemaType.Keyword,
    "integer": PayloadSchemaType.Integer,
    "datetime": PayloadSchemaType.Datetime,
}


def open_shard(path: Path, dimension: int, *, holder: Path | None = None) -> EdgeShard:
    """Load the shard in `path`, or create it there, with its payload indexes.

    Raises `DataDirInUse` when it is open already, here or in another process, `EmbeddingMismatch`
    when it was made for another dimension, `IndexUnavailable` when it cannot be read. The file
    `holder` names this process to those that come too late.
    """
    config = EdgeConfig(
        vectors={DENSE_VECTOR: EdgeVectorParams(size=dimension, distance=Distance.Cosine)},
        sparse_vectors={SPARSE_VECTOR: EdgeSparseVectorParams(modifier=Modifier.Idf)},
    )
    path.mkdir(parents=True, exist_ok=True)
    with _opening(path, holder, dimension):
        exists = any((path / "segments").glob("*"))
        shard = (EdgeShard.load if exists else EdgeShard.create)(str(path), config)
        _create_payload_indexes(shard)
    if holder is not None:
        holder.write_text(f"{os.getpid()}\n")
    return shard


@contextmanager
def engine_errors() -> Iterator[None]:
    """Raise `IndexUnavailable` for an error of the engine; leave Python's own errors alone."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise IndexUnavailable(f"The node index failed: {error}.") from error


def _create_payload_indexes(shard: EdgeShard) -> None:
    present = shard.info().payload_schema
    for field, kind in PAYLOAD_INDEXES.items():
        if field in present:
            continue
        schema = KeywordIndexParams(is_tenant=True) if field == TENANT_FIELD else _SCHEMAS[kind]
        shard.update(UpdateOperation.create_field_index(field, schema))


@contextmanager
def _opening(path: Path, holder: Path | None, dimension: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        message = str(error)
        if type(error) is not Exception:
            raise
        if "WouldBlock" in message:
            raise _in_use(path, holder) from error
        if "expected vector size" in message:
            raise EmbeddingMismatch(
                f"The index in {path} was not made for embeddings of {dimension} dimensions.",
                hint="Set LECTERN_EMBEDDING back to the model the index was made with, "
                "or use another LECTERN_DATA_DIR.",
            ) from error
        raise IndexUnavailable(f"The index in {path} cannot be opened: {message}.") from error


def _in_use(path: Path, holder: Path | None) -> DataDirInUse:
    try:
        who = f"process {int(holder.read_text())}" if holder is not None else "this process"
    except (OSError, ValueError):
        who = "another process"
    return DataDirInUse(
        f"The index in {path} is open in {who}; only one process can have it.",
        hint="Stop that process or talk to it over HTTP, or set another LECTERN_DATA_DIR.",
    )
