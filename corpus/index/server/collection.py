"""The collection on a Qdrant server: made if it is missing, never changed when it is there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Self

from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse
from qdrant_client.http.models import (
    BinaryQuantization,
    BinaryQuantizationConfig,
    ClusterStatusOneOf1,
    CollectionInfo,
    Distance,
    FilterSelector,
    KeywordIndexParams,
    KeywordIndexType,
    Modifier,
    PayloadSchemaType,
    QuantizationSearchParams,
    ScalarQuantization,
    ScalarQuantizationConfig,
    ScalarType,
    SparseIndexParams,
    SparseVectorParams,
    VectorParams,
)

from corpus.index.layout import DENSE_VECTOR, PAYLOAD_INDEXES, SPARSE_VECTOR, TENANT_FIELD
from corpus.index.points import check_length
from corpus.index.server.connection import require_carried_out
from corpus.settings import Settings

Quantization = Literal["none", "scalar", "binary"]

PREFIX = "lectern-"
# From this version on the rarity of words is counted within a tenant; earlier ones ignore that
# they are asked to.
OLDEST_VERSION = (1, 19)
# In a collection's metadata, which there are from this version on: the id of an installation.
OWNER = "lectern_installation"
MARKED_SINCE = (1, 16)

_NOT_FOUND = 404
_EXISTS = (400, 409)  # before Qdrant 1.8, and since
# Bits tell apart less than bytes: more candidates are compared exactly.
_OVERSAMPLING = {"scalar": 1.0, "binary": 3.0}
# HNSW reads as many vectors as hops: they stay in memory, also where the exact ones are on disk.
_SCALAR = ScalarQuantization(scalar=ScalarQuantizationConfig(type=ScalarType.INT8, always_ram=True))
_BINARY = BinaryQuantization(binary=BinaryQuantizationConfig(always_ram=True))

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectionLayout:
    """What a new collection is made with; a number that is 0 is left to the server."""

    shards: int = 0
    replicas: int = 0
    write_consistency: int = 0
    on_disk: bool = False
    quantization: Quantization = "none"

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings ask for."""
        return cls(
            settings.qdrant_shards,
            settings.qdrant_replicas,
            settings.qdrant_write_consistency,
            settings.qdrant_on_disk,
            settings.qdrant_quantization,
        )

    def search_params(self) -> QuantizationSearchParams | None:
        """How to search: the best by quantised vectors are compared again by the exact ones."""
        if self.quantization == "none":
            return None
        return QuantizationSearchParams(rescore=True, oversampling=_OVERSAMPLING[self.quantization])


PLAIN = CollectionLayout()


def ensure_collection(
    client: QdrantClient,
    name: str,
    dimension: int,
    layout: CollectionLayout,
    owner: str,
    require_ours: Callable[[], object] = lambda: None,
) -> None:
    """Make the collection and its payload indexes where missing; several may do so at once.

    A new one is marked as the `owner`'s; for one that is there, `require_ours` is called first.
    Raises `EmbeddingMismatch` for a collection of other vectors. What else differs from `layout`
    is logged as a warning. Raises what the client raises.
    """
    info = find_collection(client, name)
    if info is None:
        _create(client, name, dimension, layout, owner)
        info = client.get_collection(name)
        logger.info("the Qdrant collection %s is there", name)
    else:
        require_ours()
    check_dimension(dimension, info)
    for field in PAYLOAD_INDEXES.keys() - info.payload_schema.keys():
        client.create_payload_index(name, field, field_schema=_schema_of(field), wait=True)
    for remark in remarks(client, info, layout):
        logger.warning("the Qdrant collection %s %s", name, remark)
    version = client.info().version
    if is_too_old(version):
        logger.warning("Qdrant %s is older than %s", version, oldest_version())


def find_collection(client: QdrantClient, name: str) -> CollectionInfo | None:
    """How the collection is; None when there is none."""
    try:
        return client.get_collection(name)
    except UnexpectedResponse as error:
        if error.status_code == _NOT_FOUND:
            return None
        raise


def check_dimension(dimension: int, info: CollectionInfo) -> None:
    """Raise `EmbeddingMismatch` for a collection of other vectors."""
    check_length(dimension, _stored_dimension(info))


def owner_of(info: CollectionInfo) -> str | None:
    """The id of the installation whose the collection is; None when it is not marked."""
    owner = (info.config.metadata or {}).get(OWNER)
    return None if owner is None else str(owner)


def delete_points(client: QdrantClient, name: str, selector: FilterSelector, *, owner: str) -> None:
    """Delete what matches in a collection; nothing where there is none, or not the `owner`'s."""
    info = find_collection(client, name)
    if info is None:
        return
    if owner_of(info) != owner:
        logger.warning("the Qdrant collection %s is not ours: nothing is removed there", name)
        return
    try:
        require_carried_out(client.delete(name, selector, wait=True))
    except UnexpectedResponse as error:
        if error.status_code != _NOT_FOUND:
            raise


def remarks(client: QdrantClient, info: CollectionInfo, layout: CollectionLayout) -> Iterator[str]:
    """What an operator should know of a collection, each as the rest of a sentence."""
    yield from _differences(info, layout)
    has_one = (info.config.params.replication_factor or 1) == 1
    # Who says that it is to be one knows.
    if has_one and not layout.replicas and (peers := _peers(client)) > 1:
        yield (
            f"has one replica of each shard in a cluster of {peers}: what is on a machine that is "
            "lost, is lost. Raise its replication_factor and have Qdrant replicate its shards, "
            "or say LECTERN_QDRANT_REPLICAS=1."
        )


def _peers(client: QdrantClient) -> int:
    """How many servers the cluster has; 0 where there is none, or we may not ask."""
    try:
        status = client.cluster_status()
    except ApiException:
        return 0
    return len(status.peers) if isinstance(status, ClusterStatusOneOf1) else 0


def _differences(info: CollectionInfo, layout: CollectionLayout) -> Iterator[str]:
    """In what a collection is not what the settings ask for."""
    params = info.config.params
    for setting, parameter, wanted in (
        ("SHARDS", "shard_number", layout.shards),
        ("REPLICAS", "replication_factor", layout.replicas),
        ("WRITE_CONSISTENCY", "write_consistency_factor", layout.write_consistency),
    ):
        found = getattr(params, parameter) or 1
        yield from _difference(setting, parameter, found, wanted or found)
    dense = _dense(info)
    is_on_disk = dense is not None and bool(dense.on_disk)
    yield from _difference("ON_DISK", "on_disk", is_on_disk, layout.on_disk)
    yield from _difference("QUANTIZATION", "quantization", _quantization(info), layout.quantization)
    tenant = info.payload_schema.get(TENANT_FIELD)
    if tenant is not None and not getattr(tenant.params, "is_tenant", False):
        yield f"has an index of {TENANT_FIELD!r} without is_tenant: searches take longer."


def is_too_old(version: str) -> bool:
    """Whether a server of this version (1.19.2) counts rarity over all tenants."""
    return is_older(version, OLDEST_VERSION)


def is_older(version: str, needed: tuple[int, int]) -> bool:
    """Whether a server's version (1.19.2) comes before another; False for what is no version."""
    try:
        major, minor = (int(part) for part in version.split(".")[:2])
    except ValueError:
        return False
    return (major, minor) < needed


def oldest_version() -> str:
    """The oldest version that does all we ask for, and what an older one does not."""
    return (
        f"{OLDEST_VERSION[0]}.{OLDEST_VERSION[1]}: how rare a word is, is counted over all "
        "collections there; upgrade it"
    )


def _difference(setting: str, parameter: str, found: object, wanted: object) -> Iterator[str]:
    if found != wanted:
        yield (
            f"has {parameter} {_shown(found)}, and LECTERN_QDRANT_{setting} says {_shown(wanted)}: "
            "it stays as it is; change the one or the other."
        )


def _shown(value: object) -> str:
    return str(value).lower()


def _create(
    client: QdrantClient, name: str, dimension: int, layout: CollectionLayout, owner: str | None
) -> None:
    on_disk = True if layout.on_disk else None  # None: as the server is configured
    sparse_index = SparseIndexParams(on_disk=on_disk)
    quantization = {"none": None, "scalar": _SCALAR, "binary": _BINARY}[layout.quantization]
    try:
        client.create_collection(
            name,
            vectors_config={
                DENSE_VECTOR: VectorParams(
                    size=dimension, distance=Distance.COSINE, on_disk=on_disk
                )
            },
            sparse_vectors_config={
                SPARSE_VECTOR: SparseVectorParams(modifier=Modifier.IDF, index=sparse_index)
            },
            shard_number=layout.shards or None,
            replication_factor=layout.replicas or None,
            write_consistency_factor=layout.write_consistency or None,
            on_disk_payload=on_disk,
            quantization_config=quantization,
            metadata=None if owner is None else {OWNER: owner},
        )
    except UnexpectedResponse as error:
        # Another process was quicker, or a try of ours whose reply was lost.
        if error.status_code not in _EXISTS or b"already exists" not in error.content:
            raise


def _schema_of(field: str) -> PayloadSchemaType | KeywordIndexParams:
    if field == TENANT_FIELD:
        return KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
    return PayloadSchemaType(PAYLOAD_INDEXES[field])


def _dense(info: CollectionInfo) -> VectorParams | None:
    vectors = info.config.params.vectors
    return vectors.get(DENSE_VECTOR) if isinstance(vectors, dict) else None


def _stored_dimension(info: CollectionInfo) -> int:
    dense = _dense(info)
    return dense.size if dense is not None else 0


def _quantization(info: CollectionInfo) -> str:
    dense = _dense(info)
    config = (dense.quantization_config if dense else None) or info.config.quantization_config
    if config is None:
        return "none"
    return next(iter(config.model_fields_set), "unknown")
