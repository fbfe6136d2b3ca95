"""The messages between a gateway and the index's owner: JSON, and raw float32 behind it.

A request is {"op", ...}; the reply is {"ok": value} or {"error": {"code", "detail", "hint"}}. In
bytes: the JSON's length (four bytes, big-endian), the JSON, and for the request "add" and the
replies to "stored_embeddings" and "scroll" the dense vectors one after the other. Nothing is
pickled: the sender may have read hostile files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.vector_stores.types import MetadataFilters

from corpus.errors import IndexUnavailable, LecternError
from corpus.index.points import IndexPoint, StoredEmbedding

Message = dict[str, Any]

_LENGTH_BYTES = 4


def encode(message: Message, dense: bytes = b"") -> bytes:
    """The message in bytes."""
    text = json.dumps(message).encode()
    return len(text).to_bytes(_LENGTH_BYTES) + text + dense


def decode(data: bytes) -> tuple[Message, bytes]:
    """The message and the vectors behind it; `IndexUnavailable` when the bytes are none."""
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES])
    try:
        message = json.loads(data[_LENGTH_BYTES:end])
    except ValueError as error:
        raise IndexUnavailable("The index received a message it cannot read.") from error
    if not isinstance(message, dict):
        raise IndexUnavailable("The index received a message it cannot read.")
    return message, data[end:]


def encode_points(points: Sequence[IndexPoint]) -> bytes:
    """The request "add"."""
    rows = [[p.id, len(p.dense), p.sparse_indices, p.sparse_values, p.payload] for p in points]
    return encode({"op": "add", "points": rows}, b"".join(point.dense for point in points))


def decode_points(message: Message, dense: bytes) -> list[IndexPoint]:
    """The points of an "add". `IndexUnavailable` when the vectors do not fit them."""
    points = []
    start = 0
    for point_id, size_bytes, indices, values, payload in message["points"]:
        vector = dense[start : start + size_bytes]
        points.append(IndexPoint(point_id, vector, indices, values, payload))
        start += size_bytes
    if start != len(dense):
        raise IndexUnavailable("The index received vectors that do not fit their points.")
    return points


def encode_page(points: Sequence[IndexPoint], following: str | None) -> bytes:
    """The reply to "scroll"."""
    rows = [[p.id, len(p.dense), p.sparse_indices, p.sparse_values, p.payload] for p in points]
    dense = b"".join(point.dense for point in points)
    return encode({"ok": {"points": rows, "following": following}}, dense)


def encode_stored(found: Mapping[str, StoredEmbedding]) -> bytes:
    """The reply to "stored_embeddings"."""
    rows = [[node_id, one.embed_sha, len(one.dense)] for node_id, one in found.items()]
    return encode({"ok": rows}, b"".join(one.dense for one in found.values()))


def decode_stored(rows: Sequence[tuple[str, str, int]], dense: bytes) -> dict[str, StoredEmbedding]:
    """What "stored_embeddings" was answered. `IndexUnavailable` when the vectors do not fit."""
    found = {}
    start = 0
    for node_id, embed_sha, size_bytes in rows:
        found[node_id] = StoredEmbedding(embed_sha, dense[start : start + size_bytes])
        start += size_bytes
    if start != len(dense):
        raise IndexUnavailable("The index answered with vectors that do not fit their nodes.")
    return found


def encode_filters(filters: MetadataFilters | None) -> Message | None:
    """Filters as JSON can hold them."""
    return None if filters is None else filters.model_dump(mode="json")


def decode_filters(message: Message | None) -> MetadataFilters | None:
    """The filters again, nested as they were."""
    return None if message is None else MetadataFilters.model_validate(message)


def encode_error(error: LecternError) -> bytes:
    """The reply that makes the other side raise the same error."""
    body = {"code": error.code, "detail": error.detail, "hint": error.hint}
    return encode({"error": body})


def value_or_raise(reply: Message) -> Any:  # noqa: ANN401  (whatever JSON the operation returns)
    """The value of a reply, or its error as the class that has its code."""
    if "error" not in reply:
        return reply["ok"]
    body = reply["error"]
    kind = _classes_by_code().get(body["code"], LecternError)
    raise kind(body["detail"], hint=body["hint"])


def _classes_by_code() -> dict[str, type[LecternError]]:
    found: dict[str, type[LecternError]] = {}
    waiting: list[type[LecternError]] = [LecternError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind
        waiting += kind.__subclasses__()
    return found
