"""`lectern migrate`: the data folder's content to servers. The folder stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from corpus.embedding.open import open_embedding
from corpus.errors import Misconfigured
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import edge_folder, open_server_store
from corpus.originals.folder import FolderOriginals
from corpus.originals.open import bucket_ownership, opened_originals
from corpus.originals.port import OriginalStore
from corpus.ownership import Installation
from corpus.registry.database.engine import Registry, open_sqlite_registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.registry.fingerprints import check_fingerprints
from corpus.registry.installation import (
    become_installation,
    installation_of,
    new_installation_id,
    stored_installation_id,
    this_installation,
)
from corpus.settings import Settings
from lectern.migration.nodes import (
    PAGE_POINTS,
    check_nodes,
    copy_nodes,
    require_own_nodes,
    require_sound,
)
from lectern.migration.originals import copy_originals
from lectern.migration.rows import copy_rows, has_rows, require_target
from lectern.server.data_dir import owned

Say = Callable[[str], None]

SAY_EVERY_NODES = 16 * PAGE_POINTS


@dataclass(frozen=True, slots=True)
class Targets:
    """Where to; None: that part stays in the folder.

    `originals` is the `s3://` URL of a bucket, or the path of a folder.
    """

    qdrant_url: str | None = None
    database_url: SecretStr | None = None
    originals: str | None = None


def migrate_folder(settings: Settings, targets: Targets, say: Say) -> None:
    """Copy nodes, originals and rows, in this order: what the rows tell of is there before them.

    Servers become the installation's that the folder is; with the rows goes its id, and the folder
    is another one from then on. The same call again copies what is missing. Before anything is
    written: `DataDirInUse` while a server has the folder, `Misconfigured` for a folder without
    documents, or whose index its registry does not know, and for a database with other content,
    `EmbeddingMismatch`. Then `StoreOfAnother`, and the errors of the stores.
    """
    registry_file = settings.data_dir / "registry.sqlite"
    if not registry_file.exists():
        raise Misconfigured(
            f"There are no documents in {settings.data_dir}.",
            hint="Say with --data-dir or LECTERN_DATA_DIR where they are.",
        )
    with ExitStack() as opened:
        opened.enter_context(owned(settings.data_dir))
        source = opened.enter_context(closing(open_sqlite_registry(registry_file)))
        target: Registry | None = None
        if targets.database_url is not None:
            target = open_postgres_registry(targets.database_url)
            opened.callback(target.close)
            require_target(source, target)
        installation, empty = _installations(source, target)
        if targets.qdrant_url is not None:
            _nodes(settings, source, targets.qdrant_url, installation, empty, say)
        if targets.originals is not None:
            with _originals_at(settings, targets.originals, installation, empty) as there:
                ours = FolderOriginals(settings.data_dir / "originals")
                say(f"originals: {copy_originals(ours, there)} copied")
        if target is not None:
            _rows(source, target, installation.id, say)


def _installations(
    source: Registry, target: Registry | None
) -> tuple[Installation, Installation | None]:
    """The one that the target is to be: with rows, what it is already, else what the folder is.

    And the one that a target without rows was until now, if any: servers may have been started with
    it, which marked what was nobody's.
    """
    if target is None:
        return this_installation(source), None
    with target.read() as connection:
        stored, is_filled = stored_installation_id(connection), has_rows(connection)
    if stored is not None and is_filled:
        return installation_of(source, stored), None
    return this_installation(source), None if stored is None else installation_of(target, stored)


@contextmanager
def _originals_at(
    settings: Settings, place: str, installation: Installation, empty: Installation | None
) -> Iterator[OriginalStore]:
    if "://" not in place:
        yield FolderOriginals(Path(place))
        return
    there = settings.model_copy(update={"blob_url": place})
    if empty is not None:
        bucket, begun = (bucket_ownership(there, one) for one in (installation, empty))
        if bucket is not None and begun is not None and begun.anothers() is None:
            bucket.take_over()
    with opened_originals(there, installation) as originals:
        yield originals


def _nodes(
    settings: Settings,
    registry: Registry,
    url: str,
    installation: Installation,
    empty: Installation | None,
    say: Say,
) -> None:
    embedding = open_embedding(settings, 1, "float32")
    with registry.read() as connection:
        check_fingerprints(connection, embedding.fingerprint.as_json())
    short, dimension = embedding.fingerprint.short, embedding.dimension
    with (
        closing(EdgeVectorStore.open(edge_folder(settings.data_dir, short), dimension)) as source,
        closing(
            open_server_store(settings, url, short, dimension, installation=installation)
        ) as target,
    ):
        require_sound(registry, source)
        if empty is not None:
            begun = open_server_store(settings, url, short, dimension, installation=empty)
            with closing(begun):
                is_ours = begun.collection.anothers() is None
            if is_ours:
                target.collection.take_over()
        target.prepare()
        require_own_nodes(source, target)
        total = source.count()

        def told(seen: int) -> None:
            if seen % SAY_EVERY_NODES == 0:
                say(f"nodes: {seen} of {total}")

        copied = copy_nodes(source, target, told)
        agreement = check_nodes(source, target)
        say(f"nodes: {copied} copied, {total} there; {agreement:.0%} of the nearest are the same")


def _rows(source: Registry, target: Registry, installation_id: str, say: Say) -> None:
    copied = copy_rows(source, target, installation_id)
    with source.write() as connection:
        # Served with the servers by mistake, the folder must not take what came since for strays.
        if stored_installation_id(connection) == installation_id:
            become_installation(connection, new_installation_id())
    told = ", ".join(f"{count} {name}" for name, count in copied.items() if count)
    say(f"rows: {told or 'all there already'}")
