"""`lectern claim`: the bucket and the Qdrant collections become this registry's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from corpus.embedding.fingerprint import EmbeddingFingerprint
from corpus.embedding.open import open_embedding
from corpus.errors import Misconfigured
from corpus.index.open import open_server_store
from corpus.originals.open import bucket_ownership
from corpus.ownership import Installation
from corpus.registry.database.engine import Registry
from corpus.registry.fingerprints import stored_fingerprint
from corpus.registry.indexes import known_indexes
from corpus.registry.installation import this_installation
from corpus.registry.migrations import HEAD, stored_revision
from corpus.settings import Settings
from lectern.plain import plain
from lectern.server.data_dir import owned
from lectern.server.stores import REGISTRY_FILE, existing_registry


def claim_stores(settings: Settings) -> None:
    """Mark them, whoever's they were, and say so.

    Raises `Misconfigured` where there is no registry of this version, `DataDirInUse` while a server
    has the data folder with it, and the errors of the stores.
    """
    with _registry(settings) as registry:
        ours = this_installation(registry)
        if (bucket := bucket_ownership(settings, ours)) is not None:
            _tell(bucket.store, bucket.take_over(), ours.id)
        if settings.qdrant_url is not None:
            answering, *others = _fingerprints(settings, registry)
            _claim_collection(settings, settings.qdrant_url, answering, ours)
            for fingerprint in others:
                _claim_collection(settings, settings.qdrant_url, fingerprint, ours, if_refused=True)
        if not settings.blob_url and not settings.qdrant_url:
            print("Everything is in the data folder. Nothing was to be claimed.")


@contextmanager
def _registry(settings: Settings) -> Iterator[Registry]:
    """None is made or migrated: what a wrong setting names must not take stores with it."""
    with ExitStack() as opened:
        if settings.database_url is None and (settings.data_dir / REGISTRY_FILE).exists():
            opened.enter_context(owned(settings.data_dir))
        registry = opened.enter_context(existing_registry(settings))
        with registry.read() as connection:
            revision = stored_revision(connection)
        if revision != HEAD:
            found = "no tables" if revision is None else f"tables of revision {revision}"
            raise Misconfigured(
                f"The registry has {found}, not those of this version.",
                hint="Check LECTERN_DATA_DIR and DATABASE_URL. If they are right, `lectern serve` "
                "makes the tables, or brings them up to date. Nothing was claimed.",
            )
        yield registry


def _claim_collection(
    settings: Settings,
    url: str,
    fingerprint: EmbeddingFingerprint,
    ours: Installation,
    *,
    if_refused: bool = False,
) -> None:
    """The collection of nodes that are embedded so; perhaps only where a server would refuse it."""
    store = open_server_store(
        settings, url, fingerprint.short, fingerprint.dimension, installation=ours
    )
    with closing(store):
        if not if_refused or store.collection.anothers() is not None:
            _tell(f"The Qdrant collection {store.name}", store.collection.take_over(), ours.id)


def _fingerprints(settings: Settings, registry: Registry) -> list[EmbeddingFingerprint]:
    """Of the collection that answers first, then of others: a reindex's, as configured now."""
    configured = open_embedding(settings, 1, "float32").fingerprint
    with registry.read() as connection:
        stored = stored_fingerprint(connection)
        known = [EmbeddingFingerprint(**one.fingerprint) for one in known_indexes(connection)]
    answering = configured if stored is None else EmbeddingFingerprint(**stored)
    by_name = {one.short: one for one in (answering, configured, *known)}
    return list(by_name.values())


def _tell(what: str, before: str | None, now: str) -> None:
    if before == now:
        print(plain(f"{what} is this registry's already ({now})"))
    else:
        was = f"that of {before}" if before else "nobody's"
        print(plain(f"{what} was {was}, and is this registry's now ({now})"))
