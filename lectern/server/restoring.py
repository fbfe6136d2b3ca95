"""A backup that was verified, built beside what is in the data folder and put in its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from corpus.backup.making import Tell
from corpus.backup.manifest import Manifest
from corpus.backup.restoring import Restored, Targets, restore
from corpus.embedding.open import open_embedding
from corpus.errors import Misconfigured
from corpus.index.open import EDGE_FOLDER, open_node_store
from corpus.index.port import NodeStore
from corpus.index.selections import of_document
from corpus.originals.open import FOLDER, opened_originals
from corpus.registry.audit import document_ids
from corpus.registry.database.postgres import postgres_registry_as_it_is
from corpus.registry.dumping import is_empty
from corpus.registry.fingerprints import are_comparable
from corpus.settings import Settings
from lectern.server.old_indexes import clear_others
from lectern.server.stores import (
    REGISTRY_FILE,
    existing_registry,
    require_quiet,
    sqlite_registry,
)
from lectern.server.swap import abandon_swap, begin_swap, swap

_REGISTRY_FILES = (f"{REGISTRY_FILE}*",)
_INDEX_FILES = (EDGE_FOLDER, f"{EDGE_FOLDER}.*", f"{EDGE_FOLDER}-[0-9]*", f"{EDGE_FOLDER}-of-*")


def put_back(
    settings: Settings, source: Path, manifest: Manifest, tell: Tell, *, force: bool
) -> Restored:
    """Restore into what the settings name; the data folder must be owned.

    Raises `Misconfigured` when something is there and `force` is not given, when somebody works
    with it, or when the disk is too small; and what `restore` raises.
    """
    replaced = _what_is_replaced(settings, force=force)
    _require_space(settings.data_dir, manifest)
    building = begin_swap(settings.data_dir)
    try:
        with _opened(settings, building, manifest) as targets:
            found = restore(source, manifest, targets, tell)
            if targets.store is not None and settings.index_is_shared:
                _remove_nodes(targets, replaced)
        swap(settings.data_dir, _outgoing(settings))
    finally:
        abandon_swap(settings.data_dir)
    return found


@contextmanager
def _opened(settings: Settings, building: Path, manifest: Manifest) -> Iterator[Targets]:
    """Where everything is built; what is not in the data folder is filled where it is."""
    in_building = settings.model_copy(update={"data_dir": building})
    with ExitStack() as opened:
        if settings.database_url is None:
            registry = opened.enter_context(sqlite_registry(building / REGISTRY_FILE))
        else:
            registry = opened.enter_context(postgres_registry_as_it_is(settings.database_url))
        place = in_building if _are_swapped(settings) else settings
        originals = opened.enter_context(opened_originals(place))
        store: NodeStore | None = None
        if manifest.has_vectors:
            embedding = open_embedding(settings, 1, "float32")
            fingerprint = embedding.fingerprint
            if are_comparable(manifest.fingerprint, fingerprint.as_json()):
                store = open_node_store(in_building, fingerprint.short, embedding.dimension)
                opened.enter_context(closing(store))
        yield Targets(registry, originals, store)


def _outgoing(settings: Settings) -> list[str]:
    """What in the data folder makes way for what was built; originals that are not, stay."""
    outgoing: list[str] = []
    if settings.database_url is None:
        outgoing += _REGISTRY_FILES
    if _are_swapped(settings):
        outgoing.append(FOLDER)
    if not settings.index_is_shared:
        outgoing += _INDEX_FILES
    return outgoing


def _are_swapped(settings: Settings) -> bool:
    """Whether originals go with the registry; elsewhere more of them are harmless."""
    return settings.database_url is None and settings.blob_url is None


def _what_is_replaced(settings: Settings, *, force: bool) -> set[str]:
    """Ids of the documents there, where their nodes have to be removed one by one."""
    is_sqlite = settings.database_url is None
    if is_sqlite and not (settings.data_dir / REGISTRY_FILE).exists():
        _require_own_stores(settings, force=force)
        return set()
    if is_sqlite and force and not settings.index_is_shared:
        return set()  # it may be damaged, and will not be missed
    with existing_registry(settings) as registry:
        require_quiet(registry)
        with registry.read() as connection:
            if is_empty(connection):
                _require_own_stores(settings, force=force)
                return set()
            if not force:
                raise Misconfigured(
                    "There is a registry with something in it already.",
                    hint="Restore into a new LECTERN_DATA_DIR (and DATABASE_URL, BLOB_URL, "
                    "QDRANT_URL), or replace all that is there: lectern restore --force. "
                    "Nothing was changed.",
                )
            replaced = document_ids(connection) if settings.index_is_shared else set()
        if settings.index_is_shared:
            clear_others(settings, registry)
        return replaced


def _require_own_stores(settings: Settings, *, force: bool) -> None:
    """Refuse a bucket or Qdrant server that has another registry's content.

    Served with this registry, what it does not know would be removed there.
    """
    if force:
        return
    if settings.blob_url is not None:
        with opened_originals(settings) as originals:
            if next(iter(originals.kept()), None) is not None:
                raise _anothers("The bucket of BLOB_URL")
    if settings.index_is_shared:
        embedding = open_embedding(settings, 1, "float32")
        store = open_node_store(settings, embedding.fingerprint.short, embedding.dimension)
        with closing(store):
            if store.count() > 0:
                raise _anothers("The Qdrant server of QDRANT_URL")


def _anothers(what: str) -> Misconfigured:
    return Misconfigured(
        f"{what} has content, and the registry that it is to go with has none.",
        hint="It may be that of a service in use. Unset it, or name another prefix or server; "
        "lectern restore --force makes it this registry's. Nothing was changed.",
    )


def _require_space(data_dir: Path, manifest: Manifest) -> None:
    free_bytes = shutil.disk_usage(data_dir).free
    # The index takes about as much again as its vectors and texts in the backup.
    if free_bytes < 2 * manifest.size_bytes - manifest.original_bytes:
        raise Misconfigured(
            f"The backup needs about {manifest.size_bytes / 2**30:.1f} GiB in {data_dir}, "
            f"{free_bytes / 2**30:.1f} GiB are free.",
            hint="What is there now stays until the end. Make room, or take another folder.",
        )


def _remove_nodes(targets: Targets, replaced: set[str]) -> None:
    with targets.registry.read() as connection:
        gone = replaced - document_ids(connection)
    assert targets.store is not None  # noqa: S101  the caller looked
    for document_id in sorted(gone):
        targets.store.delete_nodes(filters=of_document(document_id))
