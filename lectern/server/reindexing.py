"""Embedding everything with another model: beside the index that answers, then switching to it.

The new index has a name of its own, by its fingerprint; which one counts is what the registry says,
so the switch is one transaction. Killed at any moment, the same again goes on.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from corpus.backup.telling import Tell
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import open_embedding
from corpus.errors import Misconfigured
from corpus.registry.database.engine import Registry
from corpus.registry.dumping import require_revision
from corpus.registry.fingerprints import are_comparable, stored_fingerprint
from corpus.registry.indexes import IndexState, known_indexes
from corpus.registry.migrations import HEAD
from corpus.settings import Settings
from lectern.server.data_dir import is_held, owned
from lectern.server.new_index import NewIndex
from lectern.server.old_indexes import remove_left_folders
from lectern.server.stores import existing_registry

log = logging.getLogger("lectern.reindex")


class Outcome(Enum):
    """What came of it."""

    NOTHING_TO_DO = auto()
    BUILT = auto()  # a server has the folder: it switches when it starts with these settings
    SWITCHED = auto()


@dataclass(frozen=True, slots=True)
class Reindexed:
    """`queued` documents lacked something in the old index, and are read again."""

    outcome: Outcome
    queued: int = 0


def reindex(settings: Settings, tell: Tell) -> Reindexed:
    """Build the index of the embedding configured now, and switch to it where nobody has the old.

    Beside a server that has an embedded index it is only built: that server switches when it is
    started with these settings (`switch_to_built`). On shared stores, servers without workers
    answer until the switch. Raises `Misconfigured` without a registry
    of this release or while workers are at work, and the stores' and the embedding's errors.
    """
    with ExitStack() as opened:
        is_served = is_held(settings.data_dir) and not settings.index_is_shared
        if not (is_served or settings.stores_are_shared) and settings.data_dir.exists():
            opened.enter_context(owned(settings.data_dir))
        registry = opened.enter_context(existing_registry(settings))
        stored = _require_current_tables(registry)
        embedding = open_embedding(settings, os.cpu_count() or 1, "int8")
        fingerprint = embedding.fingerprint
        if stored is None or are_comparable(stored, fingerprint.as_json()):
            if not is_served and stored is not None:
                remove_left_folders(settings, registry, fingerprint.short)
            return Reindexed(Outcome.NOTHING_TO_DO)
        index = NewIndex(settings, registry, stored, embedding, tell, counts_workers=not is_served)
        queued = index.build(is_served=is_served)
        if queued is None:
            return Reindexed(Outcome.BUILT)
        return Reindexed(Outcome.SWITCHED, queued)


def switch_to_built(
    settings: Settings, registry: Registry, fingerprint: EmbeddingFingerprint
) -> None:
    """Switch to what `reindex` built in the data folder for these settings, if it did.

    For a server that starts, and owns the folder. What changed since is added first.
    """
    if settings.index_is_shared:
        return
    with registry.read() as connection:
        stored = stored_fingerprint(connection)
        known = known_indexes(connection)
    built = {one.name for one in known if one.state is IndexState.BUILT}
    if fingerprint.short not in built or stored is None:
        return
    if not are_comparable(stored, fingerprint.as_json()):
        log.info("the index of lectern reindex is switched to; what changed since is added first")
        embedding = open_embedding(settings, os.cpu_count() or 1, "int8")
        # Nobody else has the folder; the worker that was beside us may have been killed just now.
        index = NewIndex(settings, registry, stored, embedding, _unheard, counts_workers=False)
        queued = index.build(is_served=False)
        log.info("switched; %d documents lacked passages, and are read again", queued)


def _unheard(_what: str, _count: int) -> None:
    pass


def _require_current_tables(registry: Registry) -> Mapping[str, Any] | None:
    """How everything is embedded, by tables of this release."""
    with registry.read() as connection:
        revision = require_revision(connection)
        if revision != HEAD:
            raise Misconfigured(
                f"The tables are of revision {revision}, and this version's are {HEAD}.",
                hint=f"Bring them there first: lectern migrate-schema --to {HEAD}.",
            )
        return stored_fingerprint(connection)
