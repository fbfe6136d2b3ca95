"""`lectern migrate`: the data folder's content to servers. The folder stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from corpus.embedding.open import open_embedding
from corpus.errors import Misconfigured
from corpus.index.edge.store import EdgeVectorStore
from corpus.index.open import edge_folder, open_server_store
from corpus.originals.folder import FolderOriginals
from corpus.originals.open import opened_originals
from corpus.originals.port import OriginalStore
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.database.postgres import open_postgres_registry
from corpus.settings import Settings
from lectern.migration.nodes import PAGE_POINTS, check_nodes, copy_nodes, require_own_nodes
from lectern.migration.originals import copy_originals
from lectern.migration.rows import copy_rows
from lectern.server.data_dir import owned

Say = Callable[[str], None]

SAY_EVERY_NODES = 16 * PAGE_POINTS


@dataclass(frozen=True, slots=True)
class Targets:
    """Where to; None: that part stays in the folder."""

    qdrant_url: str | None
    database_url: SecretStr | None
    originals: OriginalStore | None


@contextmanager
def originals_at(settings: Settings, place: str) -> Iterator[OriginalStore]:
    """The bucket of an `s3://` URL, or the folder of that path. Errors as `opened_originals`."""
    if "://" not in place:
        yield FolderOriginals(Path(place))
        return
    with opened_originals(settings.model_copy(update={"blob_url": place})) as originals:
        yield originals


def migrate_folder(settings: Settings, targets: Targets, say: Say) -> None:
    """Copy nodes, originals and rows, in this order: what the rows tell of is there before them.

    The same call again copies what is missing. Raises `DataDirInUse` while a server has the folder,
    `Misconfigured` for a folder without documents and for targets that have other content, and the
    errors of the stores.
    """
    registry_file = settings.data_dir / "registry.sqlite"
    if not registry_file.exists():
        raise Misconfigured(
            f"There are no documents in {settings.data_dir}.",
            hint="Say with --data-dir or LECTERN_DATA_DIR where they are.",
        )
    with owned(settings.data_dir):
        if targets.qdrant_url is not None:
            _nodes(settings, targets.qdrant_url, say)
        if targets.originals is not None:
            source = FolderOriginals(settings.data_dir / "originals")
            say(f"originals: {copy_originals(source, targets.originals)} copied")
        if targets.database_url is not None:
            _rows(registry_file, targets.database_url, say)


def _nodes(settings: Settings, url: str, say: Say) -> None:
    embedding = open_embedding(settings, 1, "float32")
    folder = edge_folder(settings.data_dir, embedding.fingerprint.short)
    with (
        closing(EdgeVectorStore.open(folder, embedding.dimension)) as source,
        closing(
            open_server_store(settings, url, embedding.fingerprint.short, embedding.dimension)
        ) as target,
    ):
        target.prepare()
        require_own_nodes(source, target)
        total = source.count()

        def told(seen: int) -> None:
            if seen % SAY_EVERY_NODES == 0:
                say(f"nodes: {seen} of {total}")

        copied = copy_nodes(source, target, told)
        agreement = check_nodes(source, target)
        say(f"nodes: {copied} copied, {total} there; {agreement:.0%} of the nearest are the same")


def _rows(registry_file: Path, database_url: SecretStr, say: Say) -> None:
    with (
        closing(open_sqlite_registry(registry_file)) as source,
        closing(open_postgres_registry(database_url)) as target,
    ):
        copied = copy_rows(source, target)
    told = ", ".join(f"{count} {name}" for name, count in copied.items() if count)
    say(f"rows: {told or 'all there already'}")
