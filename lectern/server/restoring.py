"""A backup that was verified, built beside what is in the data folder and put in its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from corpus.backup.manifest import Manifest
from corpus.backup.restoring import Restored, Targets, restore
from corpus.backup.telling import Tell
from corpus.embedding.open import open_embedding
from corpus.errors import Misconfigured
from corpus.index.open import open_node_store
from corpus.index.port import NodeStore
from corpus.originals.open import opened_originals
from corpus.ownership import Installation
from corpus.registry.audit import expected_nodes
from corpus.registry.database.postgres import postgres_registry_as_it_is
from corpus.registry.fingerprints import are_comparable
from corpus.registry.migrations.upgrade import require_known
from corpus.settings import Settings
from lectern.server.replaced import are_swapped, installation_to_be, outgoing, what_is_replaced
from lectern.server.shared_stores import (
    knowing_nothing,
    make_own,
    remove_text_of_before,
    text_to_remove,
)
from lectern.server.stores import REGISTRY_FILE, sqlite_registry
from lectern.server.swap import abandon_swap, begin_swap, swap


def put_back(
    settings: Settings, source: Path, manifest: Manifest, tell: Tell, *, force: bool
) -> Restored:
    """Restore into what the settings name; the data folder must be owned.

    The registry stays the installation that it was, so that the stores stay its own; where there
    was none it becomes a new one. With `force`, an empty one takes over a bucket and a Qdrant
    collection, whoever's they are.

    Raises `Misconfigured` when something is there and `force` is not given, when somebody works
    with it, or when the disk is too small; `StoreOfAnother`; and what `restore` raises.
    """
    replaced = what_is_replaced(settings, force=force)
    require_known(manifest.revision)
    _require_space(settings.data_dir, manifest)
    building = begin_swap(settings.data_dir, outgoing(settings))
    try:
        installation_id = installation_to_be(settings, replaced)
        make_own(settings, installation_id, has_content=replaced.has_content, force=force)
        left = text_to_remove(settings, has_content=replaced.has_content)
        # What it is to know is not there yet; the stores are its own by now.
        installation = knowing_nothing(installation_id)
        with _opened(settings, building, manifest, installation) as targets:
            found = restore(source, manifest, targets, tell)
            has_nodes = targets.store is not None
            with targets.registry.read() as connection:
                expected = expected_nodes(connection)
        swap(settings.data_dir, outgoing(settings))
    finally:
        abandon_swap(settings.data_dir)
    remove_text_of_before(settings, installation, left, expected if has_nodes else {})
    return found


@contextmanager
def _opened(
    settings: Settings, building: Path, manifest: Manifest, installation: Installation
) -> Iterator[Targets]:
    """Where everything is built; what is not in the data folder is filled where it is."""
    in_building = settings.model_copy(update={"data_dir": building})
    with ExitStack() as opened:
        if settings.database_url is None:
            registry = opened.enter_context(sqlite_registry(building / REGISTRY_FILE))
        else:
            registry = opened.enter_context(postgres_registry_as_it_is(settings.database_url))
        place = in_building if are_swapped(settings) else settings
        originals = opened.enter_context(opened_originals(place, installation))
        store: NodeStore | None = None
        if manifest.has_vectors:
            embedding = open_embedding(settings, 1, "float32")
            fingerprint = embedding.fingerprint
            if are_comparable(manifest.fingerprint, fingerprint.as_json()):
                store = open_node_store(
                    in_building, fingerprint.short, embedding.dimension, installation
                )
                opened.enter_context(closing(store))
        yield Targets(registry, originals, store, installation.id)


def _require_space(data_dir: Path, manifest: Manifest) -> None:
    free_bytes = shutil.disk_usage(data_dir).free
    # The index takes about as much again as its vectors and texts in the backup.
    if free_bytes < 2 * manifest.size_bytes - manifest.original_bytes:
        raise Misconfigured(
            f"The backup needs about {manifest.size_bytes / 2**30:.1f} GiB in {data_dir}, "
            f"{free_bytes / 2**30:.1f} GiB are free.",
            hint="What is there now stays until the end. Make room, or take another folder.",
        )
