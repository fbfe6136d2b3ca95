"""`lectern claim`: the bucket and the Qdrant collection become this registry's."""

from __future__ import annotations

from contextlib import closing

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import open_embedding
from corpus.index.open import open_server_store
from corpus.originals.open import bucket_ownership
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import stored_fingerprint
from corpus.registry.installation import this_installation
from corpus.settings import Settings
from lectern.plain import plain
from lectern.server.opening import registry_to_work_with


def claim_stores(settings: Settings) -> None:
    """Mark them, whoever's they were, and say so. Raises the errors of the stores."""
    with closing(registry_to_work_with(settings)) as registry:
        ours = this_installation(registry)
        if (bucket := bucket_ownership(settings, ours)) is not None:
            _tell(bucket.store, bucket.take_over(), ours.id)
        if settings.qdrant_url is not None:
            embedded_as = _embedded_as(settings, registry)
            store = open_server_store(
                settings,
                settings.qdrant_url,
                embedded_as.short,
                embedded_as.dimension,
                installation=ours,
            )
            with closing(store):
                _tell(f"The Qdrant collection {store.name}", store.take_over(), ours.id)
        if not settings.blob_url and not settings.qdrant_url:
            print("Everything is in the data folder. Nothing was to be claimed.")


def _embedded_as(settings: Settings, registry: Registry) -> EmbeddingFingerprint:
    with registry.read() as connection:
        stored = stored_fingerprint(connection)
    if stored is not None:
        return EmbeddingFingerprint(**stored)
    return open_embedding(settings, 1, "float32").fingerprint


def _tell(what: str, before: str | None, now: str) -> None:
    if before == now:
        print(plain(f"{what} is this registry's already ({now})"))
    else:
        was = f"that of {before}" if before else "nobody's"
        print(plain(f"{what} was {was}, and is this registry's now ({now})"))
