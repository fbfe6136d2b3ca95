"""A Qdrant server for tests: the client's local mode behind the REST calls that Lectern makes.

Bodies are read by the client's own models, answers come in Qdrant's envelope, errors in its shape.
What local mode has no use for (payload indexes, shards, replicas, quantisation) is remembered and
told by `GET /collections/{name}`. Filters on fields without an index are refused, as Qdrant Cloud
refuses them, unless it `is_strict` no more. Everything is in memory only. As a process of its own:
`python -m tests.doubles.qdrant_over_http --port 6333 [--api-key KEY]`.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client import QdrantClient
from qdrant_client.http import models

from corpus.index.server.collection import OWNER
from tests.doubles.serving import Handler, Serving
from tests.doubles.strict_mode import unindexed

VERSION = "1.20.0"
MAX_CALLS = 20_000

_INSERT: TypeAdapter[Any] = TypeAdapter(models.PointInsertOperations)
_SELECT: TypeAdapter[Any] = TypeAdapter(models.PointsSelector)


@dataclass(frozen=True)
class Call:
    """One request as it came: `route` has `{name}` for the collection."""

    method: str
    route: str
    collection: str | None
    parameters: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Refusal:
    """What to answer instead; no status drops the connection."""

    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = "Service unavailable"


class _RefusedError(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class QdrantOverHttp(Serving):
    """Serves on loopback inside a `with`; `calls` has the newest requests, oldest first."""

    def __init__(
        self, port: int = 0, api_key: str | None = None, *, is_strict: bool = True
    ) -> None:
        self.api_key = api_key
        self.is_strict = is_strict
        self.calls: deque[Call] = deque(maxlen=MAX_CALLS)
        self.created: dict[str, models.CreateCollection] = {}
        self.indexes: dict[str, dict[str, models.PayloadIndexInfo]] = {}
        self.version = VERSION
        self.forbidden: set[str] = set()  # paths that the key has no right to
        self.peers = 0  # of the cluster; 0: there is none
        self.update_status = models.UpdateStatus.COMPLETED  # what is said of each change
        self.local = QdrantClient(":memory:")
        # Local mode is made for one thread.
        self.turn = threading.RLock()
        self._refusals: deque[Refusal] = deque()
        super().__init__(_Handler, port=port)

    @property
    def url(self) -> str:
        return self.root_url

    def refuse(self, *refusals: Refusal) -> None:
        """Answer the next requests so, one each; nothing of them is carried out."""
        with self.turn:
            self._refusals.extend(refusals)

    def counted(self) -> Counter[tuple[str, str]]:
        """How often each (method, route) was asked for."""
        with self.turn:
            return Counter((call.method, call.route) for call in self.calls)

    def owner(self, name: str) -> str | None:
        """Whose the collection is, by its mark."""
        with self.turn:
            return (self.local.get_collection(name).config.metadata or {}).get(OWNER)

    def next_refusal(self) -> Refusal | None:
        with self.turn:
            return self._refusals.popleft() if self._refusals else None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self.local.close()

    def answer(self, method: str, path: str, parameters: Mapping[str, str], body: bytes) -> object:
        """The result of a request; raises `_RefusedError` as the server would refuse it."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        name = parts[1] if parts[0] == "collections" and len(parts) > 1 else None
        route = path if name is None else "/".join(["", "collections", "{name}", *parts[2:]])
        with self.turn:
            shown = json.loads(body) if body else None
            self.calls.append(Call(method, route, name, parameters, shown))
            if route in self.forbidden:
                raise _RefusedError(403, "Forbidden: Global access is required")
            work = _ROUTES.get((method, route))
            if work is None:
                raise _RefusedError(404, "")
            if name is not None and (method, route) not in _WITHOUT_COLLECTION:
                self._require(name)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what has no effect here is why it is remembered
                return work(self, name or "", body)

    def require_indexed(self, name: str, condition: object) -> None:
        """Refuse a filter as strict mode does."""
        found = unindexed(condition, self.indexes[name]) if self.is_strict else None
        if found is not None:
            field, kinds = found
            raise _RefusedError(
                400,
                f'Bad request: Index required but not found for "{field}" of one of the following '
                f"types: [{', '.join(kinds)}]. Help: Create an index for this key or use a "
                "different filter.",
            )

    def _require(self, name: str) -> None:
        if name not in self.created:
            raise _RefusedError(404, f"Not found: Collection `{name}` doesn't exist!")


def _root(double: QdrantOverHttp, name: str, body: bytes) -> object:
    return {"title": "qdrant - vector search engine", "version": double.version}


def _cluster(double: QdrantOverHttp, name: str, body: bytes) -> object:
    if not double.peers:
        return models.ClusterStatusOneOf(status="disabled")
    working = models.ConsensusThreadStatusOneOf(
        consensus_thread_status="working", last_update=datetime.now(UTC)
    )
    uris = {str(number): f"http://qdrant-{number}:6335/" for number in range(double.peers)}
    return models.ClusterStatusOneOf1(
        status="enabled",
        peer_id=0,
        peers={number: models.PeerInfo(uri=uri) for number, uri in uris.items()},
        raft_info=models.RaftInfo(
            term=1, commit=1, pending_operations=0, leader=0, role="Leader", is_voter=True
        ),
        consensus_thread_status=working,
        message_send_failures={},
    )


def _collections(double: QdrantOverHttp, name: str, body: bytes) -> object:
    return {"collections": [{"name": one} for one in double.created]}


def _exists(double: QdrantOverHttp, name: str, body: bytes) -> object:
    return {"exists": name in double.created}


def _create(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.CreateCollection.model_validate_json(body)
    if name in double.created:
        raise _RefusedError(409, f"Wrong input: Collection `{name}` already exists!")
    double.local.create_collection(
        name,
        vectors_config=asked.vectors,
        sparse_vectors_config=asked.sparse_vectors,
        metadata=asked.metadata,
    )
    double.created[name] = asked
    double.indexes[name] = {}
    return True


def _update(double: QdrantOverHttp, name: str, body: bytes) -> object:
    """Metadata is all that we change."""
    asked = models.UpdateCollection.model_validate_json(body)
    return double.local.update_collection(name, metadata=asked.metadata)


def _drop(double: QdrantOverHttp, name: str, body: bytes) -> object:
    double.created.pop(name, None)
    double.indexes.pop(name, None)
    return double.local.delete_collection(name)


def _describe(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = double.created[name]
    info = double.local.get_collection(name)
    params = info.config.params
    params.shard_number = asked.shard_number or 1
    params.replication_factor = asked.replication_factor or 1
    params.write_consistency_factor = asked.write_consistency_factor or 1
    params.on_disk_payload = True if asked.on_disk_payload is None else asked.on_disk_payload
    info.config.quantization_config = asked.quantization_config
    info.payload_schema = double.indexes[name]
    return info


def _index(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.CreateFieldIndex.model_validate_json(body)
    schema = asked.field_schema
    if schema is None:
        raise _RefusedError(400, "Bad request: the field's type is needed")
    is_plain = isinstance(schema, models.PayloadSchemaType)
    kind = schema if is_plain else models.PayloadSchemaType(schema.type.value)  # type: ignore[union-attr]
    double.indexes[name][asked.field_name] = models.PayloadIndexInfo(
        data_type=kind, params=None if is_plain else schema, points=0
    )
    return _done(double)


def _upsert(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = _INSERT.validate_json(body)
    points = asked.points if isinstance(asked, models.PointsList) else asked.batch
    double.local.upsert(name, points)
    return _done(double)


def _delete(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = _SELECT.validate_json(body)
    if isinstance(asked, models.FilterSelector):
        double.require_indexed(name, asked.filter)
    double.local.delete(name, asked)
    return _done(double)


def _retrieve(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.PointRequest.model_validate_json(body)
    payload = True if asked.with_payload is None else asked.with_payload
    return double.local.retrieve(name, asked.ids, payload, asked.with_vector or False)


def _scroll(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.ScrollRequest.model_validate_json(body)
    double.require_indexed(name, asked.filter)
    records, offset = double.local.scroll(
        name,
        asked.filter,
        limit=asked.limit or 10,
        order_by=asked.order_by,
        offset=asked.offset,
        with_payload=True if asked.with_payload is None else asked.with_payload,
        with_vectors=asked.with_vector or False,
    )
    return {"points": records, "next_page_offset": offset}


def _count(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.CountRequest.model_validate_json(body)
    double.require_indexed(name, asked.filter)
    found = double.local.count(name, asked.filter)
    if not asked.exact:  # points that are being moved may count twice
        found.count *= 2
    return found


def _facet(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.FacetRequest.model_validate_json(body)
    if asked.key not in double.indexes[name]:
        raise _RefusedError(
            400, f'Bad request: Index required but not found for "{asked.key}": [keyword].'
        )
    double.require_indexed(name, asked.filter)
    found = double.local.facet(name, asked.key, asked.filter, asked.limit or 10)
    if not asked.exact:  # points that are being moved may count twice
        found.hits = [models.FacetValueHit(value=it.value, count=2 * it.count) for it in found.hits]
    return found


def _query(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.QueryRequest.model_validate_json(body)
    return _found(double, name, [asked])[0]


def _query_batch(double: QdrantOverHttp, name: str, body: bytes) -> object:
    asked = models.QueryRequestBatch.model_validate_json(body)
    return _found(double, name, asked.searches)


def _found(
    double: QdrantOverHttp, name: str, searches: list[models.QueryRequest]
) -> list[models.QueryResponse]:
    for search in searches:
        double.require_indexed(name, search.filter)
        idf = search.params.idf if search.params is not None else None
        if isinstance(idf, models.IdfCorpusParams):
            double.require_indexed(name, idf.corpus)
    return double.local.query_batch_points(name, searches)


def _done(double: QdrantOverHttp) -> object:
    return models.UpdateResult(operation_id=0, status=double.update_status)


_OF = "/collections/{name}"
_ROUTES: Mapping[tuple[str, str], Callable[[QdrantOverHttp, str, bytes], object]] = {
    ("GET", "/"): _root,
    ("GET", "/cluster"): _cluster,
    ("GET", "/collections"): _collections,
    ("GET", f"{_OF}/exists"): _exists,
    ("GET", _OF): _describe,
    ("PUT", _OF): _create,
    ("PATCH", _OF): _update,
    ("DELETE", _OF): _drop,
    ("PUT", f"{_OF}/index"): _index,
    ("PUT", f"{_OF}/points"): _upsert,
    ("POST", f"{_OF}/points"): _retrieve,
    ("POST", f"{_OF}/points/delete"): _delete,
    ("POST", f"{_OF}/points/scroll"): _scroll,
    ("POST", f"{_OF}/points/count"): _count,
    ("POST", f"{_OF}/points/query"): _query,
    ("POST", f"{_OF}/points/query/batch"): _query_batch,
    ("POST", f"{_OF}/facet"): _facet,
}
_WITHOUT_COLLECTION = {("GET", f"{_OF}/exists"), ("PUT", _OF), ("DELETE", _OF)}


class _Handler(Handler):
    double: QdrantOverHttp
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body of each reply waits for the client's reader
    timeout: ClassVar[float] = 60.0

    def answer(self) -> None:
        double, body = self.double, self.body()
        refusal = double.next_refusal()
        if refusal is not None:
            if not refusal.status:
                self.close_connection = True
                return
            self.reply(refusal.status, _error(refusal.error), headers=refusal.headers)
            return
        if double.api_key is not None and self.headers.get("api-key") != double.api_key:
            self.reply(401, b"Must provide an API key or an Authorization bearer token")
            return
        begun_s = time.perf_counter()
        url = urlsplit(self.path)
        try:
            result = double.answer(self.command, url.path, dict(parse_qsl(url.query)), body)
        except _RefusedError as refused:
            self.reply(refused.status, _error(str(refused)) if str(refused) else b"")
        except (ValidationError, json.JSONDecodeError) as error:
            self.reply(400, _error(f"Format error in JSON body: {error}"))
        except ValueError as error:
            self.reply(400, _error(f"Wrong input: {error}"))
        else:
            said = {"result": result, "status": "ok", "time": time.perf_counter() - begun_s}
            shown = said if url.path != "/" else result
            self.reply(200, json.dumps(shown, default=_shown).encode())


def _error(said: str) -> bytes:
    return json.dumps({"status": {"error": said}, "time": 0.0}).encode()


def _shown(value: object) -> object:
    assert isinstance(value, BaseModel), value
    return value.model_dump(mode="json", exclude_none=True)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key")
    given = parser.parse_args()
    with QdrantOverHttp(given.port, given.api_key) as double:
        print(double.url, flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
