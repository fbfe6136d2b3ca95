"""Embedding everything with another model: beside the index that answers, then switching to it.

The new index has a name of its own, by its fingerprint; which one counts is what the registry says,
so the switch is one transaction. Killed at any moment, the same again goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import numpy as np
from llama_index.core.schema import MetadataMode

from corpus.backup.making import Points
from corpus.backup.telling import Tell
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import OpenedEmbedding, open_embedding
from corpus.errors import Misconfigured
from corpus.index.open import (
    begin_edge_folder,
    edge_folder,
    open_node_store,
    remove_edge_folders,
)
from corpus.index.points import BATCH_POINTS, IndexPoint
from corpus.index.port import NodeStore
from corpus.nodes import EMBED_SHA
from corpus.reconciliation import reconcile
from corpus.registry.audit import live_versions
from corpus.registry.database.engine import Registry
from corpus.registry.dumping import require_revision
from corpus.registry.fingerprints import (
    are_comparable,
    stored_fingerprint,
    switch_fingerprints,
)
from corpus.registry.installation import this_installation
from corpus.registry.migrations import HEAD
from corpus.settings import Settings
from lectern.server.data_dir import is_held, owned
from lectern.server.gate import through_the_gate
from lectern.server.stores import existing_registry, require_quiet

PAGE_POINTS = 64


class Outcome(Enum):
    """What came of it."""

    NOTHING_TO_DO = auto()
    BUILT = auto()  # a server has the folder: the switch is still to come
    SWITCHED = auto()


@dataclass(frozen=True, slots=True)
class Reindexed:
    """`queued` documents lacked something in the old index, and are read again."""

    outcome: Outcome
    queued: int = 0


def reindex(settings: Settings, tell: Tell) -> Reindexed:
    """Build the index of the embedding configured now, and switch to it where nobody has the old.

    With an embedded index, a server may run and answer while it is built; the switch wants it
    stopped, and then only adds what changed since. On shared ones, servers without workers may run
    until they are restarted with the new settings. Raises `Misconfigured` without a registry of
    this release or while workers are at work, and the stores' and the embedding's errors.
    """
    with ExitStack() as opened:
        is_served = is_held(settings.data_dir) and not settings.index_is_shared
        if not is_served and settings.data_dir.exists():
            opened.enter_context(owned(settings.data_dir))
        registry = opened.enter_context(existing_registry(settings))
        stored = _require_current(registry)
        embedding = open_embedding(settings, os.cpu_count() or 1, "int8")
        fingerprint = embedding.fingerprint
        current = edge_folder(settings.data_dir, fingerprint.short)
        if stored is None or are_comparable(stored, fingerprint.as_json()):
            if not is_served and not settings.index_is_shared and stored is not None:
                remove_edge_folders(settings.data_dir, but=current)
            return Reindexed(Outcome.NOTHING_TO_DO)
        if not is_served:
            require_quiet(registry)
        with ExitStack() as stores:
            source = _source(settings, stored, stores, is_served=is_served)
            if not settings.index_is_shared:
                begin_edge_folder(settings.data_dir, fingerprint.short)
            target = open_node_store(
                settings, fingerprint.short, embedding.dimension, this_installation(registry)
            )
            stores.enter_context(closing(target))
            _copy(registry, source, target, embedding, tell)
            if is_served:
                return Reindexed(Outcome.BUILT)
            # Documents are read again whose nodes are not all there.
            queued = len(reconcile(registry, target).queued_again)
        with registry.write() as connection:
            switch_fingerprints(connection, fingerprint.as_json())
        if not settings.index_is_shared:
            remove_edge_folders(
                settings.data_dir, but=edge_folder(settings.data_dir, fingerprint.short)
            )
        return Reindexed(Outcome.SWITCHED, queued)


def _require_current(registry: Registry) -> Mapping[str, Any] | None:
    with registry.read() as connection:
        revision = require_revision(connection)
        if revision != HEAD:
            raise Misconfigured(
                f"The tables are of revision {revision}, and this version's are {HEAD}.",
                hint=f"Bring them there first: lectern migrate-schema --to {HEAD}.",
            )
        return stored_fingerprint(connection)


def _source(
    settings: Settings, stored: Mapping[str, Any], opened: ExitStack, *, is_served: bool
) -> Points:
    if is_served:
        return opened.enter_context(through_the_gate(settings.data_dir, stored))
    embedded_as = EmbeddingFingerprint(**stored)
    store = open_node_store(settings, embedded_as.short, embedded_as.dimension)
    return opened.enter_context(closing(store))


def _copy(
    registry: Registry,
    source: Points,
    target: NodeStore,
    embedding: OpenedEmbedding,
    tell: Tell,
) -> None:
    """Embed what the target lacks of live versions: pages of the old index, one at a time."""
    with registry.read() as connection:
        live = live_versions(connection)
    seen, after = 0, None
    while True:
        points, after = source.scroll(after, PAGE_POINTS)
        wanted = [one for one in points if _is_live(one, live)]
        missing = _missing(wanted, target)
        embedded = _embedded(missing, embedding)
        for start in range(0, len(embedded), BATCH_POINTS):
            target.add_points(embedded[start : start + BATCH_POINTS])
        seen += len(points)
        tell("passages", seen)
        if after is None:
            return


def _is_live(point: IndexPoint, live: Mapping[str, int]) -> bool:
    return live.get(str(point.payload.get("document_id"))) == point.payload.get("version")


def _missing(points: list[IndexPoint], target: NodeStore) -> list[IndexPoint]:
    there = target.stored_embeddings([point.id for point in points], with_vectors=False)
    return [
        point
        for point in points
        if point.id not in there
        or there[point.id].embed_sha != str(point.payload.get(EMBED_SHA, ""))
    ]


def _embedded(points: list[IndexPoint], embedding: OpenedEmbedding) -> list[IndexPoint]:
    if not points:
        return []
    texts = [point.node().get_content(metadata_mode=MetadataMode.EMBED) for point in points]
    vectors = embedding.model.get_text_embedding_batch(texts)
    return [
        replace(point, dense=np.asarray(vector, dtype="<f4").tobytes())
        for point, vector in zip(points, vectors, strict=True)
    ]
