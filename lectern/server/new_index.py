"""The index of another embedding: built beside the one that answers, then switched to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from typing import Any

from sqlalchemy import Connection

from corpus.backup.making import Points
from corpus.backup.telling import Tell
from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import OpenedEmbedding
from corpus.errors import LecternError, Misconfigured
from corpus.index.open import folder_beside, open_node_store, open_server_store
from corpus.index.port import NodeStore
from corpus.reconciliation import reconcile
from corpus.registry.audit import expected_nodes, ingest_again
from corpus.registry.database.engine import Registry
from corpus.registry.dumping import take_your_time
from corpus.registry.fingerprints import (
    are_comparable,
    stored_fingerprint,
    switch_fingerprints,
)
from corpus.registry.indexes import (
    IndexState,
    begin_index,
    forget_index,
    note_switch,
    rest_index,
    see_index,
)
from corpus.registry.installation import this_installation
from corpus.registry.locks import lock_embedding
from corpus.settings import Settings
from lectern.server.embedding_anew import embed_anew
from lectern.server.gate import through_the_gate
from lectern.server.old_indexes import clear_for, remove_left_folders
from lectern.server.stores import require_no_workers

SEEN_EVERY_S = 10.0
_STOP_WORKERS = (
    "Stop every `lectern worker`, and every `lectern serve` without --no-worker; wait 20 s, and "
    "run this again: it goes on where it was."
)


class NewIndex:
    """From what is `stored` to `embedding`; run it once."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        stored: Mapping[str, Any],
        embedding: OpenedEmbedding,
        tell: Tell,
        *,
        counts_workers: bool,
    ) -> None:
        """`counts_workers`: with a shared registry, none may be at work from begin to switch."""
        self._settings = settings
        self._registry = registry
        self._stored = stored
        self._old = EmbeddingFingerprint(**stored)
        self._embedding = embedding
        self._new = embedding.fingerprint
        self._tell = tell
        self._counts_workers = counts_workers and registry.is_shared
        self._seen_s = time.monotonic()

    def build(self, *, is_served: bool) -> int | None:
        """Build it, and switch to it; how many documents are read again as they lacked something.

        `is_served`: a server has the folder. Then it is only built, and None comes back.
        """
        with self._registry.read() as connection:
            self._require_no_workers(connection)
        self._begin()
        try:
            return self._built(is_served=is_served)
        except BaseException:
            with suppress(LecternError), self._registry.write() as connection:
                rest_index(connection, self._new.short)  # nobody is at work on it any more
            raise

    def _built(self, *, is_served: bool) -> int | None:
        with ExitStack() as stores:
            source = self._source(stores, is_served=is_served)
            target = open_node_store(
                self._settings,
                self._new.short,
                self._embedding.dimension,
                this_installation(self._registry),
            )
            stores.enter_context(closing(target))
            there = embed_anew(self._registry, source, target, self._embedding, self._on_page)
            if is_served:
                with self._registry.write() as connection:
                    see_index(connection, self._new.short, IndexState.BUILT)
                return None
            queued = self._mended(target)
        with self._registry.write() as connection:
            queued += self._switch(connection, there)
        remove_left_folders(self._settings, self._registry, self._new.short)
        return queued

    def _begin(self) -> None:
        """Have the registry know of the index, and only then make it."""
        if self._settings.qdrant_url is not None:
            self._require_no_others(self._settings.qdrant_url)
        clear_for(self._settings, self._registry, self._new.short, self._old.short)
        with self._registry.write() as connection:
            if not begin_index(connection, self._new.short, self._new.as_json()):
                raise _given_up()
        if not self._settings.index_is_shared:
            folder_beside(self._settings.data_dir, self._new.short).mkdir(exist_ok=True)

    def _require_no_others(self, url: str) -> None:
        ours = this_installation(self._registry)
        dimension = self._embedding.dimension
        store = open_server_store(
            self._settings, url, self._new.short, dimension, installation=ours
        )
        with closing(store):
            if (anothers := store.collection.anothers()) is not None:
                raise anothers

    def _source(self, opened: ExitStack, *, is_served: bool) -> Points:
        if is_served:
            return opened.enter_context(through_the_gate(self._settings.data_dir, self._stored))
        store = open_node_store(self._settings, self._old.short, self._old.dimension)
        return opened.enter_context(closing(store))

    def _on_page(self, seen: int) -> None:
        self._tell("passages", seen)
        if time.monotonic() - self._seen_s < SEEN_EVERY_S:
            return
        self._seen_s = time.monotonic()
        with self._registry.write() as connection:
            if not see_index(connection, self._new.short):
                raise _given_up()

    def _mended(self, target: NodeStore) -> int:
        """What is to be read again of an index that is nobody else's, rid of what is not live.

        On a server that were a comparison of everything; what is deleted is deleted there as it is
        in the old one (`Registration.others`).
        """
        return len(reconcile(self._registry, target).queued_again) if target.is_embedded else 0

    def _switch(self, connection: Connection, there: Counter[tuple[str, int]]) -> int:
        """Switch to the index, if all is as it was when the building began; how many were queued.

        Nobody completes a version meanwhile. One that became live since it was copied is not
        `there`, and is read again.
        """
        take_your_time(connection)
        lock_embedding(connection)
        self._require_no_workers(connection)
        now = stored_fingerprint(connection)
        if now is not None and not are_comparable(now, self._stored):
            raise Misconfigured(
                f"Meanwhile another reindex switched, to {now.get('model')}.",
                hint="Run this again if these settings are to be the ones that count.",
            )
        if not see_index(connection, self._new.short):
            raise _given_up()
        # Collections before documents, as whoever uploads takes them.
        switch_fingerprints(connection, self._new.as_json())
        queued = 0
        for document_id, nodes in sorted(expected_nodes(connection).items()):
            version = nodes.version
            if version is not None and there[document_id, version] != nodes.count:
                queued += ingest_again(connection, document_id, version)
        if self._settings.index_is_shared:
            note_switch(connection, self._new.short, self._old.short, self._stored)
        else:
            forget_index(connection, self._new.short)
        return queued

    def _require_no_workers(self, connection: Connection) -> None:
        if self._counts_workers:
            require_no_workers(connection, _STOP_WORKERS)


def _given_up() -> Misconfigured:
    return Misconfigured(
        "This index is being cleared away: nobody had gone on building it for days.",
        hint="Run the same again in a few minutes.",
    )
