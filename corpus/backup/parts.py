"""What the members are named, and rows and points as their bytes. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from corpus.errors import BackupUnusable
from corpus.index.points import IndexPoint

ROWS_BYTES = 4 << 20  # of one member, about; pages of text make most of it
POINTS = 512  # of one member: about 0.8 MB of vectors, and as much again of text

ORIGINALS = "originals"
REGISTRY = "registry"
VECTORS = "vectors"
_JSON, _FLOATS = ".jsonl", ".f32"


def original_name(content_sha256: str) -> str:
    """By the hash alone: the name it had when it was uploaded is in the registry."""
    return f"{ORIGINALS}/{content_sha256[:2]}/{content_sha256}"


def rows_name(table: str, part: int) -> str:
    """Part 1, 2, ... of a table."""
    return f"{REGISTRY}/{table}.{part:06d}{_JSON}"


def table_of(name: str) -> str:
    """The table that a member of the registry is of."""
    return name.removeprefix(f"{REGISTRY}/").partition(".")[0]


def points_names(part: int) -> tuple[str, str]:
    """Of the points of a part: what is known of them, and their embeddings."""
    return f"{VECTORS}/{part:06d}{_JSON}", f"{VECTORS}/{part:06d}{_FLOATS}"


def is_floats(name: str) -> bool:
    """Whether this is the second of the two."""
    return name.endswith(_FLOATS)


def in_parts(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, bytes]]:
    """How many rows, and their lines of JSON: parts of about `ROWS_BYTES`."""
    lines: list[bytes] = []
    size_bytes = 0
    for row in rows:
        lines.append(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        size_bytes += len(lines[-1])
        if size_bytes >= ROWS_BYTES:
            yield len(lines), b"".join(lines)
            lines, size_bytes = [], 0
    if lines:
        yield len(lines), b"".join(lines)


def rows_in(data: bytes) -> list[dict[str, Any]]:
    """The rows of a part."""
    return [json.loads(line) for line in data.splitlines()]


def encoded_points(points: Sequence[IndexPoint]) -> tuple[bytes, bytes]:
    """The two members of a part: lines of JSON, and little-endian float32, one point a line."""
    lines = (
        {
            "id": point.id,
            "words": [point.sparse_indices, point.sparse_values],
            "payload": point.payload,
        }
        for point in points
    )
    described = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return described, b"".join(point.dense for point in points)


def points_in(described: bytes, floats: bytes) -> list[IndexPoint]:
    """The points of a part. `BackupUnusable` when the embeddings do not fit them."""
    rows = rows_in(described)
    size_bytes = len(floats) // max(1, len(rows))
    if size_bytes * len(rows) != len(floats):
        raise BackupUnusable("The backup has embeddings that do not fit their passages.")
    return [
        IndexPoint(
            id=row["id"],
            dense=floats[place * size_bytes : (place + 1) * size_bytes],
            sparse_indices=row["words"][0],
            sparse_values=row["words"][1],
            payload=row["payload"],
        )
        for place, row in enumerate(rows)
    ]
