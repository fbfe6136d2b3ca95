"""What the registry says of the index that a process has open."""

from __future__ import annotations

import logging
from collections.abc import Collection

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.errors import IndexSuperseded
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import require_current
from corpus.registry.indexes import known_indexes

log = logging.getLogger("lectern.server")


class RegisteredIndex:
    """The `Registration` of the index that is embedded as `fingerprint` says."""

    def __init__(self, registry: Registry, fingerprint: EmbeddingFingerprint) -> None:
        self._registry = registry
        self._fingerprint = fingerprint
        self._is_told = False

    def require_current(self) -> None:
        """Raise `IndexSuperseded` when another one is the registry's now."""
        try:
            with self._registry.read() as connection:
                require_current(connection, self._fingerprint.as_json())
        except IndexSuperseded as error:
            if not self._is_told:
                log.warning("nothing is answered any more: %s %s", error.detail, error.hint)
            self._is_told = True
            raise

    def others(self) -> Collection[str]:
        """The names of all others that a reindex began, switched to or left."""
        with self._registry.read() as connection:
            known = known_indexes(connection)
        return [one.name for one in known if one.name != self._fingerprint.short]
